"""Finds the period of an audio driver, a timer or a screen that the ticks of a clock are rounded to.

Rounded ticks all lie at one phase of that period, whatever the tempo does. Ticks that are merely about as far
apart as a period lasts drift through its phases. A period of several others fits as long as the tempo is a
multiple of it too, so the longest is believed of those that have fitted about as long as any.
"""

PERIOD_TOLERANCE = 1e-3
TIMER_PERIODS_MS = (
    *(frames * 1e3 / rate for rate in (44_100, 48_000) for frames in (256, 512, 1024, 2048, 4096)),
    10.0,
    1e3 / 64,
    1e3 / 60,
)
"""Periods that ticks are known to be rounded to: audio drivers, timers of 10 ms and 1/64 s, screens."""
GRID_PERIODS_MS = (
    1.0,
    *(frames * 1e3 / rate for rate in (44_100, 48_000) for frames in (64, 128)),
    *TIMER_PERIODS_MS,
)
"""Periods that ticks are looked for at."""
ROUNDING_REACH = 1.03
"""Rounded ticks of one tempo are at most this share of a period apart beside the right line."""
SLOPES_TRIED = 10
NOISE_MS = 0.05
"""A tick so near to its phase of a period fits."""
DRIFT_TICKS = 32
"""The phase is averaged over so many ticks: the clocks of a driver and of the system drift slowly."""
SEEN_TICKS = 8
"""So many ticks in a row that fit, and the clock is taken to be rounded."""
ASTRAY_TICKS = 2
"""After them, so many in a row may be held up on their way and come off the grid."""
MOST_TICKS = 1024
"""So far back a longer period that did not fit is held against it."""
SILENCE_MS = 1000.0
"""After a longer silence the phase may have drifted away."""


def is_timer_period(period_ms: float) -> bool:
    """Return whether a time is one of the known periods."""
    return any(abs(known_ms - period_ms) < PERIOD_TOLERANCE * period_ms for known_ms in TIMER_PERIODS_MS)


def is_one_tempo(xs: list[float], ts: list[float], slope: float, period_ms: float) -> bool:
    """Return whether ticks `xs`, at times `ts`, lie within a period along a line of about a slope.

    How far apart they are is convex in the slope, and least where the latest beside the line and the
    earliest change sides; it is sought by halves.
    """
    step = period_ms / max(1.0, xs[-1] - xs[0])
    for _ in range(SLOPES_TRIED):
        beside = [t - slope * x for x, t in zip(xs, ts, strict=True)]
        latest, earliest = max(beside), min(beside)
        reach_ms = latest - earliest
        if reach_ms <= ROUNDING_REACH * period_ms:
            return True
        # Of a convex curve nothing lies below its tangent; the slope moves by at most two steps more.
        tangent = xs[beside.index(latest)] - xs[beside.index(earliest)]
        if reach_ms - 2.0 * step * abs(tangent) > ROUNDING_REACH * period_ms:
            return False
        slope += step if tangent > 0.0 else -step
        step /= 2.0
    return False


class _Phase:
    """The ticks' phase in one period."""

    def __init__(self, period_ms: float) -> None:
        self.period_ms = period_ms
        self.ticks = 0
        """Ticks since the phase last changed."""
        self._in_a_row = 0
        """The latest ones in a row that fit; negative for ones that do not."""
        self._phase_ms = 0.0
        """How long before the latest tick a period began."""

    def add(self, interval_ms: float) -> None:
        """Take a tick, so long after the one before."""
        off_ms = self._phase_ms + interval_ms
        off_ms -= round(off_ms / self.period_ms) * self.period_ms
        self.ticks = min(MOST_TICKS, self.ticks + 1)
        if abs(off_ms) < NOISE_MS:
            self._in_a_row = max(0, self._in_a_row) + 1
            self._phase_ms = off_ms - off_ms / min(self.ticks, DRIFT_TICKS)
        elif self._in_a_row >= SEEN_TICKS or -ASTRAY_TICKS < self._in_a_row < 0:
            self._in_a_row = min(0, self._in_a_row) - 1
            self._phase_ms = 0.0 if interval_ms > SILENCE_MS else off_ms
        else:
            self.ticks = self._in_a_row = 0
            self._phase_ms = 0.0


class TickGrid:
    """Follows the phase of the ticks in every known period."""

    def __init__(self) -> None:
        self.period_ms = 0.0
        """The period that ticks are rounded to; 0 for none."""
        self._last_ns: int | None = None
        self._phases = [_Phase(period_ms) for period_ms in GRID_PERIODS_MS]

    def lasts(self, tick_ms: float) -> bool:
        """Return whether the period of the grid is as long as a tick, so that each usually holds one."""
        return abs(self.period_ms - tick_ms) < PERIOD_TOLERANCE * tick_ms

    def hides(self, off_ms: float) -> bool:
        """Return whether rounding alone may put two ticks so much nearer or further apart than they were."""
        return abs(off_ms) < ROUNDING_REACH * self.period_ms

    def add(self, t_ns: int) -> None:
        """Take a tick."""
        interval_ms = 0.0 if self._last_ns is None else (t_ns - self._last_ns) / 1e6
        self._last_ns = t_ns
        for phase in self._phases:
            phase.add(interval_ms)
        # A shorter one may go on fitting by chance where the phase changes.
        most = max(phase.ticks for phase in self._phases)
        fitting = (phase.period_ms for phase in self._phases if phase.ticks >= max(SEEN_TICKS, most / 2))
        self.period_ms = max(fitting, default=0.0)
