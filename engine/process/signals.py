"""The signals by which a system ends a process: as a question that a loop can ask, or as an exception."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
"""Asked to end, Ctrl+C, a closed terminal, Windows' Ctrl+Break; a system has some of them."""


def watch_for_end(wake: Callable[[], None] = lambda: None) -> Callable[[], bool]:
    """Let the ending signals no longer end the process. Main thread only.

    Args:
        wake: called in the signal's handler, to end a sleep.

    Returns:
        A function that returns whether one of them came.
    """
    came = False

    def handler(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        wake()

    for name in ENDING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)
    return lambda: came


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, which ends a command as tidily as Ctrl+C does."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise TerminatedError meanwhile; in another than the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TerminatedError


def stopped_status(stop: KeyboardInterrupt) -> int:
    """Return the exit status that shells expect of a command that was stopped."""
    return 128 + (signal.SIGTERM if isinstance(stop, TerminatedError) else signal.SIGINT)
