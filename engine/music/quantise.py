"""What every representation shares: onto the grid, checks, and the hash of what it means."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.music.grid import Grid
from engine.music.notes import Note, Phrase

DRUM_CHANNEL = 9
"""The channel of General MIDI drums, counted from 0."""


def onset_step(note: Note, grid: Grid) -> int:
    """Return the step a note starts at; below 0 when it began before the phrase."""
    return grid.nearest_step(note.start_beats)


def end_step(note: Note, grid: Grid) -> int:
    """Return the step a note ends before: at least one step after its onset."""
    return max(grid.nearest_step(note.end_beats), onset_step(note, grid) + 1)


def check_phrase(phrase: Phrase, bars: int, grid: Grid) -> None:
    """Refuse a phrase that does not fill exactly `bars` bars of the grid's metre (ValueError)."""
    if phrase.bars != bars or phrase.beats_per_bar != grid.beats_per_bar:
        raise ValueError(
            f"phrase: {phrase.bars} bars of {phrase.beats_per_bar:g} beats do not fit {bars} bars of "
            f"{grid.beats_per_bar} beats; cut or tile it to that length first"
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


@dataclass(frozen=True, slots=True)
class Steps:
    """Notes on the grid as parallel arrays, for the representations to work on."""

    onsets: npt.NDArray[np.int64]
    """Onset steps, `[N]`; negative before the phrase."""
    ends: npt.NDArray[np.int64]
    """Steps the notes end before, `[N]`; above their onsets."""
    pitches: npt.NDArray[np.int64]
    """MIDI pitches, `[N]`."""

    @staticmethod
    def of(notes: "list[Note]", grid: Grid) -> "Steps":
        """Quantise notes."""
        onsets = np.array([onset_step(note, grid) for note in notes], dtype=np.int64)
        ends = np.array([end_step(note, grid) for note in notes], dtype=np.int64)
        return Steps(onsets, ends, np.array([note.pitch for note in notes], dtype=np.int64))
