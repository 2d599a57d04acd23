"""Chords, bass and drums of a file beside its melody, its harmony and its key.

The three voices are whatever of them a file has. A part whose name or program says bass is the bass, the drum
channel is the drums. Where a piano accompanies (POP909's PIANO), its lowest line is the bass and the chords
over it are the comping, of which the highest notes are kept as a line: a broken chord counts as one chord a
beat.

Stored columns of a step, W = 14: tokens of melody, chords (their highest note), bass and drums; the chord as
12 bits (bit 0 is C); pitch class plus 1 that the bass of the chord has, 0 where no chord is known; major
tonic of the key signature; which of chords (1), bass (2), drums (4) and melody (8) the file has; tokens of
chords, bass and drums one bar earlier plus 1, 0 where there is none; tokens of melody, chords and bass that
are held into the step.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.music.chords import parse_chord
from training.corpus.extract.bars import (
    STEPS_PER_BEAT,
    Run,
    StepNotes,
    on_grid,
    runs,
    value_of_steps,
)
from training.corpus.extract.drum_tracks import drum_column, drum_track
from training.corpus.extract.local_keys import bar_tonics
from training.corpus.extract.melodies import Line, line_tracks
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import Segment, bar_any, cut_segments, onset_marks, with_bar_marks
from training.corpus.extract.trios import is_bass
from training.corpus.extract.words import chord_bits, step_chords
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

MELODY, CHORDS, BASS, DRUMS, HARMONY, ROOT, TONIC, PRESENT, BEFORE, HELD = 0, 1, 2, 3, 4, 5, 6, 7, 8, 11
"""First of the stored columns of each."""
WIDTH = 14
HAS_CHORDS, HAS_BASS, HAS_DRUMS, HAS_MELODY = 1, 2, 4, 8

PIANO = "PIANO"
"""Name of the part that accompanies alone."""
HIGHEST_BASS = 55
"""Higher notes of a piano are no bass."""
BASS_RANGE = range(28, 56)
TOP_RANGE = range(55, 80)
"""Where the highest notes of chords are folded to."""
FEWEST_CHORDS = 2
"""Struck chords that a bar must have; one with fewer is broken chords."""
FEWEST_MARKERS = 8
CHORD_MARKERS = 0.8
"""Share of a file's markers, at least `FEWEST_MARKERS`, that must name chords to be taken for its chords."""


class _Voice(NamedTuple):
    """One voice on the grid of a run of S steps; see `Line`."""

    tokens: NDArray[np.unsignedinteger[Any]]
    held: NDArray[np.unsignedinteger[Any]]
    marks: NDArray[np.uint8]
    active: NDArray[np.bool_]


def accompaniment_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint16 [S, 14]` of a file that has at least one of the three voices."""
    source = with_chords(source, piece)
    found = [_segments(piece, source, run) for run in runs(piece, metre)]
    return [segment for segments in found for segment in segments]


def with_chords(source: SourceFile, piece: Piece) -> SourceFile:
    """Return a file with the chords that its markers name, where no table beside it gives any."""
    if source.chords or len(piece.markers) < FEWEST_MARKERS:
        return source
    named = [_is_chord(text) for _, text in piece.markers]
    return replace(source, chords=piece.markers) if np.mean(named) >= CHORD_MARKERS else source


def _is_chord(text: str) -> bool:
    try:
        parse_chord(text)
    except ValueError:
        return False
    return True


def _segments(piece: Piece, source: SourceFile, run: Run) -> list[Segment]:
    voices = _voices(piece, source, run)
    if not voices:
        return []
    steps, marks = np.zeros((run.steps, WIDTH), np.uint16), np.zeros(run.steps, np.uint8)
    active = np.zeros(run.bars, np.bool_)
    for column, line in voices.items():
        steps[:, column] = line.tokens
        steps[:, PRESENT] |= np.uint16({MELODY: 8, CHORDS: 1, BASS: 2, DRUMS: 4}[column])
        if column != DRUMS:
            steps[:, HELD + column] = line.held
        if column != MELODY:
            steps[run.bar_steps :, BEFORE + column - CHORDS] = (
                line.tokens[: -run.bar_steps].astype(np.uint16) + 1
            )
            marks, active = marks | line.marks, active | line.active
    steps[:, HARMONY] = step_chords(source, run, piece.ticks_per_beat)
    steps[:, ROOT] = _step_roots(source, run, piece.ticks_per_beat)
    if steps[0, PRESENT] != HAS_DRUMS:
        steps[:, TONIC] = np.repeat(_tonics(piece, run), run.bar_steps)
    none = np.zeros((run.steps, 0), np.uint8)
    marked = with_bar_marks(marks, active)
    return cut_segments("accompaniment", run, piece.ticks_per_beat, active, steps, marked, none)


def _voices(piece: Piece, source: SourceFile, run: Run) -> dict[int, _Voice]:
    """Return the voices of a run by column; without an accompaniment there are none."""
    found: dict[int, _Voice] = {}
    drums, piano = drum_track(piece), next((t for t in piece.tracks if t.name == PIANO), None)
    bass = max((t for t in piece.tracks if not t.is_drum and is_bass(t)), key=_notes, default=None)
    if drums is not None:
        found[DRUMS] = _drum_line(on_grid(drums, run, piece.ticks_per_beat), run, source)
    if bass is not None:
        found[BASS] = _line(_within(on_grid(bass, run, piece.ticks_per_beat), BASS_RANGE), run)
    elif piano is not None:
        notes = on_grid(piano, run, piece.ticks_per_beat)
        low = is_lowest(notes)
        found[BASS] = _line(_within(_chosen(notes, low), BASS_RANGE), run)
        found[CHORDS] = _line(_within(comped(_chosen(notes, ~low), run.bar_steps), TOP_RANGE), run)
    melodies = [t for t in line_tracks(piece, source) if t not in (bass, piano)] if found else []
    if melodies and set(found) != {DRUMS}:
        found[MELODY] = _line(on_grid(max(melodies, key=_notes), run, piece.ticks_per_beat), run)
    return found


def _notes(track: Track) -> int:
    return len(track.pitch)


def _tonics(piece: Piece, run: Run) -> NDArray[np.int64]:
    """Return the major tonic of each bar, of all that is pitched."""
    return bar_tonics(piece, run, max((t for t in piece.tracks if not t.is_drum), key=_notes))


def _line(notes: StepNotes, run: Run) -> _Voice:
    if len(notes.pitch):
        line = Line.of(notes, run)
        return _Voice(line.tokens, line.held, line.marks, line.active)
    nothing = np.zeros(run.steps, np.uint8)
    return _Voice(nothing, nothing, nothing, np.zeros(run.bars, np.bool_))


def _drum_line(notes: StepNotes, run: Run, source: SourceFile) -> _Voice:
    tokens = drum_column(notes, run.steps, source)
    return _Voice(tokens, tokens, onset_marks(notes, run.steps), bar_any(tokens > 0, run.bar_steps))


def _chosen(notes: StepNotes, which: NDArray[np.bool_] | NDArray[np.int64]) -> StepNotes:
    return StepNotes(
        notes.onset_steps[which],
        notes.end_steps[which],
        notes.late_steps[which],
        notes.pitch[which],
        notes.velocity[which],
    )


def _within(notes: StepNotes, span: range) -> StepNotes:
    """Move notes by octaves into a span of an octave and more."""
    up = -(-np.maximum(span.start - notes.pitch, 0) // 12) * 12
    down = -(-np.maximum(notes.pitch - span[-1], 0) // 12) * 12
    moved = notes.pitch + up - down
    return StepNotes(notes.onset_steps, notes.end_steps, notes.late_steps, moved, notes.velocity)


def is_lowest(notes: StepNotes) -> NDArray[np.bool_]:
    """Return which notes `[N]` are the bass of a piano: low, and nothing sounds below them as they begin."""
    onset, end, pitch = notes.onset_steps, notes.end_steps, notes.pitch
    lowest = pitch <= HIGHEST_BASS
    for index in np.flatnonzero(lowest):
        near = slice(max(0, index - 24), index + 12)
        below = (onset[near] <= onset[index]) & (end[near] > onset[index]) & (pitch[near] < pitch[index])
        lowest[index] = not below.any()
    return lowest


def comped(notes: StepNotes, bar_steps: int) -> StepNotes:
    """Return the highest notes of the chords of a part, in bars of broken chords one a beat."""
    order: NDArray[np.int64] = np.lexsort((notes.pitch, notes.onset_steps))
    notes = _chosen(notes, order)
    onset, kept = notes.onset_steps, np.zeros(len(order), np.bool_)
    moved, ends = onset.copy(), notes.end_steps.copy()
    struck = np.bincount(onset[onset >= 0]) if (onset >= 0).any() else np.zeros(1, np.int64)
    for bar in np.unique(onset // bar_steps):
        inside = np.flatnonzero(onset // bar_steps == bar)
        if bar < 0:
            continue
        chord = inside[struck[onset[inside]] > 1]
        group = onset if len(np.unique(onset[chord])) >= FEWEST_CHORDS else onset // STEPS_PER_BEAT
        members = chord if group is onset else inside
        for place in np.unique(group[members]):
            same = members[group[members] == place]
            top = same[notes.pitch[same].argmax()]
            kept[top], moved[top], ends[top] = True, onset[same].min(), notes.end_steps[same].max()
    grouped = StepNotes(moved, np.maximum(ends, moved + 1), notes.late_steps, notes.pitch, notes.velocity)
    return _chosen(grouped, kept)


def _step_roots(source: SourceFile, run: Run, ticks_per_beat: int) -> NDArray[np.uint16]:
    """Return pitch class plus 1 of the lowest note of each step's chord `[S]`, 0 where none is known."""
    return value_of_steps(((tick, _root(name)) for tick, name in source.chords), run, ticks_per_beat)


def _root(name: str) -> int:
    try:
        chord = parse_chord(name)
    except ValueError:
        return 0
    return (
        0 if chord is None or not chord_bits(name) else 1 + (chord.root if chord.bass is None else chord.bass)
    )


def presence(block: NDArray[np.generic], voice: int) -> NDArray[np.bool_]:
    """Return which windows `[n, T, 14]` have a voice, one of `HAS_*`."""
    found: NDArray[np.bool_] = (block[:, 0, PRESENT].astype(np.int64) & voice) > 0
    return found
