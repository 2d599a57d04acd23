"""The signals by which a system ends a process, as a question that a loop can ask."""

import signal
from collections.abc import Callable
from types import FrameType

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
