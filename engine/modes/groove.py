"""Groove: the drums that were played, with a drummer's feel.

Shape legend: T steps, D 27 values of a groove's step (9 hits, 9 velocities, 9 offsets).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.latent_space import posterior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Planner
from engine.music.drum_styles import style_number
from engine.music.grid import Grid
from engine.music.groove import FARTHEST_OFFSET, HITS, OFFSETS, VELOCITIES
from engine.music.notes import Note, Phrase
from engine.music.quantise import step_within
from engine.music.representation import Representation

Cell = tuple[int, int]
"""A step and a drum class."""
Floats64 = npt.NDArray[np.float64]


SEED_SPREAD, LARGEST_SPREAD = 6.0, 4.0
"""Deviations of the posterior that a seed moves by at temperature 1, and at most. With three of them
another seed plays 12.7 ms and 16 velocities otherwise, with two 9.6 ms and 12."""
WIDER_OFFSETS, WIDER_VELOCITIES = 0.05, 0.05
"""For each deviation that a seed moves by, how much wider timing and velocities are spread about their means:
away from the middle of the posterior the model plays more evenly than drummers do."""
EARLIER = 0.5
"""Power of Variation that the feel goes by: at its default, .3, two takes differ by 9 ms and 11 velocities
(by half of that on a straight line)."""


class GroovePlanner(Planner):
    """Holds the source's hits and lets the model play them; the seed draws from the posterior."""

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a humanised source."""
        source, representation = slots[controls.source], model.representation
        spread = np.float32(min(SEED_SPREAD * controls.temperature, LARGEST_SPREAD))
        z = source.mu + spread * source.sigma * posterior_draw(source.mu, controls.seed)
        bias = perturbation.anchor(representation, source.tensor, perturbation.HOLD)

        def finish(decoded: npt.NDArray[Any]) -> Phrase:
            frames = widened(decoded, float(spread))
            return humanised(source.phrase, frames, controls.variation, representation)

        return Plan(z.astype(np.float32), bias, finish, given=asked_of(model, controls))


def asked_of(model: LatentModel, controls: Controls) -> dict[str, npt.NDArray[np.int64]]:
    """Return the numbers of the style and of the drummer that are asked for; nothing of a model without."""
    asked = {"style": style_number(controls.drum_style), "drummer": controls.drummer}
    conditions = model.bundle.manifest.conditions
    return {name: np.array(number, np.int64) for name, number in asked.items() if name in conditions}


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
    phrase: Phrase, frames: npt.NDArray[np.float32], variation: float, representation: Representation
) -> Phrase:
    """Give the hits of a phrase the feel of a drummer; none is added or lost.

    Of several hits of a class in one step the loudest takes the drummer's place and velocity, and
    the others move along with it. What is no drum of the nine classes stays as it was played.

    Args:
        phrase: drums as played.
        frames: `float32 [T, 27]` the drummer's hits, velocities and offsets.
        variation: 0 (as played) to 1 (as the drummer has it).
        representation: of the frames.
    """
    cells = _by_cell(phrase, representation)
    drummed = [cell for cell in cells if cell is not None and frames[cell[0], HITS][cell[1]] > 0.5]
    if variation == 0 or not drummed:
        return phrase
    leads = [max(cells[cell], key=lambda note: (note.velocity, -note.start_beats)) for cell in drummed]
    before = _feel_of(leads, drummed, representation.grid)
    change = walked(before, _drummers_feel(frames, drummed, representation.grid), variation) - before
    later = dict(zip(drummed, change.tolist(), strict=True))
    moved = [
        _shifted(note, *later[cell]) if cell in later else note
        for cell, notes in cells.items()
        for note in notes
    ]
    return Phrase.of(moved, phrase.bars, phrase.metre)


def walked(played: Floats64, drummed: Floats64, variation: float) -> Floats64:
    """Return the feel `[N, 2]` of hits between two: means on a line, deviations on a quarter circle.

    On a straight line two feels that know nothing of each other cancel out, and half-way hits are stiffer
    than either; on the circle they are as lively.
    """
    share = variation**EARLIER
    angle = share * np.pi / 2
    means = played.mean(axis=0), drummed.mean(axis=0)
    mean = (1 - share) * means[0] + share * means[1]
    return np.asarray(mean + np.cos(angle) * (played - means[0]) + np.sin(angle) * (drummed - means[1]))


def _by_cell(phrase: Phrase, representation: Representation) -> dict[Cell | None, list[Note]]:
    """Group a phrase's notes by step and class; None for those that have no place in the tensor."""
    cells: dict[Cell | None, list[Note]] = defaultdict(list)
    for note in phrase.notes:
        step, lane = step_within(note, representation.grid, representation.steps), representation.lane(note)
        placed = lane is not None and step >= 0
        cells[(step, lane) if placed and lane is not None else None].append(note)
    return cells


def _feel_of(notes: Sequence[Note], cells: Sequence[Cell], grid: Grid) -> Floats64:
    """Return how late in beats and how loud notes are, each in its cell, `[N, 2]`."""
    return np.array(
        [
            (note.start_beats - step * grid.step_beats, note.velocity)
            for note, (step, _) in zip(notes, cells, strict=True)
        ],
        np.float64,
    )


def _drummers_feel(frames: npt.NDArray[np.float32], cells: Sequence[Cell], grid: Grid) -> Floats64:
    """Return how late in beats and how loud frames have the hits of cells, `[N, 2]`."""
    early = np.array([frames[step, OFFSETS][drum] for step, drum in cells], np.float64)
    loud = np.array([frames[step, VELOCITIES][drum] for step, drum in cells], np.float64)
    late = -np.clip(early, -FARTHEST_OFFSET, FARTHEST_OFFSET) / 2 * grid.step_beats
    return np.stack([late, 127 * loud], axis=1)


def _shifted(note: Note, later_beats: float, louder: float) -> Note:
    """Move a note; not before its phrase unless it was there already."""
    start = max(note.start_beats + later_beats, min(0.0, note.start_beats))
    return replace(note, start_beats=start, velocity=min(127, max(1, round(note.velocity + louder))))
