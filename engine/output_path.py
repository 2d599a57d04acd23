"""Where a command writes, as its option names it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import AntiphonError, reason_of
from engine.text import printable


def output_path(text: str) -> Path:
    """Return the place that `--output` names.

    Raises:
        AntiphonError: it is empty, as of a variable that is not set; the current folder is named by a dot.
    """
    if not text:
        raise AntiphonError("--output: an empty name; name a place, or . for the current folder")
    return Path(text)


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and those above it, for what is written meanwhile.

    Where that fails, the folders that were made and have nothing in them are removed again.

    Raises:
        AntiphonError: it cannot be made.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot be made a folder ({reason_of(error)})"
            raise AntiphonError(f"{printable(str(folder))}: {reason}; choose another place") from None
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise
