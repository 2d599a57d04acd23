"""Vary, Morph and Generate by a model of drums whose latent has a coarse part and fine ones for every beat.

Kick and snare, the backbone, have the rhythm half of the latent, all other drums the other. The variation
slider lets the others of single beats go first, the backbone later, and the kind of groove last; what stays
is held exactly, half by half.

Shape legend: T steps, Z latent size, K beats.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.latent_space import (
    Floats,
    attribute_distance,
    attribute_shift,
    great_circle,
    prior_draw,
    spherical_mean,
)
from engine.inference.slots import LatentModel, Slot
from engine.inference.word_latents import Bools, Pinned, assembled, layout_of
from engine.modes.base import Mix, Plan, nearest, perturb
from engine.music.notes import Phrase

OTHERS_GONE = 0.4
"""Variation at which no beat's other drums are pinned any more."""
BACKBONE_LATER = 0.14
"""How much further a beat keeps its kick and snare."""
COARSE_FROM = 0.4
"""Variation from which the kind of groove changes too."""
MORPH_OTHERS = 0.4
"""Share of a morph, at either end, in which the other drums of beats of that end are still pinned."""
MORPH_BACKBONE = 0.4
"""Width of the middle of a morph in which the backbone passes from one groove to the other, beat by beat."""
BACKBONE = 0b11
"""Kick and snare in a combination of drums."""
_ORDER_STREAM = 3


def plan_variation(model: LatentModel, source: Slot, controls: Controls) -> Plan:
    """Prepare a variation: beats are let go in an order that belongs to the seed."""
    place, value = _places(model, controls.seed), controls.variation
    backbone = (value <= OTHERS_GONE * place + BACKBONE_LATER) | controls.constraints.keep_rhythm
    others = value <= OTHERS_GONE * place
    share = max(0.0, value - COARSE_FROM) / (1 - COARSE_FROM)
    coarse = great_circle(source.mu, prior_draw(model.bundle.latents, controls.seed), share)
    return _finished(model, controls, coarse, ((source, backbone, others),), source)


def plan_morph(model: LatentModel, mix: Mix, controls: Controls) -> Plan:
    """Prepare a blend: a beat has the backbone of one groove, early beats of a bar that of the last sooner.

    Its other drums are those of a groove whose share is large enough for that beat, or are written anew.
    """
    place, near = _places(model, controls.seed), nearest(mix)[0]
    beats = model.representation.grid.beats_per_bar
    early = 0.5 - (np.arange(len(place)) % beats + 0.5) / beats
    favoured = np.linspace(-1.0, 1.0, len(mix))[:, None] * MORPH_BACKBONE * early
    owner = np.argmax(np.array([share for _, share in mix])[:, None] + favoured, axis=0)
    pinned = [(slot, owner == at, 1 - share <= MORPH_OTHERS * place) for at, (slot, share) in enumerate(mix)]
    coarse = spherical_mean([(slot.mu, share) for slot, share in mix])
    return _finished(model, controls, coarse, pinned, near)


def plan_draw(model: LatentModel, controls: Controls) -> Plan:
    """Prepare a groove from nothing."""
    return _finished(model, controls, prior_draw(model.bundle.latents, controls.seed), (), None)


def _places(model: LatentModel, seed: int) -> npt.NDArray[np.float64]:
    """Return for each beat `[K]` when its turn comes to be let go, between 0 and 1."""
    beats = layout_of(model).beats
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _ORDER_STREAM))))
    return np.asarray((rng.permutation(beats) + 0.5) / beats)


def _finished(
    model: LatentModel,
    controls: Controls,
    coarse: Floats,
    pinned: Sequence[tuple[Slot, Bools, Bools]],
    near: Slot | None,
) -> Plan:
    """Return the plan of a coarse part and of slots with the beats that are pinned to them in each half."""
    layout, representation = layout_of(model), model.representation
    z = assembled(layout, coarse, [Pinned(slot.mu, *halves) for slot, *halves in pinned])
    kept = z != 0  # the fine parts of free beats stay 0
    kept[layout.coarse_places()] = True
    heat = np.float32(min(2.0, controls.temperature * model.bundle.manifest.temperature_scale))
    cold = replace(controls, temperature=0.0)
    bias = heat * perturbation.noise(representation, controls.seed) + perturb(model, cold, near, ())
    for slot, backbone, others in pinned:
        bias = bias + _held(model, controls, slot, backbone, BACKBONE)
        bias = bias + _held(model, controls, slot, others, ~BACKBONE)
    z = np.where(kept, z + attribute_shift(model.bundle, controls), z).astype(np.float32)

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        phrase = representation.decode(decoded)
        return phrase if near is None else near.feel.restore(phrase)

    return Plan(z, bias, finish)


def _held(model: LatentModel, controls: Controls, slot: Slot, beats: Bools, drums: int) -> Floats:
    """Return the bias `[T, 512]` that holds some drums, a bit each, to a slot's own in beats `[K]`.

    Attribute sliders loosen it as they do the anchor of other models.
    """
    combinations = np.arange(perturbation.DRUM_VOCABULARY)
    differs = (combinations & drums) != (slot.tensor & drums)
    held = np.repeat(beats, model.representation.grid.steps_per_beat)[:, None] & differs
    return np.asarray(-perturbation.anchor_strength(attribute_distance(controls)) * held, np.float32)
