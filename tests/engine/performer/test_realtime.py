"""The sleep that any thread can end."""

import time

from engine.midi.ports import now_ns
from engine.performer.realtime import Waker

MINUTE_NS = 60_000_000_000


def test_waking_twice_ends_one_sleep_and_raises_nothing():
    waker = Waker()
    waker.wake()
    waker.wake()
    waker.sleep_until(now_ns() + MINUTE_NS)
    assert not waker._lock.acquire(blocking=False)


def test_a_moment_that_is_over_takes_a_waking_with_it():
    waker = Waker()
    waker.wake()
    waker.sleep_until(now_ns() - 1)
    began_ns = time.monotonic_ns()
    waker.sleep_until(now_ns() + 20_000_000)
    assert time.monotonic_ns() - began_ns >= 19_000_000
