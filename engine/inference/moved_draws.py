"""Draws from the prior, moved into the key and the register of what was played.

A draw is decoded, transposed to where most of its notes are in the source's key and as near as can be to the
source's register, and encoded again. What the variation slider walks to is then music in the same key,
so that all the way there is.

Shape legend: B batch, T steps, S streams, Z latent size.
"""

from collections.abc import Hashable, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.latent_space import Floats, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import Pull, pulled
from engine.music.key_finding import pitch_class_weights
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

FARTHEST = 30
"""Semitones that a draw is moved by at most."""
OCTAVE_SHARE = 0.25
"""Share of the notes in key that nearness in register by an octave is worth."""
SPREAD = 0.7
"""Share of the prior's deviations that draws of pitched music have: nearer to the middle the decoder writes
more plainly. On the two-bar melodies .7 for 1 takes own key from .906 to .923, the critic from 5.17 to 4.97.
Drums keep all of it: their bars are as alike as music's (.56 and .55; .64 at .7)."""
MOST_KEPT = 1024

_Place = TypeVar("_Place", bound=Hashable)
_Kept = TypeVar("_Kept")


class Home(msgspec.Struct, frozen=True):
    """Where a draw is moved to."""

    pitch_classes: frozenset[int]
    register: int
    """Mean pitch in semitones."""


def home_of(slot: Slot) -> Home | None:
    """Return the key and register of a slot; None without pitched notes or without a key."""
    pitches = [note.pitch for note in slot.phrase.notes if note.channel != DRUM_CHANNEL]
    if not pitches or slot.key is None:
        return None
    return Home(slot.key.pitch_classes, round(sum(pitches) / len(pitches)))


class Draw(msgspec.Struct, frozen=True):
    """A draw from the prior of a model and what it decodes to."""

    z: Floats
    """`[Z]`."""
    phrase: Phrase
    """Decoded without noise."""


_draws: "WeakKeyDictionary[Any, dict[tuple[int, Pull | None], Draw]]" = WeakKeyDictionary()
_moved: "WeakKeyDictionary[Any, dict[tuple[int, Home, Pull | None], Floats]]" = WeakKeyDictionary()


def draws(model: LatentModel, seeds: Sequence[int], pull: Pull | None = None) -> list[Draw]:
    """Return the draws of seeds, pulled to a style; those that are not remembered are decoded together."""
    kept = _draws.setdefault(model, {})
    lacking = lacking_of(kept, [(seed, pull) for seed in seeds], seeds)
    if lacking:
        representation, latents = model.representation, model.bundle.latents
        spread = SPREAD if perturbation.pitched(representation) else 1.0
        drawn = [prior_draw(latents, seed, spread) for seed in lacking]
        z = np.stack([pulled(model, each, seed, pull) for each, seed in zip(drawn, lacking, strict=True)])
        decoded = model.decode(z, np.zeros((representation.steps, len(z), representation.width), np.float32))
        for row, seed in enumerate(lacking):
            kept[seed, pull] = Draw(z[row], representation.decode(decoded[:, row]))
    return [kept[seed, pull] for seed in seeds]


def lacking_of(kept: dict[_Place, _Kept], places: Sequence[_Place], seeds: Sequence[int]) -> list[int]:
    """Return the seeds whose places are not kept, each once; forgets all where they are too many."""
    if len(kept) + len(places) > MOST_KEPT:
        kept.clear()
    return list(dict.fromkeys(seed for place, seed in zip(places, seeds, strict=True) if place not in kept))


def draws_near(model: LatentModel, slot: Slot, seeds: Sequence[int], pull: Pull | None = None) -> Floats:
    """Return for each seed the latent of its draw from the prior, moved to a slot's key and register.

    Args:
        model: a loaded model.
        slot: the source.
        seeds: B of them.
        pull: to a style, before they are moved; None for none.

    Returns:
        `float32 [B, Z]`; for drums, and where no key is known, the draws as they are. Draws are
        remembered, so that a slider that moves does not compute them again.
    """
    home = home_of(slot) if perturbation.pitched(model.representation) else None
    if home is None:
        return np.stack([draw.z for draw in draws(model, seeds, pull)])
    kept = _moved.setdefault(model, {})
    places = [(seed, home, pull) for seed in seeds]
    lacking = lacking_of(kept, places, seeds)
    if lacking:
        found = draws(model, lacking, pull)
        moved = [move_home(draw.phrase, home) for draw in found]
        mu, _ = model.encode(np.stack([model.representation.encode(phrase) for phrase in moved]))
        for row, seed in enumerate(lacking):
            # A draw without notes has no place to be moved to.
            kept[seed, home, pull] = mu[row] if moved[row].notes else found[row].z
    return np.stack([kept[place] for place in places])


def move_home(phrase: Phrase, home: Home) -> Phrase:
    """Transpose the pitched notes of a phrase to the key and as near as can be to the register of a home."""
    pitched = [note for note in phrase.notes if note.channel != DRUM_CHANNEL]
    if not pitched:
        return phrase
    semitones = best_transposition(pitched, home)
    moved = (
        note if note.channel == DRUM_CHANNEL else replace(note, pitch=_within(note.pitch + semitones))
        for note in phrase.notes
    )
    return Phrase.of(moved, phrase.bars, phrase.metre)


def best_transposition(notes: Sequence[Note], home: Home) -> int:
    """Return the semitones, `FARTHEST` up or down at most, that bring most of the sounding time into the key.

    Distance from the register speaks against a way: an octave as much as `OCTAVE_SHARE` of the time outside.
    """
    weights = pitch_class_weights(notes)
    shifts = np.arange(-FARTHEST, FARTHEST + 1)
    scale = np.array([tone in home.pitch_classes for tone in range(12)], np.float64)
    inside = np.array([np.roll(weights, shift) @ scale for shift in shifts.tolist()]) / weights.sum()
    apart = np.abs(np.mean([note.pitch for note in notes]) + shifts - home.register)
    score: npt.NDArray[np.float64] = inside - OCTAVE_SHARE / 12 * apart
    return int(shifts[int(score.argmax())])


def _within(pitch: int) -> int:
    """Fold a pitch by octaves into the piano's range."""
    while pitch < LOWEST_PITCH:
        pitch += 12
    while pitch > HIGHEST_PITCH:
        pitch -= 12
    return pitch
