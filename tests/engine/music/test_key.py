"""Keys: names, scales, the way to the reference key, the key of what is heard and its follower."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.music.key import SCALES, Key, KeyFollower
from engine.music.key_finding import find_key, followed, key_of, key_scores, pitch_class_weights
from engine.music.notes import Note, Phrase

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(SCALES)))
plain = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


def line(pitches: list[int], beats: float = 0.5) -> list[Note]:
    return [Note(index * beats, pitch, beats) for index, pitch in enumerate(pitches)]


MAJOR_TUNE = [60, 62, 64, 60, 64, 65, 67, 67]
MINOR_TUNE = [57, 60, 64, 62, 60, 59, 57, 57]
LEADING_TUNE = [57, 60, 64, 62, 60, 56, 57, 57]


def test_names() -> None:
    assert Key.named("C") == Key(0, "major")
    assert Key.named("Am") == Key(9, "minor")
    assert Key.named("F# minor") == Key(6, "minor")
    assert Key.named(" Bb dorian ") == Key(10, "dorian")
    assert Key.named("Cb") == Key(11, "major")
    assert Key(6, "minor").name == "F# minor"


@pytest.mark.parametrize("text", ["", "H", "Amin7", "c sharp", "C mayor", "minor"])
def test_what_is_no_key_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="is unknown; write a note and a scale"):
        Key.named(text)


def test_a_key_outside_the_twelve_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 11"):
        Key(12)
    with pytest.raises(ValueError, match="harmonic minor"):
        Key(0, "mayor")


@given(keys)
def test_a_name_is_read_back(key: Key) -> None:
    assert Key.named(key.name) == key


def test_what_a_key_allows() -> None:
    assert [pitch for pitch in range(60, 72) if Key(7).allows(pitch)] == [60, 62, 64, 66, 67, 69, 71]
    assert Key(9, "harmonic minor").pitch_classes == {9, 11, 0, 2, 4, 5, 8}
    assert Key(9, "minor").is_minor
    assert not Key(9, "lydian").is_minor


def test_the_way_to_the_reference_key_is_the_shorter_one() -> None:
    assert [Key(tonic).semitones_to_reference for tonic in (0, 2, 5, 6, 7, 11)] == [0, -2, -5, -6, 5, 1]
    assert [Key(tonic, "minor").semitones_to_reference for tonic in (9, 0, 3, 4)] == [0, -3, -6, 5]
    assert Key(2, "dorian").semitones_to_reference == 0


@given(keys, st.integers(-30, 30))
def test_a_transposed_key_allows_what_is_transposed(key: Key, semitones: int) -> None:
    moved = key.transposed(semitones)
    assert all(moved.allows(pitch + semitones) == key.allows(pitch) for pitch in range(40, 80))
    assert moved.transposed(-semitones) == key


@given(plain)
def test_in_the_reference_key_the_scale_is_the_white_keys(key: Key) -> None:
    assert -6 <= key.semitones_to_reference <= 5
    moved = key.transposed(key.semitones_to_reference)
    assert moved.pitch_classes == {0, 2, 4, 5, 7, 9, 11}


@given(st.integers(-12, 12))
def test_the_key_of_a_tune_moves_with_it(semitones: int) -> None:
    for tune, key in ((MAJOR_TUNE, Key(0)), (MINOR_TUNE, Key(9, "minor"))):
        phrase = Phrase.of(line([pitch + semitones for pitch in tune]), 1)
        assert key_of(phrase) == key.transposed(semitones)


def test_a_raised_seventh_makes_the_minor_harmonic() -> None:
    assert key_of(Phrase.of(line(LEADING_TUNE), 1)) == Key(9, "harmonic minor")


def test_too_little_and_drums_have_no_key() -> None:
    assert key_of(Phrase((), 2)) is None
    assert find_key([1.5] + [0.0] * 11) is None
    assert key_of(Phrase.of([Note(beat, 38, 1, channel=9) for beat in range(8)], 2)) is None


def test_a_long_note_counts_two_beats() -> None:
    weights = pitch_class_weights([Note(0, 60, 16), Note(0, 62, 0.5), Note(1, 74, 0.5)])
    assert weights.tolist() == [2.0, 0, 1.0, *[0.0] * 9]


def test_scores_are_ordered_by_tonic_and_major_first() -> None:
    scores = key_scores(np.array([3, 0, 1, 0, 2, 1, 0, 2, 0, 0, 0, 1.0]))
    assert scores.shape == (24,)
    assert int(scores.argmax()) == 0
    assert scores[12 + 9] > scores[12 + 8]


def follow(bars: list[list[Note]]) -> list[KeyFollower]:
    states = [KeyFollower()]
    for bar in bars:
        states.append(followed(states[-1], bar))
    return states


def test_the_follower_keeps_its_key_over_foreign_notes_and_changes_with_the_music() -> None:
    home = line(MAJOR_TUNE)
    foreign = line([61, 66, 63, 60])
    away = line([pitch + 6 for pitch in MAJOR_TUNE])
    states = follow([home, home, foreign, home, *[away] * 4])
    assert [state.key for state in states[1:5]] == [Key(0)] * 4
    assert states[-1].key == Key(6)


def test_silence_and_drums_change_nothing() -> None:
    state = followed(KeyFollower(), line(MAJOR_TUNE))
    assert followed(state, []) is state
    assert followed(state, [Note(0, 36, 1, channel=9)]) is state


def test_the_first_key_waits_for_two_beats() -> None:
    states = follow([line([60], 1.5), line([64, 67, 60])])
    assert [state.key for state in states] == [None, None, Key(0)]


@given(
    st.lists(st.lists(st.integers(0, 127), max_size=12), min_size=1, max_size=12),
    st.integers(1, 11),
)
def test_the_follower_is_the_same_in_every_key(bars: list[list[int]], semitones: int) -> None:
    """Transposing what is heard transposes what is remembered of every key."""
    low = [[pitch % 100 for pitch in bar] for bar in bars]
    here = follow([line(bar) for bar in low])[-1]
    there = follow([line([pitch + semitones for pitch in bar]) for bar in low])[-1]
    for part in (slice(0, 12), slice(12, 24)):
        assert np.roll(here.log_odds[part], semitones) == pytest.approx(there.log_odds[part])


@example([58, 64])  # a tritone: two keys are equally likely
@given(st.lists(st.integers(0, 127), min_size=1, max_size=16))
def test_hearing_the_same_again_never_wavers(pitches: list[int]) -> None:
    """Once settled on a repeated bar the key does not change back and forth."""
    settled = [state.key for state in follow([line(pitches)] * 24)[12:]]
    assert all(first == second for first, second in pairwise(settled))
