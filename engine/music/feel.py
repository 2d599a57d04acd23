"""Micro-timing and velocities, kept beside the grid and put back onto what a model returns."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec
import numpy as np

from engine.music.grid import Grid
from engine.music.notes import Note, Phrase
from engine.music.quantise import step_within
from engine.music.representation import Representation

Shape = tuple[int, int]
"""Pitch and length in steps of a note on the grid."""
Cell = tuple[int, int | None]
"""A step and a lane: one event of the representation."""


class Lane(msgspec.Struct, frozen=True):
    """How loud a lane was played over time, and on which channel."""

    velocities: tuple[int, ...]
    """Of every step: where nothing was played between those of its neighbours."""
    channel: int


class Feel(msgspec.Struct, frozen=True, eq=False):
    """How a phrase was played, by step and lane.

    Every played note belongs to exactly one step, the nearest inside the phrase, so that
    restoring the phrase's own tokens returns it whole: chord companions, pitches out of range,
    drums without a class and notes that began before the phrase included.
    """

    representation: Representation
    played: dict[int, tuple[Note, ...]]
    """All notes of a step as they were played."""
    cells: dict[Cell, tuple[Note, ...]]
    """The same by lane."""
    shapes: dict[int, dict[int | None, Shape]]
    """What the representation made of a step, by lane."""
    silent: tuple[int, ...]
    """Steps at which notes were played that the representation made nothing of."""
    leads: dict[Cell, Note]
    """The note that stands for a cell: of the pitch it became, else the loudest."""
    step_leads: dict[int, Note]
    """The loudest lead of a step."""
    lanes: dict[int | None, Lane]

    @staticmethod
    def of(phrase: Phrase, representation: Representation) -> "Feel":
        """Keep how `phrase` was played; its length must be the representation's (ValueError)."""
        played = _by_step(phrase.notes, representation)
        cells: dict[Cell, list[Note]] = defaultdict(list)
        for step, notes in played.items():
            for note in notes:
                cells[step, representation.lane(note)].append(note)
        on_grid = _by_step(representation.decode(representation.encode(phrase)).notes, representation)
        shapes = {step: _shapes(notes, representation) for step, notes in on_grid.items()}
        leads = {
            (step, lane): max(cells[step, lane], key=lambda note: (note.pitch == pitch, note.velocity))
            for step, by_lane in shapes.items()
            for lane, (pitch, _) in by_lane.items()
        }
        return Feel(
            representation,
            played,
            {cell: tuple(notes) for cell, notes in cells.items()},
            shapes,
            tuple(step for step in played if step not in shapes),
            leads,
            _step_leads(leads),
            _lanes(leads, representation.steps),
        )

    def restore(self, phrase: Phrase) -> Phrase:
        """Put timing and velocity back onto a decoded phrase.

        A step that came back as it went in brings back everything played there, verbatim. So
        does a lane (a voice, a drum class, a key) of a step that changed otherwise. Another
        note takes timing and velocity of what was played in its place; where nothing was played
        it sits on the grid, its velocity between its neighbours'.
        """
        decoded = _by_step(phrase.notes, self.representation)
        left_out = [self.played[step] for step in self.silent if step not in decoded]
        restored = [note for notes in left_out for note in notes]
        for step, notes in decoded.items():
            shapes, own = _shapes(notes, self.representation), self.shapes.get(step, {})
            if shapes == own:
                restored += self.played.get(step, ())
                continue
            for (lane, shape), note in zip(shapes.items(), notes, strict=True):
                if shape == own.get(lane):
                    restored += self.cells[step, lane]
                else:
                    restored.append(self._played_like(note, step, lane))
        return Phrase.of(restored, phrase.bars, phrase.metre)

    def _played_like(self, note: Note, step: int, lane: int | None) -> Note:
        """Play a note that was not there like what was played in its place."""
        own = self.leads.get((step, lane))
        lead = own or self.step_leads.get(step)
        start = note.start_beats + (self._shift_beats(step, lead) if lead else 0.0)
        velocity, channel = (lead or note).velocity, note.channel
        if own:
            velocity, channel = own.velocity, own.channel
        elif lane in self.lanes:
            around = self.lanes[lane]
            velocity, channel = around.velocities[step], around.channel
        return Note(start, note.pitch, note.end_beats - start, velocity, channel)

    def _shift_beats(self, step: int, lead: Note) -> float:
        """Return how late (early: negative) a step was played; 0 for a note carried into it."""
        grid = self.representation.grid
        is_own = step_within(lead, grid, self.representation.steps) == step
        return lead.start_beats - step * grid.step_beats if is_own else 0.0


def _step_leads(leads: dict[Cell, Note]) -> dict[int, Note]:
    loudest: dict[int, Note] = {}
    for (step, _), lead in leads.items():
        if step not in loudest or lead.velocity > loudest[step].velocity:
            loudest[step] = lead
    return loudest


def _lanes(leads: dict[Cell, Note], steps: int) -> dict[int | None, Lane]:
    by_lane: dict[int | None, list[tuple[int, Note]]] = defaultdict(list)
    for (step, lane), lead in sorted(leads.items(), key=lambda item: item[0][0]):
        by_lane[lane].append((step, lead))
    return {lane: _lane(row, steps) for lane, row in by_lane.items()}


def _lane(leads: list[tuple[int, Note]], steps: int) -> Lane:
    played, velocities = [step for step, _ in leads], [lead.velocity for _, lead in leads]
    between = np.interp(np.arange(steps), played, velocities)
    return Lane(tuple(round(velocity) for velocity in between.tolist()), leads[0][1].channel)


def _by_step(notes: Iterable[Note], representation: Representation) -> dict[int, tuple[Note, ...]]:
    """Group notes by the nearest step inside the phrase."""
    groups: dict[int, list[Note]] = defaultdict(list)
    grid, steps = representation.grid, representation.steps
    for note in notes:
        groups[max(step_within(note, grid, steps), 0)].append(note)
    return {step: tuple(group) for step, group in groups.items()}


def _shapes(notes: Iterable[Note], representation: Representation) -> dict[int | None, Shape]:
    """Return what decoded notes of one step are, by lane; a representation has one a lane."""
    grid = representation.grid
    return {representation.lane(note): _shape(note, grid) for note in notes}


def _shape(note: Note, grid: Grid) -> Shape:
    first, end = grid.nearest_step(note.start_beats), grid.nearest_step(note.end_beats)
    return note.pitch, max(end - first, 1)
