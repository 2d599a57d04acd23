"""What each kind of corpus takes out of a file, on hand-written music."""

from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.music.drums import hits_of_tokens
from engine.music.groove import OFFSETS, VELOCITIES, groove_rows
from training.corpus import fingerprints, to_model_tensor
from training.corpus.extract import drum_tracks, melodies, pianorolls, trios
from training.corpus.extract.reader import Piece, read_piece
from training.corpus.extract.streams import ACTIVE_BAR, OFF_GRID, ONSET, POLYPHONIC, Segment
from training.corpus.sources import SourceFile

ANY = SourceFile("", "", "")
ROLAND = SourceFile("", "", "", kit="roland")
KICK, SNARE, HAT = 36, 38, 42
C4, D4 = 60 - 19, 62 - 19
"""Tokens: 2 is MIDI pitch 21."""


def piece_of(
    tmp_path: Path, *parts: Part, metres: tuple[tuple[float, int, int], ...] = ((0, 4, 4),)
) -> Piece:
    return read_piece(write_midi(tmp_path / "a.mid", parts, metres))


def melody_of(tmp_path: Path, notes: list[tuple[float, ...]]) -> Segment:
    filler = tune([48] * 8, start=400)  # far away, so that short tunes count as a part
    segments = melodies.melody_segments(piece_of(tmp_path, Part([*notes, *filler])), ANY)
    return segments[0]


# Melody -------------------------------------------------------------------------------------


def test_melody_tokens_marks_and_held_notes(tmp_path: Path) -> None:
    segment = melody_of(tmp_path, [(0, 0.5, 60), (1, 4, 62), (5.25, 0.75, 60)])
    expected = np.zeros(32, int)
    expected[[0, 2, 4, 20, 21, 24]] = [C4, 1, D4, 1, C4, 1]
    assert segment.steps[:, 0].tolist() == expected.tolist()
    assert segment.held[[0, 1, 2, 3, 16, 20, 21], 0].tolist() == [0, C4, C4, 0, D4, D4, 0]
    assert np.flatnonzero(segment.marks & ONSET).tolist() == [0, 4, 21]
    assert np.flatnonzero(segment.marks & ACTIVE_BAR).tolist() == [0, 16]


def test_triplets_are_off_the_grid_and_played_timing_is_not(tmp_path: Path) -> None:
    segment = melody_of(tmp_path, [(0, 0.3, 60), (1 / 3, 0.3, 62), (2 / 3, 0.3, 64), (1.04, 0.5, 65)])
    assert np.flatnonzero(segment.marks & OFF_GRID).tolist() == [1, 3]


def test_chords_and_long_overlaps_are_polyphonic_and_legato_is_not(tmp_path: Path) -> None:
    chord, legato, overlap = [(0, 1, 60), (0, 1, 64)], [(2, 1.2, 60), (3, 1, 62)], [(5, 2, 60), (6, 1, 65)]
    segment = melody_of(tmp_path, [*chord, *legato, *overlap, *tune([60] * 16, start=8)])
    assert np.flatnonzero(segment.marks & POLYPHONIC).tolist() == [0, 24]
    assert segment.steps[0, 0] == 64 - 19


def test_long_silences_cut_a_part_and_short_ones_do_not(tmp_path: Path) -> None:
    notes = [*tune([60] * 8), *tune([62] * 8, start=5 * 4), *tune([64] * 8, start=11 * 4)]
    segments = melodies.melody_segments(piece_of(tmp_path, Part(notes)), ANY)
    assert [len(segment.steps) // 16 for segment in segments] == [6, 1]
    assert [segment.start_ticks for segment in segments] == [0, 11 * 4 * 480]


def test_parts_are_the_sung_ones_of_the_manifest_or_all_lines(tmp_path: Path) -> None:
    chords = [(start, 1, pitch) for start in range(16) for pitch in (48, 52, 55)]
    parts = (
        Part(tune([60] * 32), name="Voice"),
        Part(tune([70] * 32), name="Flute", program=73),
        Part(chords, name="Piano"),
        Part(tune([40] * 32), name="Timpani", program=47),
        Part(tune([KICK] * 32), name="Kit", channel=9),
        Part(tune([60] * 3), name="Cue"),
    )
    piece = piece_of(tmp_path, *parts)
    assert [track.name for track in melodies.line_tracks(piece, ANY)] == ["Voice", "Flute"]
    sung = SourceFile("", "", "", parts=("Voice",))
    assert [track.name for track in melodies.line_tracks(piece, sung)] == ["Voice"]


# Drums and groove ---------------------------------------------------------------------------


def test_drum_classes_follow_the_collection(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, Part([(0, 0.1, KICK), (0, 0.1, HAT), (1, 0.1, 48), (2, 0.1, 99)], channel=9))
    (gm,) = drum_tracks.drums_segments(piece, ANY)
    (roland,) = drum_tracks.drums_segments(piece, ROLAND)
    assert np.flatnonzero(gm.steps).tolist() == [0, 4]
    assert [hits_of_tokens(gm.steps[step, 0]).nonzero()[0].tolist() for step in (0, 4)] == [[0, 2], [5]]
    assert hits_of_tokens(roland.steps[4, 0]).nonzero()[0].tolist() == [6]


def test_groove_keeps_velocity_and_timing_of_an_early_downbeat(tmp_path: Path) -> None:
    notes = [(0, 0.1, KICK, 100), (3.95, 0.1, SNARE, 64), (4.1, 0.1, HAT, 1)]
    (segment,) = drum_tracks.groove_segments(piece_of(tmp_path, Part(notes, channel=9)), ROLAND)
    rows = to_model_tensor.present_groove(segment.steps[None], np.zeros(1, np.int64))[0]
    assert np.argwhere(rows[:, :9]).tolist() == [[0, 0], [16, 1], [16, 2]]
    assert rows[16, VELOCITIES][[1, 2]].tolist() == pytest.approx([64 / 127, 1 / 127])
    assert rows[16, OFFSETS][[1, 2]].tolist() == pytest.approx([0.4, -0.8], abs=1e-4)


@given(
    st.lists(
        st.tuples(st.floats(0, 15.9), st.sampled_from([36, 38, 42, 46, 49]), st.integers(1, 127)), max_size=40
    )
)
def test_stored_grooves_come_back(hits: list[tuple[float, int, int]]) -> None:
    onsets, pitches, velocities = zip(*hits, strict=True) if hits else ((), (), ())
    rows = groove_rows(onsets, pitches, velocities, 64, "gm")
    restored = drum_tracks.restored_groove(drum_tracks.stored_groove(rows))
    np.testing.assert_allclose(restored, rows, atol=2e-5)
    assert (restored[:, :9] == rows[:, :9]).all()


def test_files_without_drums_give_none(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, Part(tune([60] * 8)))
    assert drum_tracks.drums_segments(piece, ANY) == drum_tracks.groove_segments(piece, ANY) == []


# Trio ---------------------------------------------------------------------------------------


def test_trio_puts_three_parts_side_by_side(tmp_path: Path) -> None:
    piece = piece_of(
        tmp_path,
        Part(tune([72] * 8, step=1), name="Lead"),
        Part(tune([36] * 12, step=1), name="Bass", program=33),
        Part(tune([KICK] * 8, step=1), name="Kit", channel=9),
    )
    (segment,) = trios.trio_segments(piece, ANY)
    assert segment.steps[[0, 4, 32]].tolist() == [
        [72 - 19, 36 - 19, 1],
        [72 - 19, 36 - 19, 1],
        [1, 36 - 19, 0],
    ]
    assert np.flatnonzero(segment.marks & ACTIVE_BAR).tolist() == [0, 16]  # in bar 3 only the bass plays


def test_trio_needs_all_three(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, Part(tune([72] * 8)), Part(tune([KICK] * 8), channel=9))
    assert trios.trio_segments(piece, ANY) == []


# Piano roll ---------------------------------------------------------------------------------


def test_pianoroll_merges_the_pitched_parts(tmp_path: Path) -> None:
    piece = piece_of(
        tmp_path,
        Part([(0, 4, 21), (0, 1, 108)]),
        Part([(1, 1, 60)], program=73),
        Part([(0, 4, KICK)], channel=9),
    )
    (segment,) = pianorolls.pianoroll_segments(piece, ANY)
    roll = pianorolls.present_pianoroll(segment.steps[None], np.zeros(1, np.int64))[0]
    assert roll.shape == (16, 88)
    assert [np.flatnonzero(roll[step]).tolist() for step in (0, 3, 4, 8)] == [[0, 87], [0, 87], [0, 39], [0]]


def roll_blocks() -> st.SearchStrategy[np.ndarray]:
    """One window `[1, 16, 88]` within keys 20 to 70, with at least one note."""
    keys = st.sets(st.tuples(st.integers(0, 15), st.integers(20, 70)), min_size=1, max_size=30)

    def build(cells: set[tuple[int, int]]) -> np.ndarray:
        roll = np.zeros((1, 16, 88), np.uint8)
        for step, key in cells:
            roll[0, step, key] = 1
        return roll

    return keys.map(build)


@given(roll_blocks(), st.integers(-12, 12))
def test_pianoroll_fingerprints_ignore_transposition_only(roll: np.ndarray, shift: int) -> None:
    block = np.packbits(roll, axis=2)
    moved = pianorolls.present_pianoroll(block, np.array([shift])).astype(np.uint8)
    assert np.argwhere(moved[0]).tolist() == [[step, key + shift] for step, key in np.argwhere(roll[0])]
    packed = np.packbits(moved, axis=2)
    assert pianorolls.pianoroll_fingerprint(packed) == pianorolls.pianoroll_fingerprint(block)
    other = np.packbits(np.roll(roll, 1, axis=1), axis=2)
    assert pianorolls.pianoroll_fingerprint(other) != pianorolls.pianoroll_fingerprint(block)
    low, high = pianorolls.pianoroll_bounds(packed)
    keys = np.flatnonzero(moved.any(axis=(0, 1))) + 21
    assert (low[0], high[0]) == (keys.min(), keys.max())


# Fingerprints of tokens ---------------------------------------------------------------------

token_blocks = st.lists(st.integers(0, 60), min_size=16, max_size=16).map(
    lambda tokens: np.array(tokens, np.uint8).reshape(1, 16, 1)
)


@settings(max_examples=200)
@given(token_blocks, token_blocks, st.integers(0, 29))
def test_token_fingerprints_are_equal_exactly_for_transposed_windows(
    one: np.ndarray, other: np.ndarray, shift: int
) -> None:
    fingerprint = fingerprints.token_fingerprint(1)
    moved = to_model_tensor.present_tokens(1)(one, np.array([shift]))
    assert fingerprint(moved) == fingerprint(one)
    assert (fingerprint(other) == fingerprint(one)) == (canonical(other) == canonical(one))


def canonical(block: np.ndarray) -> list[int]:
    tokens = block.ravel().tolist()
    low = min((token for token in tokens if token > 1), default=0)
    return [token - low + 1000 if token > 1 else token for token in tokens]


def test_the_drums_of_a_trio_are_no_pitches() -> None:
    block = np.array([[[40, 30, 5], [1, 0, 0]]], np.uint16)
    moved = to_model_tensor.present_tokens(2)(block, np.array([3]))
    assert moved.tolist() == [[[43, 33, 5], [1, 0, 0]]]
    fingerprint = fingerprints.token_fingerprint(2)
    assert fingerprint(moved) == fingerprint(block)
    changed = block.copy()
    changed[0, 0, 2] = 6
    assert fingerprint(changed) != fingerprint(block)
    assert [bound.tolist() for bound in fingerprints.token_bounds(2)(block)] == [[30 + 19], [40 + 19]]


def test_groove_patterns_match_whatever_their_feel() -> None:
    hard, soft = np.zeros((1, 16, 18), np.int16), np.zeros((1, 16, 18), np.int16)
    hard[0, 0, 0], soft[0, 0, 0], soft[0, 0, 9] = 120, 40, 5000
    assert fingerprints.hits_fingerprint(hard) == fingerprints.hits_fingerprint(soft)
    assert fingerprints.plain_fingerprint(hard) != fingerprints.plain_fingerprint(soft)
