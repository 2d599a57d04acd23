"""Places as options and arguments of commands name them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import AntiphonError, reason_of
from engine.text import printable


def given_path(what: str) -> Callable[[str], Path]:
    """Return what reads the place that an option or an argument (`what`) names.

    What is returned raises AntiphonError where the name is empty, as of a variable that is not set: a path
    of nothing is the current folder, which a dot names.
    """

    def path(text: str) -> Path:
        return Path(_filled(text, what, "name a place, or . for the current folder"))

    return path


def given_model(text: str) -> str:
    """Return what `--model` names.

    Raises:
        AntiphonError: it is empty.
    """
    return _filled(text, "--model", "name a model, or leave the option out")


def given_config(text: str) -> str:
    """Return the config that an argument names.

    Raises:
        AntiphonError: it is empty.
    """
    return _filled(text, "config", "name a config, or a TOML file")


def _filled(text: str, what: str, remedy: str) -> str:
    if not text:
        raise AntiphonError(f"{what}: an empty name; {remedy}")
    return text


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
