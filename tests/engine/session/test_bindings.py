import pytest

from engine.session.bindings import Controller, controller_of, found, learned, name_of, position, takes_hold
from engine.session.document import Binding

CC21 = Binding("cc", 0, 21, "variation")
FINE = Binding("cc14", 0, 21, "variation")


@pytest.mark.parametrize(
    ("data", "controller"),
    [
        (b"\xb0\x15\x40", Controller("cc", 0, 21, 64)),
        (b"\x92\x3c\x50", Controller("note", 2, 60, 80)),
        (b"\x82\x3c\x50", Controller("note", 2, 60, 0)),
        (b"\xc1\x05", Controller("program", 1, 5, 127)),
        (b"\xb0\x7b\x00", None),  # all notes off
        (b"\xe0\x00\x40", None),
        (b"\xf8", None),
        (b"\xb0\x15", None),
        (b"\xb0\x95\x40", None),
        (b"", None),
    ],
)
def test_messages_that_can_be_bound(data, controller):
    assert controller_of(data) == controller


def test_a_button_or_pedal_is_pressed_from_the_middle_on_a_key_when_it_goes_down():
    pressed = [Controller("cc", 0, 64, value).pressed for value in (0, 63, 64, 127)]
    assert pressed == [False, False, True, True]
    assert [Controller("note", 0, 60, value).pressed for value in (0, 1)] == [False, True]


def test_a_binding_means_its_own_channel_and_number_only():
    assert found([CC21], Controller("cc", 0, 21, 1)) == (CC21,)
    assert found([CC21], Controller("cc", 1, 21, 1)) == ()
    assert found([CC21], Controller("cc", 0, 53, 1)) == ()
    assert found([FINE], Controller("cc", 0, 53, 1)) == (FINE,)


def test_learning_replaces_and_names_who_gave_way():
    bindings, gave_way = learned((CC21,), Controller("cc", 0, 7, 1), "variation")
    assert (bindings, gave_way) == ((Binding("cc", 0, 7, "variation"),), ())
    bindings, gave_way = learned((CC21,), Controller("cc", 0, 21, 1), "temperature")
    assert bindings == (Binding("cc", 0, 21, "temperature"),)
    assert gave_way == (CC21,)


def test_the_fine_half_makes_a_pair_of_14_bits():
    bindings, _ = learned((CC21,), Controller("cc", 0, 53, 3), "variation")
    assert bindings == (FINE,)
    assert name_of(FINE) == "CC 21 and 53 on channel 1"


def test_a_pair_reaches_both_ends_and_every_step():
    at = {}
    for coarse, fine, value in ((0, 0, 0), (127, 127, 16383), (64, 1, 8193)):
        at[FINE] = position(FINE, Controller("cc", 0, 21, coarse), at)
        at[FINE] = position(FINE, Controller("cc", 0, 53, fine), at)
        assert round(at[FINE] * 16383) == value
    assert position(CC21, Controller("cc", 0, 21, 127), {}) == 1.0


@pytest.mark.parametrize(
    ("last", "now", "shown", "holds"),
    [
        (None, 0.5, 0.5, True),
        (None, 0.1, 0.5, False),  # the knob stands elsewhere
        (0.1, 0.2, 0.5, False),  # and comes nearer
        (0.4, 0.6, 0.5, True),  # passes it
        (0.6, 0.3, 0.5, True),
        (0.5, 0.9, 0.5, True),  # had hold of it
    ],
)
def test_soft_takeover(last, now, shown, holds):
    assert takes_hold(last, now, shown) == holds


def test_names_for_people():
    assert name_of(Binding("note", 9, 36, "x")) == "key C2 on channel 10"
    assert name_of(Binding("program", 0, 0, "x")) == "program 1 on channel 1"


def test_a_coarse_parameter_is_taken_hold_of_within_half_a_step():
    steps = 15
    assert takes_hold(None, 0.23, 3 / steps, 1 / steps)
    assert not takes_hold(None, 0.25, 3 / steps, 1 / steps)
