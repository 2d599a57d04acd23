"""What is counted of the messages that come in."""

import pytest

from engine.performer.messages import Heard
from engine.session.document import Binding, Document
from engine.session.settings import Settings
from engine.session.state import State
from engine.session.update import update


def heard(state, *messages):
    for number, data in enumerate(messages):
        state, _ = update(state, Heard(number, 0.0, bytes(data)), number)
    return state


def test_notes_are_counted_by_channel_and_bound_keys_and_controllers_are_not():
    state = State(document=Document(bindings=(Binding("note", 0, 36, "new_take"),)))
    state = heard(
        state, (0x90, 60, 80), (0x80, 60, 0), (0x91, 48, 80), (0x90, 62, 80), (0x90, 36, 80), (0xB0, 7, 1)
    )
    assert state.live.activity.notes == {0: 2, 1: 1}


@pytest.mark.parametrize(
    ("settings", "data", "use"),
    [
        ({}, (0x90, 60, 80), "played"),
        ({"chords_from": "channel"}, (0x91, 60, 80), "heard as a chord"),
        ({}, (0xB0, 64, 127), "lengthens notes"),
        ({"sustain_lengthens": False}, (0xB0, 64, 127), "sent on"),
        ({}, (0xB0, 123, 0), "ends its notes"),
        ({}, (0xE0, 0, 64), "sent on"),
        ({"melody_channel": 2, "thru_notes": True}, (0x90, 60, 80), "sent on"),
    ],
)
def test_the_use_of_a_message_is_named(settings, data, use):
    state = heard(State(document=Document(settings=Settings(**settings))), data)
    assert [(each.use, each.used) for each in state.live.activity.messages] == [(use, True)]
    assert state.live.activity.ignored == {}


OFF = {"thru_controllers": False, "sustain_lengthens": False}


@pytest.mark.parametrize(
    ("settings", "data", "reason"),
    [
        (OFF, (0xB0, 7, 1), "CC 7 moves nothing, and Controllers through is off"),
        (OFF, (0xB0, 64, 1), "CC 64 moves nothing, and Controllers through is off"),
        (OFF, (0xC0, 8), "program 9 moves nothing, and Controllers through is off"),
        (OFF, (0xE0, 0, 64), "bend moves nothing, and Controllers through is off"),
        (OFF, (0xD0, 9), "pressure moves nothing, and Controllers through is off"),
        (OFF, (0xA0, 60, 9), "pressure of a key moves nothing, and Controllers through is off"),
        ({"melody_channel": 3}, (0x90, 60, 80), "notes on channel 1, for the melody comes on channel 3"),
        ({"drum_channel": 5}, (0x99, 36, 80), "notes on channel 10, for drums come on channel 5"),
        ({"bass_channel": 2}, (0x91, 36, 80), "notes on channel 2, for the model hears no bass"),
    ],
)
def test_what_is_ignored_is_counted_by_a_reason_that_names_it(settings, data, reason):
    state = heard(State(document=Document(settings=Settings(**settings))), data, data)
    assert state.live.activity.ignored == {reason: 2}
    assert [(each.use, each.used) for each in state.live.activity.messages] == [(reason, False)] * 2


def test_a_note_that_was_left_out_is_not_counted():
    state, _ = update(State(), Heard(0, 0.0, bytes((0x90, 60, 80)), "an echo"), 0)
    assert state.live.activity.notes == {}
