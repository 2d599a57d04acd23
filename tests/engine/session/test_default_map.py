"""The MIDI map of a new session."""

from collections import Counter

from engine.parameter import Parameter, Text
from engine.performer.messages import Heard
from engine.session import intents as i
from engine.session.default_map import DEFAULT_MAP
from engine.session.document import Binding, Document
from engine.session.parameters import table_for
from engine.session.state import State
from engine.session.update import update

TABLE = table_for()


def test_no_message_means_two_things_and_nothing_is_bound_twice():
    assert max(Counter((each.kind, each.channel, each.number) for each in DEFAULT_MAP).values()) == 1
    assert max(Counter(each.target for each in DEFAULT_MAP).values()) == 1


def test_everything_in_it_exists_and_can_be_moved():
    for binding in DEFAULT_MAP:
        found = TABLE.target(binding.target)
        assert not isinstance(found, Text)
        assert isinstance(found, Parameter) or not found.asks


def test_its_controllers_have_no_meaning_in_midi():
    """The MIDI 1.0 specification leaves 20 to 31, 85 to 87 and 102 to 119 undefined."""
    numbers = [each.number for each in DEFAULT_MAP if each.kind == "cc"]
    assert set(numbers) <= {*range(20, 32), *range(85, 88), *range(102, 120)}
    assert not any(each.kind == "note" for each in DEFAULT_MAP)


def test_a_knob_of_it_moves_its_parameter_and_a_button_does_its_action():
    state = State(document=Document(bindings=DEFAULT_MAP))
    for value in range(128):
        state, _ = update(state, Heard(value, 0.0, bytes((0xB0, 20, value))), value)
    assert state.shown.value("variation") == 1.0
    seed = state.document.controls.seed
    state, _ = update(state, Heard(200, 0.0, bytes((0xB0, 103, 127))), 999_000_000)
    assert state.document.controls.seed != seed


def test_it_is_bound_and_forgotten_by_an_action_and_both_can_be_undone():
    own = (Binding("cc", 3, 7, "morph"),)
    state = State(document=Document(bindings=own))
    bound, _ = update(state, i.Do("map.default"), 1)
    assert bound.document.bindings == DEFAULT_MAP
    back, _ = update(bound, i.Do("undo"), 2)
    assert back.document.bindings == own
    assert update(state, i.Do("map.none"), 1)[0].document.bindings == ()
