"""Groove: the drums that were played, with a drummer's feel.

Shape legend: T steps, D 27 values of a groove's step (9 hits, 9 velocities, 9 offsets).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.controls import DISTANCE, SOURCE, STORED, Controls
from engine.inference.latent_space import posterior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Tool
from engine.music.grid import Grid
from engine.music.groove import FARTHEST_OFFSET, HITS, OFFSETS, VELOCITIES
from engine.music.notes import Note, Phrase
from engine.music.quantise import step_within
from engine.music.representation import Representation

Cell = tuple[int, int]
"""A step and a drum class."""


SEED_SPREAD, LARGEST_SPREAD = 4.0, 3.0
"""Deviations of the posterior that a seed moves by at temperature 1, and at most. With two of them
another seed plays 12.5 ms and 13 velocities otherwise; half of one moved 3.7 ms and 4, which nobody hears."""
WIDER_OFFSETS, WIDER_VELOCITIES = 0.1, 0.05
"""For each deviation that a seed moves by, how much wider timing and velocities are spread about their means:
away from the middle of the posterior the model plays more evenly than drummers do."""


class Groove(Tool):
    """Holds the source's hits and lets the model play them; the seed draws from the posterior."""

    id = "groove"
    label = "Groove"
    key = "4"
    help = "Give the drums you play a drummer's feel; Variation says how much."
    task = "humanize"
    offers = frozenset({SOURCE, DISTANCE})

    def slots(self, controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
        """Return the source."""
        return (controls.source,)

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a humanised source."""
        source, representation = slots[controls.source], model.representation
        spread = np.float32(min(SEED_SPREAD * controls.temperature, LARGEST_SPREAD))
        z = source.mu + spread * source.sigma * posterior_draw(source.mu, controls.seed)
        bias = perturbation.anchor(representation, source.tensor, perturbation.HOLD)

        def finish(decoded: npt.NDArray[Any]) -> Phrase:
            frames = widened(decoded, float(spread))
            return humanised(source.phrase, frames, controls.variation, representation)

        return Plan(z.astype(np.float32), bias, finish)


def widened(frames: npt.NDArray[np.float32], spread: float) -> npt.NDArray[np.float32]:
    """Spread timing and velocities of the hits of frames `[T, 27]` wider about their means."""
    hits = frames[:, HITS] > 0.5
    wider = frames.copy()
    for values, share, low, high in (
        (OFFSETS, WIDER_OFFSETS, -FARTHEST_OFFSET, FARTHEST_OFFSET),
        (VELOCITIES, WIDER_VELOCITIES, 0.0, 1.0),
    ):
        part = frames[:, values][hits]
        mean = float(part.mean()) if len(part) else 0.0
        wider[:, values][hits] = np.clip(mean + (1 + share * spread) * (part - mean), low, high)
    return wider


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
        step, lane = step_within(note, representation.grid, representation.steps), representation.lane(note)
        placed = lane is not None and step >= 0
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
