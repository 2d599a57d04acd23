"""Tells slips of a driver's rounding from lost and doubled ticks, where a tick lasts nearly whole periods.

Such ticks come in rows, equally many periods apart, until the rounding slips by one period. A tick that was
lost, or came twice, looks like a slip at a wrong place, and only the slips around it say which it was: those
of one tempo are equally far apart. So a place is a slip if the ticks before and after it lie on one line, to
a period, and a fault if they do so only with a tick more, or less, counted there.

Where the tempo changes after one slip or two they say nothing: two hosts may then send the very same ticks at
the same times, and be two ticks apart (test_tick_rows.py has such a pair).
"""

from engine.performer.tick_grid import is_one_tempo

MOST_PERIODS = 3
"""Where a tick lasts more periods, rounding hides little of it."""
ROW_TICKS = 64
ROW_REACH = 1 / 16
"""Over so many ticks they last at most this share of a period more or less than a row's."""
TICKS_BEFORE = (256, 128, 64)
"""So far back a line is sought: the tempo may have changed since."""
LEAST_SLIPS = 2
"""So many slips before a place say where the next is due."""
FAULTS = (-1, 1, 2, 3)
"""Ticks that may be lost at once; -1 for one that came twice."""
NEAR_TICKS = 8
"""So near to a place that is found by least squares is the odd interval."""


class TickRows:
    """The latest ticks, as a row and the odd places in it.

    Args:
        xs: number of each tick, as they are counted so far.
        ts: when it came, in ms.
        period_ms: what it is rounded to.
        row: periods that a tick of the row lasts.
    """

    def __init__(self, xs: list[float], ts: list[float], period_ms: float, row: int) -> None:
        self._xs, self._ts = xs, ts
        self._period_ms, self._row = period_ms, row

    def is_odd(self, at: int) -> bool:
        """Return whether something is odd before a tick: a slip, a fault, or one that is counted already."""
        return self._slips(at - 1, at) != 0 or self._xs[at] - self._xs[at - 1] != 1.0

    def fault(self, at: int) -> int:
        """Return how many ticks more must be counted before a tick; 0 where that is not proven."""
        end = len(self._ts)
        # Faults are rare: what looks like a second one so soon is a sign that the first was none.
        plain = (at - ticks for ticks in TICKS_BEFORE if ticks <= at and self._is_plain(at - ticks, at))
        starts = list(plain) if self._slips(at, end - 1) else []
        ends = self._row_ends(starts[0], end, {*starts, at - 1, at}) if starts else []
        for first in starts:
            row_ends = ends[ends.index(first) :]
            if self._is_one_tempo(row_ends):
                return 0
            if self._is_one_tempo(row_ends[: row_ends.index(at)]):
                known = abs(self._slips(first, at - 1)) >= LEAST_SLIPS
                fits = [ticks for ticks in FAULTS if known and self._is_one_tempo(row_ends, at, ticks)]
                return fits[0] if len(fits) == 1 else 0
        return 0

    def _is_plain(self, first: int, end: int) -> bool:
        """Return whether every tick of a stretch counts once."""
        return round(self._xs[end - 1] - self._xs[first]) == end - 1 - first

    def is_slip(self, at: int, ticks: int) -> bool:
        """Return whether a slip was due where a tick seems to be lost (1), or to have come twice (-1)."""
        near = range(max(1, at - NEAR_TICKS), min(len(self._ts), at + NEAR_TICKS))
        odd = [place for place in near if self._slips(place - 1, place) * ticks > 0]
        if not odd:
            return False
        place = min(odd, key=lambda place: abs(place - at))
        end = min(len(self._ts), place + NEAR_TICKS)
        return any(
            abs(self._slips(first, place - 1)) >= LEAST_SLIPS
            and self._is_one_tempo(self._row_ends(first, end, set()))
            for first in (place - before for before in TICKS_BEFORE if before <= place)
        )

    def _slips(self, first: int, last: int) -> int:
        """Return by how many periods two ticks are further apart than those of the row."""
        periods = round((self._ts[last] - self._ts[first]) / self._period_ms)
        return periods - self._row * round(self._xs[last] - self._xs[first])

    def _row_ends(self, first: int, end: int, places: set[int]) -> list[int]:
        """Return where rows begin and end, and some places, in order: what explains these explains all."""
        xs, ts, tick_ms = self._xs[first:end], self._ts[first:end], self._row * self._period_ms
        steps = zip(range(first + 1, end), xs, xs[1:], ts, ts[1:], strict=False)
        odd = [at for at, x, x1, t, t1 in steps if abs(t1 - t - tick_ms * (x1 - x)) > self._period_ms / 2]
        return sorted({first, end - 1, *places, *odd, *(at - 1 for at in odd)})

    def _is_one_tempo(self, places: list[int], shift_from: int = 0, shift: int = 0) -> bool:
        """Return whether ticks are of one tempo, those from a place on so many ticks later in the count."""
        xs = [self._xs[at] + (shift if at >= shift_from else 0) for at in places]
        ts = [self._ts[at] for at in places]
        return is_one_tempo(xs, ts, (ts[-1] - ts[0]) / max(1.0, xs[-1] - xs[0]), self._period_ms)


def may_slip(tick_ms: float, period_ms: float) -> bool:
    """Return whether rounding to a period may look like ticks that are lost or doubled at equal distances.

    It does where a tick lasts nearly whole periods, or a period whole ticks; and where it is not known (0).
    """
    periods = max(tick_ms / period_ms, period_ms / tick_ms) if period_ms else 1.0
    return abs(periods - round(periods)) < ROW_REACH


def latest_rows(xs: list[float], ts: list[float], period_ms: float) -> TickRows | None:
    """Return the latest ticks as rows; None where they come in none."""
    if not period_ms or len(ts) <= ROW_TICKS:
        return None
    periods = (ts[-1] - ts[-ROW_TICKS]) / max(1.0, xs[-1] - xs[-ROW_TICKS]) / period_ms
    row = round(periods)
    if not 0 < row <= MOST_PERIODS or abs(periods - row) >= ROW_REACH:
        return None
    return TickRows(xs, ts, period_ms, row)
