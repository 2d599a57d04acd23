"""Melodic lines with what surrounds them: the chord, the key, and the bar before.

Chords are those that a table beside the file names; where there is none, they are recognised in what all
parts play.

Stored columns of a step: melody token; chord as 12 bits (bit 0 is C), 0 where none is known; major
tonic of the key signature, 0 to 11; token one bar earlier plus 1, 0 where there is none.
"""

import numpy as np
from numpy.typing import NDArray

from engine.music.chord_recognition import recognise_chords
from engine.music.chords import Chord, parse_chord
from engine.music.notes import Note
from training.corpus.extract.bars import (
    STEPS_PER_BEAT,
    Run,
    StepNotes,
    on_grid,
    runs,
    value_of_steps,
)
from training.corpus.extract.local_keys import bar_tonics
from training.corpus.extract.melodies import Line, line_tracks
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import Segment, cut_segments, with_bar_marks
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

TOKEN, CHORD, TONIC, BEFORE = range(4)
"""Stored columns."""


def words_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint16 [S, 4]` of every melodic line in bars of a metre."""
    tracks = line_tracks(piece, source)
    found: list[Segment] = []
    for run in runs(piece, metre) if tracks else ():
        named = step_chords(source, run, piece.ticks_per_beat)
        chords = named if source.chords else recognised_chords(piece, run)
        for track in tracks:
            found += _segments(piece, track, run, chords)
    return found


def _segments(piece: Piece, track: Track, run: Run, chords: NDArray[np.uint16]) -> list[Segment]:
    notes = on_grid(track, run, piece.ticks_per_beat)
    if not len(notes.pitch):
        return []
    line, steps = Line.of(notes, run), np.zeros((run.steps, 4), np.uint16)
    steps[:, TOKEN] = line.tokens
    steps[:, CHORD] = chords
    steps[:, TONIC] = np.repeat(bar_tonics(piece, run, track), run.bar_steps)
    steps[run.bar_steps :, BEFORE] = line.tokens[: -run.bar_steps].astype(np.uint16) + 1
    return cut_segments(
        track.name,
        run,
        piece.ticks_per_beat,
        line.active,
        steps,
        with_bar_marks(line.marks, line.active),
        line.held[:, None],
    )


def step_chords(source: SourceFile, run: Run, ticks_per_beat: int) -> NDArray[np.uint16]:
    """Return the chord of every step `[S]` of a run as 12 bits: the one that sounds where the beat begins."""
    return value_of_steps(((tick, chord_bits(name)) for tick, name in source.chords), run, ticks_per_beat)


def recognised_chords(piece: Piece, run: Run) -> NDArray[np.uint16]:
    """Return the chord of every step `[S]` of a run as 12 bits, recognised; 0 all over for a line alone."""
    pitched = [track for track in piece.tracks if not track.is_drum]
    if len(pitched) < 2:
        return np.zeros(run.steps, np.uint16)
    notes = [note for track in pitched for note in _notes(on_grid(track, run, piece.ticks_per_beat))]
    beats = run.steps // STEPS_PER_BEAT
    harmony = recognise_chords(notes, beats, run.bar_steps / STEPS_PER_BEAT)
    return np.repeat(np.array([_bits(chord) for chord in harmony], np.uint16), STEPS_PER_BEAT)


def _notes(steps: StepNotes) -> list[Note]:
    spans = zip(steps.onset_steps.tolist(), steps.end_steps.tolist(), steps.pitch.tolist(), strict=True)
    return [
        Note(onset / STEPS_PER_BEAT, pitch, (end - onset) / STEPS_PER_BEAT) for onset, end, pitch in spans
    ]


def chord_bits(name: str) -> int:
    """Return the pitch classes of a named chord as 12 bits (bit 0 is C); 0 for none or an unknown name."""
    try:
        return _bits(parse_chord(name))
    except ValueError:
        return 0


def _bits(chord: Chord | None) -> int:
    return 0 if chord is None else sum(1 << pitch_class for pitch_class in chord.pitch_classes)
