"""A host with a transport of its own: random songs of ticks and messages, and where each beat truly is.

Nothing of the engine is used here. The truth is an integer: how many ticks the song has played.

Whether a tick was lost, or the tempo changed, can be known only from the ticks around it. Where the spread
of the arrivals, s, is large beside a tick, T, it takes many: a step of k T between two rows of n ticks is
e^20 times as likely as a bend from n = 360 (s / (k T))^2 on, since the best two lines that meet leave a sum
of squares of n (k T)^2 / 9. So under jitter of 5 ms and rounding to 128 frames and more, faults come only
where tempo and song go on for three times as long on either side, and beats are judged from there on.
That narrows the class: a fault nearer to a step of the tempo, or to a jump, is not played.

The bound takes arrivals to be independent. Rounded ones are not where a tick is nearly a whole number m
of periods P: all are rounded alike for P / |T - m P| ticks, and for so long two numbers of lost ticks may
give the very same arrivals. Faults are played there all the same, and a bar that is wrong for it counts.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

TICKS_PER_BAR = 96
TICKS_PER_BEAT = 24
START, CONTINUE, STOP, TICK = b"\xfa", b"\xfb", b"\xfc", b"\xf8"
TEMPI = ("constant", "small steps", "steps", "ramps")
NOISES = ("none", "1 ms", "5 ms", "64", "128", "256", "512", "1024", "floor")
"""Uniform jitter; rounding up to a driver's period of so many frames; rounding down to whole milliseconds."""
STEADY_NOISES = ("none", "1 ms", "64", "floor")
"""Noises in which a single lost or doubled tick can be separated from a tempo within a beat."""
LOW_BPM, HIGH_BPM = 40.0, 260.0
LEAST_APART_TICKS = 64


@dataclass(frozen=True)
class Event:
    """Something the host sends, or a beat that it plays."""

    t_ns: int
    """When it arrives."""
    data: bytes
    beat: float | None = None
    """For a tick on a beat: which; None where nobody could know it yet."""
    silence_s: float = 0.0
    """How long nothing was sent before."""


def noise(kind: str, rng: random.Random) -> Callable[[float], float]:
    """Return what makes an arrival of a true time."""
    if kind == "none":
        return lambda t_ns: t_ns
    if kind.endswith("ms"):
        most_ns = float(kind.split()[0]) * 1e6
        return lambda t_ns: t_ns + rng.uniform(-most_ns, most_ns)
    if kind == "floor":
        return lambda t_ns: math.floor(t_ns / 1e6) * 1e6
    period_ns = int(kind) / rng.choice((44_100, 48_000)) * 1e9
    phase_ns = rng.uniform(0.0, period_ns)
    return lambda t_ns: math.ceil((t_ns - phase_ns) / period_ns) * period_ns + phase_ns


def spread_ns(kind: str) -> float:
    """Return the standard deviation of a kind of noise; of rounding at the slower rate."""
    if kind == "none":
        return 0.0
    if kind == "floor":
        return 1e6 / math.sqrt(12)
    if kind.endswith("ms"):
        return float(kind.split()[0]) * 1e6 / math.sqrt(3)
    return int(kind) / 44_100 * 1e9 / math.sqrt(12)


def ticks_to_know(kind: str, bpm: float) -> int:
    """Return how many ticks on either side say that one was lost or came twice."""
    if kind in STEADY_NOISES:
        return 2 * TICKS_PER_BEAT
    return max(LEAST_APART_TICKS, math.ceil(3 * 360 * (spread_ns(kind) * bpm * TICKS_PER_BEAT / 60e9) ** 2))


def tempi(kind: str, rng: random.Random) -> Iterator[tuple[float, int]]:
    """Yield for each tick its tempo, and for how many ticks on either side it is the same."""
    bpm = rng.uniform(LOW_BPM, HIGH_BPM)
    while True:
        steady = rng.randint(2 * TICKS_PER_BAR, 12 * TICKS_PER_BAR)
        for tick in range(steady):
            yield bpm, min(tick, steady - tick)
        if kind == "small steps":
            bpm = min(HIGH_BPM, max(LOW_BPM, bpm * rng.uniform(0.93, 1.07)))
        elif kind == "steps":
            bpm = rng.uniform(LOW_BPM, HIGH_BPM)
        elif kind == "ramps":
            to_bpm, ticks = rng.uniform(LOW_BPM, HIGH_BPM), rng.randint(1, 8) * TICKS_PER_BAR
            for tick in range(ticks):
                yield bpm + (to_bpm - bpm) * tick / ticks, 0
            bpm = to_bpm


class RandomHost:
    """Plays `bars` bars, with jumps and silences among them.

    Args:
        seed: of everything random.
        bars: how many to play in all.
        tempo: one of `TEMPI`.
        jitter: one of `NOISES`.
        jumps: whether to stop, continue, locate and start anew.
        faults: whether ticks are lost (up to three in a row) or come twice, where the tempo is steady.
    """

    def __init__(self, seed: int, bars: int, tempo: str, jitter: str, *, jumps: bool, faults: bool) -> None:
        self._rng = random.Random(seed)
        self._bars = bars
        self._tempi = tempi(tempo, self._rng)
        self._noise = noise(jitter, self._rng)
        self._jitter = jitter
        self._ticks_sent = self._known_from_tick = 0
        self._jumps, self._faults = jumps, faults
        self._t_ns = 1e9
        self._last_ns = 0
        self._song_tick = 0
        self._fault_in = self._rng.randint(200, 600)
        self._lose = 0

    def events(self) -> Iterator[Event]:
        """Yield everything in the order of arrival."""
        yield from self._idle(60)
        yield self._message(START)
        left = self._bars
        while left > 0:
            bars = min(left, self._rng.randint(1, 12))
            left -= bars
            yield from self._play(bars * TICKS_PER_BAR)
            if self._jumps and left > 0:
                yield from self._jump()

    def _message(self, data: bytes, before_ns: float = 1e6, silence_s: float = 0.0) -> Event:
        """A message just before the next tick; a driver's period may put both at one time."""
        t_ns = max(self._last_ns, round(self._noise(self._t_ns - before_ns)))
        self._last_ns = t_ns
        return Event(t_ns, data, silence_s=silence_s)

    def _arrive(self, t_ns: float, beat: float | None = None) -> Event:
        arrival_ns = max(self._last_ns, round(self._noise(t_ns)))
        self._last_ns = arrival_ns
        return Event(arrival_ns, TICK, beat)

    def _play(self, ticks: int) -> Iterator[Event]:
        for tick in range(ticks):
            bpm, steady_ticks = next(self._tempi)
            judged = self._song_tick % TICKS_PER_BEAT == 0 and self._ticks_sent >= self._known_from_tick
            beat = self._song_tick / TICKS_PER_BEAT if judged else None
            apart = ticks_to_know(self._jitter, bpm)
            inside = min(tick - 48, ticks - 48 - tick, steady_ticks) >= apart
            yield from self._tick(beat, apart if self._faults and inside else 0)
            self._ticks_sent += 1
            self._song_tick += 1
            self._t_ns += 60e9 / (bpm * TICKS_PER_BEAT)

    def _tick(self, beat: float | None, apart: int) -> Iterator[Event]:
        """A tick, or a fault if it is time for one and `apart`, the ticks it takes to know it, is not 0."""
        self._fault_in -= 1
        if apart and self._fault_in <= 0:
            self._fault_in = max(self._rng.randint(300, 900), 2 * apart)
            if self._jitter not in STEADY_NOISES:
                self._known_from_tick = self._ticks_sent + apart
            if self._rng.random() < 0.5:
                self._lose = self._rng.randint(1, 3)
            else:
                yield self._arrive(self._t_ns, beat)
                yield self._arrive(self._t_ns + self._rng.uniform(5e4, 9e5))
                return
        if self._lose:
            self._lose -= 1
            return
        yield self._arrive(self._t_ns, beat)

    def _idle(self, ticks: int) -> Iterator[Event]:
        """Ticks while the song stands still."""
        for _ in range(ticks):
            bpm, _ = next(self._tempi)
            yield self._arrive(self._t_ns)
            self._t_ns += 60e9 / (bpm * TICKS_PER_BEAT)

    def _jump(self) -> Iterator[Event]:
        rng = self._rng
        sixteenth = rng.randint(0, 600)
        position = bytes((0xF2, sixteenth & 0x7F, sixteenth >> 7))
        how = rng.choice(("restart", "stop and continue", "locate", "turn"))
        if how == "turn":
            yield self._message(position, before_ns=rng.uniform(1e5, 2e6))
            self._song_tick = sixteenth * 6
            return
        if how == "restart" and rng.random() < 0.5:
            yield self._message(START)
            self._song_tick = 0
            return
        yield self._message(STOP, before_ns=2e6)
        silence_s = rng.choice((0.0, 0.0, 1.0, 4.0, 60.0))
        if rng.random() < 0.5:
            yield from self._idle(rng.randint(1, 200))
        self._t_ns += silence_s * 1e9 + rng.uniform(0.0, 3e7)
        before_ns = rng.choice((2e5, 1e6, 6e6, 6e7))
        if how == "locate":
            yield self._message(position, before_ns + 1e5, silence_s)
            self._song_tick = sixteenth * 6
        if how == "restart":
            self._song_tick = 0
        yield self._message(START if how == "restart" else CONTINUE, before_ns, silence_s)
