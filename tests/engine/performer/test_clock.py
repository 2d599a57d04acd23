"""The clock follower against a simulated master: jitter, faults, tempo steps and ramps."""

import numpy as np
import pytest
import simclock
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.performer.clock import ClockFollower, tick_period_ns


class Run:
    """What a follower said at every tick of a run."""

    def __init__(self, tempo, beats, jitter=simclock.none, seed=7):
        self.true = simclock.true_ticks(tempo, beats)
        self.clock = ClockFollower()
        errors, bpm, shown = [], [], []
        for tick, t_ns in enumerate(simclock.arrivals(self.true, jitter, seed)):
            if tick > 0:
                errors.append((self.clock.time_of(self.clock.count + 1) - self.true[tick]) / 1e6)
            self.clock.tick(t_ns)
            bpm.append(self.clock.bpm)
            shown.append(self.clock.display_bpm)
        self.error_ms = np.array(errors)
        """Predicted minus true time of each tick from 1 on."""
        self.bpm, self.shown = np.array(bpm), np.array(shown)

    def steady(self, values):
        return values[30 * 24 :]


SEEDS = pytest.mark.parametrize("seed", range(5))


@SEEDS
@pytest.mark.parametrize("jitter", [simclock.none, simclock.uniform(1), simclock.floored(1)])
def test_locks_within_a_beat_to_1_bpm_and_within_two_to_2_ms(jitter, seed):
    run = Run(simclock.constant(120), 20, jitter, seed)
    assert abs(run.bpm[24:] - 120).max() <= 1.0
    assert abs(run.error_ms[48:]).max() <= 2.0


@SEEDS
@pytest.mark.parametrize(("jitter_ms", "phase_sd_ms"), [(1.0, 0.25), (5.0, 1.0)])
def test_steady_phase_and_shown_tempo_under_jitter(jitter_ms, phase_sd_ms, seed):
    run = Run(simclock.constant(120), 120, simclock.uniform(jitter_ms), seed)
    assert run.steady(run.error_ms).std() <= phase_sd_ms
    assert abs(run.steady(run.shown) - 120).max() <= 0.1
    assert run.clock.count == 120 * 24 + 1
    assert run.clock.jitter_ms == pytest.approx(jitter_ms / 3**0.5, rel=0.3)


@SEEDS
def test_a_step_of_10_bpm_is_below_5_ms_within_a_second(seed):
    run = Run(simclock.step(120, 130, 40), 80, simclock.uniform(1), seed)
    ticks_in_a_second = round(130 / 60 * 24)
    assert abs(run.error_ms[40 * 24 + ticks_in_a_second :]).max() < 5.0
    assert run.clock.count == 80 * 24 + 1


@SEEDS
def test_a_ramp_of_half_a_bpm_per_beat_stays_within_3_ms(seed):
    run = Run(simclock.ramp(120, 0.5, 40, 160), 130, simclock.uniform(1), seed)
    assert abs(run.error_ms[40 * 24 :]).max() <= 3.0


@pytest.mark.parametrize("ppm", [200, -200])
def test_follows_a_master_whose_crystal_is_off(ppm):
    run = Run(simclock.constant(120), 60, simclock.drift(ppm))
    drifted = run.true[0] + (run.true - run.true[0]) * (1 + ppm / 1e6)
    assert run.clock.time_of(60 * 24 + 1) == pytest.approx(drifted[-1], abs=1e5)


@pytest.mark.parametrize(
    "change", [(20, 400), (400, 20), (60, 240), (240, 60), (60, 120), (120, 60), (100, 300), (120, 75)]
)
def test_an_extreme_tempo_step_costs_no_tick(change):
    run = Run(simclock.step(*change, 10), 30, simclock.uniform(0.5))
    assert run.clock.count == 30 * 24 + 1
    assert (run.clock.missed, run.clock.duplicates) == (0, 0)
    assert run.bpm[-1] == pytest.approx(change[1], rel=0.01)


@pytest.mark.parametrize(
    "jitter",
    [
        simclock.bursts(50),
        simclock.spikes(0.02, 20),
        simclock.gaussian(1),
        simclock.quantised(256),
        simclock.quantised(1024),
    ],
)
def test_spikes_bursts_and_driver_periods_cost_no_tick(jitter):
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(120), 120), jitter)
    # One that comes late counts as two until the one it was mistaken for is here: end on time.
    while ticks[-1] - ticks[-2] > 22_000_000 or ticks[-1] - ticks[-2] < 18_000_000:
        ticks.pop()
    clock = ClockFollower()
    for t_ns in ticks:
        clock.tick(t_ns)
    assert clock.count == len(ticks)
    assert clock.display_bpm == pytest.approx(120, abs=1.0)


@pytest.mark.parametrize(("frames", "bpm"), [(512, 90), (512, 180), (1024, 100), (1024, 140), (1024, 180)])
def test_ticks_rounded_to_a_drivers_periods_are_all_counted_in_the_end(frames, bpm):
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(bpm), 100), simclock.quantised(frames))
    clock = ClockFollower()
    for t_ns in ticks:
        clock.tick(t_ns)
    assert clock.count == len(ticks)
    assert clock.display_bpm == pytest.approx(bpm, abs=0.5)


def test_ticks_that_come_in_heaps_do_not_stop_the_follower():
    clock = ClockFollower()
    for heap in range(60):
        for _ in range(4):
            clock.tick(1_000_000_000 + heap * 83_333_333)
    assert 20 <= clock.bpm <= 640


@pytest.mark.parametrize("missing", [1, 2, 5, 24])
def test_missed_ticks_are_counted(missing):
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(120), 20), simclock.uniform(0.5))
    clock = ClockFollower()
    for t_ns in simclock.without(ticks, 200, missing):
        assert clock.tick(t_ns)
    assert clock.count == 20 * 24 + 1
    assert clock.missed == missing


@pytest.mark.parametrize(("frames", "bpm", "missing"), [(256, 228, 3), (512, 150, 1), (1024, 120, 2)])
def test_missed_ticks_of_a_rounded_clock_are_counted(frames, bpm, missing):
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(bpm), 20), simclock.quantised(frames))
    clock = ClockFollower()
    for t_ns in simclock.without(ticks, 200, missing):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (20 * 24 + 1, missing, 0)


def test_two_late_ticks_in_a_row_are_a_slower_tempo():
    """A step from 240 to 130 BPM in a clock rounded to 256 frames at 44.1 kHz: ticks of 17.4 and 23.2 ms."""
    clock, t_ns = ClockFollower(), 10**9
    for _ in range(48):
        t_ns += 10_400_000
        clock.tick(t_ns)
    for late_ns in (23_220_000, 17_415_000, 17_415_000):
        t_ns += late_ns
        clock.tick(t_ns)
    assert (clock.count, clock.missed) == (51, 0)


def test_late_ticks_with_one_in_time_between_are_a_slower_tempo():
    """A step from 234 to 130 BPM in a clock rounded to 256 frames at 48 kHz: 10.67, then 16 or 21.3 ms."""
    clock, t_ns = ClockFollower(), 10**9
    for _ in range(48):
        t_ns += 10_666_667
        clock.tick(t_ns)
    for late_ns in (21_333_333, 16_000_000, 21_333_333, 21_333_333, 16_000_000, 21_333_333):
        t_ns += late_ns
        clock.tick(t_ns)
    assert (clock.count, clock.missed) == (54, 0)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_missed_ticks_are_counted_where_rounding_is_the_same_for_long(missing):
    """Ticks of 16.05 ms in periods of 256 frames at 48 kHz: 16 ms nearly always, so that a gap may be a third
    of a tick too long, and nothing about it shows that."""
    ticks = simclock.arrivals(
        simclock.true_ticks(simclock.constant(2500 / 16.05), 20), simclock.quantised(256)
    )
    gaps = np.diff(ticks)
    rounded_up = next(
        at for at in range(200, 300) if gaps[at : at + missing + 1].sum() > (missing + 1.2) * 16e6
    )
    clock = ClockFollower()
    for t_ns in simclock.without(ticks, rounded_up + 1, missing):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (20 * 24 + 1, missing, 0)


@pytest.mark.parametrize("tick_ms", [11.7, 11.8, 11.9, 12.0, 12.2, 12.4])
def test_ticks_a_little_longer_than_a_drivers_period_are_all_counted(tick_ms):
    """Periods of 512 frames at 44.1 kHz are 11.6 ms: now and then there is one without a tick."""
    tempo = simclock.constant(2500 / tick_ms)
    clock = ClockFollower()
    for t_ns in simclock.arrivals(simclock.true_ticks(tempo, 40), simclock.quantised(512, 44_100)):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (40 * 24 + 1, 0, 0)


@pytest.mark.parametrize("missing", [1, 2, 3])
@pytest.mark.parametrize("at", [150, 161, 171, 182, 193, 204])
def test_missed_ticks_a_little_longer_than_a_drivers_period_leave_the_count_within_one(missing, at):
    """Ticks of 11.8 ms in periods of 11.6: a gap of three periods may be two ticks or three for long."""
    tempo = simclock.constant(2500 / 11.8)
    ticks = simclock.arrivals(simclock.true_ticks(tempo, 40), simclock.quantised(512, 44_100))
    clock = ClockFollower()
    for t_ns in simclock.without(ticks, at, missing):
        clock.tick(t_ns)
    assert abs(clock.count - (40 * 24 + 1)) <= 1


def test_a_tempo_step_from_one_end_to_the_other_is_never_more_than_two_ticks_off():
    """260 to 40 BPM: whether five ticks were lost, nobody knows before the next tick."""
    clock, t_ns = ClockFollower(), 10**9
    for _ in range(48):
        t_ns += 9_615_385
        clock.tick(t_ns)
    clock.tick(t_ns + 62_500_000)
    assert clock.count - 49 <= 2
    clock.tick(t_ns + 125_000_000)
    assert clock.count == 50


def test_a_doubled_tick_is_dropped_and_counted():
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(120), 20))
    clock = ClockFollower()
    for t_ns in simclock.doubled(ticks, 300):
        clock.tick(t_ns)
    assert clock.count == 20 * 24 + 1
    assert clock.duplicates == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tick_ms", [5.34, 10.67, 21.3, 21.33])
def test_doubled_ticks_under_jitter_are_dropped_where_a_tick_lasts_as_long_as_a_drivers_period(tick_ms, seed):
    """The ticks lie on no periods: a tempo alone makes no clock a rounded one, of which two come at once."""
    tempo = simclock.constant(2500 / tick_ms)
    ticks = simclock.arrivals(simclock.true_ticks(tempo, 80), simclock.gaussian(1.0), seed)
    clock = ClockFollower()
    for t_ns in simclock.doubled(simclock.doubled(ticks, 900), 400):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (80 * 24 + 1, 0, 2)


@pytest.mark.parametrize("tick_ms", [11.62, 21.34])
def test_faults_of_a_steady_clock_of_nearly_a_drivers_period_are_found_within_four_ticks(tick_ms):
    """Its ticks lie on no periods, so that a gap of two is a lost tick and nothing else."""
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(2500 / tick_ms), 20))
    clock = ClockFollower()
    for t_ns in simclock.doubled(simclock.without(ticks, 300, 1), 200)[:308]:
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (308, 1, 1)


def test_doubled_ticks_are_dropped_where_a_tick_lasts_a_little_more_than_four_periods():
    """10.678 ms in periods of 128 frames, 2.667 ms: four make 512 frames, to which it is not rounded."""
    tempo = simclock.constant(2500 / 10.678)
    ticks = simclock.arrivals(simclock.true_ticks(tempo, 60), simclock.quantised(128))
    clock = ClockFollower()
    for t_ns in simclock.doubled(simclock.doubled(ticks, 1100), 600):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (60 * 24 + 1, 0, 2)


@pytest.mark.parametrize("at", [333, 334, 335, 336])
def test_three_missed_ticks_are_counted_wherever_they_were(at):
    """10.631 ms in periods of 256 frames: half a tick may be hidden, so that it takes 64 ticks to know."""
    tempo = simclock.constant(2500 / 10.631)
    ticks = simclock.arrivals(simclock.true_ticks(tempo, 20), simclock.quantised(256))
    clock = ClockFollower()
    for t_ns in simclock.without(ticks, at, 3):
        clock.tick(t_ns)
    assert (clock.count, clock.missed, clock.duplicates) == (20 * 24 + 1, 3, 0)


@pytest.mark.parametrize(
    ("rate", "bpm", "late_share"),
    [(44_100, 120, 0.0), (44_100, 120, 0.5), (44_100, 120, 1.0), (48_000, 140, 0.5), (48_000, 140, 1.0)],
)
def test_a_lost_tick_is_counted_though_the_next_is_up_to_a_period_late(rate, bpm, late_share):
    period_ns = 1024 / rate * 1e9
    tempo = simclock.constant(bpm)
    for lost in range(100, 124):
        ticks = simclock.arrivals(simclock.true_ticks(tempo, 20), simclock.quantised(1024, rate))
        late_ns = round(ticks[lost + 1] + late_share * period_ns)
        times = [max(t_ns, late_ns) if tick > lost else t_ns for tick, t_ns in enumerate(ticks)]
        clock = ClockFollower()
        for t_ns in simclock.without(times, lost, 1):
            clock.tick(t_ns)
        assert clock.count == 20 * 24 + 1


@pytest.mark.parametrize(("frames", "bpm"), [(1024, 120), (512, 240)])
@pytest.mark.parametrize("after_frames", [0, 8, 200, 512, 1000])
def test_no_tick_of_a_rounded_clock_is_too_many_wherever_its_periods_begin(frames, bpm, after_frames):
    """1,000 frames in periods of 1,024, 500 in 512: now and then there are two at once."""
    tick_frames = 48_000 * 2.5 / bpm
    clock = ClockFollower()
    for tick in range(1000):
        period = -(-(after_frames + tick * tick_frames) // frames)
        clock.tick(1_000_000_000 + round(period * frames / 48_000 * 1e9))
        assert clock.count == tick + 1


def test_doubled_ticks_at_equal_distances_are_still_doubled():
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(70.7), 20))
    for index in (300, 228, 156):
        ticks = simclock.doubled(ticks, index)
    clock = ClockFollower()
    for t_ns in ticks:
        clock.tick(t_ns)
    assert clock.count == 20 * 24 + 1
    assert clock.duplicates == 3


def test_a_clock_that_comes_twice_on_every_tick_counts_once():
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(120), 4))
    clock = ClockFollower()
    for t_ns in ticks[:48]:
        clock.tick(t_ns)
    for t_ns in ticks[48:51]:
        clock.tick(t_ns)
        clock.tick(t_ns + 200_000)
    assert clock.count == 51
    assert clock.duplicates == 3


def test_a_tick_after_a_long_silence_says_that_the_count_is_void():
    clock = ClockFollower()
    assert clock.tick(0)
    assert clock.tick(20_000_000)
    assert not clock.tick(10_020_000_000)
    assert clock.count == 3


def test_sync_keeps_the_tempo_and_takes_the_new_phase():
    clock = ClockFollower()
    period = tick_period_ns(90)
    for tick in range(100):
        clock.tick(round(tick * period))
    clock.sync(round(99 * period) + 7_000_000)
    assert clock.bpm == pytest.approx(90, abs=0.01)
    assert clock.time_of(clock.count) == round(99 * period) + 7_000_000


@given(st.floats(0, 1e4), st.floats(-50, 50))
@settings(max_examples=50)
def test_time_and_ticks_are_inverse(ahead_ms, ticks):
    clock = ClockFollower()
    for tick in range(60):
        clock.tick(round(tick * tick_period_ns(133)))
    t_ns = 60 * tick_period_ns(133) + ahead_ms * 1e6
    assert clock.time_of(clock.ticks_at(t_ns)) == pytest.approx(t_ns, abs=2)
    assert clock.ticks_at(clock.time_of(clock.count + ticks)) == pytest.approx(clock.count + ticks, abs=1e-6)


@pytest.mark.parametrize("late_share", [0.45, 0.65])
def test_one_late_tick_hardly_moves_the_next(late_share):
    """Errors of 9 and 14 ms are clipped at 0.3 of a tick: the loop moves by 0.6 ms, not by 0.9 or 1.3."""
    period = tick_period_ns(120)
    clock = ClockFollower()
    for tick in range(200):
        clock.tick(round(tick * period))
    clock.tick(round((200 + late_share) * period))
    assert 0.3e6 < clock.time_of(202) - 201 * period < 0.75e6


def test_a_clock_over_two_cables_is_counted_once_from_its_first_tick():
    clock = ClockFollower()
    period = tick_period_ns(120)
    for tick in range(40):
        clock.tick(round(tick * period))
        clock.tick(round(tick * period) + 250_000)
    assert clock.doubled
    assert clock.count == 40
    assert clock.display_bpm == pytest.approx(120, abs=1.5)
    for tick in range(40, 60):
        clock.tick(round(tick * period))
    assert not clock.doubled
    assert clock.count == 60


def test_ticks_of_a_fast_song_that_a_driver_rounds_to_pairs_are_all_counted():
    """240 BPM in periods of 1,024 frames: two ticks at once, now and then three, and no second cable."""
    ticks = simclock.arrivals(simclock.true_ticks(simclock.constant(240), 60), simclock.quantised(1024))
    clock = ClockFollower()
    for t_ns in ticks:
        clock.tick(t_ns)
        assert not clock.doubled
    assert clock.count == len(ticks)


@pytest.mark.parametrize("held_up_s", [0.1, 0.3, 0.8, 1.9])
def test_ticks_that_were_held_up_and_come_in_a_heap_are_counted_once_each(held_up_s):
    """A host or driver stalls, then hands over all that is due; the song has gone on meanwhile."""
    period = tick_period_ns(120)
    times = [1_000_000_000 + tick * period for tick in range(400)]
    until_ns = times[200] + held_up_s * 1e9
    clock = ClockFollower()
    for t_ns in times:
        clock.tick(round(until_ns if times[200] <= t_ns < until_ns else t_ns))
    assert clock.count == 400
    assert clock.time_of(400) == pytest.approx(times[399], abs=1e6)


def test_a_host_that_pauses_without_a_word_goes_on_where_it_was():
    """Nothing of the gap is proven: it is no whole number of ticks."""
    period = tick_period_ns(120)
    times = [1_000_000_000 + tick * period for tick in range(200)]
    times += [times[-1] + 1_015_000_000 + tick * period for tick in range(100)]
    clock = ClockFollower()
    for t_ns in times:
        clock.tick(round(t_ns))
    assert clock.count == 300


@pytest.mark.parametrize(("before", "after"), [(120, 60), (120, 240), (120, 80), (60, 200), (170, 120)])
def test_a_leap_in_tempo_is_known_by_its_second_interval_and_costs_no_tick(before, after):
    clock, t_ns = ClockFollower(), 10**9
    for _ in range(30):
        clock.tick(t_ns)
        t_ns += tick_period_ns(before)
    t_ns -= tick_period_ns(before)
    for ticks in range(1, 7):
        t_ns += tick_period_ns(after)
        clock.tick(t_ns)
        if ticks > 1:
            assert clock.count == 30 + ticks
            assert clock.bpm == pytest.approx(after, rel=1e-3)
