"""How the words of a longer melody hang together: which are new, which repeat or vary one before.

A word is a few bars of a melody. It is related to the one so many words back that it shares most of its
beats with, in rhythm and in pitch; where it shares less than half it is new.

Shape legend: N words, T steps of a word, K beats of a word.
"""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.music.grid import SIXTEENTHS
from engine.music.melody import FIRST_NOTE

Bools = npt.NDArray[np.bool_]

FARTHEST_BACK = 8
"""Words that a word can be related to."""
RELATED = 0.5
"""Share of beats in common, rhythm and pitch counted half each, from which words are related."""


class Relation(msgspec.Struct, frozen=True, eq=False):
    """What a word has from an earlier one."""

    back: int
    """How many words back that one is, 1 and more; 0 for a new word."""
    rhythm: Bools
    """`[K]` beats that have its rhythm."""
    pitch: Bools
    """`[K]` beats that have its pitches."""

    @staticmethod
    def none(beats: int) -> "Relation":
        """Return the relation of a new word."""
        return Relation(0, np.zeros(beats, bool), np.zeros(beats, bool))


def relations(words: npt.NDArray[np.integer[Any]]) -> list[Relation]:
    """Return how each of the words `[N, T]`, melody tokens, is related to those before it."""
    rhythm = np.minimum(words, FIRST_NOTE).reshape(len(words), -1, SIXTEENTHS.steps_per_beat)
    pitch = last_pitches(words).reshape(rhythm.shape)
    found = [Relation.none(rhythm.shape[1])]
    for index in range(1, len(words)):
        first = max(0, index - FARTHEST_BACK)
        same_rhythm = (rhythm[first:index] == rhythm[index]).all(axis=2)  # [candidates, K]
        same_pitch = (pitch[first:index] == pitch[index]).all(axis=2) & same_rhythm
        score = (same_rhythm.mean(axis=1) + same_pitch.mean(axis=1)) / 2
        best = len(score) - 1 - int(score[::-1].argmax())  # of equals the nearest
        related = Relation(index - first - best, same_rhythm[best], same_pitch[best])
        found.append(related if score[best] >= RELATED else Relation.none(rhythm.shape[1]))
    return found


def last_pitches(words: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return for each step of `[N, T]` tokens the pitch that sounds or sounded last in its word, else 0."""
    steps = np.where(words >= FIRST_NOTE, np.arange(words.shape[1]), -1)
    last = np.maximum.accumulate(steps, axis=1)
    pitch = np.take_along_axis(words, np.maximum(last, 0), axis=1).astype(np.int64) - (FIRST_NOTE - 1)
    return np.where(last >= 0, pitch, 0)


def roots(found: list[Relation]) -> list[int]:
    """Return for each word the number of the first word that it descends from, its own if it is new."""
    first: list[int] = []
    for index, relation in enumerate(found):
        first.append(first[index - relation.back] if relation.back else index)
    return first
