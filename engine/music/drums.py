"""Drums as nine classes: the one table of pitches, and patterns of 512 combinations a step."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from engine.music.grid import SIXTEENTHS, Grid
from engine.music.notes import Note, Phrase
from engine.music.quantise import (
    DRUM_CHANNEL,
    Steps,
    check_array,
    check_phrase,
    check_tokens,
    content_hash,
    grid_content,
)

Kit = Literal["gm", "roland"]
"""`roland` reads the training data (a TD-11 kit), `gm` everything else (General MIDI)."""


@dataclass(frozen=True, slots=True)
class DrumClass:
    """One of the nine drums; the first pitch of a kit is the one that is written."""

    name: str
    gm: tuple[int, ...]
    roland: tuple[int, ...]


DRUM_CLASSES = (
    DrumClass("kick", gm=(36, 35), roland=(36,)),
    DrumClass(
        "snare",
        gm=(38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
        roland=(38, 37, 40),
    ),
    DrumClass("closed hi-hat", gm=(42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22), roland=(42, 22, 44)),
    DrumClass("open hi-hat", gm=(46, 67, 72, 74, 79, 81, 26), roland=(46, 26)),
    DrumClass("low tom", gm=(45, 29, 41, 43, 61, 64, 84), roland=(43, 58)),
    DrumClass("mid tom", gm=(48, 47, 60, 63, 77, 86, 87), roland=(47, 45)),
    DrumClass("high tom", gm=(50, 30, 62, 76, 83), roland=(50, 48)),
    DrumClass("crash", gm=(49, 52, 55, 57, 58), roland=(49, 52, 55, 57)),
    DrumClass("ride", gm=(51, 53, 59, 82), roland=(51, 53, 59)),
)
CLASSES = len(DRUM_CLASSES)
VOCABULARY = 2**CLASSES
"""A token is the sum of 2^class over the drums that are hit in a step."""
NO_CLASS = -1


def kit_pitches(kit: Kit) -> tuple[tuple[int, ...], ...]:
    """Return the pitches of each class; ValueError for an unknown kit."""
    if kit not in get_args(Kit):
        raise ValueError(f"drum kit {kit!r}: unknown; choose one of {', '.join(get_args(Kit))}")
    return tuple(drum.gm if kit == "gm" else drum.roland for drum in DRUM_CLASSES)


def exemplars(kit: Kit) -> tuple[int, ...]:
    """Return the pitch each class is written with."""
    return tuple(pitches[0] for pitches in kit_pitches(kit))


def class_table(kit: Kit) -> npt.NDArray[np.int64]:
    """Return `int64 [128]`: the class of each MIDI pitch, or -1."""
    table = np.full(128, NO_CLASS, dtype=np.int64)
    for index, pitches in enumerate(kit_pitches(kit)):
        table[list(pitches)] = index
    return table


TABLES: dict[Kit, npt.NDArray[np.int64]] = {kit: class_table(kit) for kit in get_args(Kit)}


def drum_classes(pitches: npt.ArrayLike, kit: Kit) -> npt.NDArray[np.int64]:
    """Return the class of each pitch, -1 where the kit has none; count those to report a loss."""
    classes: npt.NDArray[np.int64] = TABLES[kit][np.asarray(pitches, dtype=np.int64)]
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
    written = exemplars(kit)
    return [
        Note(int(step) * grid.step_beats, written[drum], grid.step_beats, channel=DRUM_CHANNEL)
        for step, drum in np.argwhere(hits)
    ]


def drum_lane(note: Note, kit: Kit) -> int | None:
    """Return the class of a note, or None."""
    index = int(TABLES[kit][note.pitch])
    return None if index == NO_CLASS else index


def table_content() -> list[list[object]]:
    """Return the table for a representation's hash: both kits, whichever is read."""
    return [[drum.name, list(drum.gm), list(drum.roland)] for drum in DRUM_CLASSES]


@dataclass(frozen=True, slots=True)
class DrumsRepresentation:
    """`int64 [T, 1]` tokens of 512; every note of the phrase is taken for a drum, on any channel.

    The kit says how pitches are read and written; the tensors mean the same with either, so
    it is not part of the hash.
    """

    bars: int
    grid: Grid = SIXTEENTHS
    kit: Kit = "gm"

    name = "drums"
    streams = (VOCABULARY,)
    width = VOCABULARY

    @property
    def steps(self) -> int:
        """T."""
        return self.bars * self.grid.steps_per_bar

    @property
    def hash(self) -> str:
        """sha256 of everything that changes the tensors."""
        return content_hash(
            name=self.name, bars=self.bars, grid=grid_content(self.grid), classes=table_content()
        )

    def lane(self, note: Note) -> int | None:
        """Return the drum class, None for a pitch without one."""
        return drum_lane(note, self.kit)

    def encode(self, phrase: Phrase) -> npt.NDArray[np.int64]:
        """Return `int64 [T, 1]` tokens."""
        check_phrase(phrase, self.bars, self.grid)
        played = Steps.of(list(phrase.notes), self.grid)
        return tokens_of_hits(drum_hits(played.onsets, played.pitches, self.steps, self.kit))[:, None]

    def decode(self, array: npt.NDArray[Any]) -> Phrase:
        """Return the phrase of `[T, 1]` tokens, on the grid, velocity 80, channel 9."""
        check_array(array, (self.steps, 1), self.name)
        check_tokens(array, VOCABULARY, self.name)
        notes = notes_of_hits(hits_of_tokens(array[:, 0]), self.grid, self.kit)
        return Phrase.of(notes, self.bars, float(self.grid.beats_per_bar))
