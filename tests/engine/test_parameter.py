from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.parameter import LARGEST_OF_BITS, Choice, Number, Toggle, Whole, declared


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    tilt: Annotated[float, Number(label="Tilt", help="", low=-1.0, shown="{:+.0%}")] = 0.0


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    level: Annotated[float, Number(label="Level", help="", high=2.0, shown="{:.2f}")] = 0.5
    bars: Annotated[int, Whole(label="Bars", help="", high=64, shown="{} bars", words={0: "all"})] = 0
    mute: Annotated[bool, Toggle(label="Mute", help="")] = False
    start: Annotated[Literal["near", "far", "away"], Choice(label="Start", help="")] = "near"
    key: Annotated[str | None, Choice(label="Key", help="", values=(None, "C", "D"))] = None
    plain: int = 3
    inner: Inner = Inner()


KNOBS = declared(Knobs)


def turned_to(knob, value, bits=7):
    """Return what a knob is at a controller's value, as a bound controller sets it."""
    return knob.at(value / LARGEST_OF_BITS[bits])


def test_a_declaration_knows_its_name_default_and_choices():
    assert list(KNOBS) == ["level", "bars", "mute", "start", "key", "tilt"]
    assert [knob.default for knob in KNOBS.values()] == [0.5, 0, False, "near", None, 0.0]
    assert KNOBS["start"].allowed == "one of near, far, away"


def test_two_fields_of_one_name_are_refused():
    class Twice(msgspec.Struct):
        tilt: Annotated[float, Number(label="Other tilt", help="")] = 0.0
        inner: Inner = Inner()

    with pytest.raises(TypeError, match="two parameters are called tilt"):
        declared(Twice)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("level", 0.0, 2.0),
        ("bars", 0, 64),
        ("mute", False, True),
        ("start", "near", "away"),
        ("key", None, "D"),
        ("tilt", -1.0, 1.0),
    ],
)
def test_a_controller_reaches_both_ends_in_7_and_14_bits(name, low, high):
    knob = KNOBS[name]
    assert turned_to(knob, 0) == turned_to(knob, 0, 14) == low
    assert turned_to(knob, 127) == turned_to(knob, 16383, 14) == high
    assert (knob.to_controller(low), knob.to_controller(high, 14)) == (0, 16383)


def test_a_switch_turns_at_64_and_choices_have_equal_shares():
    assert [turned_to(KNOBS["mute"], value) for value in (63, 64)] == [False, True]
    assert turned_to(KNOBS["mute"], 8192, 14)
    assert [turned_to(KNOBS["start"], value) for value in (42, 43, 84, 85)] == [
        "near",
        "far",
        "far",
        "away",
    ]


@given(st.sampled_from(sorted(KNOBS)), st.sampled_from((7, 14)), st.data())
def test_what_a_controller_sets_is_legal_and_shown_at_its_place(name, bits, data):
    knob = KNOBS[name]
    value = turned_to(knob, data.draw(st.integers(0, 2**bits - 1)), bits)
    assert knob.check(value) == value
    again = turned_to(knob, knob.to_controller(value, bits), bits)
    assert again == value or abs(again - value) <= (knob.high - knob.low) / 2**bits


@given(st.sampled_from(sorted(KNOBS)), st.integers(0, 127))
def test_what_is_shown_can_be_typed(name, controller):
    knob = KNOBS[name]
    value = turned_to(knob, controller)
    assert knob.text(knob.parse(knob.text(value))) == knob.text(value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("level", "1,25", 1.25),
        ("level", " 50 % ", 0.5),
        ("tilt", "+10%", 0.1),
        ("tilt", "-.5", -0.5),
        ("bars", "8 bars", 8),
        ("bars", "ALL", 0),
        ("mute", "yes", True),
        ("start", "Far", "far"),
        ("key", "any", None),
        ("key", "d", "D"),
    ],
)
def test_typed_texts_are_understood(name, text, value):
    assert KNOBS[name].parse(text) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("level", "3", "Level '3' is not a number from 0 to 2"),
        ("level", "loud", "Level 'loud'"),
        ("level", "nan", "Level 'nan'"),
        ("bars", "1.5", "a whole number from 0 to 64"),
        ("bars", "", "Bars ''"),
        ("mute", "maybe", "on or off"),
        ("start", "nowhere", "one of near, far, away"),
        ("key", "H", "one of any, C, D"),
    ],
)
def test_a_text_that_means_nothing_is_refused(name, text, words):
    with pytest.raises(RenderError) as caught:
        KNOBS[name].parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("level", True), ("level", "1"), ("bars", 1.0), ("mute", 1), ("start", False)]
)
def test_a_value_of_another_type_is_refused(name, value):
    with pytest.raises(RenderError, match=name):
        KNOBS[name].check(value)


def test_texts_labels_and_options():
    assert KNOBS["tilt"].text(-0.001) == "0%"
    assert KNOBS["bars"].text(0) == "all"
    assert KNOBS["level"].undo_label(1.5) == "Level 1.50"
    assert (KNOBS["level"].option, KNOBS["mute"].option) == ("--level", "--mute/--no-mute")
