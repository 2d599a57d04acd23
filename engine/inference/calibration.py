"""Measures how far along its way a slider must be for the music to change evenly.

How soon a phrase changes when its latent moves depends on the model: on how wide its posteriors
are and how much it attends to z. The exporter calls these on held-out phrases and stores the
curves in the bundle.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference import perturbation
from engine.inference.bundle.manifest import DENSITY_TEMPERATURES
from engine.inference.keyboard import struck
from engine.inference.latent_space import Floats, great_circle, slerp
from engine.inference.moved_draws import draws_near
from engine.inference.slots import LatentModel, encode_slot

SHARES = np.linspace(0, 1, 26)
TEMPERATURE = 0.5
POINTS = 11
DENSITY_BOUNDS = (-4.0, 4.0)
"""Nats within which a density is looked for."""

Curve = tuple[float, ...]


def variation_curve(model: LatentModel, tensors: npt.NDArray[Any]) -> Curve:
    """Return the curve of the variation slider, `POINTS` shares from 0 to 1.

    Args:
        model: a loaded model.
        tensors: `[N, T, S]` (or `[N, T, D]`) held-out phrases; a few dozen do.
    """
    mu, _ = model.encode(tensors)
    slots = [encode_slot(model, model.representation.decode(tensor)) for tensor in tensors]
    ends = [draws_near(model, slot, (seed,))[0] for seed, slot in enumerate(slots)]
    changed = np.zeros(len(SHARES))
    for row, tensor in enumerate(tensors):
        path = _walk(model, row, partial(great_circle, mu[row], ends[row]), (tensor, None))
        changed += _distance(model, path, tensor)
    return _even(changed / max(changed[-1], 1e-9))


def morph_curve(model: LatentModel, tensors: npt.NDArray[Any]) -> Curve:
    """Return the curve of the morph slider, from each phrase to the next one given.

    Raises:
        RenderError: there are fewer than two phrases.
    """
    if len(tensors) < 2:
        raise RenderError(f"{len(tensors)} phrases are too few to morph between; give 2 or more")
    mu, _ = model.encode(tensors)
    left, ahead = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    for row in range(len(tensors) - 1):
        first, second = tensors[row], tensors[row + 1]
        path = _walk(model, row, partial(slerp, mu[row], mu[row + 1]), (first, second))
        left += _distance(model, path, first)
        ahead += _distance(model, path, second)
    return _even(left / np.maximum(left + ahead, 1e-9))


def density_curve(model: LatentModel, frames: npt.NDArray[Any]) -> Curve:
    """Return what to favour keys by, in nats, at each of `DENSITY_TEMPERATURES`.

    Args:
        model: a loaded continuation.
        frames: `[N, T, 88]` held-out bars to go on from; a few dozen do. The continuations get as many
            sounding keys a step as they have, on average.
    """
    z, _ = model.encode(frames)
    noise = np.stack([perturbation.noise(model.representation, seed) for seed in range(len(z))], axis=1)

    def density(temperature: float, nats: float) -> float:
        return float(model.decode(z, (temperature * noise + nats).astype(np.float32)).sum(-1).mean())

    wanted = float(frames.sum(-1).mean())
    return tuple(
        round(bisect(partial(density, temperature), wanted), 3) for temperature in DENSITY_TEMPERATURES
    )


def stroke_curve(model: LatentModel, z: Floats, wanted: float) -> Curve:
    """Return what to favour strokes by, in nats, at each of `DENSITY_TEMPERATURES`.

    Args:
        model: a loaded model of a piano that decides striking keys and letting them ring apart.
        z: `[N, Z]` draws; a few dozen do.
        wanted: strokes a step that they are to have, on average.
    """
    representation = model.representation
    noise = np.stack([perturbation.noise(representation, seed) for seed in range(len(z))], axis=1)
    ring = np.ones((len(z), representation.steps, representation.width), np.float32)

    def strokes(temperature: float, nats: float) -> float:
        lean = np.float32(nats)
        written = model.decode(z, (temperature * noise + lean).astype(np.float32), ringing=-lean * ring)
        return float(np.mean([struck(roll).sum(axis=1).mean() for roll in written.swapaxes(0, 1)]))

    return tuple(
        round(bisect(partial(strokes, temperature), wanted), 3) for temperature in DENSITY_TEMPERATURES
    )


def bisect(rising: Callable[[float], float], wanted: float) -> float:
    """Return where a rising function reaches `wanted`, within the bounds and to a hundredth."""
    low, high = DENSITY_BOUNDS
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _walk(
    model: LatentModel,
    seed: int,
    latent: Callable[[float], Floats],
    ends: tuple[npt.NDArray[Any], npt.NDArray[Any] | None],
) -> npt.NDArray[Any]:
    """Decode at every share of a way, `[SHARES, T, S]`, with the anchors that rendering uses."""
    representation = model.representation
    noise = np.float32(TEMPERATURE) * perturbation.noise(representation, seed)
    biases = []
    for share in SHARES:
        bias = noise + perturbation.anchor(representation, ends[0], perturbation.anchor_strength(share))
        if ends[1] is not None:
            bias += perturbation.anchor(representation, ends[1], perturbation.anchor_strength(1 - share))
        biases.append(bias)
    z = np.stack([latent(float(share)) for share in SHARES])
    return model.decode(z, np.stack(biases, axis=1)).swapaxes(0, 1)


def _distance(
    model: LatentModel, path: npt.NDArray[Any], tensor: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Return the share of choices that differ from a phrase's, `[SHARES]`."""
    hits = model.representation.width
    if model.representation.streams:
        differs = path != tensor
    else:
        differs = (path[..., :hits] > 0.5) != (tensor[:, :hits] > 0.5)
    return np.asarray(differs.mean(axis=(1, 2)), np.float64)


def _even(progress: npt.NDArray[np.float64]) -> Curve:
    """Invert a measured progress (0 to 1 along `SHARES`) at equally spaced values."""
    rising = np.maximum.accumulate(np.clip(progress, 0, 1)) + 1e-6 * SHARES
    inner = np.interp(np.linspace(0, 1, POINTS)[1:-1], rising, SHARES)
    return (0.0, *(round(float(share), 3) for share in inner), 1.0)
