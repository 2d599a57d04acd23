"""A simulated MIDI clock master: tick times with jitter and faults, all virtual and seeded."""

from collections.abc import Callable

import numpy as np

TICKS_PER_BEAT = 24
TempoOfBeat = Callable[[float], float]


def constant(bpm: float) -> TempoOfBeat:
    return lambda _beat: bpm


def step(bpm: float, to_bpm: float, at_beat: float) -> TempoOfBeat:
    return lambda beat: bpm if beat < at_beat else to_bpm


def ramp(bpm: float, bpm_per_beat: float, from_beat: float, to_bpm: float) -> TempoOfBeat:
    return lambda beat: min(to_bpm, bpm + max(0.0, beat - from_beat) * bpm_per_beat)


def true_ticks(tempo: TempoOfBeat, beats: int, start_ns: int = 1_000_000_000) -> np.ndarray:
    """Exact times (ns, float) of ticks 0 to `beats * 24`."""
    times = [float(start_ns)]
    for tick in range(beats * TICKS_PER_BEAT):
        times.append(times[-1] + 60e9 / (tempo(tick / TICKS_PER_BEAT) * TICKS_PER_BEAT))
    return np.array(times)


def none(times: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return times


def uniform(ms: float) -> Callable[..., np.ndarray]:
    return lambda times, rng: times + rng.uniform(-ms, ms, len(times)) * 1e6


def gaussian(ms: float) -> Callable[..., np.ndarray]:
    return lambda times, rng: times + rng.normal(0.0, ms, len(times)) * 1e6


def quantised(frames: int, rate: int = 48_000) -> Callable[..., np.ndarray]:
    """Delivery at the next period boundary, as a driver with audio periods does."""
    period_ns = frames / rate * 1e9
    return lambda times, rng: np.ceil(times / period_ns) * period_ns


def floored(ms: float) -> Callable[..., np.ndarray]:
    return lambda times, rng: np.floor(times / (ms * 1e6)) * ms * 1e6


def spikes(share: float, ms: float) -> Callable[..., np.ndarray]:
    return lambda times, rng: times + (rng.random(len(times)) < share) * ms * 1e6


def bursts(every: int) -> Callable[..., np.ndarray]:
    """Every `every` ticks three arrive together, at the time of the last of them."""

    def apply(times: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
        late = times.copy()
        for first in range(every, len(times) - 2, every):
            late[first : first + 2] = times[first + 2]
        return late

    return apply


def drift(ppm: float) -> Callable[..., np.ndarray]:
    return lambda times, rng: times[0] + (times - times[0]) * (1.0 + ppm / 1e6)


def arrivals(times: np.ndarray, jitter: Callable[..., np.ndarray] = none, seed: int = 7) -> list[int]:
    """Times at which the ticks arrive, in order."""
    return [int(t) for t in np.maximum.accumulate(jitter(times, np.random.default_rng(seed)))]


def without(ticks: list[int], first: int, missing: int) -> list[int]:
    """Drop `missing` ticks from index `first` on."""
    return ticks[:first] + ticks[first + missing :]


def doubled(ticks: list[int], index: int, later_ns: int = 300_000) -> list[int]:
    """Send one tick a second time."""
    return [*ticks[: index + 1], ticks[index] + later_ns, *ticks[index + 1 :]]
