"""A clock that is rounded to about a tick: which odd interval is a slip of the rounding, and which a fault.

The clocks are written by hand, in periods of 512 frames at 48 kHz (10.667 ms) from tick to tick: rows of 1,
and a slip of 2 (the tick is longer than the period) or 0 (it is shorter) every 100 ticks.
"""

import pytest

from engine.performer.tick_count import TickCounter
from engine.performer.transport import Transport

PERIOD_NS = 512 / 48_000 * 1e9
LONGER = [1] * 99 + [2]
"""A tick of 1.01 periods."""
SHORTER = [1] * 99 + [0]
"""A tick of .99 periods."""


def corrected(periods):
    """Return how many ticks a counter adds in all to those that come so many periods apart."""
    counter, t_ns, added = TickCounter(), 1e9, 0
    for periods_before in (1, *periods):
        t_ns += periods_before * PERIOD_NS
        added += counter.add(round(t_ns))[1]
    return added


@pytest.mark.parametrize("row", [LONGER, SHORTER])
def test_slips_of_one_tempo_are_no_faults(row):
    assert corrected(row * 20) == 0


@pytest.mark.parametrize("row", [LONGER, SHORTER])
@pytest.mark.parametrize(
    ("fault", "ticks", "missing"),
    [([2], 2, 1), ([3], 3, 2), ([4], 4, 3), ([0, 1], 1, -1)],
)
@pytest.mark.parametrize("at", [30, 50, 70])
def test_a_fault_between_two_slips_is_told_from_them(row, fault, ticks, missing, at):
    """The tick that comes so many periods late stands for as many; the slips stay where they were."""
    broken = [*row[:at], *fault, *row[at + ticks :]]
    assert corrected([*row * 5, *broken, *row * 5]) == missing


def test_a_tick_that_comes_twice_where_a_slip_is_due_hides_it():
    """Its second falls into the period that the slip would have left out: the ticks look even."""
    assert corrected([*LONGER * 5, *([1] * 101), *LONGER * 5]) == -1


def test_a_lost_tick_that_hides_a_slip_is_found():
    """Of the two that would have come in one period one is lost: the ticks look even."""
    assert corrected([*SHORTER * 5, *([1] * 99), *SHORTER * 5]) == 1


def test_a_tick_that_comes_a_period_late_is_neither_lost_nor_doubled():
    late = [*LONGER[:50], 2, 0, *LONGER[52:]]
    assert corrected([*LONGER * 5, *late, *LONGER * 5]) == 0


def test_a_lost_tick_with_a_late_one_after_it_is_one_lost():
    """48 kHz, 1024 frames, 120 bpm: the tick after the lost one comes a period late, the next in time."""
    lost = [*LONGER[:50], 3, 0, *LONGER[53:]]
    assert corrected([*LONGER * 5, *lost, *LONGER * 5]) == 1


def test_another_tempo_nearby_is_no_fault():
    """Slips every 100 ticks, then every 60, then none, then of the other sort every 80."""
    tempi = [*LONGER * 5, *([*[1] * 59, 2] * 6), *[1] * 300, *([*[1] * 79, 0] * 6)]
    assert corrected(tempi) == 0


def test_what_the_end_of_the_rows_was_taken_for_is_taken_back():
    """Ticks of 1.01 periods, then of 1.5: the first odd interval is no lost tick."""
    assert corrected([*LONGER * 5, *[1] * 50, *[2, 1] * 200]) == 0


def test_faults_of_a_whole_song_do_not_add_up():
    """One tick in twice every 400, at other places between the slips, two lost every 1,000."""
    song = []
    for part in range(12):
        at = 10 + 7 * part
        fault, ticks = ([3], 3) if part % 3 == 2 else ([0, 1], 1)
        song += [*LONGER[:at], *fault, *LONGER[at + ticks :], *LONGER * 3]
    assert corrected([*LONGER * 5, *song]) == 4 * 2 - 8


def test_a_tempo_is_known_again_after_a_silence():
    """A fault 60 ticks after a Continue, before any slip: the tempo from before the Stop tells it."""
    transport, t_ns = Transport(), 1e9
    transport.receive(round(t_ns), b"\xfa")
    for periods in (1, *LONGER * 8):
        t_ns += periods * PERIOD_NS
        transport.receive(round(t_ns), b"\xf8")
    transport.receive(round(t_ns) + 1000, b"\xfc")
    t_ns += 500 * PERIOD_NS
    transport.receive(round(t_ns), b"\xfb")
    for periods in (1, *[1] * 70, 0, *[1] * 20, 2, *LONGER * 2):
        t_ns += periods * PERIOD_NS
        transport.receive(round(t_ns), b"\xf8")
    # 801 ticks before the Stop, 1 + 70 + 20 + 1 + 200 after it, and one that came twice.
    assert transport.beats_at(transport.clock.time_of(transport.clock.count)) * 24 == pytest.approx(801 + 291)
    assert transport.clock.duplicates == 1
