"""Places as options and arguments of commands name them."""

import os
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


def bytes_at(path: Path, most: int) -> bytes:
    """Return what a file begins with: all of it, or one byte more than `most`, whatever size it claims.

    Of a pipe that nobody writes into there is nothing, and nobody is waited for.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        return file.read(most + 1)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; one that nobody has opened at its other end is opened all the same."""
    at_once = getattr(os, "O_NONBLOCK", 0)  # no such thing on Windows
    descriptor = os.open(path, flags | at_once)
    if at_once:
        os.set_blocking(descriptor, True)  # somebody who writes is waited for
    return descriptor


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
