"""Vary, Morph and Generate by a model of drums whose latent has a coarse part and fine ones for every beat.

Kick and snare, the backbone, have the first half of the latent, all other drums the second. What
`engine.modes.beats` pins is held exactly, half by half.

Shape legend: T steps, Z latent size, K beats.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.latent_space import Floats, attribute_distance, great_circle, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.inference.word_latents import Bools
from engine.modes.base import Mix, Plan, nearest, perturb
from engine.modes.beats import Pace, Pins, blended, coarse_share, latent, pinned_at, pinned_between
from engine.music.notes import Phrase

PACE = Pace(gone=0.4, later=0.14, coarse_from=0.4, morph_second=0.4, morph_first=0.4, in_each_bar=True)
BACKBONE = 0b11
"""Kick and snare in a combination of drums."""


def plan_variation(model: LatentModel, source: Slot, controls: Controls) -> Plan:
    """Prepare a variation; with a rhythm to keep, the whole backbone stays."""
    pins = pinned_at(model, source, controls, PACE)
    pins = pins._replace(first=pins.first | controls.constraints.keep_rhythm)
    share = coarse_share(controls.variation, PACE)
    coarse = great_circle(source.mu, prior_draw(model.bundle.latents, controls.seed), share)
    return _finished(model, controls, coarse, (pins,), source)


def plan_morph(model: LatentModel, mix: Mix, controls: Controls) -> Plan:
    """Return the plan of a blend of the phrases in a mix."""
    pins = pinned_between(model, mix, controls, PACE)
    return _finished(model, controls, blended(mix), pins, nearest(mix)[0])


def plan_draw(model: LatentModel, controls: Controls) -> Plan:
    """Prepare a groove from nothing."""
    return _finished(model, controls, prior_draw(model.bundle.latents, controls.seed), (), None)


def _finished(
    model: LatentModel, controls: Controls, coarse: Floats, pins: Sequence[Pins], near: Slot | None
) -> Plan:
    """Return the plan of a coarse part and of what is pinned."""
    representation = model.representation
    heat = np.float32(min(2.0, controls.temperature * model.bundle.manifest.temperature_scale))
    cold = replace(controls, temperature=0.0)
    bias = heat * perturbation.noise(representation, controls.seed) + perturb(model, cold, near, ())
    for slot, backbone, others in pins:
        bias = bias + _held(model, controls, slot, backbone, BACKBONE)
        bias = bias + _held(model, controls, slot, others, ~BACKBONE)

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        phrase = representation.decode(decoded)
        return phrase if near is None else near.feel.restore(phrase)

    return Plan(latent(model, coarse, pins, controls), bias, finish)


def _held(model: LatentModel, controls: Controls, slot: Slot, beats: Bools, drums: int) -> Floats:
    """Return the bias `[T, 512]` that holds some drums, a bit each, to a slot's own in beats `[K]`.

    Attribute sliders loosen it as they do the anchor of other models.
    """
    combinations = np.arange(perturbation.DRUM_VOCABULARY)
    differs = (combinations & drums) != (slot.tensor & drums)
    held = np.repeat(beats, model.representation.grid.steps_per_beat)[:, None] & differs
    return np.asarray(-perturbation.anchor_strength(attribute_distance(controls)) * held, np.float32)
