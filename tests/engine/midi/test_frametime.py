import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.midi.frametime import FrameTime, believable

RATE_HZ, PERIOD = 48_000, 256
FRAME_NS = 1e9 / RATE_HZ


def run(estimates, first_frame=0, period=PERIOD):
    """Feed estimates of successive cycles; return the mapping and each cycle's start."""
    time, starts = FrameTime(RATE_HZ), []
    for cycle, estimate_ns in enumerate(estimates):
        time.cycle((first_frame + cycle * period) & 0xFFFFFFFF, period, estimate_ns)
        starts.append(time.start_ns)
    return time, starts


def steady(cycles, rate_error=0.0, jitter_ns=0.0, seed=1):
    """Estimates of a server whose sample clock is off and whose estimates wander."""
    rng = random.Random(seed)
    length_ns = PERIOD * FRAME_NS * (1 + rate_error)
    return [cycle * length_ns + rng.uniform(-jitter_ns, jitter_ns) for cycle in range(cycles)]


def test_a_perfect_server_is_followed_exactly():
    time, starts = run(steady(2000))
    assert starts[-1] == pytest.approx(1999 * PERIOD * FRAME_NS, abs=1)
    assert time.frame_ns == pytest.approx(FRAME_NS, rel=1e-12)


def test_a_sample_clock_that_is_off_is_learned():
    estimates = steady(20_000, rate_error=100e-6)
    time, starts = run(estimates)
    assert time.frame_ns == pytest.approx(FRAME_NS * 1.0001, rel=2e-6)
    assert abs(starts[-1] - estimates[-1]) < 5_000


def test_wandering_estimates_leave_a_tick_within_a_frame_of_even():
    _, starts = run(steady(20_000, jitter_ns=2e6))
    settled = starts[5_000:]
    gaps = [later - earlier for earlier, later in itertools.pairwise(settled)]
    assert max(abs(gap - PERIOD * FRAME_NS) for gap in gaps) < FRAME_NS


def test_a_starved_server_that_slows_by_percents_is_kept_within_the_lead():
    length_ns = PERIOD * FRAME_NS
    estimates = steady(2000)
    for _ in range(1000):
        estimates.append(estimates[-1] + length_ns * 1.05)
    time, starts = run(estimates)
    errors = [abs(start - estimate) for start, estimate in zip(starts, estimates, strict=True)]
    assert time.jumps == 0
    assert max(errors) < 25e6
    assert errors[-1] < 3e6


def test_a_jump_starts_anew_at_once():
    time, starts = run([*steady(100), 5e9])
    assert starts[-1] == 5e9
    assert time.jumps == 1


def test_skipped_cycles_are_no_jump():
    time = FrameTime(RATE_HZ)
    time.cycle(0, PERIOD, 0.0)
    time.cycle(3 * PERIOD, PERIOD, 3 * PERIOD * FRAME_NS)
    assert time.start_ns == pytest.approx(3 * PERIOD * FRAME_NS)
    assert time.jumps == 0


def test_the_frame_counter_wraps():
    time, starts = run(steady(10), first_frame=0xFFFFFFFF - 3 * PERIOD + 1)
    assert starts[-1] == pytest.approx(9 * PERIOD * FRAME_NS, abs=1)
    assert time.jumps == 0


@given(
    offset=st.integers(0, 8191),
    start_ns=st.integers(0, 10**15),
    rate_hz=st.sampled_from([44_100, 48_000, 192_000]),
)
def test_a_frames_time_leads_back_to_the_frame(offset, start_ns, rate_hz):
    time = FrameTime(rate_hz)
    time.cycle(7, 1024, float(start_ns))
    assert time.offset_at(time.ns_at(offset)) == offset


@pytest.mark.parametrize(
    ("estimate_ns", "believed_ns"),
    [
        (9_990_000_000, 9_990_000_000),  # a late callback
        (10_004_000_000, 10_004_000_000),  # a loop that wanders
        (9_900_000_000, 9_900_000_000),
        (10_100_000_000, 10_100_000_000),
        (11_200_000_000, 10_000_000_000),  # a server that goes on after seconds of standing still
        (4_000_000_000, 10_000_000_000),
    ],
)
def test_a_cycle_that_runs_now_did_not_begin_long_ago_nor_begins_later(estimate_ns, believed_ns):
    assert believable(float(estimate_ns), 10_000_000_000) == believed_ns
