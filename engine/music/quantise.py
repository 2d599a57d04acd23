"""What every representation shares: onto the grid, checks, and the hash of what it means."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from engine.music.grid import SIXTEENTHS, Grid
from engine.music.notes import Note, Phrase


def onset_step(note: Note, grid: Grid) -> int:
    """Return the step a note starts at; below 0 when it began before the phrase."""
    return grid.nearest_step(note.start_beats)


def step_within(note: Note, grid: Grid, total_steps: int) -> int:
    """Return the step of a phrase that a note takes: its onset's, the last for one that rounds beyond it.

    A note in the last 32nd of a phrase is nearer to the next phrase's first step, but it is this phrase's.
    """
    return min(onset_step(note, grid), total_steps - 1)


def end_step(note: Note, grid: Grid) -> int:
    """Return the step a note ends before: at least one step after its onset."""
    return max(grid.nearest_step(note.end_beats), onset_step(note, grid) + 1)


def check_phrase(phrase: Phrase, bars: int, grid: Grid) -> None:
    """Refuse a phrase that does not fill exactly `bars` bars of the grid's metre (ValueError)."""
    if phrase.bars != bars or phrase.metre != grid.metre:
        raise ValueError(
            f"phrase: {phrase.bars} bars of {phrase.metre} do not fit {bars} bars of "
            f"{grid.metre}; cut or tile it to that length first"
        )


def check_array(array: npt.NDArray[Any], shape: tuple[int, int], what: str) -> None:
    """Refuse a tensor of another shape (ValueError)."""
    if array.shape != shape:
        raise ValueError(
            f"{what}: shape {list(array.shape)} is not {list(shape)}; "
            "decode with the representation that encoded it"
        )


def check_tokens(tokens: npt.NDArray[Any], vocabulary: int, what: str) -> None:
    """Refuse tokens outside the vocabulary (ValueError)."""
    if tokens.size and (tokens.min() < 0 or tokens.max() >= vocabulary):
        raise ValueError(
            f"{what}: tokens from {tokens.min()} to {tokens.max()} leave the range 0 to {vocabulary - 1}; "
            "decode with the representation that encoded them"
        )


def content_hash(**content: object) -> str:
    """Return the sha256 (hex) of canonical JSON: equal content, equal hash, on every platform."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def grid_content(grid: Grid) -> dict[str, int]:
    """Return a grid's part of a representation's hash."""
    return {"steps_per_beat": grid.steps_per_beat, "beats_per_bar": grid.beats_per_bar}


class Steps(msgspec.Struct, frozen=True):
    """Notes on the grid as parallel arrays, for the representations to work on."""

    onsets: npt.NDArray[np.int64]
    """Onset steps, `[N]`; negative before the phrase."""
    ends: npt.NDArray[np.int64]
    """Steps the notes end before, `[N]`; above their onsets."""
    pitches: npt.NDArray[np.int64]
    """MIDI pitches, `[N]`."""

    @staticmethod
    def of(notes: Iterable[Note], grid: Grid, total_steps: int) -> "Steps":
        """Quantise notes of a phrase of `total_steps`."""
        kept = list(notes)
        onsets = np.array([step_within(note, grid, total_steps) for note in kept], dtype=np.int64)
        ends = np.array([grid.nearest_step(note.end_beats) for note in kept], dtype=np.int64)
        pitches = np.array([note.pitch for note in kept], dtype=np.int64)
        return Steps(onsets, np.maximum(ends, onsets + 1), pitches)


class GridRepresentation(msgspec.Struct, frozen=True):
    """Phrases of a fixed number of bars on a grid; the base of the representations."""

    bars: int
    grid: Grid = SIXTEENTHS

    name: ClassVar[str]

    @property
    def steps(self) -> int:
        """T."""
        return self.bars * self.grid.steps_per_bar

    @property
    def hash(self) -> str:
        """sha256 of everything that changes the tensors."""
        return content_hash(name=self.name, bars=self.bars, grid=grid_content(self.grid), **self.content())

    def content(self) -> dict[str, object]:
        """Return what the tensors mean besides name, bars and grid."""
        raise NotImplementedError

    def admitted(self, phrase: Phrase) -> Phrase:
        """Return what of a phrase may be answered with: all of it, unless a representation says otherwise."""
        return phrase

    def encode(self, phrase: Phrase) -> npt.NDArray[Any]:
        """Return the tensor of a phrase, `[T, ...]`; ValueError if its length is not `bars` of the grid."""
        check_phrase(phrase, self.bars, self.grid)
        return self.tensor_of(phrase)

    def tensor_of(self, phrase: Phrase) -> npt.NDArray[Any]:
        """Return the tensor of a phrase of the right length."""
        raise NotImplementedError

    def phrase_of(self, notes: Iterable[Note]) -> Phrase:
        """Return a phrase of notes that a tensor was read as."""
        return Phrase.of(notes, self.bars, self.grid.metre)
