"""Phrases longer than the model, and in other metres."""

import pytest
import tinybundle
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.constraints import Lock
from engine.inference.controls import LOCKED, Controls
from engine.inference.model import Model
from engine.inference.render import render, render_batch
from engine.inference.slots import Slot, encode_slot
from engine.inference.windows import LongSlot, encode_phrase
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


@pytest.fixture(scope="module")
def four_bars(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("four"), 4)), precision="float")


METRES = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8", "9/8", "12/8", "2/2", "3/8")
BAR = [(0.0, 60), (0.5, 62), (1.0, 64), (2.0, 65)]


def bars(count: int, metre: Metre = FOUR_FOUR) -> Phrase:
    beats = metre.beats_per_bar
    notes = [
        Note(bar * beats + at, pitch, 0.4, 70 + bar)
        for bar in range(count)
        for at, pitch in BAR
        if at < beats
    ]
    return Phrase.of(notes, count, metre)


def long(model: Model, phrase: Phrase) -> LongSlot:
    slot = encode_phrase(model, phrase)
    assert isinstance(slot, LongSlot)
    return slot


phrases = st.builds(
    lambda metre, count, rows: Phrase.of(
        [
            Note(at * metre.beats_per_bar * count, pitch, length, velocity)
            for at, pitch, length, velocity in rows
        ],
        count,
        metre,
    ),
    st.sampled_from([Metre.named(name) for name in METRES]),
    st.integers(1, 9),
    st.lists(
        st.tuples(st.floats(0, 0.99), st.integers(30, 90), st.floats(0.05, 5), st.integers(1, 127)),
        max_size=14,
    ),
)


@settings(max_examples=60, deadline=None)
@given(phrases, st.integers(0, 99))
def test_variation_zero_is_the_source_in_any_metre_and_length(
    model: Model, played: Phrase, seed: int
) -> None:
    slot = encode_phrase(model, played)
    answer = render(model, {"heard": slot}, Controls(variation=0.0, seed=seed))
    assert answer == slot.phrase
    assert answer.notes[: len(played.notes)] == played.notes or answer.bars > played.bars


@settings(max_examples=40, deadline=None)
@given(phrases, st.floats(0, 1), st.integers(0, 99))
def test_an_answer_has_the_metre_and_length_of_its_source(
    model: Model, played: Phrase, variation: float, seed: int
) -> None:
    slot = encode_phrase(model, played)
    answer = render(model, {"heard": slot}, Controls(variation=variation, seed=seed, temperature=1.0))
    assert (answer.bars, answer.metre) == (slot.phrase.bars, played.metre)
    assert answer.bars >= played.bars
    assert all(-0.2 < note.start_beats < answer.length_beats for note in answer.notes)
    assert all(note.duration_beats > 0 for note in answer.notes)


@settings(max_examples=40, deadline=None)
@given(st.integers(9, 12), st.integers(1, 4), st.integers(0, 99))
def test_bars_that_leave_a_bar_of_the_model_empty_stay_where_they_are(
    four_bars: Model, quarters: int, count: int, seed: int
) -> None:
    """A bar of 9/4 to 12/4 takes three of 4/4, so that one of the model's four is left over."""
    played = bars(count, Metre(quarters))
    slot = long(four_bars, played)
    assert slot.window_beats == 12
    assert render(four_bars, {"heard": slot}, Controls(variation=0.0, seed=seed)) == played


def test_a_lock_in_a_window_that_is_not_full_lies_where_it_was_painted(four_bars: Model) -> None:
    slot = long(four_bars, bars(2, Metre(9)))
    assert slot.locks_in(1, [Lock(10.0, 12.0)]) == (Lock(1.0, 3.0),)
    assert slot.locks_in(0, [Lock(10.0, 12.0)]) == ()


def test_bars_that_are_alike_in_windows_that_are_not_full_stay_alike(four_bars: Model) -> None:
    phrase = Phrase.of(
        [Note(n.start_beats, n.pitch, n.duration_beats) for n in bars(3, Metre(9)).notes], 3, Metre(9)
    )
    answer = render(four_bars, {"heard": long(four_bars, phrase)}, Controls(variation=0.8, seed=5))
    by_bar = [
        [(n.start_beats - 9 * bar, n.pitch) for n in answer.notes if 0 <= n.start_beats - 9 * bar < 9]
        for bar in range(3)
    ]
    assert by_bar[0] == by_bar[1] == by_bar[2] != []


def test_a_bar_longer_than_the_model_is_refused_with_a_remedy_that_exists(model: Model) -> None:
    with pytest.raises(
        RenderError, match=r"^a bar of 9/4 is longer than 2 bars of 4/4, all .*; choose another model$"
    ):
        encode_phrase(model, bars(1, Metre(9)))


def test_bars_that_are_alike_stay_alike_at_any_distance(model: Model) -> None:
    phrase = Phrase.of([Note(n.start_beats, n.pitch, n.duration_beats) for n in bars(8).notes], 8)
    answer = render(model, {"heard": long(model, phrase)}, Controls(variation=0.8, seed=5))
    first = [n for n in answer.notes if n.start_beats < 8]
    again = [n for n in answer.notes if 8 <= n.start_beats < 16]
    assert [(n.start_beats + 8, n.pitch) for n in first] == [(n.start_beats, n.pitch) for n in again]
    assert answer != phrase


def test_a_note_held_over_a_seam_is_one_note_again(model: Model) -> None:
    phrase = Phrase.of([Note(0, 60, 1), Note(7, 67, 3), Note(10, 60, 6)], 4)
    slot = long(model, phrase)
    assert [len(window.phrase.notes) for window in slot.windows] == [2, 2]
    assert render(model, {"heard": slot}, Controls(variation=0.0)) == phrase


def test_what_fits_is_a_plain_slot(model: Model) -> None:
    assert isinstance(encode_phrase(model, bars(2)), Slot)
    assert isinstance(encode_phrase(model, bars(1)), Slot)


def test_nothing_begins_in_the_rests_of_another_metre(model: Model) -> None:
    slot = long(model, bars(4, Metre(3)))
    assert slot.windows[0].rest is not None
    for seed in range(6):
        answer = render(model, {"heard": slot}, Controls(variation=1.0, seed=seed, temperature=1.5))
        steps = [(note.start_beats % 3.0) / 0.25 for note in answer.notes]
        assert max(steps) < 12


def test_morph_between_a_long_phrase_and_a_short_one_goes_round(model: Model) -> None:
    first, second = long(model, bars(6)), encode_slot(model, Phrase.of([Note(0, 72, 1), Note(4, 74, 1)], 2))
    slots = {"A": first, "B": second}
    ends = render_batch(model, slots, [Controls(mode="morph", morph=share) for share in (0.0, 0.5, 1.0)])
    assert ends[0] == first.phrase
    assert [(n.start_beats, n.pitch) for n in ends[2].notes] == [
        (start, pitch) for at in (0, 8, 16) for start, pitch in ((at, 72), (at + 4, 74))
    ]


def test_typed_chords_run_through_all_windows(model: Model) -> None:
    slot = long(model, bars(4))
    controls = Controls(variation=1.0, chords="C F G Am", temperature=1.0)
    followed = render(model, {"heard": slot}, controls)
    other = render(model, {"heard": slot}, Controls(variation=1.0, chords="C F Ab Am", temperature=1.0))
    early = [[n for n in phrase.notes if n.start_beats < 7.8] for phrase in (followed, other)]
    assert early[0] == early[1]


def test_locked_parts_stay_in_every_window(model: Model) -> None:
    slot = long(model, bars(6, Metre(3)))
    locks = (Lock(0.0, 3.0), Lock(13.0, 16.0))
    slots = {"heard": slot, LOCKED: slot}
    for seed in range(4):
        controls = Controls(variation=1.0, seed=seed, temperature=1.0, locks=locks)
        answer = render(model, slots, controls)
        for lock in locks:
            assert [n for n in answer.notes if lock.holds(n)] == [
                n for n in slot.phrase.notes if lock.holds(n)
            ]
        assert answer != slot.phrase
