"""Following a MIDI clock: ticks are counted, a delay-locked loop says when they were really due.

The loop is the second-order delay-locked loop of F. Adriaensen, "Using a DLL to filter time"
(2005), with his gains `b = sqrt(2) w` and `c = w^2`, `w = 2 pi B / F` for bandwidth B and tick
rate F. While it opens, the gains are those of a least-squares line through all ticks so far (the
growing-memory alpha-beta filter, `b = 4 / n`, `c = 6 / (n (n + 1))`), which are the largest gains
that still average; they fall to the loop's own within about two beats. That is the gear shift. Where
the loop lags behind a line through the latest ticks, it goes on from that line.

Every tick that arrives counts. `engine.performer.tick_count` finds afterwards which were lost or came twice.
Until it has, an odd tick of a steady clock is a guess, which is given up if it is not proven.
"""

import math
from collections import deque

from engine.performer.clock_pairs import PairFilter
from engine.performer.tick_count import TickCounter

TICKS_PER_BEAT = 24
BANDWIDTH_HZ = 0.5
"""Loop bandwidth for a clock with little jitter: a tempo step of 10 BPM settles within a second."""
CALM_JITTER_NS = 1_500_000.0
"""Up to this spread the full bandwidth is used; above it falls in proportion."""
LEAST_BANDWIDTH_SHARE = 0.2
SLIP_RATIO = 0.7
"""An error beyond this share of a tick is taken for a missed or a doubled tick."""
SLIP_SIGMAS = 4.0
"""But only where it is as many standard deviations of the clock's jitter."""
STEEPEST_STEP = 6.5
"""No tempo changes by more than this factor, from 260 to 40 BPM."""
PROOF_TICKS = 72
"""A guess that is not proven after so many ticks is given up."""
LEFT_TEMPO = 0.3
"""A guess is given up where ticks last by this share more or less than when it was made."""
NEAR_TICKS = 3
"""A guess this near to what is proven is that."""
LATE_TICKS = 24
"""A tick thought missing may come so late."""
HEAP_NS = 1_000_000
"""Ticks closer than this were held up together."""
GUESSES_AT_ONCE = 2
"""More guesses at once show jitter rather than faults."""
GUESS_PAUSE_TICKS = 96
LINES_TICKS = (4, 8, 24)
"""Lines the loop is compared with: short ones follow a clock without jitter."""
NOISE_TICKS = 16
"""Ticks whose spread about a line is the clock's jitter, whatever its tempo does."""
LAG_RATIO = 0.5
"""A loop this share of a tick away from a line lags, ..."""
ROUNDED_LAG_RATIO = 2.0
LAG_SIGMAS = 6.0
"""... if that is as many standard deviations of the line's end."""
REACH_RATIO, REACH_SIGMAS = 1.5, 2.5
"""The loop is never further from a tick than this share of one and as many standard deviations of jitter."""
LEAST_NOISE_NS = 200_000.0
LINE_NOISE_NS = 300_000.0
"""A line with more than twice the clock's jitter and this does not fit: the tempo just changed."""
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
DISPLAY_TICKS = 96
"""The displayed tempo is averaged over about four beats."""

_DEFAULT_PERIOD_NS = 60e9 / (120 * TICKS_PER_BEAT)


_Guess = tuple[int, int, float]
"""`(number of the arrival, ticks, period)`: missing before it, or -1 for a doubled one; a tick (ns)."""


def tick_period_ns(bpm: float) -> float:
    """Return the length of one MIDI clock tick in nanoseconds."""
    return 60e9 / (bpm * TICKS_PER_BEAT)


class ClockFollower:
    """Counts the ticks of a MIDI clock and maps between time and ticks."""

    def __init__(self) -> None:
        self.count = 0
        """Ticks of the master so far, missed ones included, doubled ones not."""
        self.last_ns: int | None = None
        """When the latest tick arrived."""
        self.display_bpm = 120.0
        self._counter = TickCounter()
        self._pairs = PairFilter()
        self._second_ticks = 0
        self.origin = 0
        """Count at which the song was last placed; see `place`."""
        self._origin_number = 0
        self._guesses: list[_Guess] = []
        self._guess_from = 0
        self._guessed = 0
        """What the latest tick was guessed to be."""
        self._anchor_ns = 0.0
        self._period_ns = _DEFAULT_PERIOD_NS
        self._seen = 0
        self._accepted: deque[tuple[int, int]] = deque(maxlen=RUN_TO_REOPEN)
        self._arrivals: deque[int] = deque(maxlen=2)
        self._run = 0
        self._run_began_ns = 0.0
        self._error_mean_ns = 0.0
        self._error_variance = 1e12
        self._noise_ns = 1e6

    @property
    def missed(self) -> int:
        """Ticks that never came and were counted all the same."""
        return self._counter.missed + sum(ticks for _, ticks, _ in self._guesses if ticks > 0)

    @property
    def duplicates(self) -> int:
        """Ticks that came twice and were dropped."""
        guessed = sum(ticks for _, ticks, _ in self._guesses if ticks < 0)
        return self._counter.doubled + self._second_ticks - guessed

    @property
    def doubled(self) -> bool:
        """Whether every tick comes twice, as from two cables; it is counted once."""
        return self._pairs.doubled

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
    def rounding_ticks(self) -> float:
        """Period that ticks are rounded to, in ticks; 0 where none is seen."""
        return self._counter.grid.period_ms * 1e6 / self._period_ns

    @property
    def settled(self) -> bool:
        """Whether the period is known well enough to judge single ticks by it."""
        return self._seen >= SETTLED_TICKS

    def ticks_at(self, t_ns: float) -> float:
        """Return the position in ticks at a time; extrapolates before and after the latest tick."""
        return self.count + (t_ns - self._anchor_ns) / self._period_ns

    def time_of(self, ticks: float) -> int:
        """Return the time at which the position is, was or will be `ticks`."""
        return round(self._anchor_ns + (ticks - self.count) * self._period_ns)

    def place(self, count: int) -> None:
        """Make a count, of the latest tick or one near it, the origin of the song.

        If a tick before it turns out to be lost, or to have come twice, it moves too: the song was placed
        at a tick, whatever its number.
        """
        self.origin, self._origin_number = count, self._counter.number

    def sync(self, t_ns: int) -> None:
        """Take a tick that begins a new row of ticks (after Start): phase anew, tempo kept."""
        self.count += 1
        self._anchor_ns = float(t_ns)
        self._seen = SETTLED_TICKS if self.settled else 1
        self._counter.reset()
        self._counter.add(t_ns)
        for kept in (self._guesses, self._arrivals, self._accepted):
            kept.clear()
        self._accepted.append((self.count, t_ns))
        self._arrive(t_ns, guessed=0)
        self._run = 0

    def tick(self, t_ns: int) -> bool:
        """Take one tick. Returns False when the silence before it was too long to count through."""
        doubled = self.doubled
        if self._pairs.take(t_ns, self.count):
            if not doubled:
                self._count_pairs()
            self._second_ticks += 1
            return True
        if self.last_ns is None or t_ns - self.last_ns > LONGEST_GAP_NS:
            first = self.last_ns is None
            self._seen = 0
            self.sync(t_ns)
            return first
        error_ns = t_ns - self._anchor_ns - self._period_ns
        ticks = self._slip(t_ns - self.last_ns, error_ns)
        number, proven = self._counter.add(t_ns)
        if ((ticks != 0 or self._guessed < 0) and self._steady(t_ns)) or self._is_odd_again(ticks):
            self._change_tempo(t_ns)
        elif ticks > 0:
            self._insert(ticks, t_ns, error_ns)
        elif ticks < 0:
            self._drop(t_ns)
        else:
            self._accept(t_ns, error_ns, 1)
            self._arrive(t_ns, guessed=0)
        if proven:
            self._correct(number, proven)
        self._review_guesses()
        self._catch_up()
        return True

    # Ticks that are missing or too many ------------------------------------------------------

    def _slip(self, interval_ns: int, error_ns: float) -> int:
        """Guess how many ticks are missing (positive) or too many (negative) before this one.

        None where the clock jitters so much that one tick says nothing.
        """
        least_ns = max(SLIP_RATIO * self._period_ns, SLIP_SIGMAS * math.sqrt(self._error_variance))
        if not self.settled or abs(error_ns) < least_ns or self._counter.number < self._guess_from:
            return 0
        if least_ns > SLIP_RATIO * self._period_ns:
            return 0
        ticks = max(1, round(error_ns / self._period_ns)) if error_ns > 0 else -1
        if 2 < ticks < STEEPEST_STEP:
            # A tempo so much slower is as likely; the next tick decides, and two are little wrong either way.
            ticks = 2
        rounded = abs(ticks) == 1 and self._counter.grid.hides((interval_ns - self._period_ns) / 1e6)
        return 0 if rounded else ticks

    def _correct(self, number: int, ticks: int) -> None:
        """Take over what is proven: ticks lost (or doubled, if negative) before an arrival."""
        for guess in [guess for guess in self._guesses if abs(guess[0] - number) <= NEAR_TICKS]:
            self._give_up(guess)
        self._move_count(number, ticks)

    def _give_up(self, guess: _Guess) -> None:
        self._guesses.remove(guess)
        self._move_count(guess[0], -guess[1])

    def _move_count(self, number: int, ticks: int) -> None:
        """Count so many ticks more before an arrival."""
        self.count += ticks
        if number <= self._origin_number:
            self.origin += ticks
        moved = [(count + ticks, t_ns) for count, t_ns in self._accepted]
        self._accepted.clear()
        self._accepted.extend(moved)

    def _review_guesses(self) -> None:
        """Give up guesses that are not proven in time or at their tempo, and all where there are too many."""
        number = self._counter.number
        for guess in list(self._guesses):
            if number - guess[0] > PROOF_TICKS or abs(self._period_ns - guess[2]) > LEFT_TEMPO * guess[2]:
                self._give_up(guess)
        if len(self._guesses) > GUESSES_AT_ONCE and not self._pairs.suspected:
            for guess in list(self._guesses):
                self._give_up(guess)
            self._guess_from = number + GUESS_PAUSE_TICKS

    def _count_pairs(self) -> None:
        """Count each pair of ticks that gave a clock over two cables away as one."""
        firsts = self._pairs.firsts
        self._guesses.clear()
        self.count = self._pairs.count_before + len(firsts)
        self._counter.reset()
        self._accepted.clear()
        first_count = self.count - len(firsts) + 1
        self._accepted.extend((first_count + index, t_ns) for index, t_ns in enumerate(firsts))
        self._arrive(firsts[-1], guessed=0)
        self._reopen()

    def _steady(self, t_ns: int) -> bool:
        """Return whether the last two intervals agree, so that the odd one is a tempo and not a fault."""
        if len(self._arrivals) < 2:
            return False
        before, last = self._arrivals[-2], self._arrivals[-1]
        interval, earlier = t_ns - last, last - before
        return interval >= SHORTEST_TICK_NS and abs(interval - earlier) < 0.25 * earlier

    def _is_odd_again(self, ticks: int) -> bool:
        """Return whether a tick came late, or early, a second time: faults are rare, so it is the tempo.

        Early ticks must follow each other; between late ones a rounded one may be in time.
        """
        number, guessed, _ = self._guesses[-1] if self._guesses else (0, 0, 0.0)
        apart = self._counter.number - number
        again = apart <= NEAR_TICKS if ticks > 0 else apart == 1
        return again and ticks * guessed > 0 and not self._pairs.suspected

    def _change_tempo(self, t_ns: int) -> None:
        """Start over with the tempo of the last two intervals; undo what the first was taken for."""
        self.count += 1
        if self._guesses and self._counter.number - self._guesses[-1][0] <= NEAR_TICKS:
            self._give_up(self._guesses[-1])
        times = (*self._arrivals, t_ns)
        self._accepted.clear()
        self._accepted.extend(zip(range(self.count - 2, self.count + 1), times, strict=True))
        self._arrive(t_ns, guessed=0)
        self._reopen()

    def _insert(self, missing: int, t_ns: int, error_ns: float) -> None:
        self._guesses.append((self._counter.number, missing, self._period_ns))
        halved = round(error_ns / self._period_ns) != missing
        self._accept(t_ns, 0.0 if halved else error_ns - missing * self._period_ns, missing + 1)
        if halved:
            self._anchor_ns = float(t_ns)
        self._arrive(t_ns, guessed=missing)

    def _drop(self, t_ns: int) -> None:
        """Leave a tick out: one that was thought missing and comes late, or a doubled one."""
        number, missing, period_ns = self._guesses[-1] if self._guesses else (0, 0, 0.0)
        held_up = bool(self._arrivals) and t_ns - self._arrivals[-1] < HEAP_NS
        if missing > 0 and (held_up or self._counter.number - number <= LATE_TICKS):
            self._guesses[-1:] = [(number, missing - 1, period_ns)] if missing > 1 else []
            self._arrive(t_ns, guessed=0)
            return
        self._guesses.append((self._counter.number, -1, self._period_ns))
        self._arrive(t_ns, guessed=-1)

    # The loop --------------------------------------------------------------------------------

    def _arrive(self, t_ns: int, *, guessed: int) -> None:
        self.last_ns = t_ns
        self._arrivals.append(t_ns)
        self._guessed = guessed

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
        self._show()

    def _out_of_step(self, error_ns: float) -> bool:
        """Return whether errors of one sign have come in a row that jitter does not explain."""
        large = abs(error_ns) > max(0.1 * self._period_ns, 3.5e6 * self.jitter_ms)
        if not self.settled or not large:
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
        self._run = 0
        self._error_mean_ns = 0.0
        self._show()

    def _catch_up(self) -> None:
        """Go on from a line through the latest ticks where the loop lags behind it."""
        self._stay_near()
        noise = self._counter.line(NOISE_TICKS)
        if noise is None:
            return
        # Bent lines look like noise, so it rises slowly.
        share = 0.1 if noise[2] < self._noise_ns else 0.02
        self._noise_ns += share * (noise[2] - self._noise_ns)
        noise_ns = max(self._noise_ns, LEAST_NOISE_NS)
        for ticks in LINES_TICKS:
            line = self._counter.line(ticks)
            if line is None:
                return
            last_ns, period_ns, spread_ns = line
            lag_ns = abs(last_ns - self._anchor_ns)
            least_ns = LAG_SIGMAS * noise_ns / math.sqrt(ticks)
            if spread_ns > 2.0 * self._noise_ns + LINE_NOISE_NS or lag_ns <= least_ns:
                continue
            # Rounded ticks lie on a line of the wrong tempo until the next odd one.
            ratio = ROUNDED_LAG_RATIO if self._counter.grid.lasts(period_ns / 1e6) else LAG_RATIO
            if lag_ns > ratio * self._period_ns and period_ns >= SHORTEST_TICK_NS:
                self._anchor_ns, self._period_ns, self._seen = last_ns, period_ns, ticks
                self._run, self._error_mean_ns = 0, 0.0
                self._stay_near()
                self._show()
                return

    def _stay_near(self) -> None:
        """Keep the loop within reach of the latest tick, as after a large step of the tempo."""
        assert self.last_ns is not None
        late_ns = self.last_ns - self._anchor_ns
        reach_ns = max(REACH_RATIO * self._period_ns, REACH_SIGMAS * self._noise_ns)
        if abs(late_ns) > reach_ns:
            self._anchor_ns = self.last_ns - math.copysign(reach_ns, late_ns)

    def _gains(self) -> tuple[float, float]:
        """Return the gains on phase and period for this tick."""
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
