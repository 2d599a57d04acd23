"""Every beat of a random host is where the host says it is: see `random_host` and bench/random_hosts.py."""

from itertools import pairwise

import pytest
import random_host
from followed_bars import followed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_host import NOISES, TEMPI, RandomHost


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**9), st.sampled_from(TEMPI), st.sampled_from(NOISES), st.booleans())
def test_no_tempo_jitter_or_jump_moves_a_bar(seed, tempo, jitter, jumps):
    bars = followed(RandomHost(seed, 12, tempo, jitter, jumps=jumps, faults=False))
    assert bars.wrong == 0


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**9), st.sampled_from(TEMPI), st.sampled_from(NOISES), st.booleans())
def test_lost_and_doubled_ticks_move_no_bar(seed, tempo, jitter, jumps):
    bars = followed(RandomHost(seed, 12, tempo, jitter, jumps=jumps, faults=True))
    assert bars.wrong == 0


@pytest.mark.parametrize(
    ("seed", "tempo", "jitter"), [(1000072, "constant", "none"), (1000084, "small steps", "64")]
)
def test_a_song_of_fifty_bars_with_faults_ends_where_it_should(seed, tempo, jitter):
    bars = followed(RandomHost(seed, 50, tempo, jitter, jumps=False, faults=True))
    assert (bars.seen > 40, bars.wrong) == (True, 0)


@pytest.mark.parametrize(
    ("seed", "bars", "tempo", "jitter"),
    [
        (3001121, 60, "constant", "128"),
        (3002997, 60, "constant", "256"),
        (3001337, 60, "steps", "128"),
        (3001033, 110, "steps", "none"),
        (5000353, 60, "steps", "512"),
        (5001181, 20, "small steps", "512"),
        (7000945, 60, "steps", "512"),
    ],
)
def test_a_tempo_near_a_drivers_period_costs_no_tick(seed, bars, tempo, jitter):
    followed_bars = followed(RandomHost(seed, bars, tempo, jitter, jumps=False, faults=True))
    assert (followed_bars.wrong, followed_bars.miscounted) == (0, 0)


def test_the_host_plays_what_it_says():
    """The model itself, by hand: ticks of a steady song, each fourth of 24 a bar."""
    events = list(RandomHost(1, 3, "constant", "none", jumps=False, faults=False).events())
    beats = [event.beat for event in events if event.beat is not None]
    assert beats == [float(beat) for beat in range(12)]
    ticks = [event for event in events if event.data == random_host.TICK]
    assert len(ticks) == 60 + 3 * 96
    gaps = {later.t_ns - earlier.t_ns for earlier, later in pairwise(ticks)}
    assert max(gaps) - min(gaps) <= 1
    assert [event.data for event in events].index(random_host.START) == 60
