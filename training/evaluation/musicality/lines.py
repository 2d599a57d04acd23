"""A voice as arrays of whole steps, what most measures work on."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.music.grid import SIXTEENTHS, Grid
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

Ints = NDArray[np.int64]


class Line(NamedTuple):
    """Notes in order of onset, then pitch. N notes."""

    onset: Ints
    """`[N]` steps."""
    end: Ints
    """`[N]` steps, after the onset."""
    pitch: Ints
    """`[N]` MIDI pitches."""

    @staticmethod
    def of(notes: Iterable[Note], grid: Grid = SIXTEENTHS) -> "Line":
        """Round notes to the grid."""
        rows = [(grid.nearest_step(n.start_beats), n.pitch, grid.nearest_step(n.end_beats)) for n in notes]
        table = np.array(sorted(rows), np.int64).reshape(-1, 3)
        return Line(table[:, 0], np.maximum(table[:, 2], table[:, 0] + 1), table[:, 1])

    def between(self, first: int, end: int) -> "Line":
        """Return the notes that begin from step `first` on and before step `end`, counted from `first`."""
        kept = (self.onset >= first) & (self.onset < end)
        return Line(self.onset[kept] - first, self.end[kept] - first, self.pitch[kept])


def voices(phrase: Phrase, grid: Grid = SIXTEENTHS) -> dict[int, Line]:
    """Return the pitched voices of a phrase by MIDI channel."""
    channels = sorted({note.channel for note in phrase.notes} - {DRUM_CHANNEL})
    return {
        channel: Line.of((note for note in phrase.notes if note.channel == channel), grid)
        for channel in channels
    }
