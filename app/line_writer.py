"""Writes lines from a thread of its own, so that a full disk or a stalled terminal stops nothing else."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from engine.errors import reason_of
from engine.text import printable

MOST_WAITING = 20_000
"""Lines that wait for a slow reader: some minutes of events."""
CLOSE_S = 1.0

Write = Callable[[str], None]
"""Takes one line without its end; may block, and may raise OSError."""
Failed = Callable[[str], None]
"""Called once, on the writing thread, with the reason why lines can no longer be written."""


class LineWriter:
    """Hands lines to `write` in order. Any thread may call; nothing blocks but `close`, for its time."""

    def __init__(self, write: Write, failed: Failed, name: str) -> None:
        self._write, self._failed = write, failed
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self.dropped = 0
        """Lines lost because what writes them was too slow."""

    def put(self, line: str) -> None:
        """Queue a line; drop it where too many wait."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Write what waits, for at most `timeout_s`, and end the thread. Closing twice is harmless."""
        try:
            self._lines.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _run(self) -> None:
        works = True
        while (line := self._lines.get()) is not None:
            if not works:
                continue
            try:
                self._write(line)
            except OSError as error:
                works = False
                self._failed(reason_of(error))


@contextmanager
def standard_output() -> Iterator[Callable[[str], None]]:
    """Yield what prints a line without waiting for the terminal; lines that it cannot take are dropped."""
    writer = LineWriter(write_to(1), _say_that_output_ended, "standard-output")
    try:
        yield writer.put
    finally:
        writer.close()


def _say_that_output_ended(reason: str) -> None:
    with suppress(OSError):
        print(f"antiphon: standard output has ended ({reason}); the music goes on", file=sys.stderr)


def write_to(descriptor: int) -> Write:
    """Return what writes lines to a file descriptor: no buffer, whose lock a stalled reader could hold."""

    def write(line: str) -> None:
        data = (printable(line) + "\n").encode()
        while data:
            data = data[os.write(descriptor, data) :]

    return write
