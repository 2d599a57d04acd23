"""Every transport message, with every gap to the next tick, after every silence, at every driver's period.

A driver hands over what happened in a period when that is over: the stamps are true, but late. The suite
draws some of the 500 cases; ANTIPHON_TEST_WHOLE_MATRIX=1 takes them all.
"""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

MS = 1_000_000
TICK_NS = round(60e9 / 120 / 24)
MESSAGES = {
    "start": ([b"\xfa"], 0),
    "continue": ([b"\xfb"], 6),
    "position and continue": ([b"\xf2\x20\x00", b"\xfb"], 8),
    "stop, position and start": ([b"\xfc", b"\xf2\x20\x00", b"\xfa"], 0),
    "position twice and continue": ([b"\xf2\x00\x00", b"\xf2\x10\x00", b"\xfb"], 4),
}
"""What a host that stopped at beat 6 sends, and the beat its next tick is."""
GAPS_MS = (0, 1, 6, 60, 2500)
SILENCES_S = (0, 1, 4, 60)
PERIODS_FRAMES = (64, 128, 256, 512, 1024)
CASES = list(itertools.product(MESSAGES, GAPS_MS, SILENCES_S, PERIODS_FRAMES))


class Driver:
    """A performer that is called once a period and is handed what came in it."""

    def __init__(self, frames: int) -> None:
        self.offline = OfflinePerformer()
        self._period_ns = round(frames / 48_000 * 1e9)

    def send(self, t_ns: int, data: bytes) -> None:
        self.offline.play([(t_ns, data)])

    def run_until(self, t_ns: int, step_ns: int = 0) -> None:
        while self.offline.now_ns < t_ns:
            self.offline.now_ns += max(self._period_ns, step_ns)
            self.offline.performer.step(self.offline.now_ns)

    def ticks(self, first_ns: int, count: int) -> int:
        """Send ticks, with a note on each beat from the first on; return when the next is due."""
        for tick in range(count):
            self.send(first_ns + tick * TICK_NS, b"\xf8")
            if tick % 24 == 0:
                self.send(first_ns + tick * TICK_NS, bytes((0x90, 40 + tick // 24, 90)))
                self.send(first_ns + tick * TICK_NS + 12 * TICK_NS, bytes((0x80, 40 + tick // 24, 0)))
        return first_ns + count * TICK_NS


def check(message: str, gap_ms: int, silence_s: int, frames: int) -> None:
    driver = Driver(frames)
    start_ns = driver.offline.now_ns + 100 * MS
    driver.send(start_ns - MS, b"\xfa")
    stop_ns = driver.ticks(start_ns, 6 * 24) - TICK_NS // 2
    driver.send(stop_ns, b"\xfc")
    driver.run_until(stop_ns + 30 * MS)
    driver.run_until(stop_ns + silence_s * 1000 * MS, step_ns=200 * MS if silence_s else 0)
    messages, beat = MESSAGES[message]
    at_ns = driver.offline.now_ns + 5 * MS
    for data in messages:
        driver.send(at_ns, data)
    first_ns = at_ns + gap_ms * MS
    before = len(driver.offline.of(m.BarCaptured))
    end_ns = driver.ticks(first_ns, (8 - beat % 4) * 24 + 4)
    driver.run_until(end_ns)
    bars = driver.offline.of(m.BarCaptured)[before:]
    # The first whole bar from here on, and what was played in it, note by note.
    whole = -(-beat // 4)
    assert bars[0].bar == whole
    first_pitch = 40 + whole * 4 - beat
    assert [note.pitch for note in bars[0].notes] == [first_pitch + index for index in range(4)]
    assert [note.start_beats for note in bars[0].notes] == pytest.approx([0, 1, 2, 3], abs=0.01)
    assert driver.offline.of(m.ClockState)[-1].bar_phase_known


if os.environ.get("ANTIPHON_TEST_WHOLE_MATRIX"):

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_the_whole_matrix(case):
        check(*case)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.sampled_from(CASES))
def test_some_of_the_matrix(case):
    check(*case)
