"""Melodies out of files: which tracks are lines, and their token streams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.extract.bars import Run, StepNotes, nearest_steps, on_grid, runs
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import (
    Segment,
    bar_any,
    crowded_onsets,
    cut_segments,
    held_tokens,
    line_tokens,
    onset_marks,
    sounding_tokens,
    with_bar_marks,
)
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

LINE_POLYPHONY = 0.25
"""A track is a line if no more than this share of its onsets is polyphonic; windows are stricter."""
MIN_LINE_NOTES = 8
"""Fewer notes are an effect or a cue, not a part."""
UNPITCHED_PROGRAMS = frozenset({47, *range(112, 128)})
"""Timpani, percussive instruments and sound effects."""


def melody_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint8 [S, 1]` of every melodic line in bars of a metre."""
    kept = runs(piece, metre)
    if not kept:
        return []
    return [
        segment
        for track in line_tracks(piece, source)
        for run in kept
        for segment in _segments(track, run, piece.ticks_per_beat)
    ]


def line_tracks(piece: Piece, source: SourceFile) -> list[Track]:
    """Return the tracks named by the manifest, else all pitched tracks that are nearly monophonic."""
    pitched = [track for track in piece.tracks if not track.is_drum]
    named = [track for track in pitched if track.name in source.parts]
    if source.parts:
        return named
    return [track for track in pitched if is_line(track, piece)]


def is_line(track: Track, piece: Piece) -> bool:
    """Return whether a track can be read as one voice."""
    if track.program in UNPITCHED_PROGRAMS or len(track.pitch) < MIN_LINE_NOTES:
        return False
    start = nearest_steps(track.start_ticks, piece.ticks_per_beat)
    end = np.maximum(nearest_steps(track.end_ticks, piece.ticks_per_beat), start + 1)
    steps, crowded = crowded_onsets(start, end, track.pitch)
    return int(np.count_nonzero(crowded)) <= LINE_POLYPHONY * len(steps)


def _segments(track: Track, run: Run, ticks_per_beat: int) -> list[Segment]:
    notes = on_grid(track, run, ticks_per_beat)
    if not len(notes.pitch):
        return []
    line = Line.of(notes, run)
    return cut_segments(
        track.name,
        run,
        ticks_per_beat,
        line.active,
        line.tokens[:, None],
        with_bar_marks(line.marks, line.active),
        line.held[:, None],
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One voice on the grid of a run of S steps."""

    tokens: NDArray[np.uint8]
    """`[S]` melody tokens."""
    held: NDArray[np.uint8]
    """`[S]` token held into each step, 0 where there is none."""
    marks: NDArray[np.uint8]
    """`[S]` onset marks."""
    active: NDArray[np.bool_]
    """`[bars]` whether anything sounds."""

    @staticmethod
    def of(notes: StepNotes, run: Run) -> "Line":
        """Make the voice of a part's notes."""
        tokens = line_tokens(notes, run.steps)
        sounding = sounding_tokens(tokens)
        active = bar_any(sounding > 0, run.bar_steps)
        return Line(tokens, held_tokens(sounding), onset_marks(notes, run.steps), active)
