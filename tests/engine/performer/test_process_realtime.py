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
def test_real_time_is_asked_for_and_a_refusal_is_only_told(monkeypatch, refused):
    asked = []

    def setter(pid, policy, parameters):
        asked.append((pid, policy, parameters.sched_priority))
        if refused:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", setter)
    assert request_realtime() is not refused
    assert asked == [(0, os.SCHED_FIFO, FIFO_PRIORITY)]


def test_a_system_without_the_call_is_told(monkeypatch):
    monkeypatch.setattr(priority.sys, "platform", "darwin")
    monkeypatch.delattr(os, "sched_setscheduler", raising=False)
    assert request_realtime() is False


@pytest.mark.parametrize("granted", [True, False])
def test_windows_gets_a_fine_timer_and_the_highest_thread_priority(monkeypatch, granted):
    calls = []
    kernel = SimpleNamespace(
        GetCurrentThread=lambda: 7,
        SetThreadPriority=lambda thread, value: calls.append((thread, value)) or int(granted),
    )
    multimedia = SimpleNamespace(timeBeginPeriod=lambda ms: calls.append(ms))
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel, winmm=multimedia), raising=False)
    monkeypatch.setattr(priority.sys, "platform", "win32")
    assert request_realtime() is granted
    assert calls == [1, (7, 15)]


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


def test_ports_to_nowhere_take_everything_and_tell_nothing():
    backend = SilentBackend()
    backend.output.send(0, b"\x90\x3c\x40")
    backend.output.cancel()
    assert backend.output.take_sent() == []
    assert backend.input.drain() == []
    assert backend.alive()
    for port in (backend.input, backend.output, backend):
        port.close()
