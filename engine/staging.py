"""Folders in which files are made whole before they are moved to their place.

One bears the number of its process, so that what a killed program has left behind is known for what it is.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".antiphon-"
ABANDONED_S = 86_400.0
"""Nothing is in the making for a day: an older folder is abandoned, whoever has its process's number now."""


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder inside another one, on the same disk as what is moved out of it.

    It is removed at the end with what is still in it; before, those of programs that were killed are.

    Raises:
        OSError: `parent`, which it names, is not there, or nothing can be written there.
    """
    remove_abandoned(parent)
    try:
        staged = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=parent)
    except OSError as error:
        error.filename = str(parent)  # nobody has seen the other name
        raise
    with staged as name:
        yield Path(name)


def move_files(staged: Path, target: Path) -> None:
    """Move all files of a folder, and of those in it, to the same places in another one on the same disk.

    Raises:
        OSError: a place is taken by a folder, or cannot be written.
    """
    for file in sorted(path for path in staged.rglob("*") if path.is_file()):
        place = target / file.relative_to(staged)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and move it there in one step, so that a full disk leaves what was there.

    What is no file, such as a pipe, is written to as it is, and what a link leads to stays there.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    with staging_folder(path.parent) as folder:
        staged = folder / path.name
        with staged.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)


def remove_abandoned(parent: Path) -> None:
    """Remove the staging folders in a folder whose programs have ended; what cannot be removed stays."""
    for folder in parent.glob(f"{PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    number = folder.name.removeprefix(PREFIX).partition("-")[0]
    if not number.isascii() or not number.isdigit() or folder.is_symlink():
        return False
    try:
        age_s = time.time() - folder.stat().st_mtime
    except OSError:
        return False
    return age_s > ABANDONED_S or not _runs(int(number))


def _runs(process: int) -> bool:
    """Return whether a process is there; of another system's, and on Windows, nothing is known: True."""
    if sys.platform == "win32":
        return True  # asking with signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
