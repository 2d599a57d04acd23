"""Drum tracks out of files: nine classes a step, plain or with velocity and micro-timing."""

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, Kit, drum_hits, tokens_of_hits
from engine.music.groove import HITS, OFFSETS, VELOCITIES, groove_rows
from training.corpus.extract.bars import Run, StepNotes, on_grid, runs
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import Segment, bar_any, cut_segments, onset_marks, with_bar_marks
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

OFFSET_SCALE = 32_767
"""Stored value of an onset half a step early."""


def kit_of(source: SourceFile) -> Kit:
    """Return how a file's drum pitches are to be read: General MIDI unless its catalogue says otherwise."""
    return source.kit or "gm"


def drum_track(piece: Piece) -> Track | None:
    """Return all drum tracks as one, None where there is none."""
    tracks = [track for track in piece.tracks if track.is_drum]
    return merged_track(tracks, "drums") if tracks else None


def merged_track(tracks: list[Track], name: str) -> Track:
    """Put tracks together, their notes in order of onset."""
    columns = ("start_ticks", "end_ticks", "pitch", "velocity")
    start, end, pitch, velocity = (
        np.concatenate([getattr(track, column) for track in tracks]) for column in columns
    )
    order = np.lexsort((pitch, start))
    return Track(
        name, tracks[0].program, tracks[0].is_drum, start[order], end[order], pitch[order], velocity[order]
    )


def drums_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint16 [S, 1]` of drum tokens."""
    return [
        segment
        for run, notes in _played(piece, metre)
        for segment in _cut(run, piece, notes, drum_column(notes, run.steps, source)[:, None])
    ]


def drum_column(notes: StepNotes, total_steps: int, source: SourceFile) -> NDArray[np.uint16]:
    """Return the drum tokens `[S]`."""
    hits = drum_hits(notes.onset_steps, notes.pitch, total_steps, kit_of(source))
    return tokens_of_hits(hits).astype(np.uint16)


def groove_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `int16 [S, 18]`: nine velocities (0 is no hit), nine scaled offsets."""
    found = []
    for run, notes in _played(piece, metre):
        onsets_beats = (notes.onset_steps + notes.late_steps) * run.metre.grid.step_beats
        rows = groove_rows(
            onsets_beats, notes.pitch, notes.velocity, run.steps, kit_of(source), run.metre.grid
        )
        found.extend(_cut(run, piece, notes, stored_groove(rows)))
    return found


def stored_groove(rows: NDArray[np.float32]) -> NDArray[np.int16]:
    """Pack `float32 [..., 27]` into `int16 [..., 18]`; a hit is a velocity above 0."""
    velocities = np.round(rows[..., VELOCITIES] * 127 * rows[..., HITS])
    offsets = np.round(rows[..., OFFSETS] * OFFSET_SCALE)
    return np.concatenate([velocities, offsets], axis=-1).astype(np.int16)


def restored_groove(stored: NDArray[np.int16]) -> NDArray[np.float32]:
    """Unpack what `stored_groove` packed."""
    velocities = stored[..., :CLASSES].astype(np.float32) / 127
    offsets = stored[..., CLASSES:].astype(np.float32) / OFFSET_SCALE
    return np.concatenate([(velocities > 0).astype(np.float32), velocities, offsets], axis=-1)


def _played(piece: Piece, metre: Metre) -> list[tuple[Run, StepNotes]]:
    track = drum_track(piece)
    if track is None:
        return []
    return [(run, on_grid(track, run, piece.ticks_per_beat)) for run in runs(piece, metre)]


def _cut(run: Run, piece: Piece, notes: StepNotes, steps: NDArray[np.generic]) -> list[Segment]:
    """Cut a run's stream at long silences; a bar is active if anything is hit in it."""
    active = bar_any(steps[:, :CLASSES].any(axis=1), run.bar_steps)
    marks = with_bar_marks(onset_marks(notes, run.steps), active)
    held = np.zeros((run.steps, 0), np.uint8)
    return cut_segments("drums", run, piece.ticks_per_beat, active, steps, marks, held)
