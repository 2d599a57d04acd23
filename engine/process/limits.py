"""Limits of memory and time that a process sets itself before it touches what it does not trust."""

import os
import sys
import threading
import time
from typing import Any

EXIT_MEMORY = 77
"""Exit status of a process that the watch ends because it takes too much memory."""
_WATCH_S = 0.05
_JOB_EXTENDED_LIMITS = 9
_JOB_PROCESS_MEMORY = 0x100


def limit_memory(most_bytes: int) -> None:
    """Let this process fail once it takes more than `most_bytes`.

    On Linux and Windows the allocation fails that would go beyond; macOS has no such limit, so a thread
    there looks at what is resident and ends the process with `EXIT_MEMORY`.
    """
    if sys.platform == "win32":
        _limit_job(most_bytes)
    elif sys.platform == "darwin":
        watch_memory(most_bytes)
    else:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))


def limit_time(most_s: float) -> None:
    """End this process after so much time, whatever it is doing and whoever started it."""
    timer = threading.Timer(most_s, os._exit, args=(1,))
    timer.daemon = True
    timer.start()
    if sys.platform != "win32":
        import resource

        seconds = round(most_s) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # where a loop keeps the timer away


def forbid_writing() -> None:
    """Let every write to a file fail; pipes stay open. Windows has no such limit."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def watch_memory(most_bytes: int) -> None:
    """Start a thread that ends the process once more than `most_bytes` were resident at a time."""
    threading.Thread(target=_watch, args=(most_bytes,), name="memory-watch", daemon=True).start()


def _watch(most_bytes: int) -> None:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit <= most_bytes:
        time.sleep(_WATCH_S)
    os._exit(EXIT_MEMORY)


def _limit_job(most_bytes: int) -> None:
    """Put this process into a job object of its own whose processes may take so much memory each."""
    import ctypes
    from ctypes import wintypes

    class BasicLimits(ctypes.Structure):
        _fields_ = [
            ("per_process_time", ctypes.c_int64),
            ("per_job_time", ctypes.c_int64),
            ("limit_flags", ctypes.c_uint32),
            ("smallest_working_set", ctypes.c_size_t),
            ("largest_working_set", ctypes.c_size_t),
            ("processes", ctypes.c_uint32),
            ("affinity", ctypes.c_size_t),
            ("priority_class", ctypes.c_uint32),
            ("scheduling_class", ctypes.c_uint32),
        ]

    class ExtendedLimits(ctypes.Structure):
        _fields_ = [
            ("basic", BasicLimits),
            ("input_output_counters", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process_memory", ctypes.c_size_t),
            ("peak_job_memory", ctypes.c_size_t),
        ]

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.CreateJobObjectW.argtypes = [ctypes.c_void_p, wintypes.LPCWSTR]
    kernel.SetInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
    ]
    kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    limits = ExtendedLimits()
    limits.basic.limit_flags = _JOB_PROCESS_MEMORY
    limits.process_memory = most_bytes
    job = kernel.CreateJobObjectW(None, None)
    size = ctypes.sizeof(limits)
    done = kernel.SetInformationJobObject(job, _JOB_EXTENDED_LIMITS, ctypes.byref(limits), size)
    if not (done and kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())):
        raise OSError("Windows did not accept a limit of memory")
