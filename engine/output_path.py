"""Where a command writes, as its option names it."""

from pathlib import Path

from engine.errors import AntiphonError


def output_path(text: str) -> Path:
    """Return the place that `--output` names.

    Raises:
        AntiphonError: it is empty, as of a variable that is not set; the current folder is named by a dot.
    """
    if not text:
        raise AntiphonError("--output: an empty name; name a place, or . for the current folder")
    return Path(text)
