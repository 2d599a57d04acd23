"""Melody, bass and drums of one file, side by side."""

import numpy as np

from training.corpus.extract.bars import Run, on_grid, runs
from training.corpus.extract.drum_tracks import drum_column, drum_track
from training.corpus.extract.melodies import Line, is_line
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import Segment, bar_any, cut_segments, with_bar_marks
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

BASS_PROGRAMS = range(32, 40)
MAX_MELODIES = 4
"""A file gives one stream for each of its busiest melodic lines, at most this many."""


def trio_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint16 [S, 3]` of melody and bass tokens and drum tokens."""
    drums = drum_track(piece)
    lines = [track for track in piece.tracks if not track.is_drum and is_line(track, piece)]
    basses = [track for track in lines if is_bass(track)]
    melodies = [track for track in lines if not is_bass(track)]
    if drums is None or not basses or not melodies:
        return []
    bass = max(basses, key=_notes)
    melodies = sorted(melodies, key=_notes, reverse=True)[:MAX_MELODIES]
    return [
        segment
        for melody in melodies
        for run in runs(piece, metre)
        for segment in _segments(melody, bass, drums, run, piece.ticks_per_beat, source)
    ]


def _notes(track: Track) -> int:
    return len(track.pitch)


def is_bass(track: Track) -> bool:
    """Return whether a part is a bass, by its program or its name."""
    return track.program in BASS_PROGRAMS or "bass" in track.name.lower()


def _segments(
    melody: Track, bass: Track, drums: Track, run: Run, ticks_per_beat: int, source: SourceFile
) -> list[Segment]:
    """Return one combination's stretches; a bar counts as active where all three parts sound.

    Marks are those of the melody.
    """
    high = Line.of(on_grid(melody, run, ticks_per_beat), run)
    low = Line.of(on_grid(bass, run, ticks_per_beat), run)
    beat = drum_column(on_grid(drums, run, ticks_per_beat), run.steps, source)
    beating = bar_any(beat > 0, run.bar_steps)
    return cut_segments(
        melody.name,
        run,
        ticks_per_beat,
        high.active | low.active | beating,
        np.stack([high.tokens, low.tokens, beat], axis=1).astype(np.uint16),
        with_bar_marks(high.marks, high.active & low.active & beating),
        np.stack([high.held, low.held], axis=1),
    )
