"""Melody, bass and drums together: three token streams, one a channel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.music import drums, melody
from engine.music.kits import GM
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, Steps, check_array, check_tokens

MELODY_CHANNEL, BASS_CHANNEL = 0, 1
FIRST_DRUM_LANE = 2


@dataclass(frozen=True, slots=True)
class TrioRepresentation(GridRepresentation):
    """`int64 [T, 3]`: melody (channel 0), bass (channel 1), drums (channel 9).

    Notes on other channels are left out: whoever builds the phrase puts each part on its
    channel.
    """

    kit: drums.Kit = GM

    name = "trio"
    streams = (melody.VOCABULARY, melody.VOCABULARY, drums.VOCABULARY)
    width = 2 * melody.VOCABULARY + drums.VOCABULARY

    def content(self) -> dict[str, object]:
        """Return what the streams mean."""
        return {
            "streams": ["melody", "bass", "drums"],
            "channels": [MELODY_CHANNEL, BASS_CHANNEL, DRUM_CHANNEL],
            "melody": melody.MelodyRepresentation(self.bars, self.grid).hash,
            "drums": drums.DrumsRepresentation(self.bars, self.grid).hash,
        }

    def lane(self, note: Note) -> int | None:
        """Return 0 for the melody, 1 for the bass, 2 to 10 for the drum classes."""
        if note.channel == DRUM_CHANNEL:
            drum = drums.drum_lane(note, self.kit)
            return None if drum is None else FIRST_DRUM_LANE + drum
        return {MELODY_CHANNEL: 0, BASS_CHANNEL: 1}.get(note.channel)

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.int64]:
        """Return `int64 [T, 3]` tokens."""
        parts = {
            channel: Steps.of(
                (note for note in phrase.notes if note.channel == channel), self.grid, self.steps
            )
            for channel in (MELODY_CHANNEL, BASS_CHANNEL, DRUM_CHANNEL)
        }
        lines = [
            melody.melody_tokens(part.onsets, part.ends, part.pitches, self.steps)
            for part in (parts[MELODY_CHANNEL], parts[BASS_CHANNEL])
        ]
        beat = parts[DRUM_CHANNEL]
        hits = drums.drum_hits(beat.onsets, beat.pitches, self.steps, self.kit)
        return np.stack([*lines, drums.tokens_of_hits(hits)], axis=1).astype(np.int64)

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 3]` tokens, on the grid, each part on its channel."""
        check_array(array, (self.steps, 3), self.name)
        for stream, vocabulary in enumerate(self.streams):
            check_tokens(array[:, stream], vocabulary, self.name)
        notes = melody.notes_of_tokens(array[:, 0], self.grid, MELODY_CHANNEL)
        notes += melody.notes_of_tokens(array[:, 1], self.grid, BASS_CHANNEL)
        notes += drums.notes_of_hits(drums.hits_of_tokens(array[:, 2]), self.grid, self.kit)
        return self.phrase_of(notes)
