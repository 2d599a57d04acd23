"""Counts the ticks of a clock that are rounded to a period of which each tick lasts nearly a whole number.

Such ticks come in rows, equally many periods apart, until the rounding slips by one. A lost tick, or one
that came twice, looks like a slip at a wrong place. Which it was only the slips around it say, so several
explanations are followed side by side. Each is a line: the ticks of one tempo, before they were rounded.
What is known of it is a polygon, of the line's height at the latest tick and of its slope, and every tick
cuts from that polygon what would have come in another period. An explanation costs the logarithm of what was
cut off, and something for each fault and each change of the tempo. The cheapest is believed.
"""

import math
from typing import NamedTuple

from engine.performer.tick_grid import TickGrid

ROW_TICKS = 32
MOST_ODD_AT_FIRST, MOST_ODD = 1, 3
"""More odd intervals among so many ticks, and they are in no row."""
SLOPE_REACH = (MOST_ODD + 1) / ROW_TICKS
"""So a tick lasts at most this share of a period more or less than a whole number of them."""
LOST_COST, DOUBLED_COST, LATE_COST = 8.0, 7.0, 8.0
"""Logarithms of how seldom a place has such a fault."""
TEMPO_COST = 9.0
"""The same for a tempo that changes and stays within the reach; a new line costs its polygon besides."""
FAULTS_APART = 250
STEADY_TICKS = 88
"""A tempo that changes in steps or all the time has no faults either, as far as anyone can tell."""
CROWDED_COST = 16.0
"""Faults so near to each other, or to a change of the tempo, are as good as never."""
HIDDEN_COST = 3.0
"""A tick that comes twice seldom has its second in the next period."""
MOST_EXPLANATIONS = 12
CHECKED_TICKS = 8
"""A row is looked at this often, whether a slip is overdue."""
WORSE_BY = 30.0
"""An explanation so much dearer than the cheapest is forgotten."""
LEAST_AREA = 1e-13
"""What is left of a polygon if it is less explains nothing."""
EXACT_AREA = 1e-8
"""No tempo is kept so exactly that a polygon may stay smaller."""
ON_LINE = 1e-9
"""A corner so near to a cut, in periods, lies on it."""

_Polygon = list[tuple[float, float]]
"""Corners `(height, slope)`: where the line is at the latest tick, in periods after the end of the one that
tick was rounded to (so from -1 to 0), and by how many periods a tick lasts longer than one of the row."""


class _Explanation(NamedTuple):
    cost: float
    polygon: _Polygon
    missing: int = 0
    """Ticks lost, less those that came twice."""
    fault: int = 0
    """Number of the arrival at the latest fault; 0 before there is one."""
    before: int = 0
    """What was missing before that."""
    line: int = 0
    """Number of the arrival from which the tempo is this; 0 if it was before."""


def _any_height(least: float = -SLOPE_REACH, most: float = SLOPE_REACH) -> _Polygon:
    """Return what is known of a line of which only slopes are, if those."""
    return [(-1.0, least), (0.0, least), (0.0, most), (-1.0, most)]


def _area(polygon: _Polygon) -> float:
    total = 0.0
    height, slope = polygon[-1]
    for next_height, next_slope in polygon:
        total += height * next_slope - next_height * slope
        height, slope = next_height, next_slope
    return abs(total) / 2.0


def _cut(polygon: _Polygon, sign: float, bound: float) -> _Polygon:
    """Keep what has `sign * height <= bound`."""
    kept: _Polygon = []
    height, slope = polygon[-1]
    over = sign * height - bound
    for next_height, next_slope in polygon:
        next_over = sign * next_height - bound
        if min(over, next_over) < -ON_LINE and max(over, next_over) > ON_LINE:
            share = over / (over - next_over)
            kept.append((height + share * (next_height - height), slope + share * (next_slope - slope)))
        if next_over <= ON_LINE:
            kept.append((next_height, next_slope))
        height, slope, over = next_height, next_slope, next_over
    return kept


def _twice_as_wide(polygon: _Polygon) -> _Polygon:
    middle = sum(height for height, _ in polygon) / len(polygon)
    mean_slope = sum(slope for _, slope in polygon) / len(polygon)
    return [(2.0 * height - middle, 2.0 * slope - mean_slope) for height, slope in polygon]


def _moved(polygon: _Polygon, ticks: int, periods: int) -> _Polygon:
    """Go on by some ticks and by some more periods than these usually last."""
    return [(height + slope * ticks - periods, slope) for height, slope in polygon]


def _faulty(explanation: _Explanation, number: int, lost: int) -> _Explanation:
    missing = explanation.missing
    return explanation._replace(missing=missing + lost, fault=number, before=missing)


def _is_near(number: int, earlier: int, apart: int = STEADY_TICKS) -> bool:
    return earlier > 0 and number - earlier < apart


class SlipCounter:
    """Follows the explanations of a clock, as long as its ticks come in rows."""

    def __init__(self, grid: TickGrid) -> None:
        self._grid = grid
        self._period_ms = 0.0
        self._row = 0
        """Periods that a tick of a row lasts."""
        self._recent: list[int] = []
        """Periods before each of the latest ticks."""
        self._usual = 0
        """Ticks of the row that the explanations have not taken in yet."""
        self._explanations: list[_Explanation] = []
        self._known: _Polygon = []

    @property
    def follows(self) -> bool:
        """Whether the latest ticks come in rows, so that this counts them."""
        return bool(self._explanations)

    def restart(self) -> None:
        """Forget the ticks so far, but not how far they were apart: what comes may be at the same tempo."""
        if self._explanations:
            slopes = [slope for _, slope in self._explanations[0].polygon]
            self._known = _any_height(min(slopes), max(slopes))
        self._explanations = []

    def add(self, number: int, interval_ms: float) -> tuple[int, int]:
        """Take a tick, the number of its arrival, and how long after the one before it came; 0 at a restart.

        Returns:
            `(number, ticks)`, as `TickCounter.add` does.
        """
        if self._grid.period_ms != self._period_ms:
            self._recent.clear()
            self._known = []
            self._period_ms = self._grid.period_ms
        if not self._period_ms:
            return self._end(number)
        if self._known:
            self._begin(_Explanation(0.0, self._known))
            self._explanations.append(_Explanation(TEMPO_COST, _any_height(), line=number))
            self._known = []
            return number, 0
        self._recent.append(round(interval_ms / self._period_ms))
        del self._recent[:-ROW_TICKS]
        return self._follow(number) if self._comes_in_rows() else self._end(number)

    def _begin(self, explanation: _Explanation) -> None:
        self._explanations, self._usual = [explanation], 0

    def _end(self, number: int) -> tuple[int, int]:
        """Forget the rows, which are over; take back a fault that was only the beginning of their end."""
        if not self._explanations:
            return number, 0
        last = self._explanations[0]
        self._explanations = []
        return last.fault, last.before - last.missing if _is_near(number, last.fault) else 0

    def _comes_in_rows(self) -> bool:
        if len(self._recent) < ROW_TICKS:
            return False
        if not self._explanations:
            self._row = sorted(self._recent)[ROW_TICKS // 2]
        odd = sum(periods != self._row for periods in self._recent)
        return self._row > 0 and odd <= (MOST_ODD if self._explanations else MOST_ODD_AT_FIRST)

    def _follow(self, number: int) -> tuple[int, int]:
        if not self._explanations:
            self._begin(_Explanation(0.0, _any_height(), line=max(1, number - 2 * ROW_TICKS)))
            return number, 0
        before = self._explanations[0]
        odd = self._recent[-1] != self._row
        # A line that explains both ends of a row explains all of it.
        if self._usual and (odd or self._usual == CHECKED_TICKS):
            self._go_on(number, self._usual, self._usual * self._row)
            self._usual = 0
        if odd:
            self._go_on(number, 1, self._recent[-1])
        else:
            self._usual += 1
        after = self._explanations[0]
        return max(before.fault, after.fault), after.missing - before.missing

    def _go_on(self, number: int, ticks: int, periods: int) -> None:
        """Go on by a single tick, or by several of a row."""
        missing = self._explanations[0].missing
        found: list[_Explanation] = []
        for explanation in self._explanations:
            found += self._continued(explanation, number, ticks, periods)
        self._keep(found, missing)

    def _continued(self, old: _Explanation, number: int, ticks: int, periods: int) -> list[_Explanation]:
        """Return how an explanation goes on with as many ticks in as many periods."""
        odd = periods - ticks * self._row
        found = []
        plain = self._through(old, ticks, periods, 0.0)
        if plain is not None:
            found.append(plain)
            if not odd and plain.cost == old.cost:
                return found
        crowded = CROWDED_COST * (_is_near(number, old.fault, FAULTS_APART) or _is_near(number, old.line))
        if odd >= 0:
            # Where a slip was due and none is seen, a fault may have hidden it.
            likely = round(odd / self._row)
            for lost in range(max(1, likely - 1), likely + 2):
                through = self._through(old, ticks + lost, periods, LOST_COST + crowded)
                if through is not None:
                    found.append(_faulty(through, number, lost))
        for lost in range(max(0, round(odd / self._row))):
            cost = old.cost + LATE_COST + crowded + (LOST_COST if lost else 0.0)
            late = _moved(old.polygon, 1 + lost, odd - lost * self._row)
            found.append(_faulty(old._replace(cost=cost, polygon=late), number, lost))
        if odd < 0:
            doubled = _moved(old.polygon, 0, periods)
            cost = old.cost + DOUBLED_COST + crowded
            found.append(_faulty(old._replace(cost=cost, polygon=doubled), number, -1))
        if odd == 0:
            through = self._through(old, ticks - 1, periods, DOUBLED_COST + HIDDEN_COST + crowded)
            if through is not None:
                found.append(_faulty(through, number, -1))
        if odd or plain is None:
            cost = old.cost + TEMPO_COST + CROWDED_COST * _is_near(number, old.fault)
            found.append(old._replace(cost=cost, polygon=_any_height(), line=number))
        return found

    def _through(self, old: _Explanation, ticks: int, periods: int, cost: float) -> _Explanation | None:
        """Return what is left of a line after a tick that it must explain; None if nothing is."""
        polygon = _moved(old.polygon, ticks, periods - ticks * self._row)
        if all(-1.0 - ON_LINE <= height <= ON_LINE for height, _ in polygon):
            return old._replace(polygon=polygon, cost=old.cost + cost)
        before = _area(polygon)
        polygon = _cut(polygon, 1.0, 0.0)
        polygon = _cut(polygon, -1.0, 1.0) if polygon else polygon
        after = _area(polygon) if polygon else 0.0
        if after < LEAST_AREA:
            return None
        cost += old.cost + math.log(before / after)
        return old._replace(polygon=polygon if after > EXACT_AREA else _twice_as_wide(polygon), cost=cost)

    def _keep(self, found: list[_Explanation], missing: int) -> None:
        """Keep the cheapest; of those alike only one, of equals that of the present count."""
        found.sort(key=lambda explanation: (explanation.cost, explanation.missing != missing))
        least = found[0].cost
        kept: list[_Explanation] = []
        seen = set()
        for explanation in found:
            alike = (explanation.missing, explanation.line, explanation.fault)
            if explanation.cost > least + WORSE_BY or len(kept) == MOST_EXPLANATIONS:
                break
            if alike not in seen:
                seen.add(alike)
                kept.append(explanation._replace(cost=explanation.cost - least))
        self._explanations = kept
