"""Draws moved into the key and register of what was played."""

import numpy as np
import pytest
import tinybundle
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.latent_space import prior_draw
from engine.inference.model import Model
from engine.inference.moved_draws import SPREAD, Home, best_transposition, draws_near, home_of, move_home
from engine.inference.slots import encode_slot
from engine.inference.style import Pull
from engine.music.key import Key
from engine.music.notes import Note, Phrase
from engine.music.style import style_of


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


C_SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def phrase(pitches: list[int], channel: int = 0) -> Phrase:
    return Phrase.of((Note(i, pitch, 1, channel=channel) for i, pitch in enumerate(pitches)), 2)


@given(st.integers(-14, 14), st.integers(0, 11))
def test_a_scale_is_moved_into_any_key_within_a_tritone_of_the_register(semitones: int, tonic: int) -> None:
    notes = phrase([pitch + semitones for pitch in C_SCALE]).notes
    home = Home(Key(tonic).pitch_classes, 66)
    shift = best_transposition(notes, home)
    moved = [note.pitch + shift for note in notes]
    assert all(Key(tonic).allows(pitch) for pitch in moved)
    assert abs(np.mean(moved) - 66) <= 6.5


def test_only_pitched_notes_move_and_stay_on_the_piano() -> None:
    both = Phrase.of([Note(0, 100, 1), Note(1, 107, 1), Note(0, 36, 1, channel=9)], 2)
    moved = move_home(both, Home(Key(0).pitch_classes, 107))
    assert [n.pitch for n in moved.notes if n.channel == 9] == [36]
    assert all(21 <= n.pitch <= 108 for n in moved.notes)
    assert move_home(Phrase((), 2), Home(Key(0).pitch_classes, 60)) == Phrase((), 2)


def test_home_is_key_and_mean_pitch(model) -> None:
    slot = encode_slot(model, phrase([60, 64, 67, 61]), Key(0))
    assert home_of(slot) == Home(Key(0).pitch_classes, 63)
    assert home_of(encode_slot(model, Phrase((), 2))) is None


def test_draws_are_the_same_alone_and_together(model) -> None:
    slot = encode_slot(model, phrase(C_SCALE), Key(5))
    together = draws_near(model, slot, [3, 4, 3])
    other = encode_slot(model, phrase(C_SCALE), Key(4))
    draws_near(model, other, [4])
    np.testing.assert_array_equal(together[1], draws_near(model, slot, [4])[0])
    np.testing.assert_array_equal(together[0], together[2])
    assert (together[0] != together[1]).any()


def test_where_nothing_was_heard_a_draw_is_the_priors(model) -> None:
    slot = encode_slot(model, Phrase((), 2))
    np.testing.assert_array_equal(
        draws_near(model, slot, [7])[0], prior_draw(model.bundle.latents, 7, SPREAD)
    )


def test_where_nothing_was_heard_a_style_pulls_the_draw_altogether_to_a_phrase_of_its_own(model) -> None:
    style = style_of([(phrase(C_SCALE), Key(0))], "scales")
    heard, nothing = encode_slot(model, phrase(C_SCALE)), encode_slot(model, Phrase((), 2))
    (whole,) = draws_near(model, nothing, [7], Pull(style, 1.0))
    np.testing.assert_allclose(whole, heard.mu, atol=1e-5)
    (half,) = draws_near(model, nothing, [7], Pull(style, 0.5))
    assert (half != whole).any() and (half != draws_near(model, nothing, [7])[0]).any()
