"""Events as JSON lines: everything heard and played with its musical and its monotonic time."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import msgspec

from app.line_writer import LineWriter
from engine.errors import AntiphonError, reason_of
from engine.performer import messages
from engine.performer.messages import Event
from engine.text import printable

LARGEST_BYTES = 32 * 2**20
"""An hour of lively playing."""
KEPT_FILES = 4
"""Full files kept beside the one that is written."""


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
        values["notes"] = [
            {name: getattr(note, name) for name in note.__struct_fields__} for note in event.notes
        ]
    return {"event": _name(event), **values}


class EventLog:
    """Writes events to a file, one JSON object a line, each line whole at once.

    The file is rotated: one that has grown to `LARGEST_BYTES` becomes `NAME.1`, that one `NAME.2`, and so
    on to `KEPT_FILES`. Where it can no longer be written the log ends, and nothing else.
    """

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES) -> None:
        """Begin the log anew.

        Raises:
            AntiphonError: the file cannot be written.
        """
        self._path = path
        self._before: messages.ClockState | None = None
        self._failure = ""
        self._listener: Callable[[str, str, str], None] | None = None
        try:
            path.open("w").close()
            self._file = _RotatingFile(
                path,
                maxBytes=largest_bytes,
                backupCount=KEPT_FILES,
                encoding="utf-8",
                errors="backslashreplace",
            )
        except OSError as error:
            name = printable(str(path))
            raise AntiphonError(
                f"{name}: the log cannot be written ({reason_of(error)}); choose another place"
            ) from None
        self._writer = LineWriter(self._file.write, self._fail, "event-log")

    def on_failure(self, listener: Callable[[str, str, str], None]) -> None:
        """Choose who is notified that the log has ended: subject, what happened, remedy. On any thread."""
        self._listener = listener
        if self._failure:
            self._report()

    def write(self, event: Event) -> None:
        """Write an event; of the clock only its changes of status, source, tempo and metre. Never blocks."""
        if isinstance(event, messages.ClockState):
            self._write_clock(event)
            return
        record = record_of(event)
        if record is not None:
            self._line(record)

    def write_free(self, bar: messages.BarCaptured) -> None:
        """Write a bar that was heard while nothing rolled; its beats count from the passage's first note."""
        self._line({**(record_of(bar) or {}), "free": True})

    def close(self) -> None:
        """Write what waits and close the file. Closing twice is harmless."""
        self._writer.close()
        with suppress(OSError):  # reported already, or of no use any more
            self._file.close()

    def _write_clock(self, clock: messages.ClockState) -> None:
        before, self._before = self._before, clock
        if before is None or _standing(before) != _standing(clock):
            values = msgspec.to_builtins(clock)
            values.pop("type", None)
            self._line({"event": "clock_state", **values})

    def _line(self, record: dict[str, Any]) -> None:
        self._writer.put(json.dumps(record))

    def _fail(self, reason: str) -> None:
        self._failure = f"{printable(str(self._path))}: the log ends here ({reason})."
        self._report()

    def _report(self) -> None:
        if self._listener is not None:
            self._listener(
                "log", self._failure, "The music goes on; start again with --log in another place."
            )


class _RotatingFile(RotatingFileHandler):
    """The standard library's rotation, for lines instead of log records; failures are raised."""

    def write(self, line: str) -> None:
        """Write a line; OSError where it cannot be."""
        self.emit(logging.LogRecord("", logging.INFO, "", 0, line, (), None))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Raise the error that is being handled."""
        raise


@contextmanager
def opened(path: Path) -> Iterator[EventLog]:
    """Open a log and close it in the end; raises `AntiphonError` where it cannot be written."""
    log = EventLog(path)
    try:
        yield log
    finally:
        log.close()


def _standing(clock: messages.ClockState) -> tuple[object, ...]:
    return clock.status, clock.source, round(clock.bpm), clock.metre


def _name(event: Event) -> str:
    words = type(event).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("_")
