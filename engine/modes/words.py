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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.controls import Controls
from engine.inference.harmony import key_of_chords
from engine.inference.home_key import moved_bias, moved_tokens
from engine.inference.latent_space import Floats, great_circle, prior_draw, slerp
from engine.inference.sentences import write_sentence
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import pull_of, pulled
from engine.modes.base import Plan, chords_of, perturb
from engine.music.chords import Harmony, chroma
from engine.music.key import KEYS, Key
from engine.music.notes import Phrase
from engine.music.words import Relation, relations, roots

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

PITCHES_GONE = 0.65
"""Variation at which no beat's pitches are pinned any more."""
RHYTHM_LATER = 0.2
"""How much further a beat keeps its rhythm than its pitches."""
COARSE_FROM = 0.4
"""Variation from which the kind of phrase changes too."""
STYLE_SHARE = 0.6
"""Share of the way to a style's phrase that the coarse part goes at variation 1 whatever the draw does."""
MORPH_PITCHES = 0.4
"""Share of a morph, at either end, in which beats of that end are still pinned."""
MORPH_RHYTHM = 0.4
"""Width of the middle of a morph in which the rhythm passes from one phrase to the other, beat by beat."""

HEARD_ANYWAY = 0.15
"""Share of the bias towards chords that a model needs which is conditioned on them."""

_ORDER_STREAM = 3
_SEED_STEP = 7919
"""Between the seeds of the draws of two words."""


def plan_variation(model: LatentModel, source: Slot, controls: Controls) -> Plan:
    """Prepare a variation: beats are let go in an order that belongs to the seed, the coarse part last."""
    layout = _layout(model)
    form = roots(relations(_home_tokens(source).reshape(layout.words, -1)))
    controls = _with_kept_halves(controls)
    place, reach = _places(layout, controls.seed), _reach(controls)
    halves = controls.variation * controls.vary_rhythm, controls.variation * controls.vary_pitch
    rhythm = (max(halves[0], reach) <= PITCHES_GONE * place + RHYTHM_LATER) | controls.constraints.keep_rhythm
    pitch = max(halves[1], reach) <= PITCHES_GONE * place
    drawn = _draws(model, controls, form)
    shares = [_coarse_share(half, controls) for half in halves]
    coarse = great_circle(source.mu, drawn, shares[1])
    of_rhythm = _rhythm_places(layout)
    coarse[of_rhythm] = great_circle(source.mu, drawn, shares[0])[of_rhythm]
    z = _assembled(layout, coarse, (_Pinned(source.mu, rhythm, pitch),))
    bias = moved_bias(_free(model, controls, source, (source,), form), source.semitones_home)
    bias = bias + _held(model, controls, source, rhythm & pitch)
    chords = chords_of(controls, source, model.representation)
    return _finished(model, (z, bias), source.semitones_home, chords, source.feel.restore)


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


def plan_morph(model: LatentModel, first: Slot, second: Slot, controls: Controls) -> Plan:
    """Prepare a blend: beats of the first phrase go, the rhythm passes over, beats of the second come."""
    layout, morph = _layout(model), controls.morph
    near = first if morph < 0.5 else second
    form = roots(relations(_home_tokens(near).reshape(layout.words, -1)))
    place = _places(layout, controls.seed)
    along = np.tile((np.arange(layout.beats) + 0.5) / layout.beats, layout.words)
    passed = morph > 0.5 + MORPH_RHYTHM * (along - 0.5)
    pinned = (
        (first, ~passed, morph <= MORPH_PITCHES * place),
        (second, passed, 1 - morph <= MORPH_PITCHES * place),
    )
    parts = [_Pinned(slot.mu, rhythm, pitch) for slot, rhythm, pitch in pinned]
    z = _assembled(layout, slerp(first.mu, second.mu, morph), parts)
    bias = moved_bias(_free(model, controls, near, (first, second), form), near.semitones_home)
    for slot, rhythm, pitch in pinned:
        bias = bias + _held(model, controls, slot, rhythm & pitch)
    chords = chords_of(controls, near, model.representation)
    return _finished(model, (z, bias), near.semitones_home, chords, near.feel.restore)


def plan_draw(model: LatentModel, controls: Controls) -> Plan:
    """Prepare a phrase from nothing, in the key that is set, or that the chords have, or C."""
    layout, constraints = _layout(model), controls.constraints
    chords = chords_of(controls, None, model.representation)
    key = key_of_chords(chords) or Key(0)
    if constraints.key is not None:
        key = Key(KEYS.index(constraints.key), constraints.scale)
    home = key.semitones_to_reference
    if model.bundle.manifest.sentence is not None:
        return _plan_sentence(model, controls, key, chords)
    form = list(range(layout.words))
    z = _assembled(layout, _draws(model, controls, form), ())
    bias = moved_bias(_free(model, controls, None, (), form, key), home)
    return _finished(model, (z, bias), home, chords, lambda phrase: phrase)


def _plan_sentence(model: LatentModel, controls: Controls, key: Key, chords: Harmony) -> Plan:
    """Prepare a phrase of several words: the new ones are written first, then those that come from them."""
    layout, home = _layout(model), key.semitones_to_reference
    sentence = write_sentence(model, [], layout.words, controls.seed)
    found = [word.relation for word in sentence]
    form, coarse = roots(found), np.zeros(layout.size, np.float32)
    coarse[_coarse_places(layout)] = np.stack([word.coarse for word in sentence])
    bias = moved_bias(_free(model, controls, None, (), form, key), home)
    heard = _heard_chords(chords, home)
    given = () if heard is None else (heard[None],)
    tokens = model.decode(_assembled(layout, coarse, ())[None], bias[:, None], *given)[:, 0]
    mu = model.encode(tokens[None])[0][0]
    pinned, held = _taken(layout, found, mu, tokens)
    z = _assembled(layout, coarse, (pinned,))
    both = np.repeat(pinned.rhythm & pinned.pitch, model.representation.grid.steps_per_beat)
    anchor = perturbation.anchor(model.representation, held, perturbation.HOLD)
    bias = bias + np.where(both[:, None], anchor, np.float32(0))
    return _finished(model, (z, bias), home, chords, lambda phrase: phrase)


@dataclass(frozen=True, slots=True, eq=False)
class _Pinned:
    """Beats whose words are given."""

    mu: Floats
    """`[Z]`, of which the fine parts of those beats count."""
    rhythm: Bools
    """`[W·K]` beats pinned in rhythm."""
    pitch: Bools


def _taken(
    layout: LatentLayout, found: Sequence[Relation], mu: Floats, tokens: npt.NDArray[Any]
) -> tuple[_Pinned, npt.NDArray[Any]]:
    """Return what related words take from the new ones, as fine latents and as tokens `[T, 1]`.

    Args:
        layout: of the latent.
        found: the relation of each word.
        mu: `[Z]` of what was written; only the new words of it stay.
        tokens: `[T, 1]` that was written.
    """
    rhythm_at, pitch_at = _fine_places(layout)
    words = tokens.reshape(layout.words, layout.beats, -1)
    rhythm_from = np.full((layout.words, layout.beats), -1)
    pitch_from = rhythm_from.copy()
    for word, relation in enumerate(found):
        if relation.back == 0:
            rhythm_from[word] = pitch_from[word] = word
            continue
        source = word - relation.back
        rhythm_from[word] = np.where(relation.rhythm, rhythm_from[source], -1)
        pitch_from[word] = np.where(relation.pitch, pitch_from[source], -1)
    taken, beat = mu.copy(), np.arange(layout.beats)
    for places, origin in ((rhythm_at, rhythm_from), (pitch_at, pitch_from)):
        sources = (np.maximum(origin, 0) * layout.beats + beat).reshape(-1)
        taken[places] = mu[places[sources]]
    held = words[np.maximum(rhythm_from, 0), beat].reshape(tokens.shape)
    return _Pinned(taken, rhythm_from.reshape(-1) >= 0, pitch_from.reshape(-1) >= 0), held


def _layout(model: LatentModel) -> LatentLayout:
    layout = model.bundle.manifest.latent_layout
    assert layout is not None  # these modes are asked only where there is one
    return layout


def _reach(controls: Controls) -> float:
    """Return how much the attribute sliders let go, 0 to 1."""
    return min(1.0, max((abs(amount) for _, amount in controls.attributes), default=0.0))


def _places(layout: LatentLayout, seed: int) -> npt.NDArray[np.float64]:
    """Return for each beat `[W·K]` when its turn comes to be let go, between 0 and 1; alike in all words."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _ORDER_STREAM))))
    return np.tile((rng.permutation(layout.beats) + 0.5) / layout.beats, layout.words)


def _home_tokens(slot: Slot) -> Ints:
    """Return a slot's tokens `[T]` in the model's key."""
    return moved_tokens(slot.tensor, slot.semitones_home)[:, 0]


def _draws(model: LatentModel, controls: Controls, form: Sequence[int]) -> Floats:
    """Return a draw from the prior for each word, `[Z]`, pulled to a style; one for words of one root."""
    size, drawn = _layout(model).word_size, {}
    for root in set(form):
        seed = (controls.seed + _SEED_STEP * root) % 2**32
        drawn[root] = pulled(model, prior_draw(model.bundle.latents, seed), seed, pull_of(controls))
    return np.concatenate([drawn[root][:size] for root in form])


def _assembled(layout: LatentLayout, coarse: Floats, parts: Sequence[_Pinned]) -> Floats:
    """Return a latent `[Z]` with the coarse parts of one and the fine parts of pinned beats."""
    z, (rhythm_at, pitch_at), at = np.zeros_like(coarse), _fine_places(layout), _coarse_places(layout)
    z[at] = coarse[at]
    for part in parts:
        z[rhythm_at[part.rhythm]] = part.mu[rhythm_at[part.rhythm]]
        z[pitch_at[part.pitch]] = part.mu[pitch_at[part.pitch]]
    return z


def _coarse_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of each word's coarse part, `[W, Zc]`."""
    pitch = layout.rhythm + np.arange(layout.coarse_pitch)
    return _word_places(layout)[:, np.concatenate([np.arange(layout.coarse_rhythm), pitch])]


def _rhythm_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of the coarse rhythm of all words, `[W·Zr]`."""
    return _word_places(layout)[:, : layout.coarse_rhythm].reshape(-1)


def _fine_places(layout: LatentLayout) -> tuple[Ints, Ints]:
    """Return the dimensions of each beat's fine rhythm `[W·K, …]` and of its fine pitch `[W·K, …]`."""
    words = _word_places(layout)
    rhythm = words[:, layout.coarse_rhythm : layout.rhythm]
    pitch = words[:, layout.rhythm + layout.coarse_pitch :]
    return rhythm.reshape(-1, layout.fine_rhythm), pitch.reshape(-1, layout.fine_pitch)


def _word_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of each word, `[W, word size]`."""
    return np.arange(layout.size).reshape(layout.words, layout.word_size)


def _free(
    model: LatentModel,
    controls: Controls,
    source: Slot | None,
    heard: Sequence[Slot],
    form: Sequence[int],
    key: Key | None = None,
) -> Floats:
    """Return noise (one for words of one root), constraints, key and chords, in the player's key `[T, V]`."""
    representation = model.representation
    noise = perturbation.noise(representation, controls.seed)
    words = noise.reshape(len(form), -1, representation.width)[list(form)]
    heat = np.float32(min(2.0, controls.temperature * model.bundle.manifest.temperature_scale))
    limits = replace(controls.constraints, follow_chords=chord_bias_left(controls.constraints.follow_chords))
    cold = replace(controls, temperature=0.0, constraints=limits)
    return heat * words.reshape(noise.shape) + perturb(model, cold, source, (), heard=heard, key=key)


def chord_bias_left(follow: float) -> float:
    """Return how firmly, 0 to 1, to lean towards chords that the model hears anyway; all the way only at 1.

    At the middle of the slider .77 of the notes on strong beats are then tones of the chord, as in music; the
    whole bias would make it .98, and without it .66 are.
    """
    return HEARD_ANYWAY * follow + (1 - HEARD_ANYWAY) * follow**8


def _held(model: LatentModel, controls: Controls, slot: Slot, beats: Bools) -> Floats:
    """Return the bias `[T, V]`, in the model's key, that holds some beats to a slot's own tokens."""
    representation = model.representation
    own = perturbation.snap(representation, controls.constraints, slot.tensor)
    anchor = perturbation.anchor(representation, moved_tokens(own, slot.semitones_home), perturbation.HOLD)
    return np.where(np.repeat(beats, representation.grid.steps_per_beat)[:, None], anchor, np.float32(0))


def _heard_chords(chords: Harmony, semitones: int) -> Floats | None:
    """Return the chroma of chords `[beats, 12]` moved to the model's key; None where none is known."""
    return np.roll(chroma(chords), semitones, axis=1) if any(chords) else None


def _finished(
    model: LatentModel,
    prepared: tuple[Floats, Floats],
    semitones: int,
    chords: Harmony,
    feel: Callable[[Phrase], Phrase],
) -> Plan:
    """Return the plan of a latent and a bias that are `semitones` away from where the music goes."""
    z, bias = prepared

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        return feel(model.representation.decode(moved_tokens(decoded, -semitones)))

    return Plan(z, bias, finish, _heard_chords(chords, semitones))
