"""What is counted of the messages that come in."""

from engine.performer.messages import Heard
from engine.session.document import Binding, Document
from engine.session.state import State
from engine.session.update import update


def heard(state, *messages):
    for number, data in enumerate(messages):
        state, _ = update(state, Heard(number, 0.0, bytes(data)), number)
    return state


def test_used_notes_are_counted_by_channel_and_bound_keys_and_controllers_are_not():
    state = State(document=Document(bindings=(Binding("note", 0, 36, "new_take"),)))
    state = heard(
        state, (0x90, 60, 80), (0x80, 60, 0), (0x91, 48, 80), (0x90, 62, 80), (0x90, 36, 80), (0xB0, 7, 1)
    )
    assert state.live.activity.notes == {0: 2, 1: 1}


def test_a_note_that_was_left_out_is_not_counted():
    state, _ = update(State(), Heard(0, 0.0, bytes((0x90, 60, 80)), "an echo"), 0)
    assert state.live.activity.notes == {}
