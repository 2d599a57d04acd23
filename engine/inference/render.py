"""From slots and controls to a phrase: the one function everything audible comes from.

`vary` walks the great circle from the source's latent to a draw from the prior that belongs to the
seed; `morph` walks it from one slot's latent to another's. An anchor holds the decoder to the
source's own tokens at the start of the walk (and to the target's at the end of a morph) and lets go
smoothly, so that the ends are exact and no step of a slider is a jump.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference import perturbation, tools
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import DENSITY_TEMPERATURES
from engine.inference.bundle.store import Bundle
from engine.inference.controls import TASK_MODES, Controls
from engine.music.feel import Feel
from engine.music.notes import Phrase
from engine.music.representation import Representation, representation

Floats = npt.NDArray[np.float32]

VARIATION_CURVE = (0.0, 0.2, 0.27, 0.33, 0.38, 0.43, 0.48, 0.54, 0.62, 0.74, 1.0)
"""Share of the great circle at equally spaced slider values: near the source a latent can move far
before a note changes, and past the middle it soon is another phrase. Measured on a two-bar melody
model (48 held-out phrases); a bundle may bring its own."""
MORPH_CURVE = (0.0, 0.2, 0.28, 0.36, 0.43, 0.5, 0.57, 0.64, 0.72, 0.8, 1.0)
"""The same between two phrases."""

_LATENT_STREAM = 0
_POSTERIOR_STREAM = 2


class LatentModel(Protocol):
    """What rendering needs of a model; `engine.inference.model.Model` is one."""

    bundle: Bundle

    @property
    def representation(self) -> Representation:
        """Between phrases and the model's tensors."""

    def encode(self, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """`[B, T, S]` to `mu` and `sigma`, `[B, Z]` each."""

    def decode(self, z: Floats, perturbation: Floats) -> npt.NDArray[Any]:
        """`[B, Z]` and `[T, B, V]` to `[T, B, S]`."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A phrase with all a rendering needs of it; made by `encode_slot`."""

    phrase: Phrase
    """Of the model's length."""
    tensor: npt.NDArray[Any]
    """`[T, S]` tokens, or `float32 [T, D]`; of taps what was tapped."""
    mu: Floats
    """`[Z]`."""
    sigma: Floats
    """`[Z]`."""
    feel: Feel


def fit(representation: Representation, phrase: Phrase) -> Phrase:
    """Return the phrase at a representation's length: a shorter one is repeated.

    Raises:
        RenderError: it is longer, or in another metre.
    """
    beats = representation.grid.beats_per_bar
    if phrase.beats_per_bar != beats:
        raise RenderError(
            f"the phrase has {phrase.beats_per_bar:g} beats a bar, the model {beats}; choose another model"
        )
    if phrase.bars > representation.bars:
        raise RenderError(
            f"the phrase has {phrase.bars} bars, the model takes {representation.bars}; choose fewer bars"
        )
    return phrase if phrase.bars == representation.bars else phrase.tiled(representation.bars)


def encode_slot(model: LatentModel, phrase: Phrase) -> Slot:
    """Encode a phrase; a shorter one is repeated to the model's length.

    Raises:
        RenderError: its length or metre does not fit, or the model failed.
    """
    task, tensors = model.bundle.manifest.task, model.representation
    phrase = fit(tensors, phrase)
    heard = tools.heard_by(task, tensors, phrase)
    mu, sigma = model.encode(heard[None])
    tensor = heard if task == "drumify" else tensors.encode(phrase)
    return Slot(phrase, tensor, mu[0], sigma[0], Feel.of(phrase, tensors))


def render(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Phrase:
    """Render one phrase. The same inputs give the same phrase, note for note.

    Args:
        model: a loaded model.
        slots: encoded phrases by name; those that the controls' mode uses must be there.
        controls: everything else.

    Returns:
        A phrase of the model's length (a continuation: of the controls' `bars`). At variation 0 it
        is the source, at morph 0 and 1 the one slot and the other, unless constraints forbid it.

    Raises:
        RenderError: the model does not do the mode, a slot is empty, the constraints leave nothing,
            or the model failed.
    """
    return render_batch(model, slots, (controls,))[0]


def render_batch(
    model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]
) -> tuple[Phrase, ...]:
    """Render several controls in one decoder call; each phrase is the same as when rendered alone."""
    if len({controls.bars for controls in takes}) > 1:
        return tuple(render(model, slots, controls) for controls in takes)
    if not takes:
        return ()
    plans = [_plan(model, slots, controls) for controls in takes]
    z = np.stack([plan.z for plan in plans]).astype(np.float32)
    decoded = model.decode(z, np.stack([plan.perturbation for plan in plans], axis=1))
    return tuple(plan.finish(decoded[:, row]) for row, plan in enumerate(plans))


Finish = Callable[[npt.NDArray[Any]], Phrase]
"""From what the decoder returned, `[T, S]`, to notes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """One rendering, up to the decoder and from it."""

    z: Floats
    """`[Z]`."""
    perturbation: Floats
    """`[T, V]`."""
    finish: Finish


def _plan(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> _Plan:
    check_mode(model.bundle, controls)
    for name in controls.needed_slots:
        if name not in slots:
            raise RenderError(f"slot {name} is empty; store a phrase in it first")
    match controls.mode:
        case "vary":
            return _plan_vary(model, slots[controls.source], controls)
        case "morph":
            return _plan_morph(model, slots[controls.morph_from], slots[controls.morph_to], controls)
        case "generate":
            z = prior_draw(model.bundle.latents, controls.seed) + _attribute_shift(model.bundle, controls)
            return _Plan(z, _perturb(model, controls, None, ()), model.representation.decode)
        case "groove":
            return _plan_groove(model, slots[controls.source], controls)
        case "drumify":
            return _plan_drumify(model, slots[controls.source], controls)
        case "continue":
            return _plan_continue(model, slots.get(controls.source), controls)


def check_mode(bundle: Bundle, controls: Controls) -> None:
    """Refuse a mode that a bundle does not do (RenderError)."""
    modes = TASK_MODES[bundle.manifest.task]
    if controls.mode not in modes:
        raise RenderError(
            f"{bundle.manifest.name} does not {controls.mode}; it can {' or '.join(modes)}, "
            "so choose that or another model"
        )


def check_attributes(bundle: Bundle, names: Iterable[str]) -> None:
    """Refuse attributes that a bundle has no direction for (RenderError)."""
    known = [attribute.name for attribute in bundle.manifest.attributes]
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise RenderError(f"attribute {name!r} is not in {bundle.manifest.name}; it has: {listed}")


def _plan_vary(model: LatentModel, source: Slot, controls: Controls) -> _Plan:
    shift = _attribute_shift(model.bundle, controls)
    share = along(model.bundle.manifest.variation_curve or VARIATION_CURVE, controls.variation)
    z = great_circle(source.mu, prior_draw(model.bundle.latents, controls.seed), share)
    distance = max(share, _attribute_distance(controls))
    bias = _perturb(model, controls, source, ((source, distance),))
    return _Plan(z + shift, bias, partial(_felt, model.representation, source, distance))


def _plan_morph(model: LatentModel, first: Slot, second: Slot, controls: Controls) -> _Plan:
    shift = _attribute_shift(model.bundle, controls)
    share = along(model.bundle.manifest.morph_curve or MORPH_CURVE, controls.morph)
    z = slerp(first.mu, second.mu, share) + shift
    reach = _attribute_distance(controls)
    from_first, from_second = max(share, reach), max(1 - share, reach)
    near, distance = (first, from_first) if share < 0.5 else (second, from_second)
    bias = _perturb(model, controls, near, ((first, from_first), (second, from_second)))
    return _Plan(z, bias, partial(_felt, model.representation, near, distance))


def _felt(tensors: Representation, near: Slot, distance: float, decoded: npt.NDArray[Any]) -> Phrase:
    """Return what was decoded with the feel of the slot it is nearer to, `distance` (0 to 1) away."""
    if decoded.shape[1] == tensors.width or tensors.streams:
        return near.feel.restore(tensors.decode(decoded))
    ours, theirs = decoded[:, : tensors.width] > 0.5, near.tensor[:, : tensors.width] > 0.5
    if distance == 0 and np.array_equal(ours, theirs):
        return near.phrase
    # Where both have a hit, velocities and offsets ease from the player's to the model's.
    features = decoded.shape[1] // tensors.width
    share = np.where(np.tile(ours & theirs, (1, features)), np.float32(distance), np.float32(1))
    return tensors.decode((share * decoded + (1 - share) * near.tensor).astype(np.float32))


def _plan_groove(model: LatentModel, source: Slot, controls: Controls) -> _Plan:
    """Hold the source's hits whatever happens; another seed is another drummer's evening."""
    z = source.mu + np.float32(controls.temperature) * source.sigma * _normal(source.mu, controls.seed)
    tensors = model.representation
    bias = perturbation.anchor(tensors, source.tensor, perturbation.HOLD)

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        return tools.humanised(source.phrase, decoded, controls.variation, tensors)

    return _Plan(z.astype(np.float32), bias, finish)


def _plan_drumify(model: LatentModel, source: Slot, controls: Controls) -> _Plan:
    """Walk from what the taps mean to any drums; a kit to keep is not in a tap."""
    share = along(model.bundle.manifest.variation_curve or VARIATION_CURVE, controls.variation)
    z = great_circle(source.mu, prior_draw(model.bundle.latents, controls.seed), share)
    free = replace(controls, constraints=replace(controls.constraints, keep_pitches=False))
    tensors = model.representation

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        return tensors.decode(tools.on_the_taps(decoded, source.tensor, controls.variation))

    return _Plan(z + _attribute_shift(model.bundle, controls), _perturb(model, free, source, ()), finish)


def _plan_continue(model: LatentModel, source: Slot | None, controls: Controls) -> _Plan:
    tensors = model.representation
    written = representation(tensors.name, controls.bars or tensors.bars, tensors.grid)
    total = np.float32(controls.temperature) * perturbation.noise(written, controls.seed)
    total = total + perturbation.constrain(written, controls.constraints, None)
    if curve := model.bundle.manifest.density_curve:
        # Each key is decided alone: the colder, the fewer pass one half, down to silence.
        total += np.float32(np.interp(controls.temperature, DENSITY_TEMPERATURES, curve))
    played = None if source is None else source.phrase

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        return tools.in_the_manner_of(written.decode(decoded), played)

    return _Plan(_start_state(model.bundle, source, controls), total, finish)


def _start_state(bundle: Bundle, source: Slot | None, controls: Controls) -> Floats:
    """Return the state `[Z]` a continuation goes on from; that of a GRU stays within -1 to 1."""
    if controls.start == "guided" and source is not None:
        return source.mu
    if controls.start == "random":
        return np.clip(prior_draw(bundle.latents, controls.seed), -1, 1)
    return np.zeros(bundle.manifest.z_size, np.float32)


def _perturb(
    model: LatentModel,
    controls: Controls,
    source: Slot | None,
    anchors: Sequence[tuple[Slot, float]],
) -> Floats:
    """Sum noise, constraints and anchors, `[T, V]`."""
    tensors, constraints = model.representation, controls.constraints
    total = np.float32(controls.temperature) * perturbation.noise(tensors, controls.seed)
    total = total + perturbation.constrain(tensors, constraints, None if source is None else source.tensor)
    for slot, distance in anchors:
        allowed = perturbation.snap(tensors, constraints, slot.tensor)
        total += perturbation.anchor(tensors, allowed, perturbation.anchor_strength(distance))
    return total


# Latent space -------------------------------------------------------------------------------


def along(curve: Sequence[float], value: float) -> float:
    """Return where a slider's value, 0 to 1, is on the way, by a curve of equally spaced points."""
    return float(np.interp(value, np.linspace(0, 1, len(curve)), curve))


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


def prior_draw(latents: Latents, seed: int) -> Floats:
    """Draw a latent `[Z]` from the prior; the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _LATENT_STREAM))))
    edges = np.cumsum(latents.prior_weights, dtype=np.float64)
    component = min(int(np.searchsorted(edges, rng.random() * edges[-1], side="right")), len(edges) - 1)
    normal = rng.standard_normal(latents.prior_means.shape[1])
    drawn = latents.prior_means[component] + latents.prior_deviations[component] * normal
    return np.asarray(drawn, np.float32)


def _normal(like: Floats, seed: int) -> Floats:
    """Draw standard normal numbers of a latent's shape; the same for the same seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _POSTERIOR_STREAM))))
    return rng.standard_normal(like.shape).astype(np.float32)


def _attribute_shift(bundle: Bundle, controls: Controls) -> Floats:
    """Return the step `[Z]` the attribute sliders ask for."""
    check_attributes(bundle, dict(controls.attributes))
    names = [attribute.name for attribute in bundle.manifest.attributes]
    shift = np.zeros(bundle.manifest.z_size, np.float32)
    for name, amount in controls.attributes:
        shift += np.float32(amount) * bundle.latents.directions[names.index(name)]
    return shift


def _attribute_distance(controls: Controls) -> float:
    """Return how far the attribute sliders push off the anchor, 0 to 1."""
    return min(1.0, max((abs(amount) for _, amount in controls.attributes), default=0.0))
