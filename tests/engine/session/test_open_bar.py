"""Which notes of the bar that is being played sound, by what ends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.performer.capture import Capture
from engine.performer.messages import Heard
from engine.performer.transport import Transport
from engine.session.open_bar import OpenBar

DOWN, UP = b"\xb0\x40\x7f", b"\xb0\x40\x00"
ON, OFF = b"\x90\x3c\x50", b"\x80\x3c\x00"
BEAT_NS = 500_000_000


def heard(*messages, sustains=True):
    bar = OpenBar()
    for beats, data in messages:
        bar = bar.with_message(Heard(round(beats * BEAT_NS), beats, data), sustains=sustains)
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


def test_a_key_struck_again_under_the_pedal_ends_the_note_before():
    assert ends(heard((0.0, DOWN), (0.5, ON), (1.0, OFF), (1.5, ON), (2.0, OFF))) == [1.5, None]


def test_a_note_off_that_comes_after_the_next_note_on_is_that_of_the_note_before():
    assert ends(heard((0.0, ON), (1.0, ON), (1.004, OFF), (2.0, OFF))) == [1.0, 2.0]


def test_a_pedal_that_is_left_to_whoever_plays_it_holds_nothing():
    assert ends(heard((0.0, DOWN), (0.5, ON), (1.0, OFF), sustains=False)) == [1.0]


PLAYED = st.sampled_from(
    [ON, OFF, b"\x90\x3e\x50", b"\x80\x3e\x00", DOWN, UP, b"\xb0\x42\x7f", b"\xb0\x42\x00", b"\xb0\x79\x00"]
)


@given(st.lists(PLAYED, max_size=24), st.sampled_from([1 / 4, 1 / 16]), st.booleans())
def test_notes_of_the_open_bar_are_those_that_are_captured(messages, apart_beats, sustains):
    transport = Transport("internal")
    transport.play(0, 0.0, 0)
    capture, bar = Capture(transport), OpenBar()
    capture.start(0, 0.0)
    capture.set_sustain(sustains, 0, 0.0)
    for place, data in enumerate(messages, 1):
        beats = place * apart_beats
        t_ns = round(beats * BEAT_NS)
        bar = bar.with_message(Heard(t_ns, beats, data), sustains=sustains)
        for captured in capture.close_bars(t_ns):
            bar = bar.after(captured)
        capture.take(t_ns, beats, data)
    line = (len(messages) * apart_beats) // 4 * 4
    (last,) = [each for each in capture.close_bars(round((line + 4.2) * BEAT_NS)) if each.bar == line // 4]
    begun = {
        (round(note.start_beats, 6), note.pitch, round(note.duration_beats, 6))
        for place, note in enumerate(last.notes)
        if place not in last.tied
    }
    music = bar.music(line, line + 4, line + 4)
    assert {
        (round(note.start_beats, 6), note.pitch, round(note.duration_beats, 6)) for note in music
    } == begun
