"""What needs no model: notes nudged inside the scale, notes faded from one phrase to another."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.music.notes import DRUM_CHANNEL, Note, Phrase

FARTHEST_STEPS = 2
"""Steps of the scale a nudged note moves by at most."""


def nudged(phrase: Phrase, scale: NDArray[np.bool_], share: float, rng: np.random.Generator) -> Phrase:
    """Move a share of the pitched notes by one or two steps of a scale `[12]`, up or down."""
    pitches = np.flatnonzero(np.tile(scale, 11)[:128])
    moved = []
    for note in phrase.notes:
        if note.channel != DRUM_CHANNEL and rng.random() < share:
            at = int(np.abs(pitches - note.pitch).argmin())
            step = int(rng.integers(1, FARTHEST_STEPS + 1)) * (1 if rng.random() < 0.5 else -1)
            note = replace(note, pitch=int(pitches[min(max(at + step, 0), len(pitches) - 1)]))
        moved.append(note)
    return Phrase.of(moved, phrase.bars, phrase.metre)


def crossfaded(first: Phrase, second: Phrase, share: float, rng: np.random.Generator) -> Phrase:
    """Keep each note of the first with one less `share`'s chance, and each of the second with it.

    Drums that both have at the same time stay once; of pitched notes, which are one voice, each is cut where
    the next one begins.
    """
    kept = [note for note in first.notes if rng.random() >= share]
    kept += [note for note in second.notes if rng.random() < share]
    drums = {(n.start_beats, n.pitch): n for n in kept if n.channel == DRUM_CHANNEL}
    voice = _one_voice(sorted(note for note in kept if note.channel != DRUM_CHANNEL))
    return Phrase.of([*voice, *drums.values()], first.bars, first.metre)


def _one_voice(notes: Sequence[Note]) -> list[Note]:
    """Cut notes so that no two sound at once; of two that begin together the later listed stays."""
    by_onset = {note.start_beats: note for note in notes}
    kept = list(by_onset.values())
    cut = [
        replace(note, duration_beats=min(note.duration_beats, later.start_beats - note.start_beats))
        for note, later in pairwise(kept)
    ]
    return cut + kept[-1:]
