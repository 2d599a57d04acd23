"""Finds clock ticks that were lost or came twice, from the times of the ticks around them.

A clock may do anything to its tempo: step, ramp, wander. What it cannot do is to jump in phase by whole
ticks. So two explanations of the `n` ticks before and the `n` ticks after a place are compared by least
squares: one line whose later half is shifted by a whole number `k` of ticks (that many were lost; for
negative `k` they came twice), against two lines that meet at any tick in between (the tempo changed). The
shift is believed where it is `e ** EVIDENCE` times as likely as the best pair of lines, and explains the
ticks about as well as lines through their quarters do, the calmer ones.
Small windows find a lost tick of a steady clock within a fraction of a beat, large ones that of a clock whose
jitter is as large as its ticks are apart. Ticks in a heap were held up: their times say nothing.

Ticks that are rounded to a timer's or driver's period look like a steady clock of exactly that period of
which now and then one tick is lost or doubled. Periods that `engine.performer.tick_grid` sees are left
alone, others are learned when such corrections come at equal distances.

Where a tick lasts nearly whole periods `engine.performer.tick_rows` says which odd interval is a slip of the
rounding, and which is a fault. Of 160 random hosts that it was not made with, rounded to 512 or 1024 frames
and with faults (29,240 bars), 20 bars are wrong and 1,126 miscounted; without it 174 and 1,538.

What is not decided: where a tick lasts within one per cent of the period, the rounding slips once in more
than a hundred ticks, and between two changes of the tempo there may be too few slips to tell a fault.
Following several explanations side by side, each a polygon of the phases and tempi that fit, left none of
1,016 wrong bars in 31 hosts of one tempo; but hosts of every kind, most of which change their tempo, had 767
wrong bars of 171,585 where they had 14.
"""

import math
from itertools import pairwise

from engine.performer.tick_grid import PERIOD_TOLERANCE, TickGrid, is_one_tempo
from engine.performer.tick_rows import TickRows, latest_rows, may_slip

SCALES = (4, 8, 16, 32, 64, 128, 256)
"""Ticks on either side of the place that is judged."""
SPARSE_SCALE = 64
"""From here on a scale is judged only every sixteenth of its ticks, and where an interval is odd."""
ROW_SCALES = (64, 128)
"""So many ticks later it is asked whether an odd place in a row was a slip of the rounding or a fault."""
STEADY_SCALE = 128
"""Up to here tempo seldom changes twice within a scale, which can look like one tick lost or too many."""
KEPT_TICKS = 2 * SCALES[-1]
REBUILD_AT_TICKS = 4 * KEPT_TICKS
"""Sums are taken anew this often, so that rounding errors do not grow."""
EVIDENCE = 20.0
"""Logarithm of the likelihood ratio from which a shift is believed."""
NOISE_MS = 0.05
"""Jitter (standard deviation) that every clock is granted."""
MISFIT = 2.2
"""How much more residual a tick the shifted line may leave than lines through parts of the window."""
SHORT_ROUNDING_MS = 0.45
"""Spread of ticks that are rounded to periods of 64 frames, which looks like none over few ticks."""
WHOLE_TICKS = 0.15
"""So near to a whole number of ticks a shift must be, its own standard error aside."""
NEAR_SHARE, NEAR_SIGMAS = 0.75, 3.0
"""From near a shift is at least this share of what it is from afar, less so many standard errors."""
UNSURE_TICKS = 0.35
"""Where rounding may hide more of a tick, two numbers of lost ticks look alike until more ticks have come."""
HEAP_SPREAD = 0.2
"""Several ticks to a period come at once; their spread is at least this share of it."""
HEAP_MS, HEAP_TICKS = 1.0, 4
"""So many ticks so close were held up on their way; a driver's period holds three of the fastest tempo."""
REGULAR_CORRECTIONS = 4
"""So many single corrections at equal distances are rounding."""

_Sums = tuple[float, float, float, float, float]
"""Sums of x, t, x x, x t, t t over all ticks before an index."""


def _unseen_ms(period_ms: float, spread_ms: float) -> float:
    """Return by how much rounding may have moved the ticks on one side of a place against the others.

    Ticks at nearly a whole number of periods are rounded by the same for as long as that number holds:
    they spread less than rounding does, and the time between the two rows is up to a period off.
    """
    return period_ms - min(period_ms, spread_ms * math.sqrt(12.0))


class TickCounter:
    """Says afterwards where the number of ticks that arrived is not the number that was sent."""

    def __init__(self) -> None:
        self.number = 0
        """Ticks that have arrived."""
        self.missed = 0
        """Ticks that were lost, as far as is proven."""
        self.doubled = 0
        """Ticks that came twice, as far as is proven."""
        self._found: list[tuple[int, int]] = []
        self._learned_ms: tuple[float, ...] = ()
        self.grid = TickGrid()
        self.reset()

    def reset(self) -> None:
        """Forget the ticks so far: what comes has nothing to do with them."""
        self._origin_ns = 0
        self._x: list[float] = []
        self._t: list[float] = []
        self._sums: list[_Sums] = [(0.0, 0.0, 0.0, 0.0, 0.0)]
        self._found.clear()

    def add(self, t_ns: int) -> tuple[int, int]:
        """Take a tick.

        Returns:
            `(number, ticks)`: how many ticks must be added to the count (negative: taken away), and the
            number of the arrival before which they were lost or doubled; `ticks` is 0 nearly always.
        """
        if self._is_heap(t_ns):
            self.reset()
        if not self._x:
            self._origin_ns = t_ns
        self.number += 1
        t_ms = (t_ns - self._origin_ns) / 1e6
        self.grid.add(t_ns)
        self._append(self._x[-1] + 1.0 if self._x else 0.0, t_ms)
        rows = latest_rows(self._x, self._t, self.grid.period_ms)
        n, ticks = self._fault_in(rows)
        if ticks:
            return self.number - n + 1, self._count(n, ticks)
        for n in SCALES:
            if len(self._x) < 2 * n:
                break
            if n >= SPARSE_SCALE and self.number % (n // 16) and not self._is_odd(n):
                continue
            ticks = self._shift(n)
            slip = rows is not None and abs(ticks) == 1 and rows.is_slip(len(self._x) - n, ticks)
            if ticks and not slip:
                return self.number - n + 1, self._believe(n, ticks)
        if len(self._x) >= REBUILD_AT_TICKS:
            self._rebuild(len(self._x) - KEPT_TICKS)
        return self.number, 0

    def _fault_in(self, rows: TickRows | None) -> tuple[int, int]:
        """Return `(n, ticks)`: the latest `n` are shifted by so many against the rows before; 0 if unsure."""
        for n in ROW_SCALES:
            at = len(self._x) - n
            ticks = rows.fault(at) if rows is not None and at > 0 and rows.is_odd(at) else 0
            if ticks:
                return n, ticks
        return 0, 0

    def _is_odd(self, n: int) -> bool:
        """Return whether the interval before the latest `n` ticks lasts by half more or less than usual."""
        t, at = self._t, len(self._t) - n
        usual_ms = (t[-1] - t[at - n]) / (2 * n - 1)
        return abs(t[at] - t[at - 1] - usual_ms) > usual_ms / 2

    def _is_heap(self, t_ns: int) -> bool:
        latest = self._t[1 - HEAP_TICKS :]
        t_ms = (t_ns - self._origin_ns) / 1e6
        times = (*latest, t_ms)
        close = all(later - earlier < HEAP_MS for earlier, later in pairwise(times))
        return len(times) == HEAP_TICKS and close

    def _rounding_ms(self) -> float:
        """Spread that rounding to a period makes, which the ticks of a short window may hide."""
        return max(SHORT_ROUNDING_MS, self.grid.period_ms / math.sqrt(12.0))

    def line(self, ticks: int) -> tuple[float, float, float] | None:
        """Fit a line through the latest ticks.

        Returns:
            Where it puts the latest tick (ns), its ticks' distance (ns) and the standard deviation of the
            ticks about it (ns); None before there are enough of them.
        """
        if len(self._x) <= ticks:
            return None
        mean_x, mean_t, sxx, sxt, stt = self._moments(len(self._x) - ticks, len(self._x))
        if sxx <= 0.0:
            return None
        slope = sxt / sxx
        spread_ms = math.sqrt(max(0.0, stt - slope * sxt) / (ticks - 2))
        last_ms = mean_t + slope * (self._x[-1] - mean_x)
        return self._origin_ns + last_ms * 1e6, slope * 1e6, spread_ms * 1e6

    # Sums ------------------------------------------------------------------------------------

    def _append(self, x: float, t: float) -> None:
        self._x.append(x)
        self._t.append(t)
        sx, st, sxx, sxt, stt = self._sums[-1]
        self._sums.append((sx + x, st + t, sxx + x * x, sxt + x * t, stt + t * t))

    def _rebuild(self, first: int, shift_from: int = 0, shift: int = 0) -> None:
        """Keep the ticks from an index on, those from another on `shift` later in the count."""
        xs = [x + (shift if first + index >= shift_from else 0) for index, x in enumerate(self._x[first:])]
        ts = self._t[first:]
        self._origin_ns += round(ts[0] * 1e6)
        self._x, self._t, self._sums = [], [], [(0.0, 0.0, 0.0, 0.0, 0.0)]
        for x, t in zip(xs, ts, strict=True):
            self._append(x - xs[0], t - ts[0])

    def _moments(self, first: int, end: int) -> _Sums:
        """Return means of x and t, and sums of squares and products about them, over `[first, end)`."""
        a, b = self._sums[first], self._sums[end]
        n = end - first
        x, t = (b[0] - a[0]) / n, (b[1] - a[1]) / n
        return x, t, b[2] - a[2] - n * x * x, b[3] - a[3] - n * x * t, b[4] - a[4] - n * t * t

    def _line_residual(self, first: int, end: int) -> float:
        """Sum of squared distances (ms²) from the best line."""
        _, _, sxx, sxt, stt = self._moments(first, end)
        return max(0.0, stt - sxt * sxt / sxx) if sxx > 0.0 else max(0.0, stt)

    def _bend_residual(self, first: int, at: int, end: int) -> float:
        """Sum of squared distances (ms²) from the best two lines that meet at tick `at`."""
        _, mean_t, sxx, sxt, stt = self._moments(first, end)
        p, c = self._sums[at], self._sums[end]
        x0, n, later = self._x[at], end - first, end - at
        # The hinge is 0 up to `at` and x - x0 after it; regression on x and hinge.
        hinge = c[0] - p[0] - later * x0
        shh = c[2] - p[2] - 2.0 * x0 * (c[0] - p[0]) + later * x0 * x0 - hinge * hinge / n
        mean_x = (c[0] - self._sums[first][0]) / n
        sxh = c[2] - p[2] - x0 * (c[0] - p[0]) - mean_x * hinge
        sht = c[3] - p[3] - x0 * (c[1] - p[1]) - mean_t * hinge
        determinant = sxx * shh - sxh * sxh
        if determinant <= 1e-9 * sxx * shh:
            return self._line_residual(first, end)
        slope = (sxt * shh - sht * sxh) / determinant
        bend = (sht * sxx - sxt * sxh) / determinant
        return max(0.0, stt - slope * sxt - bend * sht)

    # Judgement -------------------------------------------------------------------------------

    def _shift(self, n: int) -> int:
        """Return by how many ticks the latest `n` are shifted against the `n` before; 0 if unsure."""
        end = len(self._x)
        first, middle = end - 2 * n, end - n
        left_x, left_t, left_xx, left_xt, left_tt = self._moments(first, middle)
        right_x, right_t, right_xx, right_xt, right_tt = self._moments(middle, end)
        slope = (left_xt + right_xt) / (left_xx + right_xx) if left_xx + right_xx > 0.0 else 0.0
        if slope <= 0.0:
            return 0
        shift = (right_t - left_t) / slope - (right_x - left_x)
        ticks = round(shift)
        if ticks == 0 or ticks < -n // 4:
            return 0
        within = max(0.0, left_tt + right_tt - slope * (left_xt + right_xt)) / (2 * n - 3)
        reach = (right_t - left_t) / slope
        error = math.sqrt(within * (2 / n + reach * reach / (left_xx + right_xx))) / slope
        period_ms = self.grid.period_ms
        if period_ms and self._is_one_tempo(first, end, period_ms):
            return 0
        unseen = _unseen_ms(period_ms, math.sqrt(within)) / slope
        unsure = ticks > 0 and unseen > UNSURE_TICKS and n < SPARSE_SCALE
        if abs(shift - ticks) > WHOLE_TICKS + 2.0 * error + unseen or unsure:
            return 0
        dx, dt = right_x - left_x + ticks, right_t - left_t
        sxx = left_xx + right_xx + n / 2 * dx * dx
        sxt = left_xt + right_xt + n / 2 * dx * dt
        residual = max(0.0, left_tt + right_tt + n / 2 * dt * dt - sxt * sxt / sxx)
        rounded = abs(ticks) == 1 and self._is_rounded(sxt / sxx, residual, n)
        if rounded or not self._is_seen_from_near(n, ticks, slope, residual):
            return 0
        return ticks if self._is_proven(n, residual, ticks) else 0

    def _is_seen_from_near(self, n: int, ticks: int, tick_ms: float, residual: float) -> bool:
        """Return whether shorter rows on either side of the place are shifted by as many ticks.

        A shift is a fact of one place and the same from near, while the shift that tempo changes within the
        rows seem to make shrinks with them. Rounding may hide a single tick from near.
        """
        if abs(ticks) == 1 and n <= STEADY_SCALE:
            return True
        middle = len(self._x) - n
        spread_ms = max(self._rounding_ms(), math.sqrt(residual / (2 * n)))
        for near in (scale for scale in SCALES if n // 4 <= scale < n):
            left_x, left_t, left_xx, left_xt, left_tt = self._moments(middle - near, middle)
            right_x, right_t, right_xx, right_xt, right_tt = self._moments(middle, middle + near)
            slope = (left_xt + right_xt) / (left_xx + right_xx)
            shift_ms = right_t - left_t - slope * (right_x - left_x)
            slack_ms = NEAR_SIGMAS * spread_ms * math.sqrt(8.0 / near)
            if abs(ticks) == 1:
                within = max(0.0, left_tt + right_tt - slope * (left_xt + right_xt)) / (2 * near - 3)
                slack_ms += _unseen_ms(self.grid.period_ms, math.sqrt(within))
            if math.copysign(shift_ms, shift_ms * ticks) < NEAR_SHARE * abs(ticks) * tick_ms - slack_ms:
                return False
        return True

    def _is_one_tempo(self, first: int, end: int, period_ms: float) -> bool:
        """Return whether all ticks lie within a period along some line: they are of one tempo, rounded."""
        _, _, sxx, sxt, _ = self._moments(first, end)
        return is_one_tempo(self._x[first:end], self._t[first:end], sxt / sxx, period_ms)

    def _is_rounded(self, tick_ms: float, residual: float, n: int) -> bool:
        """Return whether these may be ticks rounded to a period, one to four of them to each."""
        spread_ms = math.sqrt(residual / (2 * n))
        tolerance_ms = PERIOD_TOLERANCE * tick_ms + 2.0 * spread_ms * math.sqrt(12 / (2 * n) ** 3)
        for period_ms in (self.grid.period_ms, *self._learned_ms):
            ticks = round(period_ms / tick_ms)
            heaped = ticks == 1 or spread_ms > HEAP_SPREAD * period_ms
            if 1 <= ticks <= 4 and heaped and abs(period_ms / ticks - tick_ms) < tolerance_ms:
                return True
        return False

    def _is_proven(self, n: int, residual: float, ticks: int) -> bool:
        """Return whether the shift explains the latest `2 n` ticks much better than a change of tempo."""
        end = len(self._x)
        first = end - 2 * n
        allowed = 2 * n * NOISE_MS**2
        needed = (residual + allowed) * math.exp(EVIDENCE / n) - allowed
        if self._line_residual(first, end) < needed:
            return False
        # The calmer half of the parts: a jump elsewhere in the window must not pass for jitter.
        part = n // 2 if n > SCALES[0] else n
        parts = sorted(self._line_residual(at, at + part) for at in range(first, end, part))
        calm = parts[len(parts) // 2 - 1]
        # A tick that came twice lies beside the line; rounded ticks lie on other lines in parts of it.
        beside = max(0, -ticks) * HEAP_MS**2 + 2 * n * MISFIT * self._rounding_ms() ** 2
        if residual + allowed > MISFIT * (calm * 2 * n / (part - 2) + allowed) + beside:
            return False
        places = range(first + 2, end - 1, max(1, n // 32))
        return all(self._bend_residual(first, at, end) >= needed for at in places)

    def _believe(self, n: int, ticks: int) -> int:
        """Shift the latest `n` ticks. Returns the change of the count."""
        self._found.append((self.number - n, ticks))
        del self._found[:-REGULAR_CORRECTIONS]
        tick_ms = (self._t[-1] - self._t[-n]) / max(1.0, self._x[-1] - self._x[-n])
        if self._is_regular() and may_slip(tick_ms, self.grid.period_ms):
            self._learned_ms += (tick_ms,)
            self.reset()
            earlier = (REGULAR_CORRECTIONS - 1) * ticks
            self._add_up(-earlier, of=ticks)
            return -earlier
        return self._count(n, ticks)

    def _count(self, n: int, ticks: int) -> int:
        """Count the latest `n` ticks as so many later. Returns that."""
        self._add_up(ticks, of=ticks)
        self._rebuild(max(0, len(self._x) - KEPT_TICKS), len(self._x) - n, ticks)
        return ticks

    def _add_up(self, ticks: int, *, of: int) -> None:
        if of > 0:
            self.missed += ticks
        else:
            self.doubled -= ticks

    def _is_regular(self) -> bool:
        """Return whether single ticks were lost or doubled at equal distances, as by rounding."""
        if len(self._found) < REGULAR_CORRECTIONS or abs(self._found[0][1]) != 1:
            return False
        numbers = [number for number, _ in self._found]
        gaps = [later - earlier for earlier, later in pairwise(numbers)]
        return len({ticks for _, ticks in self._found}) == 1 and max(gaps) - min(gaps) <= 2
