"""Real-time scheduling. Imports next to nothing, so that a process can ask for it first of all."""

import os
import sys
from typing import Any

FIFO_PRIORITY = 60
"""Below JACK's own threads (70 and up by habit), above everything ordinary."""
_WINDOWS_TIME_CRITICAL = 15
_MACOS_TIME_CONSTRAINT = 2
_MACOS_COMPUTATION_NS = 500_000
"""What a turn of the performer may need; it sleeps far more."""
_MACOS_CONSTRAINT_NS = 1_000_000
"""Within what time it must be done once it is due."""


def request_realtime() -> bool:
    """Ask for real-time scheduling of this thread; return whether it was granted.

    On Linux the threads it starts have it too.
    """
    if sys.platform == "win32":
        return _request_windows()
    if sys.platform == "darwin":
        return _request_macos()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except (OSError, AttributeError):  # refused, or a system without the call
        return False
    return True


def _request_windows() -> bool:
    import ctypes
    from ctypes import wintypes

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    multimedia: Any = getattr(ctypes, "windll").winmm  # noqa: B009
    multimedia.timeBeginPeriod(1)
    # Without types a handle is cut to 32 bits, and that of this thread, -2, is none any more.
    kernel.GetCurrentThread.restype = wintypes.HANDLE
    kernel.SetThreadPriority.argtypes = [wintypes.HANDLE, ctypes.c_int]
    return bool(kernel.SetThreadPriority(kernel.GetCurrentThread(), _WINDOWS_TIME_CRITICAL))


def _request_macos() -> bool:
    """Set the time-constraint policy, under which macOS runs its own audio threads."""
    import ctypes

    class Timebase(ctypes.Structure):
        _fields_ = [("numerator", ctypes.c_uint32), ("denominator", ctypes.c_uint32)]

    class TimeConstraint(ctypes.Structure):
        _fields_ = [
            ("period", ctypes.c_uint32),
            ("computation", ctypes.c_uint32),
            ("constraint", ctypes.c_uint32),
            ("preemptible", ctypes.c_int),
        ]

    system: Any = ctypes.CDLL(None)
    timebase = Timebase()
    system.mach_timebase_info(ctypes.byref(timebase))
    ticks_per_ns = timebase.denominator / timebase.numerator
    policy = TimeConstraint(
        0, round(_MACOS_COMPUTATION_NS * ticks_per_ns), round(_MACOS_CONSTRAINT_NS * ticks_per_ns), 1
    )
    system.mach_thread_self.restype = ctypes.c_uint32
    system.thread_policy_set.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32]
    thread, integers = system.mach_thread_self(), ctypes.sizeof(policy) // 4
    result = system.thread_policy_set(thread, _MACOS_TIME_CONSTRAINT, ctypes.byref(policy), integers)
    return bool(result == 0)
