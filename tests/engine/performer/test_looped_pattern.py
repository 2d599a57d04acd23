import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.performer.looped_pattern import Loop
from engine.performer.messages import NoteData


def note(start: float, pitch: int = 60) -> NoteData:
    return NoteData(start, pitch, 0.5, 80, 0)


def onsets(loop: Loop, from_beats: float, to_beats: float) -> list[float]:
    return [round(onset, 6) for onset, _ in loop.between(from_beats, to_beats)]


def test_repeats_from_its_anchor_both_ways():
    loop = Loop([note(0.0), note(3.0)], 4.0, 8.0)
    assert onsets(loop, 0.0, 16.0) == [0.0, 3.0, 4.0, 7.0, 8.0, 11.0, 12.0, 15.0]


def test_an_early_note_lies_before_each_repeat():
    assert onsets(Loop([note(-0.1)], 4.0, 0.0), 0.0, 8.0) == [3.9, 7.9]


def test_notes_beyond_the_length_are_left_out():
    assert onsets(Loop([note(1.0), note(3.5)], 3.0, 0.0), 0.0, 6.0) == [1.0, 4.0]


@pytest.mark.parametrize(("start", "early"), [(-0.12, 1), (-0.125, 0), (-0.13, 0), (0.0, 0)])
def test_early_notes_begin_less_than_half_a_step_before_the_line(start, early):
    assert len(Loop([note(start)], 4.0, 0.0).early(8.0)) == early


def test_an_empty_loop_has_no_next_onset():
    assert Loop([], 4.0, 0.0).next_onset(1.0) is None
    assert Loop([note(1.0)], 4.0, 0.0).next_onset(1.5) == 5.0


@settings(max_examples=60)
@given(
    st.lists(st.floats(-0.9, 3.99), max_size=6),
    st.lists(st.floats(0, 2), min_size=1, max_size=20),
)
def test_adjoining_windows_give_every_note_once(starts, widths):
    loop = Loop([note(start) for start in starts], 4.0, 0.0)
    cursor, pieces = 0.0, []
    for width in widths:
        pieces += list(loop.between(cursor, cursor + width))
        cursor += width
    assert pieces == list(loop.between(0.0, cursor))


def test_a_span_silences_what_lies_before_and_after_it():
    loop = Loop([note(0.0), note(3.0)], 4.0, 0.0, from_beats=4.0, until_beats=12.0)
    assert onsets(loop, 0.0, 20.0) == [4.0, 7.0, 8.0, 11.0]
    assert loop.next_onset(0.0) == 4.0
    assert loop.next_onset(11.5) is None


def test_an_early_note_belongs_to_the_line_it_is_early_for():
    loop = Loop([note(-0.1)], 4.0, 0.0, from_beats=4.0, until_beats=12.0)
    assert onsets(loop, 0.0, 20.0) == [3.9, 7.9]


def test_an_early_note_inside_the_pattern_belongs_to_the_line_it_is_early_for():
    notes = [note(0.0), note(3.98), note(7.5)]
    assert onsets(Loop(notes, 8.0, 0.0, from_beats=4.0), 0.0, 9.0) == [3.98, 7.5, 8.0]
    assert onsets(Loop(notes, 8.0, 0.0, until_beats=4.0), 0.0, 9.0) == [0.0]


@settings(max_examples=100)
@given(
    st.lists(st.integers(-11, 799), min_size=1, max_size=20, unique=True),
    st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True),
)
def test_of_spans_that_follow_each_other_each_note_sounds_in_exactly_one(hundredths, bars):
    notes = [note(each / 100, 40 + number) for number, each in enumerate(hundredths)]
    lines = [0.0, *(4.0 * bar for bar in sorted(bars)), 40.0]
    spans = itertools.pairwise(lines)
    parts = [
        each
        for begin, end in spans
        for each in Loop(notes, 8.0, 0.0, from_beats=begin, until_beats=end).between(-1.0, 41.0)
    ]
    whole = Loop(notes, 8.0, 0.0, from_beats=0.0, until_beats=40.0).between(-1.0, 41.0)
    assert sorted(parts, key=onset_and_pitch) == sorted(whole, key=onset_and_pitch)


def onset_and_pitch(each):
    return each[0], each[1].pitch


def test_a_note_ends_with_the_span():
    loop = Loop([note(0.0)], 4.0, 0.0, until_beats=8.0)
    assert loop.end_of(7.75, NoteData(3.75, 60, 2.0, 80, 0)) == 8.0
