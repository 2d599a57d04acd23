import ctypes
import os
import sys
import threading
from types import SimpleNamespace

import pytest

from engine.midi.null_backend import SilentBackend
from engine.midi.ports import now_ns
from engine.performer import priority
from engine.performer.priority import FIFO_PRIORITY, request_realtime
from engine.performer.realtime import Waker

FAR_NS = 60_000_000_000
JOIN_S = 10.0


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no such call")
@pytest.mark.parametrize("refused", [False, True])
def test_real_time_is_asked_for_and_a_refusal_is_only_reported(monkeypatch, refused):
    asked = []

    def setter(pid, policy, parameters):
        asked.append((pid, policy, parameters.sched_priority))
        if refused:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", setter)
    assert request_realtime() is not refused
    assert asked == [(0, os.SCHED_FIFO, FIFO_PRIORITY)]


def test_a_system_without_the_call_is_reported(monkeypatch):
    monkeypatch.setattr(priority.sys, "platform", "freebsd")
    monkeypatch.delattr(os, "sched_setscheduler", raising=False)
    assert request_realtime() is False


class Function:
    """A function of a system library as ctypes calls it: without types, numbers have 32 bits."""

    def __init__(self, call):
        self.call, self.restype, self.argtypes = call, ctypes.c_int, None

    def __call__(self, *arguments):
        types = self.argtypes or [ctypes.c_int] * len(arguments)
        passed = [
            kind(value).value if isinstance(value, int) else value
            for kind, value in zip(types, arguments, strict=True)
        ]
        result = self.call(*passed)
        return self.restype(result).value


@pytest.mark.parametrize("granted", [True, False])
def test_windows_gets_a_fine_timer_and_the_highest_thread_priority(monkeypatch, granted):
    calls = []
    this_thread = 2**64 - 2
    kernel = SimpleNamespace(
        GetCurrentThread=Function(lambda: -2),
        SetThreadPriority=Function(lambda thread, value: calls.append((thread, value)) or int(granted)),
    )
    multimedia = SimpleNamespace(timeBeginPeriod=lambda ms: calls.append(ms))
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel, winmm=multimedia), raising=False)
    monkeypatch.setattr(priority.sys, "platform", "win32")
    assert request_realtime() is granted
    assert calls == [1, (this_thread, 15)]


@pytest.mark.parametrize(("refusal", "granted"), [(0, True), (4, False)])
def test_macos_gets_the_time_constraint_of_audio_threads(monkeypatch, refusal, granted):
    asked = []

    def timebase_info(timebase):
        timebase._obj.numerator, timebase._obj.denominator = 125, 3  # of an Apple processor: 24 MHz

    def policy_set(thread, flavour, policy, count):
        fields = ("period", "computation", "constraint", "preemptible")
        asked.append((thread, flavour, [getattr(policy._obj, name) for name in fields], count))
        return refusal

    system = SimpleNamespace(
        mach_timebase_info=timebase_info,
        mach_thread_self=Function(lambda: 0x9000_0003),
        thread_policy_set=Function(policy_set),
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _: system)
    monkeypatch.setattr(priority.sys, "platform", "darwin")
    assert request_realtime() is granted
    assert asked == [(0x9000_0003, 2, [0, 12_000, 24_000, 1], 4)]  # half a millisecond and one


def sleeping(waker, due_ns):
    thread = threading.Thread(target=waker.sleep_until, args=(due_ns,), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_a_sleeper_is_woken_by_another_thread(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    waker = Waker()
    thread = sleeping(waker, now_ns() + FAR_NS)
    waker.wake()
    thread.join(JOIN_S)
    assert not thread.is_alive()


def test_a_wake_that_came_before_is_not_lost_and_counts_once():
    waker = Waker()
    waker.wake()
    waker.wake()
    sleeping(waker, now_ns() + FAR_NS).join(JOIN_S)
    thread = sleeping(waker, now_ns() + FAR_NS)
    thread.join(0.05)
    assert thread.is_alive()
    waker.wake()
    thread.join(JOIN_S)


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_it_sleeps_until_the_moment_and_not_at_all_when_that_is_past(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    waker = Waker()
    due_ns = now_ns() + 20_000_000
    waker.sleep_until(due_ns)
    assert now_ns() >= due_ns
    waker.sleep_until(now_ns() - 1)


def test_ports_to_nowhere_take_everything_and_report_nothing():
    backend = SilentBackend()
    backend.output.send(0, b"\x90\x3c\x40")
    backend.output.cancel()
    assert backend.output.take_sent() == []
    assert backend.input.drain() == []
    assert backend.alive()
    for port in (backend.input, backend.output, backend):
        port.close()
