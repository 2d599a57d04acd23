"""Drums as nine classes: patterns of 512 combinations a step."""

from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.music.grid import Grid
from engine.music.kits import CLASS_NAMES, GM, GM_CLASSES, NO_CLASS, ROLAND_CLASSES, DrumKit, drum_kit
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import GridRepresentation, Steps, check_array, check_tokens

Kit = DrumKit | str
"""A kit or its name: `roland` reads the training data (a TD-11 kit), `gm` everything else."""
CLASSES = len(CLASS_NAMES)
VOCABULARY = 2**CLASSES
"""A token is the sum of 2^class over the drums that are hit in a step."""


def drum_classes(pitches: npt.ArrayLike, kit: Kit) -> npt.NDArray[np.int64]:
    """Return the class of each pitch, -1 where the kit has none; count those to report a loss."""
    table = np.array(drum_kit(kit).table, np.int64)
    classes: npt.NDArray[np.int64] = table[np.asarray(pitches, dtype=np.int64)]
    return classes


def drum_hits(
    onsets_steps: npt.ArrayLike, pitches: npt.ArrayLike, total_steps: int, kit: Kit
) -> npt.NDArray[np.bool_]:
    """Return `bool [total_steps, 9]`; unmapped pitches and hits outside are left out.

    A window is a slice of it: whoever quantises first and cuts then keeps the hits that were
    played a little before the downbeat.
    """
    onsets = np.asarray(onsets_steps, dtype=np.int64)
    classes = drum_classes(pitches, kit)
    kept = (classes != NO_CLASS) & (onsets >= 0) & (onsets < total_steps)
    hits = np.zeros((total_steps, CLASSES), dtype=np.bool_)
    hits[onsets[kept], classes[kept]] = True
    return hits


def tokens_of_hits(hits: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return tokens `[...]` 0 to 511 of hits `[..., 9]`."""
    tokens: npt.NDArray[np.int64] = (np.asarray(hits) != 0) @ (1 << np.arange(CLASSES, dtype=np.int64))
    return tokens


def hits_of_tokens(tokens: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return hits `bool [..., 9]` of tokens `[...]`."""
    hits: npt.NDArray[np.bool_] = (np.asarray(tokens)[..., None] >> np.arange(CLASSES)) & 1 > 0
    return hits


def notes_of_hits(hits: npt.NDArray[np.bool_], grid: Grid, kit: Kit) -> list[Note]:
    """Write hits `[T, 9]` as notes of one step on the drum channel."""
    written = drum_kit(kit).exemplars
    return [
        Note(int(step) * grid.step_beats, written[drum], grid.step_beats, channel=DRUM_CHANNEL)
        for step, drum in np.argwhere(hits)
    ]


def drum_lane(note: Note, kit: Kit) -> int | None:
    """Return the class of a note, or None."""
    index = drum_kit(kit).table[note.pitch]
    return None if index == NO_CLASS else index


def as_drums(phrase: Phrase, kit: Kit) -> Phrase:
    """Return the drums of a phrase, all of them on the drum channel, where a drum answer goes.

    Where anything is on the drum channel, that is the drums. Else every note that the kit has a class
    for is taken for a drum, whatever its channel; the others are left out, as pitched notes are no
    drums.
    """
    drums = [note for note in phrase.notes if note.channel == DRUM_CHANNEL]
    if not drums:
        played = (note for note in phrase.notes if drum_lane(note, kit) is not None)
        drums = [replace(note, channel=DRUM_CHANNEL) for note in played]
    return Phrase.of(drums, phrase.bars, phrase.metre)


def table_content() -> list[list[object]]:
    """Return the table for a representation's hash: the two kits that models were trained with."""
    rows = zip(CLASS_NAMES, GM_CLASSES, ROLAND_CLASSES, strict=True)
    return [[name, list(gm), list(roland)] for name, gm, roland in rows]


class DrumsRepresentation(GridRepresentation, frozen=True):
    """`int64 [T, 1]` tokens of 512; every note of the phrase is taken for a drum, on any channel.

    The kit says how pitches are read and written; the tensors mean the same with either, so
    it is not part of the hash.
    """

    kit: Kit = GM

    name = "drums"
    streams = (VOCABULARY,)
    width = VOCABULARY

    def content(self) -> dict[str, object]:
        """Return what the tokens mean."""
        return {"classes": table_content()}

    def admitted(self, phrase: Phrase) -> Phrase:
        """Return the drums of a phrase, on the drum channel."""
        return as_drums(phrase, self.kit)

    def lane(self, note: Note) -> int | None:
        """Return the drum class, None for a pitch without one."""
        return drum_lane(note, self.kit)

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[np.int64]:
        """Return `int64 [T, 1]` tokens."""
        played = Steps.of(phrase.notes, self.grid, self.steps)
        return tokens_of_hits(drum_hits(played.onsets, played.pitches, self.steps, self.kit))[:, None]

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 1]` tokens, on the grid, velocity 80, channel 9."""
        check_array(array, (self.steps, 1), self.name)
        check_tokens(array, VOCABULARY, self.name)
        return self.phrase_of(notes_of_hits(hits_of_tokens(array[:, 0]), self.grid, self.kit))
