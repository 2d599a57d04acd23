"""A continuation written a stretch at a time, each as busy and as full as what was heard.

A model that decides every key of every step for itself runs away with what it wrote: over many bars it
holds keys for ever, falls silent or piles them up. So it writes as many bars as it hears, in several
ways at once (warmer or colder, keys favoured or not); the one nearest to the density heard stays, and
is heard for the next stretch.

Shape legend: C candidates, T steps of a stretch, U steps in all, Z latent size.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.bundle.manifest import DENSITY_TEMPERATURES
from engine.inference.latent_space import Floats
from engine.inference.slots import LatentModel

CANDIDATES = (
    (0.0, 0.0),
    (0.1, 0.0),
    (-0.1, 0.4),
    (0.0, 0.8),
    (0.0, -0.8),
    (0.15, -0.6),
    (-0.2, 0.2),
    (-0.2, 0.9),
)
"""Temperature added, and nats that every key is favoured by, of each way that is tried."""
COLDEST, WARMER = 0.8, 0.15
"""Temperature at 0 of the slider, and what 1 adds. On held-out works onsets a bar are 0.2 at temperature 0, 3
at .5, 9 at .75 and 23 at 1, where music has 18: colder than this keys are held for ever."""
FULLEST = 1.5
"""Most keys at once, as a share of the most that were heard, above which a way is disfavoured."""


class Density(msgspec.Struct, frozen=True):
    """How full and how busy bars are."""

    sounding: float
    """Keys a step."""
    onsets: float
    """Keys struck a step."""
    most: float
    """Most keys at once."""

    @staticmethod
    def of(frames: npt.NDArray[Any], before: npt.NDArray[Any] | None = None) -> "Density":
        """Measure `[T, 88]` frames, whose first keys count as struck where the frame `before` `[88]` is given
        and they are silent in it."""
        on = frames > 0.5
        struck = on[1:] & ~on[:-1]
        if before is not None:
            struck = np.concatenate([on[:1] & ~(before > 0.5), struck])
        return Density(float(on.sum(1).mean()), float(struck.sum() / len(on)), float(on.sum(1).max()))

    def distance(self, other: "Density") -> float:
        """Return how far another density is away: nats of both shares, and what is piled up above."""
        apart = abs(np.log((other.sounding + 0.1) / (self.sounding + 0.1)))
        apart += abs(np.log((other.onsets + 0.05) / (self.onsets + 0.05)))
        return float(apart + max(0.0, other.most / max(FULLEST * self.most, 1.0) - 1))


def temperature_of(slider: float) -> float:
    """Return the temperature that a slider of 0 to 2 stands for."""
    return COLDEST + WARMER * slider


def write_on(
    model: LatentModel,
    state: Floats,
    heard: npt.NDArray[Any] | None,
    bias: Floats,
    noise: Floats,
    temperature: float,
) -> npt.NDArray[Any]:
    """Write `[U, 88]` frames, stretch after stretch.

    Args:
        model: a continuation of a piano roll.
        state: `[Z]` to begin from.
        heard: `[T, 88]` what the density is kept near to; None for that of the first stretch.
        bias: `[U, 88]` limits, key and chords.
        noise: `[U, 88]` of the seed.
        temperature: see `temperature_of`.
    """
    stretch = model.representation.steps
    written: list[npt.NDArray[Any]] = []
    wanted = None if heard is None else Density.of(heard)
    for start in range(0, len(bias), stretch):
        part = slice(start, start + stretch)
        ways = _ways(model, state, bias[part], noise[part], temperature)
        densities = [Density.of(ways[:, way]) for way in range(len(CANDIDATES))]
        wanted = wanted or densities[0]
        best = min(range(len(CANDIDATES)), key=lambda way: wanted.distance(densities[way]))
        written.append(ways[:, best])
        if start + stretch < len(bias):
            state = model.encode(written[-1][None].astype(np.float32))[0][0]
    return np.concatenate(written)


def write_above(model: LatentModel, state: Floats, bias: Floats, threshold: float) -> npt.NDArray[Any]:
    """Write every key whose probability is above a threshold, `[U, 88]`, stretch after stretch.

    Args:
        model: a continuation of a piano roll that decides each key for itself.
        state: `[Z]` to begin from.
        bias: `[U, 88]` nats that limits, key and chords add to the keys before they are compared.
        threshold: above 0 and below 1; a key of exactly this probability is silent.
    """
    stretch = model.representation.steps
    lean = (bias - np.log(threshold / (1 - threshold))).astype(np.float32)
    written: list[npt.NDArray[Any]] = []
    for start in range(0, len(lean), stretch):
        if written:
            state = model.encode(written[-1][None].astype(np.float32))[0][0]
        part = lean[start : start + stretch, None]
        written.append(model.decode(state[None].astype(np.float32), part)[:, 0])
    return np.concatenate(written)


def _ways(
    model: LatentModel, state: Floats, bias: Floats, noise: Floats, temperature: float
) -> npt.NDArray[Any]:
    """Write a stretch in all ways at once, `[T, C, 88]`."""
    curve = model.bundle.manifest.density_curve
    rows = []
    for warmer, favoured in CANDIDATES:
        heat = temperature + warmer
        usual = np.interp(heat, DENSITY_TEMPERATURES, curve) if curve else 0.0
        rows.append(bias + np.float32(heat) * noise + np.float32(usual + favoured))
    z = np.repeat(state[None], len(rows), axis=0)
    return model.decode(z.astype(np.float32), np.stack(rows, axis=1).astype(np.float32))
