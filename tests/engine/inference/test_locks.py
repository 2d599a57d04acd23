"""Locked parts are kept note for note, and the decoder knows them."""

import numpy as np
import pytest
import tinybundle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.constraints import Lock
from engine.inference.controls import LOCKED, Controls
from engine.inference.locks import lock_bias, with_locked
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.notes import Note, Phrase


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tinybundle.write(tmp_path_factory.mktemp("bundle"))
    return Model.load(str(folder), precision="float", provider="CPUExecutionProvider")


TUNE = Phrase.of(
    [Note(0.02, 60, 0.9, 90), Note(1.0, 64, 0.5, 70), Note(2.0, 67, 1.0, 100), Note(4.0, 65, 2.0, 80)], 2
)
BAR_2 = Lock(4.0, 8.0)


def test_what_begins_in_a_locked_bar_is_kept_and_the_rest_is_not():
    answer = Phrase.of([Note(0.0, 72, 1.0, 50), Note(5.0, 74, 1.0, 50)], 2)
    kept = with_locked(answer, TUNE, (BAR_2,))
    assert kept.notes == (Note(0.0, 72, 1.0, 50), Note(4.0, 65, 2.0, 80))


def test_a_note_that_rings_into_a_locked_part_ends_there():
    answer = Phrase.of([Note(3.0, 72, 3.0, 50)], 2)
    assert with_locked(answer, TUNE, (BAR_2,)).notes == (Note(3.0, 72, 1.0, 50), Note(4.0, 65, 2.0, 80))


def test_a_note_that_rings_into_a_locked_part_as_it_did_there_rings_on():
    played = Phrase.of([Note(3.0, 72, 3.0, 50)], 2)
    earlier, lower = Phrase.of([Note(1.0, 72, 4.0, 60)], 2), Phrase.of([Note(1.0, 71, 4.0, 60)], 2)
    assert with_locked(played, played, (BAR_2,)) == played
    assert with_locked(earlier, played, (BAR_2,)).notes == (Note(1.0, 72, 5.0, 60),)
    assert with_locked(lower, played, (BAR_2,)).notes == (Note(1.0, 71, 3.0, 60),)


def test_an_early_first_note_belongs_to_the_locked_part():
    early = Phrase.of([Note(3.95, 60, 1.0, 90)], 2)
    assert with_locked(Phrase.of([], 2), early, (BAR_2,)).notes == early.notes


def test_a_lock_of_one_drum_leaves_the_others_and_the_bass_of_its_number_free():
    kit = Phrase.of([Note(0.0, 36, 0.2, 90, 9), Note(0.0, 42, 0.2, 60, 9), Note(2.0, 36, 1.0, 70, 1)], 2)
    answer = Phrase.of([Note(1.0, 35, 0.2, 50, 9), Note(0.5, 42, 0.2, 50, 9), Note(3.0, 36, 1.0, 70, 1)], 2)
    kept = with_locked(answer, kit, (Lock(0.0, 8.0, lanes=(0, 0)),))
    assert [(note.start_beats, note.pitch) for note in kept.notes] == [(0.0, 36), (0.5, 42), (3.0, 36)]


def test_a_lock_of_pitches_holds_no_drum_and_one_of_a_voice_no_other_voice():
    played = Phrase.of([Note(0.0, 38, 1.0, 90, 1), Note(1.0, 38, 1.0, 90, 2), Note(2.0, 38, 0.2, 90, 9)], 2)
    pitches, bass = Lock(0.0, 8.0, 36, 40), Lock(0.0, 8.0, 36, 40, channel=1)
    assert [note.channel for note in with_locked(Phrase.of([], 2), played, (pitches,)).notes] == [1, 2]
    assert [note.channel for note in with_locked(Phrase.of([], 2), played, (bass,)).notes] == [1]
    assert with_locked(Phrase.of([], 2), played, (Lock(0.0, 8.0),)).notes == played.notes


def test_a_lock_of_no_drum_lane_is_refused():
    with pytest.raises(RenderError, match="drum lanes 3 to 1 holds nothing"):
        Lock(0.0, 1.0, lanes=(3, 1))


@pytest.mark.parametrize("span", [(1.0, 1.0), (-1.0, 2.0), (2.0, 1.0)])
def test_a_lock_that_holds_nothing_is_refused(span):
    with pytest.raises(RenderError, match="holds nothing"):
        Lock(*span)


def test_the_decoder_is_held_to_the_locked_steps_only(model):
    slot = encode_slot(model, TUNE)
    bias = lock_bias(model.representation, slot, (Lock(4.0, 5.0),))
    held = np.flatnonzero(np.abs(bias).max(axis=1))
    assert held.tolist() == [16, 17, 18, 19]
    assert bias[16].argmax() == slot.tensor[16, 0]


def test_a_rendering_keeps_what_is_locked_for_every_seed(model):
    slot = encode_slot(model, TUNE)
    slots = {"heard": slot, LOCKED: slot}
    for seed in range(5):
        take = render(model, slots, Controls(variation=1.0, seed=seed, locks=(BAR_2,)))
        assert [note for note in take.notes if BAR_2.holds(note)] == [Note(4.0, 65, 2.0, 80)]


def test_locks_without_a_phrase_are_refused(model):
    with pytest.raises(RenderError, match="unlock, or play first"):
        render(model, {"heard": encode_slot(model, TUNE)}, Controls(locks=(BAR_2,)))


beats = st.integers(0, 31).map(lambda step: step / 4)
notes = st.builds(Note, beats, st.integers(40, 80), st.sampled_from([0.25, 0.5, 1.0]), st.just(80))
phrases = st.lists(notes, max_size=12).map(lambda found: Phrase.of(found, 2))
locks = st.builds(lambda start, length: Lock(start, start + length), beats, st.sampled_from([0.25, 1.0, 4.0]))


ringing = st.builds(
    Note, beats, st.integers(40, 80), st.integers(1, 40).map(lambda tenths: tenths / 10), st.just(80)
)


@settings(max_examples=100, deadline=None)
@given(notes=st.lists(ringing, max_size=12), chosen=st.lists(locks, min_size=1, max_size=3))
@example(notes=[Note(4.25, 40, 1.1, 80), Note(5.0, 40, 0.3, 80)], chosen=[Lock(5.25, 5.5)])
def test_locking_alone_changes_nothing_of_what_plays(notes, chosen):
    by_place = {(note.start_beats, note.pitch): note for note in notes}
    played = Phrase.of(by_place.values(), 2)
    assert with_locked(played, played, chosen) == played


@settings(max_examples=100, deadline=None)
@given(answer=phrases, locked=phrases, chosen=st.lists(locks, min_size=1, max_size=3))
def test_locked_parts_are_those_of_the_locked_phrase_however_often(answer, locked, chosen):
    once = with_locked(answer, locked, chosen)
    held = [note for note in once.notes if any(lock.holds(note) for lock in chosen)]
    assert held == [note for note in locked.notes if any(lock.holds(note) for lock in chosen)]
    assert with_locked(once, locked, chosen) == once
