"""Two lines of notes and drums together: three token streams, one a channel."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.music import drums, melody
from engine.music.kits import GM
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, Steps, check_array, check_tokens

FIRST_DRUM_LANE = 2


class LinesAndDrums(GridRepresentation, frozen=True):
    """`int64 [T, 3]`: a token of each of two lines and one of the drums (channel 9) for every step.

    Notes on other channels are left out.
    """

    kit: drums.Kit = GM

    voices: ClassVar[tuple[str, str, str]]
    """What the three streams are."""
    line_channels: ClassVar[tuple[int, int]]
    """MIDI channels of the two lines, 0 to 15."""
    streams = (melody.VOCABULARY, melody.VOCABULARY, drums.VOCABULARY)
    width = 2 * melody.VOCABULARY + drums.VOCABULARY

    def content(self) -> dict[str, object]:
        """Return what the streams mean."""
        return {
            "streams": list(self.voices),
            "channels": [*self.line_channels, DRUM_CHANNEL],
            "melody": melody.MelodyRepresentation(self.bars, self.grid).hash,
            "drums": drums.DrumsRepresentation(self.bars, self.grid).hash,
        }

    def lane(self, note: Note) -> int | None:
        """Return 0 and 1 for the lines, 2 to 10 for the drum classes; None for a note that is left out."""
        if note.channel == DRUM_CHANNEL:
            drum = drums.drum_lane(note, self.kit)
            return None if drum is None else FIRST_DRUM_LANE + drum
        return self.line_channels.index(note.channel) if note.channel in self.line_channels else None

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.int64]:
        """Return `int64 [T, 3]` tokens."""
        *lines, beat = (
            Steps.of((note for note in phrase.notes if note.channel == channel), self.grid, self.steps)
            for channel in (*self.line_channels, DRUM_CHANNEL)
        )
        tokens = [melody.melody_tokens(line.onsets, line.ends, line.pitches, self.steps) for line in lines]
        hits = drums.drum_hits(beat.onsets, beat.pitches, self.steps, self.kit)
        return np.stack([*tokens, drums.tokens_of_hits(hits)], axis=1).astype(np.int64)

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 3]` tokens, on the grid, each voice on its channel."""
        check_array(array, (self.steps, 3), self.name)
        for stream, vocabulary in enumerate(self.streams):
            check_tokens(array[:, stream], vocabulary, self.name)
        notes = drums.notes_of_hits(drums.hits_of_tokens(array[:, 2]), self.grid, self.kit)
        for stream, channel in enumerate(self.line_channels):
            notes += melody.notes_of_tokens(array[:, stream], self.grid, channel)
        return self.phrase_of(notes)
