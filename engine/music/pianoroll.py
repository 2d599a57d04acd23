"""All keys of a piano: which of them sound at each step.

A roll of sounding keys alone cannot separate a held note from one struck again. Here a note that is
struck again on the very step where the former ends takes the last step of that former note
away, so that a rest of one step shows the stroke, and a run of ones is always one note. Only a
note of a single step that is struck again at once has no step to give and merges into the next;
on a finer grid (`Grid(steps_per_beat=8)`) repeated 16ths keep apart as well.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.music.grid import Grid
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, Steps, check_array

LOWEST_KEY, KEYS = 21, 88
"""A0 to C8."""
RIGHT_HAND = 60 - LOWEST_KEY
"""First key of the right hand, C4, where hands are told apart: it parts the strokes of piano music in halves,
and 84 % of the notes of two-staved songs are in their own staff's hand, as many as with any key near it."""


def piano_roll(
    onsets_steps: npt.ArrayLike,
    ends_steps: npt.ArrayLike,
    pitches: npt.ArrayLike,
    total_steps: int,
) -> npt.NDArray[np.float32]:
    """Return `float32 [total_steps, 88]`, 1 where a key sounds; pitches outside are left out.

    Arguments as in `melody.melody_tokens`. A note that began before step 0 and still sounds
    there starts at step 0; the same key struck again ends the note before it.
    """
    onset, end, key = (np.asarray(values, dtype=np.int64) for values in (onsets_steps, ends_steps, pitches))
    key = key - LOWEST_KEY
    order = np.lexsort((end, onset, key))
    order = order[(key[order] >= 0) & (key[order] < KEYS)]
    onset, end, key = onset[order], np.maximum(end, np.asarray(onset) + 1)[order], key[order]
    again = key[1:] == key[:-1]
    end[:-1] = np.where(again, np.minimum(end[:-1], onset[1:]), end[:-1])
    heard = (end > 0) & (onset < total_steps) & (end > onset)
    onset, end, key = np.maximum(onset[heard], 0), np.minimum(end[heard], total_steps), key[heard]
    roll = np.zeros((total_steps, KEYS), dtype=np.float32)
    for first, last, column in zip(onset, end, key, strict=True):
        roll[first:last, column] = 1.0
    struck = np.zeros((total_steps, KEYS), dtype=np.bool_)
    struck[onset, key] = True
    roll[:-1][struck[1:] & ~struck[:-1]] = 0.0
    return roll


def notes_of_roll(roll: npt.NDArray[Any], grid: Grid) -> list[Note]:
    """Read each run of sounding steps (above 0.5) of `[T, 88]` as one note, velocity 80."""
    sounding = np.pad(roll > 0.5, ((1, 1), (0, 0))).astype(np.int8)
    edges = np.diff(sounding, axis=0).T  # [88, T + 1]
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return [
        Note(
            start_beats=int(first) * grid.step_beats,
            pitch=int(key) + LOWEST_KEY,
            duration_beats=int(last - first) * grid.step_beats,
        )
        for (key, first), (_, last) in zip(starts, ends, strict=True)
    ]


class PianorollRepresentation(GridRepresentation, frozen=True):
    """`float32 [T, 88]` of sounding keys; drum-channel notes are not part of it."""

    name = "pianoroll"
    streams = ()
    width = KEYS

    def content(self) -> dict[str, object]:
        """Return what the values mean."""
        return {"keys": [LOWEST_KEY, KEYS], "struck_again": "a rest in the step before"}

    def lane(self, note: Note) -> int | None:
        """Return the key, 0 to 87; None for drums and pitches outside."""
        key = note.pitch - LOWEST_KEY
        return key if note.channel != DRUM_CHANNEL and 0 <= key < KEYS else None

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.float32]:
        """Return `float32 [T, 88]`."""
        keys = (note for note in phrase.notes if self.lane(note) is not None)
        played = Steps.of(keys, self.grid, self.steps)
        return piano_roll(played.onsets, played.ends, played.pitches, self.steps)

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 88]`, on the grid, velocity 80, channel 0."""
        check_array(array, (self.steps, KEYS), self.name)
        return self.phrase_of(notes_of_roll(array, self.grid))
