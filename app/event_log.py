"""Events as JSON lines: everything heard and played with its musical and its monotonic time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.errors import AntiphonError
from engine.performer import messages
from engine.performer.messages import Event


def record_of(event: Event) -> dict[str, Any] | None:
    """Return an event as plain values, `None` for what is not logged.

    Every record has `event` and, where they exist, `t_ns` (monotonic; of a played message the time
    it left) and `position_beats`; MIDI bytes are lists of numbers.
    """
    if isinstance(event, messages.ClockState | messages.Pong):
        return None
    values = msgspec.to_builtins(event, builtin_types=(bytes,))
    values.pop("type", None)
    if isinstance(event, messages.Heard | messages.Played):
        values["data"] = list(event.data)
    if isinstance(event, messages.Played):
        values["t_ns"] = event.sent_ns
    if isinstance(event, messages.BarCaptured):
        values["t_ns"], values["position_beats"] = event.ended_ns, (event.bar + 1) * event.beats_per_bar
        values["notes"] = [_note(note) for note in event.notes]
    return {"event": _name(event), **values}


class EventLog:
    """Writes events to a text file, one JSON object a line, each line whole at once."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._before: messages.ClockState | None = None

    def write(self, event: Event) -> None:
        """Write an event; of the clock only its changes of status, source, tempo and metre."""
        if isinstance(event, messages.ClockState):
            self._write_clock(event)
            return
        record = record_of(event)
        if record is not None:
            self._line(record)

    def _write_clock(self, clock: messages.ClockState) -> None:
        before, self._before = self._before, clock
        if before is None or _standing(before) != _standing(clock):
            values = msgspec.to_builtins(clock)
            values.pop("type", None)
            self._line({"event": "clock_state", **values})

    def _line(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()


@contextmanager
def opened(path: Path) -> Iterator[EventLog]:
    """Open a log; raises `AntiphonError` where it cannot be written."""
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AntiphonError(f"{path}: the log cannot be written ({reason}); choose another place") from None
    with file:
        yield EventLog(file)


def _standing(clock: messages.ClockState) -> tuple[object, ...]:
    return clock.status, clock.source, round(clock.bpm), clock.beats_per_bar


def _note(note: messages.NoteData) -> dict[str, float | int]:
    return {name: getattr(note, name) for name in note.__struct_fields__}


def _name(event: Event) -> str:
    words = type(event).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("_")
