"""The pad: shares of the slots at its corners, and that a corner is the slot's own phrase."""

import pytest
import tinybundle
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.controls import STORED, Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.modes.catalogue import slots_of
from engine.modes.pad import CORNERS, pad_weights
from engine.music.notes import Note, Phrase

PHRASES = {
    name: Phrase.of([Note(step / 2 + 0.01, 55 + 5 * at + step % (3 + at), 0.4) for step in range(16 - at)], 2)
    for at, name in enumerate(STORED)
}
places = st.floats(0, 1)
filled_slots = st.sets(st.sampled_from(STORED), min_size=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


def test_shares_by_hand():
    assert pad_weights(0.25, 0.5, STORED) == {"A": 0.375, "B": 0.125, "C": 0.375, "D": 0.125}
    assert pad_weights(0.25, 0.5, {"A", "B"}) == {"A": 0.75, "B": 0.25}
    assert pad_weights(0.0, 1.0, {"A", "B", "heard"}) == pytest.approx({"A": 1.0, "B": 0.0}, abs=1e-5)
    assert pad_weights(1.0, 0.0, {"A", "D"}) == pytest.approx({"A": 0.5, "D": 0.5})
    assert pad_weights(0.3, 0.9, ()) == {}


@given(places, places, filled_slots)
def test_shares_sum_to_one_and_only_what_is_filled_has_one(x, y, filled):
    shares = pad_weights(x, y, filled)
    assert set(shares) == filled
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())


@given(filled_slots)
def test_at_a_filled_corner_its_slot_alone_counts(filled):
    for name in filled:
        shares = pad_weights(*CORNERS[name], filled)
        assert shares == {each: float(each == name) for each in shares}


def test_the_pad_starts_from_what_is_filled_and_the_line_from_its_ends():
    pad = Controls(mode="morph", morph_by="pad", morph_from="C", morph_to="D")
    assert slots_of(pad, {"B", "heard", "D"}) == ("B", "D")
    assert slots_of(pad, ()) == ("A", "B")
    assert slots_of(Controls(mode="morph", morph_from="C", morph_to="D"), {"A"}) == ("C", "D")


@settings(max_examples=20, deadline=None)
@given(filled=filled_slots, temperature=st.sampled_from([0.0, 0.5, 2.0]), seed=st.integers(0, 2**32 - 1))
def test_a_filled_corner_is_the_phrase_of_its_slot(model, filled, temperature, seed):
    slots = {name: encode_slot(model, PHRASES[name]) for name in filled}
    for name in filled:
        x, y = CORNERS[name]
        controls = Controls(
            mode="morph", morph_by="pad", pad_x=x, pad_y=y, temperature=temperature, seed=seed
        )
        assert render(model, slots, controls) == PHRASES[name]


@settings(max_examples=20, deadline=None)
@given(share=places, seed=st.integers(0, 99))
def test_an_edge_of_the_pad_is_the_line_between_its_two_slots(model, share, seed):
    """With the two slots alone, or with the others far away at the other edge."""
    slots = {name: encode_slot(model, PHRASES[name]) for name in STORED}
    line = Controls(mode="morph", morph=share, morph_from="A", morph_to="B", seed=seed)
    pad = Controls(mode="morph", morph_by="pad", pad_x=share, pad_y=0.0, seed=seed)
    expected = render(model, slots, line)
    assert render(model, {"A": slots["A"], "B": slots["B"]}, pad) == expected
    assert render(model, slots, pad) == expected
