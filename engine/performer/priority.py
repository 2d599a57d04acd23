"""Real-time scheduling. Imports next to nothing, so that a process can ask for it first of all."""

import os
import sys
from typing import Any

FIFO_PRIORITY = 60
"""Below JACK's own threads (70 and up by habit), above everything ordinary."""
_WINDOWS_TIME_CRITICAL = 15


def request_realtime() -> bool:
    """Ask for real-time scheduling of this thread and those it starts; tell whether it was granted."""
    if sys.platform == "win32":
        return _request_windows()
    setter: Any = getattr(os, "sched_setscheduler", None)
    if setter is None:
        return False
    try:
        setter(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except OSError:
        return False
    return True


def _request_windows() -> bool:
    import ctypes

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    multimedia: Any = getattr(ctypes, "windll").winmm  # noqa: B009
    multimedia.timeBeginPeriod(1)
    return bool(kernel.SetThreadPriority(kernel.GetCurrentThread(), _WINDOWS_TIME_CRITICAL))
