"""Vary, Morph and Generate by a model whose latent has a coarse part and fine ones for every beat.

A beat whose fine part is left out is written anew from what surrounds it: the coarse part, the chords, the
beats before, and those after that are still pinned. So the slider lets beats go one by one, their pitches
first and their rhythm later, and what is written in their place is music because the decoder has learned to
write without conditions. Such a model knows one key; phrases come to it moved there and go back.

A longer phrase is several words. Words of the source that come from one word are varied alike, so that a
theme that came back still does; without a source a model of sentences decides which words come from which.

Shape legend: T steps, V width of the perturbation, Z latent size, W words, K beats of a word, W·K beats.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.bundle.latent_places import rhythm_places
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.density import density_of, held, leaning
from engine.inference.harmony import PITCH_CLASSES, key_of_chords, own_pitch_classes
from engine.inference.home_key import moved_bias, moved_tokens
from engine.inference.latent_space import Floats, along, great_circle, prior_draw, spherical_mean
from engine.inference.register import in_register
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import pull_of, pulled
from engine.inference.word_latents import Bools, Pinned, assembled, layout_of
from engine.modes.base import Finish, Mix, Plan, PlanOfSeed, chords_of, nearest, perturb
from engine.music.chords import Harmony, by_quarter
from engine.music.chroma import chroma
from engine.music.key import KEYS, Key
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.music.representation import Representation
from engine.music.words import relations, roots

PITCHES_GONE, PACE = 0.7, 1.23
"""Variation from which no beat has its pitches pinned, and the power by which the first ones go sooner."""
RHYTHM_LATER = 0.14
"""How much further a beat keeps its rhythm than its pitches."""
COARSE_FROM = 0.4
"""Variation from which the kind of phrase changes too."""
PITCH_HEAT = 1.2
"""How much more noise decides which note begins than whether one does: with the same for both, notes are
repeated more often than in music and stay in a narrower range."""
STYLE_SHARE = 0.6
"""Share of the way to a style's phrase that the coarse part goes at variation 1 whatever the draw does."""
UNHEARD_NATS, FOREIGN_NATS = 1.2, 3.0
"""What a variation's pitch classes cost that the source has not but its key has, and that neither has."""
EASED_FROM, EASED_BY = 0.4, 1.0
"""Variation from which they cost less, and by how much for 1 more: all new music is in a key by itself."""
NEAR_SEMITONES, FAR_NATS = 4, 0.3
"""How far outside the source's range a variation goes freely, and what a semitone more costs."""
CHORD_LOUDNESS = (0.0, 0.86, 1.0)
"""How loud the chords are that the model hears, at equally spaced places of how firmly they are followed. All
of it (1 throughout) put .055 more of the notes on beats on chord tones than music has; this puts .03 more."""
MORPH_PITCHES = 0.4
"""Share of a morph, at either end, in which beats of that end are still pinned."""
MORPH_RHYTHM = 0.4
"""Width of the middle of a morph in which the rhythm passes from one phrase to the other, word by word."""

_ORDER_STREAM = 3
_SEED_STEP = 7919
"""Between the seeds of the draws of two words."""


class Variation:
    """Variations of one phrase that differ in their seed alone, prepared once for all seeds.

    Beats are let go in an order that belongs to the seed, the coarse part last.
    """

    def __init__(self, model: LatentModel, source: Slot, controls: Controls) -> None:
        """Prepare all that no seed changes; RenderError where the constraints leave nothing."""
        self._controls = controls = _with_kept_halves(controls)
        self._model, self._source, self._layout = model, source, layout_of(model)
        self._form = roots(relations(_home_tokens(source).reshape(self._layout.words, -1)))
        self._halves = controls.variation * controls.vary_rhythm, controls.variation * controls.vary_pitch
        self._free = _free(model, controls, source, (source,), self._form)
        self._anchor = _anchor(model, controls, source)
        chords = chords_heard(controls, source, model.representation)
        self._leans = [
            moved_bias(lean_to_register(model.representation, [(source, 1.0)]), source.semitones_home)
        ]
        if not any(chords):
            eased = np.float32(1 - EASED_BY * max(0.0, self._halves[1] - EASED_FROM))
            self._leans.append(moved_bias(eased * _lean_to_source(model, source), source.semitones_home))
        follow = controls.constraints.follow_chords
        self._chords = heard_chords(chords, model.representation.grid.metre, source.semitones_home, follow)
        finish = _finish(model, source.semitones_home, _in_register(source, controls))
        same = _same_words(self._layout, source, chords)
        self._finish: Finish = lambda decoded: finish(_with_words(decoded, same))

    def for_seed(self, seed: int) -> Plan:
        """Return the plan of one seed."""
        gone = PITCHES_GONE * _places(self._layout, seed) ** PACE
        keep_rhythm = self._controls.constraints.keep_rhythm
        rhythm, pitch = (self._halves[0] <= gone + RHYTHM_LATER) | keep_rhythm, self._halves[1] <= gone
        pins = _pins(self._source, rhythm, pitch, self._controls)
        z = assembled(self._layout, self._coarse(seed), (pins,))
        bias = moved_bias(self._free(seed), self._source.semitones_home)
        bias = bias + _held(self._model, self._anchor, rhythm & pitch)
        for lean in self._leans:
            bias = bias + lean
        return Plan(z, bias, self._finish, self._chords)

    def _coarse(self, seed: int) -> Floats:
        """Return a latent `[Z]` whose coarse part has gone each half's share of the way to a seed's draw."""
        shares = [_coarse_share(half, self._controls) for half in self._halves]
        mu = self._source.mu
        if not any(shares):
            return mu
        drawn = _draws(self._model, self._controls, self._form, seed)
        coarse, of_rhythm = great_circle(mu, drawn, shares[1]), rhythm_places(self._layout)
        coarse[of_rhythm] = great_circle(mu[of_rhythm], drawn[of_rhythm], shares[0])
        return coarse


def _pins(slot: Slot, rhythm: Bools, pitch: Bools, controls: Controls) -> Pinned:
    """Return the beats of a slot that the latent pins; where the density changes it pins none."""
    same = density_of(controls) == 0
    return Pinned(slot.mu, rhythm & same, pitch & same)


def _same_words(layout: LatentLayout, source: Slot, chords: Harmony) -> list[int]:
    """Return for each word the first that has the same notes over the same chords."""
    words = _home_tokens(source).reshape(layout.words, -1)
    size = len(chords) // layout.words
    beats = [chords[word * size : (word + 1) * size] for word in range(layout.words)]
    keys = [(tokens.tobytes(), own) for tokens, own in zip(words, beats, strict=True)]
    return [keys.index(key) for key in keys]


def _with_words(decoded: npt.NDArray[Any], numbers: Sequence[int]) -> npt.NDArray[Any]:
    """Return tokens `[T, 1]` whose words are those of some numbers."""
    words = decoded.reshape(len(numbers), -1)
    return words[list(numbers)].reshape(decoded.shape)


def _coarse_share(half: float, controls: Controls) -> float:
    """Return how far the coarse part of a half goes to the draw, 0 to 1; towards a style it goes sooner."""
    share = max(0.0, half - COARSE_FROM) / (1 - COARSE_FROM)
    pull = pull_of(controls)
    return share if pull is None else share + (1 - share) * STYLE_SHARE * pull.amount * half


def _with_kept_halves(controls: Controls) -> Controls:
    """Return controls that hold a half exactly which is not to be varied at all."""
    limits = controls.constraints
    rhythm, pitches = limits.keep_rhythm, limits.keep_pitches
    limits = replace(
        limits,
        keep_rhythm=rhythm or controls.vary_rhythm == 0,
        keep_pitches=pitches or controls.vary_pitch == 0,
    )
    return replace(controls, constraints=limits)


def morph(model: LatentModel, mix: Mix, controls: Controls) -> PlanOfSeed:
    """Prepare blends for all seeds: beats of a phrase go as its share falls, those of one that gains come.

    A word takes its rhythm from one phrase, late words from the first of the mix for longest, early ones from
    the last; a beat its pitches from a phrase whose share is large enough for that beat, or from none.
    """
    layout = layout_of(model)
    near, _ = nearest(mix)
    form = roots(relations(_home_tokens(near).reshape(layout.words, -1)))
    owner = _rhythm_owners(layout, [share for _, share in mix])
    coarse = spherical_mean([(slot.mu, share) for slot, share in mix])
    free = _free(model, controls, near, [slot for slot, share in mix if share], form)
    anchors = [_anchor(model, controls, slot) for slot, _ in mix]
    register = moved_bias(lean_to_register(model.representation, mix), near.semitones_home)
    chords = chords_heard(controls, near, model.representation)
    follow = controls.constraints.follow_chords
    heard = heard_chords(chords, model.representation.grid.metre, near.semitones_home, follow)
    finish = _finish(model, near.semitones_home, _in_register(near, controls))

    def for_seed(seed: int) -> Plan:
        place = _places(layout, seed)
        pinned = [
            (slot, owner == at, 1 - share <= MORPH_PITCHES * place) for at, (slot, share) in enumerate(mix)
        ]
        z = assembled(layout, coarse, [_pins(*each, controls) for each in pinned])
        bias = moved_bias(free(seed), near.semitones_home) + register
        for anchor, (_, rhythm, pitch) in zip(anchors, pinned, strict=True):
            bias = bias + _held(model, anchor, rhythm & pitch)
        return Plan(z, bias, finish, heard)

    return for_seed


def _in_register(slot: Slot, controls: Controls) -> Callable[[Phrase], Phrase]:
    """Return what gives a phrase the feel of a slot and moves it on the scale of its key."""
    return lambda phrase: in_register(slot.feel.restore(phrase), controls, slot.key)


def _rhythm_owners(layout: LatentLayout, shares: Sequence[float]) -> npt.NDArray[np.int64]:
    """Return for each beat `[W·K]` the index of the phrase that it takes its rhythm from, one for a word.

    Two rhythms within two bars are what sets a morph apart from music; so they pass on word by word.
    """
    early = 0.5 - np.repeat((np.arange(layout.words) + 0.5) / layout.words, layout.beats)
    favoured = np.linspace(-1.0, 1.0, len(shares))[:, None] * MORPH_RHYTHM * early
    return np.asarray(np.argmax(np.array(shares)[:, None] + favoured, axis=0), np.int64)


def draw(model: LatentModel, controls: Controls) -> PlanOfSeed:
    """Prepare phrases from nothing for all seeds, in the key that is set, or that the chords have, or C."""
    layout, chords = layout_of(model), chords_heard(controls, None, model.representation)
    key = key_to_write_in(controls, chords)
    home, form = key.semitones_to_reference, list(range(layout.words))
    free = _free(model, controls, None, (), form, key)
    heard = heard_chords(chords, model.representation.grid.metre, home, controls.constraints.follow_chords)
    finish = _finish(model, home, lambda phrase: in_register(phrase, controls, key))

    def for_seed(seed: int) -> Plan:
        z = assembled(layout, _draws(model, controls, form, seed), ())
        return Plan(z, moved_bias(free(seed), home), finish, heard)

    return for_seed


def key_to_write_in(controls: Controls, chords: Harmony) -> Key:
    """Return the key of music from nothing: the one that is set, or that the chords have, or C."""
    constraints = controls.constraints
    if constraints.key is not None:
        return Key(KEYS.index(constraints.key), constraints.scale)
    return key_of_chords(chords) or Key(0)


def _places(layout: LatentLayout, seed: int) -> npt.NDArray[np.float64]:
    """Return for each beat `[W·K]` when its turn comes to be let go, between 0 and 1; alike in all words.

    Turns are equally far apart and begin anywhere, so that over all seeds notes go at an even pace.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _ORDER_STREAM))))
    order = rng.permutation(layout.beats)
    return np.tile((order + rng.random()) / layout.beats, layout.words)


def _home_tokens(slot: Slot) -> npt.NDArray[np.int64]:
    """Return a slot's tokens `[T]` in the model's key."""
    return moved_tokens(slot.tensor, slot.semitones_home)[:, 0]


def _draws(model: LatentModel, controls: Controls, form: Sequence[int], seed: int) -> Floats:
    """Return a draw from the prior for each word, `[Z]`, pulled to a style; one for words of one root."""
    size, drawn = layout_of(model).word_size, {}
    for root in set(form):
        own = (seed + _SEED_STEP * root) % 2**32
        drawn[root] = pulled(model, prior_draw(model.bundle.latents, own), own, pull_of(controls))
    return np.concatenate([drawn[root][:size] for root in form])


def _free(
    model: LatentModel,
    controls: Controls,
    source: Slot | None,
    heard: Sequence[Slot],
    form: Sequence[int],
    key: Key | None = None,
) -> Callable[[int], Floats]:
    """Return what makes a bias `[T, V]`, in the player's key, of a seed's noise, constraints, key and chords.

    Words of one root have one noise.
    """
    representation = model.representation
    cold = replace(controls, temperature=0.0, constraints=limits_left(controls))
    bias = perturb(model, cold, source, (), heard=heard, key=key)
    heat, lean = heat_of(model, controls), leaning(representation, density_of(controls))

    def for_seed(seed: int) -> Floats:
        noise = perturbation.noise(representation, seed)
        words = noise.reshape(len(form), -1, representation.width)[list(form)]
        return heat * words.reshape(noise.shape) + bias + lean

    return for_seed


def _lean_to_source(model: LatentModel, source: Slot) -> Floats:
    """Return a bias `[T, V]` towards pitch classes that the source has, or else its key.

    Two bars seldom say for certain what key they are in; notes that they have are in it.
    """
    representation = model.representation
    own = own_pitch_classes(source.phrase.notes)
    near = source.key.pitch_classes if source.key is not None else frozenset(range(12))
    nats = np.array([0.0 if c in own else -UNHEARD_NATS if c in near else -FOREIGN_NATS for c in range(12)])
    bias = np.zeros((representation.steps, representation.width), np.float32)
    for columns in perturbation.pitch_columns(representation):
        bias[:, columns] = nats[PITCH_CLASSES]
    return bias


def lean_to_register(representation: Representation, mix: Mix) -> Floats:
    """Return a bias `[T, V]` towards where phrases play, between them by their shares: what is written to a
    high tune is no bass line."""
    bias = np.zeros((representation.steps, representation.width), np.float32)
    ranges = [(share, [note.pitch for note in slot.phrase.notes]) for slot, share in mix if slot.phrase.notes]
    whole = sum(share for share, _ in ranges)
    if whole:
        lowest = sum(share * min(played) for share, played in ranges) / whole
        highest = sum(share * max(played) for share, played in ranges) / whole
        pitches = np.arange(LOWEST_PITCH, LOWEST_PITCH + len(PITCH_CLASSES))
        beyond = np.maximum(lowest - pitches, pitches - highest) - NEAR_SEMITONES
        for columns in perturbation.pitch_columns(representation):
            bias[:, columns] = -FAR_NATS * np.maximum(beyond, 0)
    return bias


def chords_heard(controls: Controls, source: Slot | None, representation: Representation) -> Harmony:
    """Return the chords that a model is given; none where they are not to be followed at all."""
    followed = controls.constraints.follow_chords > 0
    return chords_of(controls, source, representation) if followed else ()


def heat_of(model: LatentModel, controls: Controls) -> Floats:
    """Return what noise is multiplied by, `[V]`: more of it decides which note than whether one begins."""
    heat = min(2.0, controls.temperature * model.bundle.manifest.temperature_scale)
    columns = np.full(model.representation.width, heat, np.float32)
    columns[FIRST_NOTE:] *= PITCH_HEAT
    return columns


def limits_left(controls: Controls) -> Constraints:
    """Return the constraints, without what a model does by itself that is conditioned on chords."""
    constraints = controls.constraints
    return replace(constraints, follow_chords=chord_bias_left(constraints.follow_chords))


def chord_bias_left(follow: float) -> float:
    """Return how firmly, 0 to 1, to lean towards chords that the model hears anyway; all the way only at 1.

    The model alone has as many tones of the chord on strong beats as music has, so that up to the middle
    next to nothing is added; the whole bias would make it .98. It is more than 0, so that the scale follows.
    """
    return follow**10


def _anchor(model: LatentModel, controls: Controls, slot: Slot) -> Floats:
    """Return the bias `[T, V]`, in the model's key, that holds all beats to a slot's own tokens."""
    representation = model.representation
    own = perturbation.snap(representation, controls.constraints, slot.tensor)
    return held(representation, moved_tokens(own, slot.semitones_home), density_of(controls))


def _held(model: LatentModel, anchor: Floats, beats: Bools) -> Floats:
    """Return what of an anchor `[T, V]` holds some beats; 0 for the others."""
    steps = np.repeat(beats, model.representation.grid.steps_per_beat)
    return np.where(steps[:, None], anchor, np.float32(0))


def heard_chords(chords: Harmony, metre: Metre, semitones: int, follow: float = 1.0) -> Floats | None:
    """Return the chroma `[beats, 12]`, in quarters, of chords a pulse, moved to the model's key.

    It is as loud as chords are to be followed, 0 to 1 (see `CHORD_LOUDNESS`); None without chords.
    """
    if not any(chords):
        return None
    loudness = np.float32(along(CHORD_LOUDNESS, follow))
    return loudness * np.roll(chroma(by_quarter(chords, metre)), semitones, axis=1)


def _finish(model: LatentModel, semitones: int, feel: Callable[[Phrase], Phrase]) -> Finish:
    """Return the finish of what was decoded `semitones` away from where the music goes."""
    return lambda decoded: feel(model.representation.decode(moved_tokens(decoded, -semitones)))
