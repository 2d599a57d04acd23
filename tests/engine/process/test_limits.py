"""A process that limits itself fails or ends when it goes beyond, in a process of its own each."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.process import limits

ROOT = Path(__file__).resolve().parents[3]
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as Linux limits a process")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX limits a process")


def run(code: str) -> subprocess.CompletedProcess:
    head = "from engine.process.limits import *\n"
    return subprocess.run(
        [sys.executable, "-c", head + code],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


@linux_only
def test_memory_beyond_the_limit_is_refused():
    assert run("limit_memory(1 << 30); bytearray(1 << 29)").returncode == 0
    assert "MemoryError" in run("limit_memory(1 << 30); bytearray(1 << 31)").stderr


@posix_only
def test_the_watch_ends_a_process_that_takes_too_much():
    code = "import time; watch_memory({}); kept = b'x' * (256 << 20); time.sleep({})"
    assert run(code.format(128 << 20, 60)).returncode == limits.EXIT_MEMORY
    # Linux counts what the parent had resident before this process began, too: far above any of it
    assert run(code.format(1 << 40, 0.2)).returncode == 0


@posix_only
def test_an_endless_process_ends():
    assert run("limit_time(0.3)\nwhile True: pass").returncode == 1


@posix_only
def test_no_file_is_written(tmp_path):
    run(f"forbid_writing(); open({str(tmp_path / 'f')!r}, 'wb').write(b'x')")
    assert not (tmp_path / "f").read_bytes()


class Kernel:
    """Stands for kernel32 and keeps what it was asked; handles have 64 bits."""

    JOB = 0x7FF0_0000_0010

    def __init__(self, *, accepts: bool = True) -> None:
        self.calls = []
        for name, result in (("CreateJobObjectW", self.JOB), ("GetCurrentProcess", -1)):
            setattr(self, name, self._function(name, result))
        for name in ("SetInformationJobObject", "AssignProcessToJobObject"):
            setattr(self, name, self._function(name, accepts))

    def _function(self, name, result):
        def call(*arguments):
            self.calls.append((name, arguments))
            return result

        return call


def windows(monkeypatch, kernel):
    import ctypes

    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(sys, "platform", "win32")


def test_on_windows_the_process_joins_a_job_with_a_limit_of_memory(monkeypatch):
    import ctypes

    kernel = Kernel()
    windows(monkeypatch, kernel)
    limits.limit_memory(3 << 30)
    names = [name for name, _ in kernel.calls]
    assert names == [
        "CreateJobObjectW",
        "SetInformationJobObject",
        "GetCurrentProcess",
        "AssignProcessToJobObject",
    ]
    job, kind, pointer, size = kernel.calls[1][1]
    assert (job, kind) == (Kernel.JOB, 9)
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        assert size == 144  # of JOBOBJECT_EXTENDED_LIMIT_INFORMATION on 64-bit Windows
        assert pointer._obj.process_memory == 3 << 30
    assert pointer._obj.basic.limit_flags == 0x100
    assert kernel.calls[3][1] == (Kernel.JOB, -1)


def test_a_limit_that_windows_does_not_accept_is_an_error(monkeypatch):
    windows(monkeypatch, Kernel(accepts=False))
    with pytest.raises(OSError, match="limit of memory"):
        limits.limit_memory(1 << 30)
