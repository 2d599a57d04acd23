"""What keeps a process from being late: a collector that stays away, and waking to the moment."""

import contextlib
import gc
import sys
import threading
import time

from engine.midi.ports import now_ns

_WINDOWS_SLICE_S = 0.001


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
