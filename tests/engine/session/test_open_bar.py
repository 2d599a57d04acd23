"""Which notes of the bar that is being played sound, by what ends them."""

import pytest

from engine.performer.messages import Heard
from engine.session.open_bar import OpenBar

DOWN, UP = b"\xb0\x40\x7f", b"\xb0\x40\x00"
ON, OFF = b"\x90\x3c\x50", b"\x80\x3c\x00"


def heard(*messages):
    bar = OpenBar()
    for beats, data in messages:
        bar = bar.with_message(Heard(0, beats, data))
    return bar


def ends(bar):
    return [note.end_beats for note in bar.notes]


def test_a_note_sounds_until_its_key_comes_up():
    bar = heard((0.0, ON))
    assert (bar.sounding, bar.last_end_beats) == (True, None)
    assert ends(heard((0.0, ON), (1.0, b"\x90\x3c\x00"))) == [1.0]


@pytest.mark.parametrize("lift", [UP, b"\xb0\x79\x00"])
def test_the_pedal_holds_it_until_it_is_lifted_or_reset(lift):
    held = ((0.0, DOWN), (0.5, ON), (1.0, OFF))
    assert ends(heard(*held)) == [None]
    assert ends(heard(*held, (1.5, b"\xb1" + lift[1:]))) == [None]
    bar = heard(*held, (2.0, lift), (2.0, ON), (2.5, OFF))
    assert ends(bar) == [2.0, 2.5]


@pytest.mark.parametrize("lift", [b"\xb0\x42\x00", b"\xb0\x79\x00"])
def test_sostenuto_holds_the_keys_that_were_down_as_it_was_pressed(lift):
    pressed = ((0.0, ON), (0.5, b"\xb0\x42\x7f"), (1.0, OFF), (1.0, b"\x90\x3e\x50"), (1.5, b"\x80\x3e\x00"))
    assert ends(heard(*pressed)) == [None, 1.5]
    assert ends(heard(*pressed, (1.75, UP))) == [None, 1.5]
    assert ends(heard(*pressed, (2.0, lift), (2.0, ON), (2.5, OFF))) == [2.0, 1.5, 2.5]


@pytest.mark.parametrize("mode", [120, 123, 124, 125, 126, 127])
def test_all_notes_off_ends_the_notes_of_its_channel(mode):
    bar = heard((0.0, ON), (0.0, b"\x9f\x00\x01"), (1.0, bytes((0xB0, mode, 0))))
    assert ends(bar) == [1.0, None]
