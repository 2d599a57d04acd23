"""Recognises a MIDI clock that reaches us over two cables: every tick comes twice, less than 1 ms apart."""

from collections import deque
from itertools import pairwise
from statistics import median

from engine.performer.tick_grid import is_timer_period

PAIR_NS = 1_000_000
"""Ticks closer than this may be one tick on two cables."""
PAIRS_TO_BELIEVE = 8
SINGLES_TO_END = 8
"""Ticks in a row without a partner that show that one cable is gone."""


class PairFilter:
    """Leaves out the second tick of each pair, once ticks come in nothing but pairs.

    Ticks that a driver rounds to its periods come in pairs as well, at a tempo that gives two to a
    period; so pairs exactly one known period apart are taken for two ticks each.
    """

    def __init__(self) -> None:
        self.doubled = False
        """Whether the clock comes over two cables."""
        self.firsts: deque[int] = deque(maxlen=PAIRS_TO_BELIEVE)
        """Times of the latest ticks that began a pair."""
        self.count_before = 0
        """What the count was before the first of the pairs that gave it away."""
        self._last_ns: int | None = None
        self._short = True
        self._pairs = 0
        self._singles = 0

    @property
    def suspected(self) -> bool:
        """Whether the latest ticks came in pairs, other than those of a driver's periods."""
        return self._pairs > 1 and not self._is_rounding()

    def take(self, t_ns: int, count: int) -> bool:
        """Take a tick and the count before it. Returns whether to leave it out."""
        short = self._last_ns is not None and t_ns - self._last_ns < PAIR_NS
        single = not short and not self._short
        triple = short and self._short
        self._last_ns, self._short = t_ns, short
        if self.doubled:
            self._singles = self._singles + 1 if single else 0 if short else self._singles
            self.doubled = self._singles < SINGLES_TO_END
            return short and self.doubled
        if not short:
            if single or self._pairs == 0:
                self._pairs = 0
                self.firsts.clear()
                self.count_before = count
            self.firsts.append(t_ns)
            return False
        self._pairs = 0 if triple else self._pairs + 1
        self.doubled = self._pairs >= PAIRS_TO_BELIEVE and not self._is_rounding()
        self._singles = 0
        return self.doubled

    def _is_rounding(self) -> bool:
        spacing_ns = median(later - earlier for earlier, later in pairwise(self.firsts))
        return is_timer_period(spacing_ns / 1e6)
