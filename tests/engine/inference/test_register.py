"""Register as a transposition on the scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.register import folded, in_register, moved, struck_once
from engine.music.key import SCALES, Key
from engine.music.notes import Note, Phrase

C = Key(0)
keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(SCALES)))


def phrase(*pitches: int) -> Phrase:
    return Phrase.of((Note(index, pitch, 1) for index, pitch in enumerate(pitches)), 2)


def asked(amount: float, **limits: object) -> Controls:
    return Controls(attributes=(("register", amount),), constraints=Constraints(**limits))


def pitches(answer: Phrase) -> list[int]:
    return [note.pitch for note in answer.notes]


def test_one_is_an_octave_and_half_of_it_a_fifth_on_the_scale() -> None:
    assert pitches(in_register(phrase(60, 64, 67), asked(0.5), C)) == [67, 71, 74]
    assert pitches(in_register(phrase(60, 64, 67), asked(1.0), C)) == [72, 76, 79]
    assert pitches(in_register(phrase(60, 64, 67), asked(-2.0), C)) == [36, 40, 43]


def test_a_foreign_note_moves_with_the_note_below_it() -> None:
    assert moved(61, C, 1) == 63
    assert moved(66, C, -1) == 65


@given(keys, st.lists(st.integers(40, 90), min_size=1, max_size=8), st.floats(-3, 3))
def test_what_was_in_key_stays_in_key_and_on_the_piano(key: Key, played: list[int], amount: float) -> None:
    inside = [pitch for pitch in played if key.allows(pitch)]
    answer = in_register(phrase(*inside), asked(amount), key)
    assert all(key.allows(pitch) and 21 <= pitch <= 108 for pitch in pitches(answer))


def test_a_key_that_is_set_and_a_range_count() -> None:
    chosen = asked(1.0, key="F")
    assert pitches(in_register(phrase(65, 69), chosen, C)) == [77, 81]
    assert pitches(in_register(phrase(60), asked(2.0, highest_pitch=70), C)) == [60]
    assert pitches(in_register(phrase(60), asked(2.0, lowest_pitch=60, highest_pitch=70), C)) == [60]


def test_two_notes_that_come_to_one_key_are_one_and_a_key_is_released_to_be_struck_again() -> None:
    # D sharp moves with D, a whole tone, to the F that E comes to.
    both = Phrase.of([Note(0, 63, 1), Note(0, 64, 2), Note(1, 63, 1)], 1)
    assert in_register(both, asked(1 / 7), C) == Phrase.of([Note(0, 65, 1), Note(1, 65, 1)], 1)
    # A range of an octave folds C4 and C5 to one key.
    octave = Phrase.of([Note(0, 60, 4), Note(2, 72, 1)], 1)
    folded_in = in_register(octave, asked(1.0, lowest_pitch=72, highest_pitch=83), C)
    assert folded_in == Phrase.of([Note(0, 72, 2), Note(2, 72, 1)], 1)


NOTES = st.builds(
    Note, st.integers(0, 7), st.integers(0, 3).map(lambda step: 60 + step), st.integers(1, 6), st.just(64)
)


@given(st.lists(NOTES, max_size=12))
def test_no_key_is_struck_where_it_sounds_and_none_is_lost(notes: list[Note]) -> None:
    kept = struck_once(notes)
    places = [(note.start_beats, note.pitch) for note in kept]
    assert len(places) == len(set(places))
    assert set(places) == {(note.start_beats, note.pitch) for note in notes}
    for one in kept:
        for two in kept:
            if one.pitch == two.pitch and one.start_beats < two.start_beats:
                assert one.end_beats <= two.start_beats


def test_drums_and_a_slider_at_rest_leave_everything() -> None:
    drums = Phrase.of([Note(0, 36, 1, channel=9)], 1)
    assert in_register(drums, asked(2.0), C) == drums
    assert in_register(phrase(60), Controls(), C) == phrase(60)
    assert in_register(Phrase((), 1), asked(1.0), None) == Phrase((), 1)


@given(st.integers(-60, 190), st.integers(0, 100), st.integers(0, 27))
def test_folding(pitch: int, low: int, width: int) -> None:
    inside = folded(pitch, low, low + width)
    if inside is None:
        assert width < 11
    else:
        assert low <= inside <= low + width
        assert (inside - pitch) % 12 == 0


@pytest.mark.parametrize(
    ("pitch", "inside"),
    [(60, 60), (71, 71), (59, 71), (48, 60), (47, 71), (36, 60), (72, 60), (84, 60), (85, 61)],
)
def test_a_pitch_comes_into_an_octave_by_octaves(pitch: int, inside: int) -> None:
    assert folded(pitch, 60, 71) == inside


def test_a_pitch_that_no_octave_brings_into_the_range_has_no_place() -> None:
    assert folded(61, 62, 72) is None
    assert folded(73, 62, 72) is None
