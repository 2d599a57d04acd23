"""The document's file: read with upgrades, written atomically, set aside where it is broken."""

import errno
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from engine.errors import AntiphonError, SessionFileError, reason_of
from engine.given_places import bytes_at
from engine.music.metre import Metre
from engine.session.document import VERSION, Document
from engine.session.document_limits import check_document
from engine.staging import write_whole
from engine.text import json_bytes, json_value, one_line, printable

SUFFIX = ".antiphon"
LARGEST_BYTES = 64 * 2**20

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def with_pad(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document from before the pad: morphs go along the line, the pad's hand is in the middle."""
    controls = values.get("controls", {})
    if not isinstance(controls, dict):
        return values  # it is refused with its reason where its values are read
    return {**values, "controls": {**controls, "morph_by": "line", "pad_x": 0.5, "pad_y": 0.5}}


RENAMED = {
    "again": "replay",
    "again_from_bar": "replay_from_bar",
    "again_with": "replay_with",
    "again_heard": "replay_heard",
    "style.tonight": "style.heard",
}
"""Ids of parameters and actions in documents of version 2, and what they are called since."""


def with_replay(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document from before Replay and Learn style had these names."""
    settings, bindings = values.get("settings", {}), values.get("bindings", [])
    if not isinstance(settings, dict) or not isinstance(bindings, list):
        return values  # it is refused with its reason where its values are read
    settings = {RENAMED.get(name, name): value for name, value in settings.items()}
    bindings = [
        {**each, "target": RENAMED.get(each["target"], each["target"])}
        if isinstance(each, dict) and isinstance(each.get("target"), str)
        else each
        for each in bindings
    ]
    return {**values, "settings": settings, "bindings": bindings}


def with_metres(values: dict[str, Any]) -> dict[str, Any]:
    """Return a document from before phrases had a metre: bars of three quarters are those of its own metre.

    Chords were one a quarter then; where the pulse is another, the one that sounded at each pulse is taken.
    """
    settings = values.get("settings")
    chosen = settings.get("metre") if isinstance(settings, dict) else None
    compound = isinstance(chosen, str) and chosen == "6/8"
    source, slots = values.get("source"), values.get("slots")
    around = values.get("slot_surroundings")
    upgraded = with_metre(values, compound=compound)
    if isinstance(source, dict):
        upgraded["source"]["surroundings"] = _by_pulse(
            upgraded["source"].get("phrase"), source.get("surroundings")
        )
    if isinstance(slots, dict) and isinstance(around, dict):
        upgraded["slot_surroundings"] = {
            name: _by_pulse(upgraded["slots"].get(name), each) for name, each in around.items()
        }
    return dict(upgraded)


def with_metre(value: Any, *, compound: bool) -> Any:
    """Return a JSON value with a metre in place of every number of beats a bar; 6/8 for 3 where asked."""
    if isinstance(value, list):
        return [with_metre(each, compound=compound) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: with_metre(each, compound=compound) for name, each in value.items()}
    beats = found.pop("beats_per_bar", None)
    if isinstance(beats, int | float):
        found["metre"] = (6, 8) if compound and beats == 3 else tuple(Metre.of_beats(beats))
    return found


def _by_pulse(phrase: Any, surroundings: Any) -> Any:
    """Return surroundings with the chord of each pulse of a phrase, of those of each quarter of its bars."""
    harmony = surroundings.get("harmony") if isinstance(surroundings, dict) else None
    signature = phrase.get("metre") if isinstance(phrase, dict) else None
    if not isinstance(harmony, list) or not isinstance(signature, tuple):
        return surroundings
    metre = Metre(*signature)
    bar = math.ceil(metre.beats_per_bar)
    places = [
        first + int(pulse * metre.pulse_beats)
        for first in range(0, len(harmony), bar)
        for pulse in range(metre.pulses)
    ]
    return {**surroundings, "harmony": [harmony[place] for place in places if place < len(harmony)]}


UPGRADES: dict[int, Upgrade] = {1: with_pad, 2: with_replay, 3: with_metres}
"""What makes of a document of one version one of the next; the functions are named by what changed."""


def refusal(path: Path, why: str) -> SessionFileError:
    """Return the error that names a file and why it is refused, in one line."""
    return SessionFileError(f"{printable(str(path))}: {one_line(why)}")


def read_document(path: Path, upgrades: Mapping[int, Upgrade] = UPGRADES) -> Document:
    """Read a document, of this version or an older one.

    Raises:
        SessionFileError: it cannot be read, is none, or was saved by a newer version.
    """
    try:
        data = bytes_at(path, LARGEST_BYTES)
    except OSError as error:
        raise refusal(path, f"cannot be read ({reason_of(error)})") from None
    if len(data) > LARGEST_BYTES:
        raise refusal(path, "is larger than any session")
    try:
        values = msgspec.convert(json_value(data), dict[str, Any])
        document = msgspec.convert(_upgraded(path, values, upgrades), Document)
        check_document(document)
    except SessionFileError:
        raise
    except (msgspec.MsgspecError, AntiphonError, ValueError, RecursionError) as error:
        raise refusal(path, f"is no session of Antiphon's ({error})") from None
    return document


def _upgraded(path: Path, values: dict[str, Any], upgrades: Mapping[int, Upgrade]) -> dict[str, Any]:
    version = values.get("version")
    if not isinstance(version, int):
        raise refusal(path, "is no session of Antiphon's (it has no version)")
    if version > VERSION:
        raise refusal(path, "was saved by a newer Antiphon; open it with that one")
    while version < VERSION:
        if version not in upgrades:
            raise refusal(path, f"version {version} is unknown")
        values = upgrades[version](values)
        version += 1
    return {**values, "version": VERSION}


def encoded(document: Document) -> bytes:
    """Return a document as it is written: JSON, one value a line."""
    return json_bytes(document, indent=1) + b"\n"


def write_document(path: Path, document: Document) -> None:
    """Write a document beside its file and put it in its place in one step; OSError if it cannot be."""
    write_whole(path, encoded(document))


def set_aside(path: Path) -> Path:
    """Rename a broken file so that it is never overwritten; return its new name. OSError if it cannot be."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.stem}.broken-{number}{path.suffix}")
        if not aside.exists():
            path.rename(aside)
            return aside
    raise FileExistsError(f"{printable(str(path))}: 999 broken files lie beside it")


class FileLock:
    """Keeps a second program off a document while it is open. The lock goes with the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock; SessionFileError if another program has it, or the name leaves no room for a longer.

        No file kept beside a session has a longer name than its lock: the log and the log before it.
        """
        self._file: IO[bytes] | None = None
        lock = path.with_name(f".{path.name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = lock.open("ab")
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise refusal(path, "is too long a name for a session; choose a shorter one") from None
            return  # saving will say why
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise refusal(path, "is open in another Antiphon; close it there first") from None

    def release(self) -> None:
        """Give the lock back; doing it twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":

    def _lock(file: IO[bytes]) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: IO[bytes]) -> None:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
