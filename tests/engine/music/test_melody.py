"""The melody tokens: hand-written matrices, then properties of any phrase and any song."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.melody import (
    NO_EVENT,
    NOTE_OFF,
    VOCABULARY,
    MelodyRepresentation,
    cut_window,
    fold_pitches,
    headroom,
    melody_tokens,
    transpose,
)
from engine.music.notes import Note, Phrase

C4 = 60 - 21 + 2  # 41


@st.composite
def songs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Onsets, ends, pitches of a song of any polyphony, and its length in steps."""
    count = draw(st.integers(0, 30))
    integers = st.lists(st.integers(-8, 70), min_size=count, max_size=count)
    onsets = np.array(draw(integers), dtype=np.int64)
    lengths = draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    pitches = draw(st.lists(st.integers(0, 127), min_size=count, max_size=count))
    ends = onsets + np.array(lengths, dtype=np.int64)
    return onsets, ends, np.array(pitches, dtype=np.int64), draw(st.integers(1, 64))


@st.composite
def token_rows(draw: st.DrawFn) -> np.ndarray:
    """Tokens as a decoder may write them, dangling note-offs included."""
    kind = st.one_of(st.just(0), st.just(0), st.just(1), st.integers(2, VOCABULARY - 1))
    return np.array(draw(st.lists(kind, min_size=32, max_size=32)), dtype=np.int64)


def test_a_line_with_a_rest_and_a_repeated_note() -> None:
    phrase = Phrase.of([Note(0, 60, 0.5), Note(1, 60, 0.25), Note(1.25, 60, 2.75)], 1)
    tokens = MelodyRepresentation(1).encode(phrase)
    assert tokens.dtype == np.int64
    assert tokens.shape == (16, 1)
    assert tokens[:, 0].tolist() == [C4, 0, 1, 0, C4, C4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_the_highest_note_at_an_onset_wins_and_a_later_onset_ends_it() -> None:
    # a chord of a whole bar, then a lower note on the third beat
    tokens = melody_tokens([0, 0, 0, 8], [16, 16, 4, 12], [60, 67, 64, 55], 16)
    assert tokens.tolist() == [48, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0]


def test_a_note_sounding_across_the_start_starts_there() -> None:
    tokens = melody_tokens([-4, -2], [2, 6], [72, 60], 8)
    assert tokens.tolist() == [C4, 0, 0, 0, 0, 0, 1, 0]


def test_a_note_at_the_start_hides_the_one_sounding_across_it() -> None:
    assert melody_tokens([-4, 0], [8, 2], [72, 60], 4).tolist() == [C4, 0, 1, 0]


def test_a_note_that_ended_before_the_start_leaves_nothing() -> None:
    assert melody_tokens([-4], [0], [72], 4).tolist() == [0, 0, 0, 0]


def test_pitches_are_folded_by_octaves() -> None:
    assert fold_pitches([0, 20, 21, 60, 108, 109, 127]).tolist() == [24, 32, 21, 60, 108, 97, 103]


def test_an_early_first_note_belongs_to_step_0_and_a_short_one_lasts_a_step() -> None:
    phrase = Phrase.of([Note(-0.1, 60, 0.05)], 1)
    assert MelodyRepresentation(1).encode(phrase)[:3, 0].tolist() == [C4, NOTE_OFF, 0]


def test_drum_channel_notes_are_not_melody() -> None:
    assert not MelodyRepresentation(1).encode(Phrase.of([Note(0, 38, 1, channel=9)], 1)).any()


def test_decoded_notes() -> None:
    tokens = np.array([1, C4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, C4 + 1, 0, 0, 0])[:, None]
    assert MelodyRepresentation(1).decode(tokens) == Phrase.of(
        [Note(0.25, 60, 0.5, 80, 0), Note(3.0, 61, 1.0, 80, 0)], 1
    )


def test_a_phrase_of_another_length_and_a_token_out_of_range_are_refused() -> None:
    melody = MelodyRepresentation(2)
    with pytest.raises(ValueError, match="1 bars of 4/4 do not fit 2 bars"):
        melody.encode(Phrase.of([], 1))
    with pytest.raises(ValueError, match=r"shape \[16, 1\] is not \[32, 1\]"):
        melody.decode(np.zeros((16, 1), dtype=np.int64))
    with pytest.raises(ValueError, match="leave the range 0 to 89"):
        melody.decode(np.full((32, 1), 90))


def test_a_window_restores_the_note_across_the_cut() -> None:
    song = np.array([C4, 0, 0, 0, 0, 1, 0, C4 + 2, 0, 0], dtype=np.uint8)
    assert cut_window(song, 2, 6).tolist() == [C4, 0, 0, 1, 0, C4 + 2]
    assert cut_window(song, 5, 3).tolist() == [0, 0, C4 + 2]
    assert cut_window(song, 6, 2).tolist() == [0, C4 + 2]
    assert cut_window(song, 8, 4).tolist() == [C4 + 2, 0, 1, 0]
    assert cut_window(song, 10, 2).tolist() == [0, 0]


def test_transposing_folds_what_leaves_the_range() -> None:
    tokens = np.array([0, 1, 2, VOCABULARY - 1], dtype=np.uint8)
    assert transpose(tokens, 2).tolist() == [0, 1, 4, 79]  # 108 + 2 = 110 folds to 98
    assert headroom(tokens) == (0, 0)
    assert headroom(np.array([0, 41])) == (-39, 48)


@given(songs())
def test_an_event_at_every_onset_inside_and_never_a_dangling_note_off(song) -> None:
    onsets, ends, pitches, total = song
    tokens = melody_tokens(onsets, ends, pitches, total)
    inside = {int(onset) for onset in onsets if 0 <= onset < total}
    assert inside <= set(np.flatnonzero(tokens >= 2).tolist()) <= inside | {0}
    events = tokens[tokens != NO_EVENT]
    assert not (len(events) and events[0] == NOTE_OFF)
    assert not ((events[:-1] == NOTE_OFF) & (events[1:] == NOTE_OFF)).any()


@given(songs(), st.integers(0, 64), st.integers(1, 32))
def test_a_window_of_a_song_is_the_song_moved(song, first, steps) -> None:
    onsets, ends, pitches, _ = song
    whole = melody_tokens(onsets, ends, pitches, 128)
    moved = melody_tokens(onsets - first, ends - first, pitches, steps)
    assert cut_window(whole, first, steps).tolist() == moved.tolist()


@given(token_rows())
def test_decoding_and_encoding_again_changes_nothing_but_dangling_note_offs(tokens) -> None:
    melody = MelodyRepresentation(2)
    once = melody.encode(melody.decode(tokens[:, None]))
    assert once.tolist() == melody.encode(melody.decode(once)).tolist()
    changed = np.flatnonzero(once[:, 0] != tokens)
    assert (tokens[changed] == NOTE_OFF).all()


@given(token_rows(), st.integers(-24, 24))
def test_transposing_within_the_headroom_is_undone_by_its_inverse(tokens, semitones) -> None:
    down, up = headroom(tokens)
    moved = transpose(tokens, semitones)
    assert ((moved >= 2) == (tokens >= 2)).all()
    assert moved.max(initial=0) < VOCABULARY
    if down <= semitones <= up:
        assert transpose(moved, -semitones).tolist() == tokens.tolist()
