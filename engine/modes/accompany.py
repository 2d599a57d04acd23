"""Accompany: chords, bass and drums to what is played.

The style of each voice belongs to the seed; what is written in it follows melody, key and chords. The model
knows one key: what it is given is moved there, and what it writes is moved back.

Shape legend: T steps, K beats, S streams, V width of the perturbation, Z latent size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.home_key import moved_bias, moved_tokens
from engine.inference.latent_space import Floats, great_circle, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Planner, chords_of, harmony_of, perturb
from engine.music.accompaniment import VOICES, melody_of, played_back
from engine.music.chord_recognition import recognise_chords
from engine.music.chords import Harmony
from engine.music.chroma import chroma
from engine.music.melody import FIRST_NOTE, NOTE_OFF, VOCABULARY, MelodyRepresentation
from engine.music.notes import Phrase
from engine.music.representation import Representation

CHANCE = 2.0
"""How much chance each voice has beside the slider's: it is then as free, at the usual temperature, as
pianists and drummers."""
FREE_VARIATION = 0.3
"""Variation, the usual one, from which on a voice that was not played has the style of the seed altogether:
there is nothing to stay near to, and a little of each seed's style would sound the same with all of them."""
BASS_ON_ONE_NATS = 1.0
"""By which the bass rather begins a note with the bar: what is played over counts on it."""
BASS_HELD_NATS = 0.75
"""By which the bass rather holds its notes: by itself it ends .88 of them before the next, pianists .75."""
FILL_AFTER_BEATS = 3
"""The drums fill the last beat of a phrase where the melody has begun nothing for so many beats."""


class AccompanyPlanner(Planner):
    """Draws a style a voice and lets the model write to it what goes with the melody and its chords."""

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare an accompaniment of the source."""
        source, representation = slots[controls.source], model.representation
        known = chords_of(controls, source, representation)
        harmony = known or _recognised(source, representation)
        home = source.semitones_home
        bias = perturb(model, controls, replace(source, harmony=harmony), (), (source,))
        if not known:  # a chord that was only guessed takes nothing out of the key
            bias = bias + harmony_of(representation, controls.constraints, source.key, (), (source,))
        bias = bias + _further_chance(representation, controls) + _bass_lean(representation)
        bias = _moved(bias, representation, home)
        off = frozenset(voice for voice in VOICES if not getattr(controls, f"with_{voice}"))

        def finish(decoded: npt.NDArray[Any]) -> Phrase:
            return played_back(representation.decode(decoded), -home, harmony, source.phrase, off)

        given = _given(source.phrase, representation, harmony, home)
        return Plan(_style(model, source, controls), bias, finish, given=given)


def _style(model: LatentModel, source: Slot, controls: Controls) -> Floats:
    """Return a latent `[Z]` with styles alone.

    At variation 0 a voice has the style it has in the source, at 1 that of the seed. One that the source has
    not got has the model's usual style at 0 and that of the seed from `FREE_VARIATION` on.
    """
    z, start = np.zeros(model.bundle.manifest.z_size, np.float32), 0
    beats = model.representation.bars * model.representation.grid.beats_per_bar
    for voice, part in enumerate(model.bundle.manifest.voice_latents):
        columns = slice(start, start + part.coarse)
        heard = bool((source.tensor[:, voice] > 0).any())
        usual = source.mu if heard else prior_draw(model.bundle.latents, voice)
        drawn = prior_draw(model.bundle.latents, len(VOICES) * (controls.seed + 1) + voice)
        share = controls.variation if heard else min(1.0, controls.variation / FREE_VARIATION)
        z[columns] = great_circle(usual[columns], drawn[columns], share)
        start += part.coarse + beats * part.fine
    return z


def _further_chance(representation: Representation, controls: Controls) -> Floats:
    """Return the noise `[T, V]` that voices have beyond what all of them have."""
    noise = perturbation.noise(representation, controls.seed)
    return np.asarray(np.float32(controls.temperature * (CHANCE - 1)) * noise, np.float32)


def _bass_lean(representation: Representation) -> Floats:
    """Return the bias `[T, V]` of the bass: towards a note at the beginning of every bar, against ends."""
    voice, steps = VOICES.index("bass"), representation.grid.steps_per_bar
    start, end = np.cumsum((0, *representation.streams))[voice : voice + 2]
    bias = np.zeros((representation.steps, representation.width), np.float32)
    bias[::steps, start + FIRST_NOTE : end] = BASS_ON_ONE_NATS
    bias[:, start + NOTE_OFF] = -BASS_HELD_NATS
    return bias


def _recognised(source: Slot, representation: Representation) -> Harmony:
    """Return the likeliest chord in its key of each beat of a phrase, where none are given."""
    beats = representation.bars * representation.grid.beats_per_bar
    beats_per_bar = float(representation.grid.beats_per_bar)
    found = recognise_chords(source.phrase.notes, beats, beats_per_bar, source.key)
    return found if any(found) else ()


def _moved(bias: Floats, representation: Representation, home: int) -> Floats:
    """Return a perturbation `[T, V]` for the same notes, moved by semitones; drums stay."""
    moved, start = bias.copy(), 0
    for size in representation.streams:
        if size == VOCABULARY:
            moved[:, start : start + size] = moved_bias(bias[:, start : start + size], home)
        start += size
    return moved


def _given(
    phrase: Phrase, representation: Representation, harmony: Harmony, home: int
) -> dict[str, npt.NDArray[Any]]:
    """Return what a model of accompaniments is given of a phrase, moved by semitones; see `graph_specs`."""
    grid, beats = representation.grid, representation.bars * representation.grid.beats_per_bar
    line = MelodyRepresentation(representation.bars, grid).encode(melody_of(phrase))
    tokens = moved_tokens(line, home)[:, 0]
    onsets = tokens >= FIRST_NOTE
    fills = np.zeros(beats, np.int64)
    fills[-1] = not onsets[-FILL_AFTER_BEATS * grid.steps_per_beat :].any()
    known = np.zeros((beats, 24), np.float32)
    at_home = [None if chord is None else chord.transposed(home) for chord in harmony[:beats]]
    known[: len(at_home), :12] = chroma(tuple(at_home))
    for beat, chord in enumerate(at_home):
        if chord is not None:
            known[beat, 12 + (chord.root if chord.bass is None else chord.bass)] = 1
    return {"melody": tokens, "harmony": known, "accents": onsets.astype(np.int64), "fills": fills}
