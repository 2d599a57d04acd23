"""All pitched parts of a file as one piano roll of 88 keys, packed into bits."""

import numpy as np
from numpy.typing import NDArray

from engine.music.pianoroll import KEYS, LOWEST_KEY, piano_roll
from training.corpus.extract.bars import Run, on_grid, runs
from training.corpus.extract.drum_tracks import merged_track
from training.corpus.extract.melodies import UNPITCHED_PROGRAMS
from training.corpus.extract.reader import Piece, Track
from training.corpus.extract.streams import Segment, bar_any, cut_segments, onset_marks, with_bar_marks
from training.corpus.fingerprints import weights
from training.corpus.metres import FOUR_FOUR, Metre
from training.corpus.sources import SourceFile

PACKED_KEYS = KEYS // 8
"""Bytes of one step."""


def pianoroll_segments(piece: Piece, source: SourceFile, metre: Metre = FOUR_FOUR) -> list[Segment]:
    """Return the streams `uint8 [S, 11]` of all pitched tracks together."""
    tracks = [t for t in piece.tracks if not t.is_drum and t.program not in UNPITCHED_PROGRAMS]
    if not tracks:
        return []
    whole = merged_track(tracks, "all pitched parts")
    return [segment for run in runs(piece, metre) for segment in _segments(whole, run, piece.ticks_per_beat)]


def _segments(track: Track, run: Run, ticks_per_beat: int) -> list[Segment]:
    notes = on_grid(track, run, ticks_per_beat)
    roll = piano_roll(notes.onset_steps, notes.end_steps, notes.pitch, run.steps) > 0
    active = bar_any(roll.any(axis=1), run.bar_steps)
    marks = with_bar_marks(onset_marks(notes, run.steps), active)
    held = np.zeros((run.steps, 0), np.uint8)
    return cut_segments(track.name, run, ticks_per_beat, active, np.packbits(roll, axis=1), marks, held)


def pianoroll_bounds(block: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the lowest and highest pitch of packed windows `[n, T, 11]`, 0 and 0 where silent."""
    used = np.unpackbits(np.bitwise_or.reduce(block, axis=1), axis=1)  # [n, 88]
    some = used.any(axis=1)
    low = used.argmax(axis=1) + LOWEST_KEY
    high = KEYS - 1 - used[:, ::-1].argmax(axis=1) + LOWEST_KEY
    return np.where(some, low, 0).astype(np.uint8), np.where(some, high, 0).astype(np.uint8)


def pianoroll_fingerprint(block: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hash packed windows so that transposition does not matter. `[n]`

    A key k counts g**k, so moving everything by s semitones multiplies the sum by g**s; dividing
    by g to the lowest key (g is odd, so it has an inverse modulo 2**64) takes that away.
    """
    powers = _powers(_GENERATOR)
    steps = np.unpackbits(block, axis=2).astype(np.uint64) @ powers  # [n, T]
    whole = (steps * weights(block.shape[1])).sum(axis=1, dtype=np.uint64)
    low = np.maximum(pianoroll_bounds(block)[0].astype(np.int64) - LOWEST_KEY, 0)
    normal: NDArray[np.uint64] = whole * _powers(pow(_GENERATOR, -1, 2**64))[low]
    return normal


_GENERATOR = 0xD1342543DE82EF95


def _powers(base: int) -> NDArray[np.uint64]:
    return np.array([pow(base, key, 2**64) for key in range(KEYS)], dtype=np.uint64)


def present_pianoroll(block: NDArray[np.uint8], shifts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return `float32 [n, T, 88]` of packed windows, moved by `shifts` semitones.

    Shifts must keep every key on the keyboard.
    """
    roll = np.unpackbits(block, axis=2)
    for shift in np.unique(shifts[shifts != 0]).tolist():
        chosen = shifts == shift
        roll[chosen] = np.roll(roll[chosen], shift, axis=2)
    return roll.astype(np.float32)
