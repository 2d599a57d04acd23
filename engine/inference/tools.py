"""The tools besides vary and morph: what the model hears, and what is made of its answer.

Shape legend: T steps, U steps written, D 27 values of a groove's step (9 hits, 9 velocities, 9 offsets).
"""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference.bundle.manifest import Task
from engine.music.grid import Grid
from engine.music.groove import FARTHEST_OFFSET, HITS, OFFSETS, VELOCITIES, GrooveRepresentation, quantised
from engine.music.notes import Note, Phrase
from engine.music.quantise import onset_step
from engine.music.representation import Representation

Cell = tuple[int, int]
"""A step and a drum class."""


def heard_by(task: Task, representation: Representation, phrase: Phrase) -> npt.NDArray[Any]:
    """Return what a model with that task hears of a phrase: `[T, S]` tokens or `float32 [T, D]`."""
    if task == "humanize":
        return quantised(representation.encode(phrase))
    if task == "drumify" and isinstance(representation, GrooveRepresentation):
        return representation.taps(phrase)
    return representation.encode(phrase)


def humanised(
    phrase: Phrase, frames: npt.NDArray[np.float32], share: float, representation: Representation
) -> Phrase:
    """Give the hits of a phrase the feel of a drummer; none is added or lost.

    Of several hits of a class in one step the loudest takes the drummer's place and velocity, and
    the others move along with it. What is no drum of the nine classes stays as it was played.

    Args:
        phrase: drums as played.
        frames: `float32 [T, 27]` the drummer's hits, velocities and offsets.
        share: 0 (as played) to 1 (as the drummer has it).
        representation: of the frames.
    """
    moved = []
    for cell, notes in _by_cell(phrase, representation).items():
        if share == 0 or cell is None or not frames[cell[0], HITS][cell[1]] > 0.5:
            moved += notes
            continue
        lead = max(notes, key=lambda note: (note.velocity, -note.start_beats))
        onset, velocity = _drummed(frames, cell, representation.grid)
        later_beats = share * (onset - lead.start_beats)
        louder = share * (velocity - lead.velocity)
        moved += [_shifted(note, later_beats, louder) for note in notes]
    return Phrase.of(moved, phrase.bars, phrase.beats_per_bar)


def _by_cell(phrase: Phrase, representation: Representation) -> dict[Cell | None, list[Note]]:
    """Group a phrase's notes by step and class; None for those that have no place in the tensor."""
    cells: dict[Cell | None, list[Note]] = defaultdict(list)
    for note in phrase.notes:
        step, lane = onset_step(note, representation.grid), representation.lane(note)
        placed = lane is not None and 0 <= step < representation.steps
        cells[(step, lane) if placed and lane is not None else None].append(note)
    return cells


def _drummed(frames: npt.NDArray[np.float32], cell: Cell, grid: Grid) -> tuple[float, float]:
    """Return onset in beats and velocity that frames have for a step and class."""
    step, drum = cell
    early = float(np.clip(frames[step, OFFSETS][drum], -FARTHEST_OFFSET, FARTHEST_OFFSET)) / 2
    return (step - early) * grid.step_beats, 127 * float(frames[step, VELOCITIES][drum])


def _shifted(note: Note, later_beats: float, louder: float) -> Note:
    """Move a note; not before its phrase unless it was there already."""
    start = max(note.start_beats + later_beats, min(0.0, note.start_beats))
    return replace(note, start_beats=start, velocity=min(127, max(1, round(note.velocity + louder))))


def on_the_taps(
    frames: npt.NDArray[np.float32], taps: npt.NDArray[np.float32], share: float
) -> npt.NDArray[np.float32]:
    """Put the drums of every tapped step where the tap was, as far as `share` has not let go.

    Args:
        frames: `float32 [T, 27]` of the drums.
        taps: `float32 [T, 27]`, one hit at most in each step.
        share: 0 (exactly on the taps) to 1 (where the drummer has them).
    """
    tapped = taps[:, HITS].max(axis=1, keepdims=True)
    offset = taps[:, OFFSETS].sum(axis=1, keepdims=True)  # of the only hit there may be
    result = frames.copy()
    kept = share + (1 - share) * (1 - tapped)
    result[:, OFFSETS] = frames[:, HITS] * (kept * frames[:, OFFSETS] + (1 - kept) * offset)
    return result


def in_the_manner_of(phrase: Phrase, source: Phrase | None) -> Phrase:
    """Give a phrase without velocities the mean velocity of its source, and the source's channel."""
    if source is None or not source.notes:
        return phrase
    velocity = round(float(np.mean([note.velocity for note in source.notes])))
    channel = Counter(note.channel for note in source.notes).most_common(1)[0][0]
    notes = (replace(note, velocity=velocity, channel=channel) for note in phrase.notes)
    return Phrase.of(notes, phrase.bars, phrase.beats_per_bar)
