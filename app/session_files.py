"""Which session's file is opened at the start, and which were opened lately."""

import os
from pathlib import Path

import msgspec
import platformdirs

from engine.errors import AntiphonError, SessionFileError, reason_of
from engine.session.document import Document
from engine.session.live import Notice
from engine.session.store import SUFFIX, FileLock, read_document, set_aside
from engine.staging import write_whole
from engine.text import printable

FIRST_NAME = "untitled"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a session begins with."""

    document: Document | None = None
    """None for an empty one."""
    file: Path | None = None
    """Where it is kept; None for nowhere."""
    recent: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


def sessions_folder() -> Path:
    """Return the folder of sessions that nobody named."""
    return Path(platformdirs.user_data_dir("antiphon")) / "sessions"


def named(file: Path) -> Begun:
    """Go on with the session of a file, or begin it.

    Raises:
        SessionFileError: it cannot be read or is open elsewhere; the file stays as it is.
    """
    file = file.expanduser()
    document = read_document(file) if file.exists() else None
    return Begun(document=document, file=file, recent=_recent_with(file))


def last() -> Begun:
    """Go on with the session opened last, or begin one; a file that is broken is set aside and said."""
    file = _free(next(map(Path, recent()), sessions_folder() / f"{FIRST_NAME}{SUFFIX}"))
    if not file.exists():
        return Begun(file=file, recent=_recent_with(file))
    try:
        return named(file)
    except SessionFileError as error:
        return Begun(file=file, recent=_recent_with(file), notices=(_set_aside(file, str(error)),))


def _free(file: Path) -> Path:
    """Return a file that no other Antiphon has open: this one, or one beside it with a number."""
    for number in range(2, 100):
        try:
            FileLock(file).release()
        except SessionFileError:
            file = sessions_folder() / f"{FIRST_NAME}-{number}{SUFFIX}"
        else:
            return file
    raise AntiphonError(f"{sessions_folder()}: a hundred sessions are open; close some")


def _set_aside(file: Path, why: str) -> Notice:
    try:
        aside = set_aside(file)
    except OSError as error:
        return Notice(why, f"It could not be set aside ({reason_of(error)}).", about="session")
    return Notice(why, f"It is kept as {printable(str(aside))}; a new session was begun.", about="session")


def recent() -> tuple[str, ...]:
    """Return the files of the sessions opened lately that are still there, newest first."""
    try:
        names = msgspec.json.decode(_recent_file().read_bytes(), type=tuple[str, ...])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(name for name in names if os.path.isfile(name))  # noqa: PTH113 - Path raises for odd names


def remember(names: tuple[str, ...]) -> None:
    """Keep which sessions were opened lately; where that cannot be written, it is not kept."""
    try:
        _recent_file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_recent_file(), msgspec.json.encode(names))
    except (OSError, UnicodeEncodeError):
        pass


def _recent_with(file: Path) -> tuple[str, ...]:
    name = str(file.absolute())
    return (name, *(each for each in recent() if each != name))


def _recent_file() -> Path:
    return sessions_folder().parent / "recent.json"
