"""Parts of a phrase that new takes keep: the decoder is held to them, so that the rest fits them.

Shape legend: T steps, S streams, V width of the perturbation.
"""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from engine.inference.constraints import Lock
from engine.inference.latent_space import Floats
from engine.inference.perturbation import FORBIDDEN, anchor, pitched
from engine.inference.slots import Slot
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.pianoroll import LOWEST_KEY
from engine.music.representation import Representation

HELD = -2 * float(FORBIDDEN)
"""Bias that wins over whatever is forbidden: the player has chosen these notes."""
SHORTEST_BEATS = 1 / 16
"""A note that a lock leaves less of than this is left out."""


def lock_bias(representation: Representation, locked: Slot, locks: Sequence[Lock]) -> Floats:
    """Return `[T, V]` that holds the decoder to the locked steps of a phrase.

    Only locks of everything hold steps; one of some pitches, a voice or a drum leaves the others free. Of a
    piano's keys one of some pitches holds those.

    Args:
        representation: of the model.
        locked: the phrase that the locks are parts of.
        locks: times from the start of the phrase.
    """
    bias = anchor(representation, locked.tensor, HELD)
    step_beats = representation.grid.step_beats
    free = np.ones(bias.shape, bool)
    by_key = not representation.streams and pitched(representation)
    for lock in locks:
        first, last = round(lock.start_beats / step_beats), round(lock.end_beats / step_beats)
        steps = slice(max(first, 0), max(last, 0))
        if lock.all_pitches:
            free[steps] = False
        elif by_key and lock.lanes is None:
            low, high = lock.lowest_pitch - LOWEST_KEY, lock.highest_pitch - LOWEST_KEY
            free[steps, max(low, 0) : max(high + 1, 0)] = False
    bias[free] = 0
    return bias


def with_locked(answer: Phrase, locked: Phrase, locks: Sequence[Lock]) -> Phrase:
    """Return an answer whose locked parts are those of another phrase, note for note.

    A note of the answer that rings into a locked part of its pitch ends where that begins, or rings on as
    one of that pitch does there.
    """
    kept = [note for note in locked.notes if any(lock.holds(note) for lock in locks)]
    kept = [note for note in kept if note.start_beats < answer.length_beats]
    free = [note for note in answer.notes if not any(lock.holds(note) for lock in locks)]
    ended = [_ended(note, locks, locked) for note in free]
    notes = [note for note in ended if note.duration_beats >= SHORTEST_BEATS or note in answer.notes]
    return Phrase.of([*kept, *notes], answer.bars, answer.metre)


def _ended(note: Note, locks: Sequence[Lock], locked: Phrase) -> Note:
    """Return a note cut where the next lock of its pitch begins, or where it ends there; a drum rings on."""
    if note.channel == DRUM_CHANNEL:
        return note
    starts = [lock.start_beats for lock in locks if lock.is_of(note) and lock.start_beats > note.start_beats]
    line = min(starts, default=note.end_beats)
    if line >= note.end_beats:
        return note
    voice = (note.pitch, note.channel)
    ringing = [
        each.end_beats
        for each in locked.notes
        if (each.pitch, each.channel) == voice and each.start_beats < line < each.end_beats
    ]
    if note.end_beats in ringing:  # of several of one pitch, each ends as it did
        return note
    return replace(note, duration_beats=max(ringing, default=line) - note.start_beats)
