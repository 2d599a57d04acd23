import numpy as np
import pytest

from engine.music.grid import SIXTEENTHS
from engine.music.notes import Note, Phrase
from engine.music.quantise import (
    Steps,
    check_phrase,
    check_tokens,
    content_hash,
    end_step,
    onset_step,
    step_within,
)


def test_a_note_lasts_at_least_a_step_however_short_it_is():
    short = Note(1.0, 60, 0.01)
    assert (onset_step(short, SIXTEENTHS), end_step(short, SIXTEENTHS)) == (4, 5)


def test_a_note_before_the_phrase_has_a_step_below_zero():
    assert onset_step(Note(-0.5, 60, 1.0), SIXTEENTHS) == -2


def test_a_note_that_rounds_beyond_the_phrase_takes_its_last_step():
    late = Note(3.95, 60, 0.05)
    assert (onset_step(late, SIXTEENTHS), step_within(late, SIXTEENTHS, 16)) == (16, 15)


def test_notes_become_arrays_in_their_order():
    steps = Steps.of([Note(1.0, 64, 0.5), Note(0.0, 60, 0.01), Note(3.95, 67, 0.05)], SIXTEENTHS, 16)
    assert steps.onsets.tolist() == [4, 0, 15]
    assert steps.ends.tolist() == [6, 1, 16]
    assert steps.pitches.tolist() == [64, 60, 67]


def test_a_phrase_of_another_length_is_refused_with_both_lengths():
    phrase = Phrase.of([Note(0.0, 60, 1.0)], 1)
    check_phrase(phrase, 1, SIXTEENTHS)
    with pytest.raises(ValueError, match=r"^phrase: 1 bars of .* do not fit 2 bars of .*tile it"):
        check_phrase(phrase, 2, SIXTEENTHS)


@pytest.mark.parametrize(("tokens", "fits"), [([], True), ([0, 89], True), ([90], False), ([-1, 3], False)])
def test_tokens_are_those_of_the_vocabulary(tokens, fits):
    array = np.array(tokens, np.int64)
    if fits:
        check_tokens(array, 90, "melody")
    else:
        with pytest.raises(ValueError, match="leave the range 0 to 89"):
            check_tokens(array, 90, "melody")


def test_equal_content_has_one_hash_whatever_its_order_and_another_content_another():
    assert content_hash(a=1, b=[2]) == content_hash(b=[2], a=1)
    assert content_hash(a=1, b=[2]) != content_hash(a=1, b=[3])
