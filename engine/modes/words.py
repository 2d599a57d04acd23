"""Vary, Morph and Generate by a model whose latent has a coarse part and fine ones for every beat.

A beat whose fine part is left out is written anew from what surrounds it: the coarse part, the chords, the
beats before, and those after that are still pinned. So the slider lets beats go one by one, their pitches
first and their rhythm later, and what is written in their place is music because the decoder has learned to
write without being told. Such a model knows one key; phrases come to it moved there and go back.

Shape legend: T steps, V width of the perturbation, Z latent size, K beats.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.controls import Controls
from engine.inference.harmony import key_of_chords
from engine.inference.home_key import moved_bias, moved_tokens
from engine.inference.latent_space import Floats, great_circle, prior_draw, slerp
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, chords_of, perturb
from engine.music.chords import Harmony, chroma
from engine.music.key import KEYS, Key
from engine.music.notes import Phrase

Bools = npt.NDArray[np.bool_]

PITCHES_GONE = 0.65
"""Variation at which no beat's pitches are pinned any more."""
RHYTHM_LATER = 0.2
"""How much further a beat keeps its rhythm than its pitches."""
COARSE_FROM = 0.4
"""Variation from which the kind of phrase changes too."""
MORPH_PITCHES = 0.4
"""Share of a morph, at either end, in which beats of that end are still pinned."""
MORPH_RHYTHM = 0.4
"""Width of the middle of a morph in which the rhythm passes from one phrase to the other, beat by beat."""

_ORDER_STREAM = 3


def plan_variation(model: LatentModel, source: Slot, controls: Controls) -> Plan:
    """Prepare a variation: beats are let go in an order that belongs to the seed, the coarse part last."""
    layout, reach = _layout(model), _reach(controls)
    place = (_order(layout.beats, controls.seed) + 0.5) / layout.beats
    gone = max(controls.variation, reach)
    rhythm = (gone <= PITCHES_GONE * place + RHYTHM_LATER) | controls.constraints.keep_rhythm
    pitch = gone <= PITCHES_GONE * place
    drawn = prior_draw(model.bundle.latents, controls.seed)
    share = max(0.0, controls.variation - COARSE_FROM) / (1 - COARSE_FROM)
    z = _assembled(layout, great_circle(source.mu, drawn, share), ((source, rhythm, pitch),))
    bias = moved_bias(_free(model, controls, source, (source,)), source.semitones_home)
    bias = bias + _held(model, controls, source, rhythm & pitch)
    return _plan(model, controls, source, (z, bias), lambda phrase: source.feel.restore(phrase))


def plan_morph(model: LatentModel, first: Slot, second: Slot, controls: Controls) -> Plan:
    """Prepare a blend: beats of the first phrase go, the rhythm passes over, beats of the second come."""
    layout, morph = _layout(model), controls.morph
    place = (_order(layout.beats, controls.seed) + 0.5) / layout.beats
    along = (np.arange(layout.beats) + 0.5) / layout.beats
    passed = morph > 0.5 + MORPH_RHYTHM * (along - 0.5)
    parts = (
        (first, ~passed, morph <= MORPH_PITCHES * place),
        (second, passed, 1 - morph <= MORPH_PITCHES * place),
    )
    near = first if morph < 0.5 else second
    z = _assembled(layout, slerp(first.mu, second.mu, morph), parts)
    bias = moved_bias(_free(model, controls, near, (first, second)), near.semitones_home)
    for slot, rhythm, pitch in parts:
        bias = bias + _held(model, controls, slot, rhythm & pitch)
    return _plan(model, controls, near, (z, bias), lambda phrase: near.feel.restore(phrase))


def plan_draw(model: LatentModel, controls: Controls) -> Plan:
    """Prepare a draw from the prior, in the key that is set, or that the chords have, or C."""
    key, constraints = None, controls.constraints
    if constraints.key is not None:
        key = Key(KEYS.index(constraints.key), constraints.scale)
    chords = chords_of(controls, None, model.representation)
    key = key or key_of_chords(chords) or Key(0)
    z = _assembled(_layout(model), prior_draw(model.bundle.latents, controls.seed), ())
    bias = perturb(model, _warmed(model, controls), None, (), key=key)
    home = key.semitones_to_reference
    return _finished(model, (z, moved_bias(bias, home)), home, chords, lambda phrase: phrase)


def _layout(model: LatentModel) -> LatentLayout:
    layout = model.bundle.manifest.latent_layout
    assert layout is not None  # these modes are asked only where there is one
    return layout


def _reach(controls: Controls) -> float:
    """Return how much the attribute sliders let go, 0 to 1."""
    return min(1.0, max((abs(amount) for _, amount in controls.attributes), default=0.0))


def _order(beats: int, seed: int) -> npt.NDArray[np.int64]:
    """Return for each beat when its turn comes to be let go, 0 to K - 1."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _ORDER_STREAM))))
    return rng.permutation(beats)


def _assembled(layout: LatentLayout, coarse: Floats, parts: Sequence[tuple[Slot, Bools, Bools]]) -> Floats:
    """Return a latent `[Z]` with the coarse part of one and the fine parts of pinned beats.

    Args:
        layout: where the parts are.
        coarse: `[Z]`, of which only the coarse part is taken.
        parts: slots with the beats `[K]` that they pin in rhythm and in pitch; a later one wins.
    """
    z, (rhythm_at, pitch_at) = np.zeros_like(coarse), _fine_places(layout)
    for where in _coarse_places(layout):
        z[where] = coarse[where]
    for slot, rhythm, pitch in parts:
        z[rhythm_at[rhythm]] = slot.mu[rhythm_at[rhythm]]
        z[pitch_at[pitch]] = slot.mu[pitch_at[pitch]]
    return z


def _coarse_places(layout: LatentLayout) -> tuple[slice, slice]:
    return slice(layout.coarse_rhythm), slice(layout.rhythm, layout.rhythm + layout.coarse_pitch)


def _fine_places(layout: LatentLayout) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the dimensions of each beat's fine rhythm `[K, …]` and of its fine pitch `[K, …]`."""
    rhythm, pitch = layout.coarse_rhythm, layout.rhythm + layout.coarse_pitch
    return (
        np.arange(rhythm, layout.rhythm).reshape(layout.beats, -1),
        np.arange(pitch, layout.size).reshape(layout.beats, -1),
    )


def _free(model: LatentModel, controls: Controls, source: Slot, heard: Sequence[Slot]) -> Floats:
    """Return noise, constraints, key and chords, in the player's key, `[T, V]`."""
    return perturb(model, _warmed(model, controls), source, (), heard=heard)


def _warmed(model: LatentModel, controls: Controls) -> Controls:
    """Return controls with the temperature as this model needs it."""
    scale = model.bundle.manifest.temperature_scale
    return replace(controls, temperature=min(2.0, controls.temperature * scale))


def _held(model: LatentModel, controls: Controls, slot: Slot, beats: Bools) -> Floats:
    """Return the bias `[T, V]`, in the model's key, that holds some beats to a slot's own tokens."""
    tensors = model.representation
    own = perturbation.snap(tensors, controls.constraints, slot.tensor)
    anchor = perturbation.anchor(tensors, moved_tokens(own, slot.semitones_home), perturbation.HOLD)
    return np.where(np.repeat(beats, tensors.grid.steps_per_beat)[:, None], anchor, np.float32(0))


def _plan(
    model: LatentModel,
    controls: Controls,
    source: Slot,
    prepared: tuple[Floats, Floats],
    feel: Callable[[Phrase], Phrase],
) -> Plan:
    chords = chords_of(controls, source, model.representation)
    return _finished(model, prepared, source.semitones_home, chords, feel)


def _finished(
    model: LatentModel,
    prepared: tuple[Floats, Floats],
    semitones: int,
    chords: Harmony,
    feel: Callable[[Phrase], Phrase],
) -> Plan:
    """Return the plan of a latent and a bias that are `semitones` away from where the music goes."""
    tensors, (z, bias) = model.representation, prepared
    heard = np.roll(chroma(chords), semitones, axis=1) if any(chords) else None

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        return feel(tensors.decode(moved_tokens(decoded, -semitones)))

    return Plan(z, bias, finish, heard)
