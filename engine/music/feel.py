"""Micro-timing and velocities, kept beside the grid and put back onto what a model returns."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from engine.music.notes import Note, Phrase
from engine.music.quantise import end_step, onset_step
from engine.music.representation import Representation

Shape = tuple[int, int]
"""Pitch and length in steps of a note on the grid."""
Cell = tuple[int, int | None]
"""A step and a lane: one event of the representation."""


@dataclass(frozen=True, slots=True, eq=False)
class Feel:
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
    shapes: dict[Cell, Shape]
    """What the representation made of a cell."""

    @staticmethod
    def of(phrase: Phrase, representation: Representation) -> "Feel":
        """Keep how `phrase` was played; its length must be the representation's (ValueError)."""
        played = _by_step(phrase.notes, representation)
        cells: dict[Cell, list[Note]] = defaultdict(list)
        for step, notes in played.items():
            for note in notes:
                cells[step, representation.lane(note)].append(note)
        on_grid = representation.decode(representation.encode(phrase))
        shapes = {
            (step, representation.lane(note)): _shape(note, representation)
            for step, notes in _by_step(on_grid.notes, representation).items()
            for note in notes
        }
        return Feel(representation, played, {cell: tuple(notes) for cell, notes in cells.items()}, shapes)

    def restore(self, phrase: Phrase) -> Phrase:
        """Put timing and velocity back onto a decoded phrase.

        A step that came back as it went in brings back everything played there, verbatim. So
        does a lane (a voice, a drum class, a key) of a step that changed otherwise. Another
        note takes timing and velocity of what was played in its place; where nothing was played
        it sits on the grid, its velocity between its neighbours'.
        """
        restored: list[Note] = []
        decoded = _by_step(phrase.notes, self.representation)
        for step in self.played.keys() | decoded.keys():
            notes = decoded.get(step, ())
            shapes = {self.representation.lane(note): _shape(note, self.representation) for note in notes}
            if shapes == self._shapes_at(step):
                restored += self.played.get(step, ())
            else:
                restored += [again for note in notes for again in self._note(step, note)]
        return Phrase.of(restored, phrase.bars, phrase.beats_per_bar)

    def _shapes_at(self, step: int) -> dict[int | None, Shape]:
        lanes = {self.representation.lane(note) for note in self.played.get(step, ())}
        return {lane: self.shapes[step, lane] for lane in lanes if (step, lane) in self.shapes}

    def _note(self, step: int, note: Note) -> tuple[Note, ...]:
        """Restore one note of a step that changed."""
        cell = step, self.representation.lane(note)
        if self.shapes.get(cell) == _shape(note, self.representation):
            return self.cells[cell]
        lead = self._lead(cell) or self._any_lead(step)
        start = note.start_beats + (self._shift_beats(step, lead) if lead else 0.0)
        velocity, channel = self._velocity_and_channel(cell, note, lead)
        return (
            replace(
                note,
                start_beats=start,
                duration_beats=note.end_beats - start,
                velocity=velocity,
                channel=channel,
            ),
        )

    def _lead(self, cell: Cell) -> Note | None:
        """Return the note that stands for a cell: of the pitch it became, else the loudest."""
        if cell not in self.shapes or cell not in self.cells:
            return None
        pitch = self.shapes[cell][0]
        return max(self.cells[cell], key=lambda note: (note.pitch == pitch, note.velocity))

    def _any_lead(self, step: int) -> Note | None:
        """Return the loudest note that stands for any lane of a step."""
        leads = [self._lead((step, lane)) for at, lane in self.cells if at == step]
        return max((lead for lead in leads if lead), key=lambda lead: lead.velocity, default=None)

    def _shift_beats(self, step: int, lead: Note) -> float:
        """Return how late (early: negative) a step was played; 0 for a note carried into it."""
        grid = self.representation.grid
        return lead.start_beats - step * grid.step_beats if onset_step(lead, grid) == step else 0.0

    def _velocity_and_channel(self, cell: Cell, note: Note, lead: Note | None) -> tuple[int, int]:
        """Take both from the cell's own lead, else from the lane's neighbours, else from the step."""
        own = self._lead(cell)
        if own:
            return own.velocity, own.channel
        leads = [(step, self._lead((step, lane))) for step, lane in self.cells if lane == cell[1]]
        around = sorted((step, near) for step, near in leads if near)
        if around:
            between = np.interp(cell[0], [step for step, _ in around], [near.velocity for _, near in around])
            return round(float(between)), around[0][1].channel
        return (lead or note).velocity, note.channel


def _by_step(notes: Iterable[Note], representation: Representation) -> dict[int, tuple[Note, ...]]:
    """Group notes by the nearest step inside the phrase."""
    groups: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        step = onset_step(note, representation.grid)
        groups[min(max(step, 0), representation.steps - 1)].append(note)
    return {step: tuple(group) for step, group in groups.items()}


def _shape(note: Note, representation: Representation) -> Shape:
    grid = representation.grid
    return note.pitch, end_step(note, grid) - onset_step(note, grid)
