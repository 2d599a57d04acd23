"""Walks and draws in a model's latent space: great circle, slerp, draws from the prior, attribute directions.

Shape legend: Z latent size.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import Attribute, BundleManifest
from engine.inference.controls import Controls

if TYPE_CHECKING:  # how a bundle is read and checked is not needed before one is
    from engine.inference.bundle.store import Bundle

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

VARIATION_CURVE = (0.0, 0.2, 0.27, 0.33, 0.38, 0.43, 0.48, 0.54, 0.62, 0.74, 1.0)
"""Share of the great circle at equally spaced slider values: near the source a latent can move far
before a note changes, and past the middle it soon is another phrase. Measured on a two-bar melody
model (48 held-out phrases); a bundle may bring its own."""
MORPH_CURVE = (0.0, 0.2, 0.28, 0.36, 0.43, 0.5, 0.57, 0.64, 0.72, 0.8, 1.0)
"""The same between two phrases."""

SHORTEST = 1e-6
"""A latent, or a mean of directions, that is shorter has no direction."""
MOST_DESCENT_STEPS = 50
DESCENT_ENDS = 1e-8
"""Angle of a step, in radians, below which a mean of directions is found."""
_LATENT_STREAM = 0
_POSTERIOR_STREAM = 2


REGISTER = "register"
"""Attribute that is a transposition on the scale: in the latent space it would leave the key."""
DENSITY = "density"
"""Attribute that models of words and of two hands have without a direction."""
WITHOUT_DIRECTIONS = (
    Attribute(name=DENSITY, unit="onsets per step", effects={}),
    Attribute(name=REGISTER, unit="mean MIDI pitch", effects={}),
)
"""The attributes of models of words and of two hands, which need no directions."""
LEAST_PERCENT = 5.0
"""Share of an attribute's mean that a step along its direction must change it by to be offered."""


def along(curve: Sequence[float], value: float) -> float:
    """Return where a slider's value, 0 to 1, is on the way, by a curve of equally spaced points."""
    return float(np.interp(value, *_points(tuple(curve))))


@lru_cache(maxsize=8)
def _points(curve: tuple[float, ...]) -> tuple[Doubles, Doubles]:
    """Return the sliders' values, 0 to 1, and the places of a curve, not to be written into."""
    return np.linspace(0, 1, len(curve)), np.array(curve, np.float64)


def great_circle(start: Floats, end: Floats, share: float) -> Floats:
    """Walk a quarter circle from `start` (share 0) to `end` (share 1).

    For independent standard normal ends every point on the way is standard normal again, so the
    decoder never sees a latent that is too short, as on the straight line.
    """
    angle = share * np.pi / 2
    return np.asarray(np.cos(angle) * start + np.sin(angle) * end, np.float32)


def slerp(start: Floats, end: Floats, share: float) -> Floats:
    """Interpolate on the sphere between two latents; a straight line where they nearly align."""
    lengths = float(np.linalg.norm(start)) * float(np.linalg.norm(end))
    cosine = float(start @ end) / lengths if lengths > 1e-12 else 1.0
    angle = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    if np.sin(angle) < 1e-4:
        return np.asarray((1 - share) * start + share * end, np.float32)
    weights = np.sin((1 - share) * angle), np.sin(share * angle)
    return np.asarray((weights[0] * start + weights[1] * end) / np.sin(angle), np.float32)


def spherical_mean(parts: Sequence[tuple[Floats, float]]) -> Floats:
    """Blend latents by their shares on the sphere, the same whatever order they come in.

    Their directions are blended to the weighted Fréchet mean (Karcher 1977, doi 10.1002/cpa.3160300502): the
    one whose squared angles to them, times the shares, have the smallest sum. The latents are added with the
    coefficients that their directions have in it, those of `slerp` where there are two.

    Args:
        parts: latents `[Z]` with their shares, at least 0, which sum to 1; one with a share of 1 comes back
            as it is.
    """
    counted = sorted((part for part in parts if part[1]), key=lambda part: (part[1], part[0].tobytes()))
    if len(counted) < 3:
        (first, _), (last, share) = counted[0], counted[-1]
        return first if len(counted) == 1 else slerp(first, last, share / (counted[0][1] + share))
    latents = np.stack([latent for latent, _ in counted]).astype(np.float64)
    shares = np.array([share for _, share in counted])
    return np.asarray(_mean_weights(latents, shares / shares.sum()) @ latents, np.float32)


def _mean_weights(latents: Doubles, shares: Doubles) -> Doubles:
    """Return the coefficients `[N]` of latents `[N, Z]` in their mean: found by steps of steepest descent.

    Where a direction has no mean that is nearest, as of latents that cancel out or of one that is 0, they are
    the shares: a straight blend.
    """
    lengths: Doubles = np.linalg.norm(latents, axis=1)
    if lengths.min() < SHORTEST:
        return shares
    cosines: Doubles = (latents @ latents.T) / np.outer(lengths, lengths)
    mean = shares
    for _ in range(MOST_DESCENT_STEPS):
        length = _length(cosines, mean)
        if length < SHORTEST:
            return shares
        mean = np.asarray(mean / length)
        step = _descent(cosines, shares, mean)
        size = _length(cosines, step)
        if size < DESCENT_ENDS:
            break
        mean = np.asarray(np.cos(size) * mean + np.sinc(size / np.pi) * step)
    return mean


def _length(cosines: Doubles, weights: Doubles) -> float:
    """Return the length of a sum of directions by their coefficients `[N]` and cosines `[N, N]`."""
    return float(np.sqrt(max(float(weights @ cosines @ weights), 0.0)))


def _descent(cosines: Doubles, shares: Doubles, mean: Doubles) -> Doubles:
    """Return where the directions pull a mean of length 1 along the sphere, each by its share and angle."""
    near = cosines @ mean
    angles = np.arccos(np.clip(near, -1.0, 1.0))
    pulls = shares / np.maximum(np.sinc(angles / np.pi), SHORTEST)
    return np.asarray(pulls - (pulls @ near) * mean)


def prior_draw(latents: Latents, seed: int, spread: float = 1.0) -> Floats:
    """Draw a latent `[Z]` from the prior, its deviations times `spread`; the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _LATENT_STREAM))))
    edges = np.cumsum(latents.prior_weights, dtype=np.float64)
    component = min(int(np.searchsorted(edges, rng.random() * edges[-1], side="right")), len(edges) - 1)
    normal = rng.standard_normal(latents.prior_means.shape[1])
    drawn = latents.prior_means[component] + spread * latents.prior_deviations[component] * normal
    return np.asarray(drawn, np.float32)


def posterior_draw(like: Floats, seed: int) -> Floats:
    """Draw standard normal numbers of a latent's shape; the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _POSTERIOR_STREAM))))
    return rng.standard_normal(like.shape).astype(np.float32)


def offered(manifest: BundleManifest) -> tuple[Attribute, ...]:
    """Return the attributes whose directions were measured to change what they name.

    Models of words and of two hands have none; their density and their register need no direction.
    """
    measured = tuple(
        attribute
        for attribute in manifest.attributes
        if abs(attribute.effects_percent.get(attribute.name, LEAST_PERCENT)) >= LEAST_PERCENT
    )
    if measured or manifest.latent_layout is None:
        return measured
    pitched = manifest.key_normalised or manifest.representation.name == "pianoroll"
    return WITHOUT_DIRECTIONS if pitched else ()


def check_attributes(bundle: "Bundle", names: Iterable[str]) -> None:
    """Refuse attributes that a bundle has no direction for (RenderError)."""
    known = [attribute.name for attribute in offered(bundle.manifest)]
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise RenderError(f"attribute {name!r} is not in {bundle.manifest.name}; it has: {listed}")


def attribute_shift(bundle: "Bundle", controls: Controls) -> Floats:
    """Return the step `[Z]` the attribute sliders ask for, along the directions that there are.

    The register moves on the scale instead, and models without directions lean their decoder.
    """
    check_attributes(bundle, dict(controls.attributes))
    names = [attribute.name for attribute in bundle.manifest.attributes]
    shift = np.zeros(bundle.manifest.z_size, np.float32)
    for name, amount in controls.attributes:
        if name == REGISTER or name not in names:
            continue
        shift += np.float32(amount) * bundle.latents.directions[names.index(name)]
    return shift


def attribute_distance(controls: Controls) -> float:
    """Return how far the attribute sliders push off the anchor, 0 to 1."""
    amounts = (abs(amount) for name, amount in controls.attributes if name != REGISTER)
    return min(1.0, max(amounts, default=0.0))
