"""Following a MIDI clock: ticks are counted, a delay-locked loop says when they were really due.

The loop is the second-order delay-locked loop of F. Adriaensen, "Using a DLL to filter time"
(2005), with his gains `b = sqrt(2) w` and `c = w^2`, `w = 2 pi B / F` for bandwidth B and tick
rate F. While it opens, the gains are those of a least-squares line through all ticks so far (the
growing-memory alpha-beta filter, `b = 4 / n`, `c = 6 / (n (n + 1))`), which are the largest gains
that still average; they fall to the loop's own within about two beats. That is the gear shift.

The count is the position and never drifts; the loop only interpolates between ticks.
"""

import math
from collections import deque
from itertools import pairwise

TICKS_PER_BEAT = 24
BANDWIDTH_HZ = 0.5
"""Loop bandwidth for a clock with little jitter: a tempo step of 10 BPM settles within a second."""
CALM_JITTER_NS = 1_500_000.0
"""Up to this spread the full bandwidth is used; above it falls in proportion."""
LEAST_BANDWIDTH_SHARE = 0.2
SLIP_RATIO = 0.7
"""An error beyond this share of a tick is a missed or a doubled tick."""
LARGEST_SLIP_RATIO = 2.5
"""With a jittery clock the limit above rises up to this many ticks."""
GATE_RATIO = 0.3
"""Errors are clipped to this share of a tick, so that one late tick does not pull the tempo."""
RUN_TO_REOPEN = 4
"""That many large errors of one sign in a row, and growing, are a tempo change, not jitter."""
GROWTH = 1.25
"""Errors that do not grow so much are a shift of phase, which only a beat of them makes believable."""
SETTLED_TICKS = 8
"""Ticks after which the period is trusted enough to judge a tick by it."""
SHORTEST_TICK_NS = 4_000_000
"""625 BPM; closer ticks in a row are a burst, not a tempo."""
LONGEST_GAP_NS = 2_000_000_000
"""After a longer silence the number of missing ticks is a guess."""
QUANTISED_EVIDENCE = 3
"""Doubled ticks at equal distances that show a driver's rounding rather than a fault."""
SLIPS_TO_COARSEN = 4.0
"""More missed or doubled ticks than this within a beat or so are no faults but rounding."""
PERIOD_TOLERANCE = 0.01
"""Deviation allowed from a driver's period, as a power of two: 0.7 percent."""
COARSE_TICKS = 96
"""For twice this long nothing is judged once ticks were found to be rounded."""
DISPLAY_TICKS = 96
"""The displayed tempo is averaged over about four beats."""

_DEFAULT_PERIOD_NS = 60e9 / (120 * TICKS_PER_BEAT)


def _is_driver_period(period_ns: float) -> bool:
    """Whether a time is a power of two of frames at 44.1 or 48 kHz, or their multiples."""
    powers = (math.log2(period_ns * rate / 1e9) for rate in (44_100, 48_000))
    return any(abs(power - round(power)) < PERIOD_TOLERANCE for power in powers)


def tick_period_ns(bpm: float) -> float:
    """Length of one MIDI clock tick in nanoseconds."""
    return 60e9 / (bpm * TICKS_PER_BEAT)


class ClockFollower:
    """Counts the ticks of a MIDI clock and maps between time and ticks."""

    def __init__(self) -> None:
        self.count = 0
        """Ticks of the master so far, missed ones included, doubled ones not."""
        self.missed = 0
        """Ticks that never came and were counted all the same."""
        self.duplicates = 0
        """Ticks that came twice and were dropped."""
        self.last_ns: int | None = None
        """When the latest tick arrived."""
        self.display_bpm = 120.0
        self._anchor_ns = 0.0
        self._period_ns = _DEFAULT_PERIOD_NS
        self._seen = 0
        self._accepted: deque[tuple[int, int]] = deque(maxlen=RUN_TO_REOPEN)
        self._arrivals: deque[int] = deque(maxlen=2 * TICKS_PER_BEAT)
        self._doubled: deque[int] = deque(maxlen=QUANTISED_EVIDENCE)
        self._slips = 0.0
        self._coarse_until = 0
        self._correction = 0
        self._credit = 0
        self._run = 0
        self._run_began_ns = 0.0
        self._error_mean_ns = 0.0
        self._error_variance = 1e12

    @property
    def period_ns(self) -> float:
        """Filtered length of a tick."""
        return self._period_ns

    @property
    def bpm(self) -> float:
        """Tempo of the loop, unsmoothed."""
        return 60e9 / (TICKS_PER_BEAT * self._period_ns)

    @property
    def jitter_ms(self) -> float:
        """Standard deviation of the ticks about their filtered times."""
        return math.sqrt(self._error_variance) / 1e6

    @property
    def settled(self) -> bool:
        """Whether the period is known well enough to judge single ticks by it."""
        return self._seen >= SETTLED_TICKS

    @property
    def _coarse(self) -> bool:
        return self.count < self._coarse_until

    def ticks_at(self, t_ns: float) -> float:
        """Position in ticks at a time; extrapolates before and after the latest tick."""
        return self.count + (t_ns - self._anchor_ns) / self._period_ns

    def time_of(self, ticks: float) -> int:
        """Time at which the position is, was or will be `ticks`."""
        return round(self._anchor_ns + (ticks - self.count) * self._period_ns)

    def sync(self, t_ns: int) -> None:
        """Take a tick that begins a new row of ticks (after Start): phase anew, tempo kept."""
        self.count += 1
        self._anchor_ns = float(t_ns)
        self._seen = SETTLED_TICKS if self.settled else 1
        self._accepted.clear()
        self._arrivals.clear()
        self._accepted.append((self.count, t_ns))
        self._arrive(t_ns, correction=0)
        self._credit = self._run = 0

    def tick(self, t_ns: int) -> bool:
        """Take one tick. Returns False when the silence before it was too long to count through."""
        if self.last_ns is None or t_ns - self.last_ns > LONGEST_GAP_NS:
            first = self.last_ns is None
            self._seen = 0
            self.sync(t_ns)
            return first
        error_ns = t_ns - self._anchor_ns - self._period_ns
        slip = self._slip(error_ns)
        self._slips = max(0.0, self._slips - 1.0 / TICKS_PER_BEAT) + (slip != 0)
        if (slip != 0 or self._correction < 0) and self._steady(t_ns):
            self._change_tempo(t_ns)
        elif slip > 0:
            self._insert(slip, t_ns, error_ns)
        elif slip < 0:
            self._drop(t_ns)
        else:
            self._accept(t_ns, error_ns, 1)
            self._arrive(t_ns, correction=0)
        if self._slips > SLIPS_TO_COARSEN and len(self._arrivals) > TICKS_PER_BEAT:
            self._coarsen(t_ns, 0)
        return True

    def _slip(self, error_ns: float) -> int:
        """How many ticks are missing (positive) or too many (negative) before this one."""
        if not self.settled or self._coarse:
            return 0
        limit = max(SLIP_RATIO, min(3.0 * self.jitter_ms * 1e6 / self._period_ns, LARGEST_SLIP_RATIO))
        ratio = error_ns / self._period_ns
        if abs(ratio) < limit:
            return 0
        return max(1, round(ratio)) if ratio > 0 else -1

    def _steady(self, t_ns: int) -> bool:
        """Whether the last two intervals agree, so that the odd one is a tempo and not a fault."""
        if len(self._arrivals) < 2:
            return False
        before, last = self._arrivals[-2], self._arrivals[-1]
        interval, earlier = t_ns - last, last - before
        return interval >= SHORTEST_TICK_NS and abs(interval - earlier) < 0.25 * earlier

    def _change_tempo(self, t_ns: int) -> None:
        """Start over with the tempo of the last two intervals; undo what the first was taken for."""
        self.count += 1 - self._correction
        if self._correction > 0:
            self.missed -= self._correction
        else:
            self.duplicates += self._correction
        times = [*list(self._arrivals)[-2:], t_ns]
        self._accepted.clear()
        self._accepted.extend(zip(range(self.count - 2, self.count + 1), times, strict=True))
        self._arrive(t_ns, correction=0)
        self._reopen()

    def _insert(self, missing: int, t_ns: int, error_ns: float) -> None:
        self.missed += missing
        self._credit += missing
        self._accept(t_ns, error_ns - missing * self._period_ns, missing + 1)
        self._arrive(t_ns, correction=missing)

    def _drop(self, t_ns: int) -> None:
        """Leave a tick out: one that was thought missing and comes late, or a doubled one."""
        if self._credit > 0:
            self._credit -= 1
            self.missed -= 1
            self._slips = max(0.0, self._slips - 2.0)
            self._arrive(t_ns, correction=0)
            return
        self.duplicates += 1
        self._doubled.append(self.count)
        self._arrive(t_ns, correction=-1)
        if self._evenly_doubled():
            self._coarsen(t_ns, len(self._doubled))

    def _evenly_doubled(self) -> bool:
        """Whether doubled ticks come in a regular beat, as when a driver rounds ticks to its periods.

        Then the usual interval between ticks is a period of the driver.
        """
        if len(self._doubled) < QUANTISED_EVIDENCE or len(self._arrivals) <= TICKS_PER_BEAT:
            return False
        intervals = sorted(later - earlier for earlier, later in pairwise(self._arrivals))
        if not _is_driver_period(max(1, intervals[len(intervals) // 2])):
            return False
        gaps = [later - earlier for earlier, later in pairwise(self._doubled)]
        return min(gaps) >= 3 and max(gaps) - min(gaps) <= 1

    def _coarsen(self, t_ns: int, real_ticks: int) -> None:
        """Ticks come rounded to a driver's periods: for some beats only count them and average.

        Args:
            t_ns: time of the latest tick.
            real_ticks: ticks that were left out and have to be counted after all.
        """
        self.count += real_ticks - self._credit
        self.duplicates -= real_ticks
        self.missed -= self._credit
        self._doubled.clear()
        self._slips = 0.0
        self._period_ns = (t_ns - self._arrivals[0]) / (len(self._arrivals) - 1)
        self._error_variance = max(self._error_variance, self._period_ns**2 / 12.0)
        self._error_mean_ns = 0.0
        ages = [(len(self._arrivals) - 1 - index) * self._period_ns for index in range(len(self._arrivals))]
        late = sum(arrival + age - t_ns for arrival, age in zip(self._arrivals, ages, strict=True))
        self._anchor_ns = t_ns + late / len(self._arrivals)
        self._accepted.clear()
        self._accepted.append((self.count, t_ns))
        self._seen = COARSE_TICKS
        self._coarse_until = self.count + 2 * COARSE_TICKS
        self._correction = self._run = self._credit = 0

    def _arrive(self, t_ns: int, *, correction: int) -> None:
        self.last_ns = t_ns
        self._arrivals.append(t_ns)
        self._correction = correction

    def _accept(self, t_ns: int, error_ns: float, ticks: int) -> None:
        """Move the loop on by `ticks` to a tick that came `error_ns` after it was expected."""
        self.count += ticks
        self._seen += 1
        self._accepted.append((self.count, t_ns))
        if self._out_of_step(error_ns):
            self._reopen()
            return
        self._anchor_ns += ticks * self._period_ns
        phase_gain, period_gain = self._gains()
        clipped = self._clipped(error_ns)
        self._anchor_ns += phase_gain * clipped
        self._period_ns = max(SHORTEST_TICK_NS, self._period_ns + period_gain * clipped)
        if self.settled:
            self._measure(error_ns)
        if self._seen % TICKS_PER_BEAT == 0:
            self._credit = 0
        self._show()

    def _out_of_step(self, error_ns: float) -> bool:
        """Whether errors of one sign have come in a row that jitter does not explain."""
        large = abs(error_ns) > max(0.1 * self._period_ns, 3.5e6 * self.jitter_ms)
        if not self.settled or self._coarse or not large:
            self._run = 0
            return False
        sign = 1 if error_ns > 0 else -1
        if self._run * sign <= 0:
            self._run, self._run_began_ns = 0, error_ns
        self._run += sign
        growing = abs(error_ns) > GROWTH * abs(self._run_began_ns)
        return abs(self._run) >= (RUN_TO_REOPEN if growing else TICKS_PER_BEAT)

    def _reopen(self) -> None:
        """Fit a line through the latest ticks and go on from there with open gains."""
        count_mean = sum(count for count, _ in self._accepted) / len(self._accepted)
        first_ns = self._accepted[0][1]
        time_mean = sum(t_ns - first_ns for _, t_ns in self._accepted) / len(self._accepted)
        spread = sum((count - count_mean) ** 2 for count, _ in self._accepted)
        slope = sum((count - count_mean) * (t_ns - first_ns) for count, t_ns in self._accepted) / spread
        if slope >= SHORTEST_TICK_NS:
            self._period_ns = slope
        self._anchor_ns = first_ns + time_mean + (self.count - count_mean) * self._period_ns
        self._seen = max(len(self._accepted), 2)
        self._run = self._credit = 0
        self._error_mean_ns = 0.0
        self._show()

    def _gains(self) -> tuple[float, float]:
        """Gains on phase and period for this tick."""
        calm = CALM_JITTER_NS / max(math.sqrt(self._error_variance), CALM_JITTER_NS)
        bandwidth_hz = BANDWIDTH_HZ * max(calm, LEAST_BANDWIDTH_SHARE)
        omega = 2.0 * math.pi * bandwidth_hz * self._period_ns / 1e9
        n = self._seen
        b = max(math.sqrt(2.0) * omega, 4.0 / n)
        c = max(omega * omega, 6.0 / (n * (n + 1)))
        return b - c, c

    def _clipped(self, error_ns: float) -> float:
        if not self.settled:
            return error_ns
        gate_ns = max(GATE_RATIO * self._period_ns, 2e6 * self.jitter_ms)
        return max(-gate_ns, min(gate_ns, error_ns))

    def _measure(self, error_ns: float) -> None:
        """Follow the spread of the errors about their own slow mean, so that a ramp is not jitter."""
        share = 1.0 / 48.0
        error_ns = max(-self._period_ns, min(self._period_ns, error_ns))
        deviation = error_ns - self._error_mean_ns
        self._error_mean_ns += share * deviation
        self._error_variance = (1.0 - share) * (self._error_variance + share * deviation * deviation)

    def _show(self) -> None:
        share = max(1.0 / DISPLAY_TICKS, min(1.0, 4.0 / self._seen))
        if abs(self.bpm - self.display_bpm) > 1.5:
            share = max(share, 1.0 / 8.0)
        self.display_bpm += share * (self.bpm - self.display_bpm)
