"""What the system gives a process that must not be late: priority, no collector, exact waking."""

import contextlib
import ctypes
import gc
import os
import sys
import threading
import time
from typing import Any

from engine.midi.ports import now_ns

FIFO_PRIORITY = 60
"""Below JACK's own threads (70 and up by habit), above everything ordinary."""
_WINDOWS_TIME_CRITICAL = 15
_WINDOWS_SLICE_S = 0.001


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
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    multimedia: Any = getattr(ctypes, "windll").winmm  # noqa: B009
    multimedia.timeBeginPeriod(1)
    return bool(kernel.SetThreadPriority(kernel.GetCurrentThread(), _WINDOWS_TIME_CRITICAL))


def quieten_collector() -> None:
    """Keep the garbage collector away from everything that lives now, and make it rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


class Waker:
    """Lets one thread sleep until a moment or until another thread has something for it."""

    def __init__(self) -> None:
        # A bare lock is the cheapest thing a driver's callback can signal with.
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self) -> None:
        """End the sleep, or the next one if none is on. Any thread or signal handler may call."""
        with contextlib.suppress(RuntimeError):
            self._lock.release()

    def sleep_until(self, due_ns: int) -> None:
        """Sleep until `due_ns` or until woken."""
        left_s = (due_ns - now_ns()) * 1e-9
        if left_s <= 0:
            self._lock.acquire(blocking=False)
        elif sys.platform == "win32":
            self._sleep_in_slices(due_ns)
        else:
            self._lock.acquire(timeout=left_s)

    def _sleep_in_slices(self, due_ns: int) -> None:
        """Windows rounds a lock's timeout to 15 ms, but not `time.sleep`."""
        while (left_s := (due_ns - now_ns()) * 1e-9) > 0:
            if self._lock.acquire(blocking=False):
                return
            time.sleep(min(left_s, _WINDOWS_SLICE_S))
