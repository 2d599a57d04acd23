"""Phrases as pictures: notes on a piano roll, drums on nine lines, alone or in grids."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from engine.music.drums import drum_classes
from engine.music.kits import CLASS_NAMES, NO_CLASS
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

COLOURS = {0: "#3b6fb6", 1: "#4c9a6a", 2: "#8a6bb0", DRUM_CHANNEL: "#d9822b"}
STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "figure.dpi": 110,
}
DRUM_LABEL_POINTS = 8
ROW_INCHES, DRUM_ROW_INCHES = 1.35, 1.75
"""Height of a row of pictures: nine drums, each with its name, need more of it."""
DRUM_GAP = 4
"""Empty rows between the drums and the lowest note, where there are both."""


def draw_phrase(axes: Axes, phrase: Phrase, pitches: tuple[int, int] | None = None) -> None:
    """Draw a phrase; louder is darker.

    Args:
        axes: where.
        phrase: the music.
        pitches: lowest and highest pitch of the axis, for pictures that are compared; by default the
            phrase's own.
    """
    drums = [note for note in phrase.notes if note.channel == DRUM_CHANNEL]
    melodic = [note for note in phrase.notes if note.channel != DRUM_CHANNEL]
    low, high = pitches or pitch_bounds([phrase])
    if melodic or not drums:
        _notes(axes, melodic)
    base = low - DRUM_GAP - len(CLASS_NAMES) if melodic else 0
    if drums:
        _hits(axes, drums, base)
    bottom = base if drums else low - 1
    top = high + 2 if melodic or not drums else len(CLASS_NAMES)
    for bar in range(phrase.bars + 1):
        axes.axvline(bar * phrase.beats_per_bar, color="#9aa3ad", linewidth=0.6, zorder=0)
    axes.set(xlim=(-0.15, phrase.length_beats), ylim=(bottom - 0.5, top), xticks=[])
    if drums and not melodic:
        axes.set_yticks(range(len(CLASS_NAMES)), CLASS_NAMES, fontsize=DRUM_LABEL_POINTS)
    else:
        octaves = [pitch for pitch in range(0, 128, 12) if low <= pitch <= high]
        beside = [base + len(CLASS_NAMES) // 2] if drums else []
        names = [*(f"C{pitch // 12 - 1}" for pitch in octaves), *("drums" for _ in beside)]
        axes.set_yticks([*octaves, *beside], names)


def pitch_bounds(phrases: Sequence[Phrase]) -> tuple[int, int]:
    """Return lowest and highest pitch of the notes that are not drums, an octave apart at least."""
    pitches = [note.pitch for phrase in phrases for note in phrase.notes if note.channel != DRUM_CHANNEL]
    low, high = (min(pitches), max(pitches)) if pitches else (60, 72)
    spare = max(0, 12 - (high - low))
    return low - spare // 2, high + (spare + 1) // 2


def _notes(axes: Axes, notes: Sequence[Note]) -> None:
    bars = [
        Rectangle((note.start_beats, note.pitch - 0.45), max(note.duration_beats - 0.04, 0.04), 0.9)
        for note in notes
    ]
    colours = [to_rgba(COLOURS.get(note.channel, COLOURS[0]), _strength(note)) for note in notes]
    axes.add_collection(PatchCollection(bars, facecolors=colours))


def _hits(axes: Axes, notes: Sequence[Note], base: float) -> None:
    classes = drum_classes([note.pitch for note in notes], "gm")
    for note, drum in zip(notes, classes.tolist(), strict=True):
        if drum != NO_CLASS:
            corner = (note.start_beats, base + drum - 0.4)
            axes.add_patch(Rectangle(corner, 0.18, 0.8, color=COLOURS[DRUM_CHANNEL], alpha=_strength(note)))


def _strength(note: Note) -> float:
    return min(1.0, 0.25 + 0.75 * note.velocity / 100)


def roll_grid(
    rows: Sequence[Sequence[Phrase]],
    labels: Sequence[str],
    titles: Sequence[str] = (),
    *,
    together: str = "column",
) -> Figure:
    """Draw phrases in a grid.

    Args:
        rows: phrases by row; rows are equally long.
        labels: one a row.
        titles: one a column.
        together: `column` or `row`: what shares its range of pitches.
    """
    columns = len(rows[0])
    bars = rows[0][0].bars
    width = min(3.2, 0.9 + 0.55 * bars) if columns > 4 else min(8.0, 1.6 + 0.8 * bars)
    drumming = all(note.channel == DRUM_CHANNEL for row in rows for phrase in row for note in phrase.notes)
    height = 0.4 + (DRUM_ROW_INCHES if drumming else ROW_INCHES) * len(rows)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.0 + columns * width, height), layout="constrained")
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for r, row in enumerate(rows):
            for c, phrase in enumerate(row):
                shared = [other[c] for other in rows] if together == "column" else list(row)
                draw_phrase(grid[r][c], phrase, pitch_bounds(shared))
                if c and (drumming or together == "row"):
                    grid[r][c].set_yticks([])
                if r == 0 and c < len(titles):
                    grid[r][c].set_title(titles[c])
            grid[r][0].set_ylabel(labels[r], fontsize=7)
    return figure
