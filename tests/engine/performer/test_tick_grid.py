"""The period that ticks are rounded to is told from their phase, not from their distances."""

from itertools import accumulate

import pytest

from engine.performer.tick_grid import TickGrid


def grid_ms(intervals_ms):
    grid = TickGrid()
    for t_ms in accumulate(intervals_ms, initial=1000.0):
        grid.add(round(t_ms * 1e6))
    return grid.period_ms


PERIOD_MS = 1000 * 128 / 48_000
"""A fourth of 512 frames, an eighth of 1,024."""


def test_ticks_a_whole_number_of_periods_apart_are_rounded_to_the_longest_that_fits():
    assert grid_ms([4 * PERIOD_MS] * 20) == pytest.approx(4 * PERIOD_MS)
    assert grid_ms([4 * PERIOD_MS, 8 * PERIOD_MS, 0.0] * 8) == pytest.approx(4 * PERIOD_MS)


def test_seven_ticks_say_nothing_and_eight_do():
    assert grid_ms([8 * PERIOD_MS] * 6) == 0.0
    assert grid_ms([8 * PERIOD_MS] * 7) == pytest.approx(8 * PERIOD_MS)


@pytest.mark.parametrize("tick_ms", [11.7, 10.6, 21.4])
def test_a_steady_clock_of_about_a_drivers_period_is_not_rounded(tick_ms):
    """512 frames at 44.1 kHz are 11.610 ms, at 48 kHz 10.667: each comes later in its period."""
    assert grid_ms([tick_ms] * 200) == 0.0


@pytest.mark.parametrize("tick_ms", [11.62, 10.67, 21.34])
def test_a_steady_clock_of_nearly_a_drivers_period_passes_for_rounded_for_a_beat_at_most(tick_ms):
    assert 0.0 in [grid_ms([tick_ms] * (100 + ticks)) for ticks in range(32)]


def test_rounding_hides_less_than_a_period():
    grid = TickGrid()
    for tick in range(20):
        grid.add(tick * 20_000_000)
    assert [grid.hides(off_ms) for off_ms in (-9.0, 10.0, 10.5, -20.0)] == [True, True, False, False]


def test_one_longer_interval_shows_the_shorter_period_for_long():
    """A tick of 10.678 ms lasts four periods of 128 frames, and every 232 ticks or so a fifth."""
    assert grid_ms([4 * PERIOD_MS] * 100 + [5 * PERIOD_MS] + [4 * PERIOD_MS] * 90) == pytest.approx(PERIOD_MS)


def test_a_tick_that_was_held_up_off_the_grid_leaves_it_standing():
    late = [8 * PERIOD_MS + 0.4, 8 * PERIOD_MS - 0.4]
    assert grid_ms([8 * PERIOD_MS] * 20 + late + [8 * PERIOD_MS] * 2) == pytest.approx(8 * PERIOD_MS)


def test_after_a_silence_the_phase_may_be_another():
    assert grid_ms([8 * PERIOD_MS] * 20 + [60_001.0] + [8 * PERIOD_MS] * 2) == pytest.approx(8 * PERIOD_MS)


def test_a_driver_that_starts_again_at_another_phase_is_found_again():
    assert grid_ms([8 * PERIOD_MS] * 100 + [25.0] + [8 * PERIOD_MS] * 60) == pytest.approx(8 * PERIOD_MS)


def test_jitter_is_no_rounding():
    assert grid_ms([20.1, 21.37, 20.55, 21.93, 20.21, 21.71, 20.83, 19.9] * 20) == 0.0
