"""What OSC messages do to a session, and what changes say in them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.bundle.manifest import Attribute
from engine.music.notes import Note, Phrase
from engine.parameter import Action, Text
from engine.session import intents as i
from engine.session.document import Document
from engine.session.intents import OscMessage, OscReceived
from engine.session.live import Kept
from engine.session.parameters import table_for
from engine.session.remote import message_of
from engine.session.snapshot import ModelFacts
from engine.session.state import OpenOsc, OscPlace, SendOsc, State
from engine.session.update import update

SENDER = ("127.0.0.1", 50123)
DENSITY = Attribute(name="density", unit="onsets", effects={})
TABLE = table_for((DENSITY,))
OPEN = State(
    model=ModelFacts(name="tiny", hash="tiny", attributes=(DENSITY,)),
    demo_phrase=Phrase.of([Note(0.0, 60, 1.0)], 1),
)


def heard(state, address, *arguments, now_ns=1):
    return update(state, OscReceived(SENDER, address, arguments), now_ns)


def sent(effects):
    return [effect for effect in effects if isinstance(effect, SendOsc)]


@pytest.mark.parametrize(
    ("address", "argument", "name", "value"),
    [
        ("/antiphon/variation", 0.25, "variation", 0.25),
        ("/antiphon/variation/position", 0.5, "variation", 0.5),
        ("/antiphon/variation", "40 %", "variation", 0.4),
        ("/antiphon/seed", 7.0, "seed", 7),  # some send nothing but floats
        ("/antiphon/attribute.density", 1.5, "attribute.density", 1.5),
        ("/antiphon/attribute/density", -1.0, "attribute.density", -1.0),
        ("/antiphon/metre", "3/4", "metre", "3/4"),
        ("/antiphon/turns/position", 1.0, "turns", "cue"),
        ("/antiphon/hold", 1, "hold", True),
        ("/antiphon/hold", True, "hold", True),
        ("/antiphon/demo", 1.0, "demo", True),
    ],
)
def test_a_value_sets_its_parameter(address, argument, name, value):
    state, _ = heard(OPEN, address, argument)
    assert state.shown.value(name) == value
    assert (state.live.osc.received, state.live.osc.refused) == (1, {})
    argument = f"{argument:g}" if isinstance(argument, float) else argument
    assert state.live.osc.messages == (f"{address} {argument}   →   done",)


@given(thousandths=st.integers(0, 1000))
def test_a_float_of_32_bits_is_the_number_that_was_meant(thousandths):
    (single,) = struct.unpack(">f", struct.pack(">f", thousandths / 1000))
    state, _ = heard(OPEN, "/antiphon/variation", single)
    assert state.shown.value("variation") == thousandths / 1000
    assert state.live.osc.messages == (f"/antiphon/variation {thousandths / 1000:g}   →   done",)


@pytest.mark.parametrize(
    ("address", "arguments", "reason"),
    [
        ("/antiphon/variation", (1.5,), "variation 1.5 is not a number from 0 to 1"),
        ("/antiphon/variation", (float("nan"),), "variation nan is not a number from 0 to 1"),
        ("/antiphon/variation", (True,), "variation True is not a number from 0 to 1"),
        ("/antiphon/variation", (0.1, 0.2), "variation takes one value, not 2"),
        ("/antiphon/variation/position", (2.0,), "the position of variation is a number from 0 to 1"),
        ("/antiphon/chords/position", (0.5,), "chords is a text, which has no position"),
        ("/antiphon/metre", ("9/9",), "Metre '9/9' is not one of 4/4, 3/4, 2/4, 5/4, 6/8, 7/8, 9/8, 12/8"),
        ("/antiphon/nothing", (1,), "action 'nothing' is unknown; `antiphon controls` lists them"),
        ("/elsewhere/variation", (1,), "addresses begin with /antiphon/"),
        ("/antiphon/export", (1,), "Export .mid asks for a file name; use its page or method"),
        ("/antiphon/recall.A", (), "slot A is empty"),
        ("/antiphon/store.A", (1, 2), "store.A is done without values or with one, of a button"),
    ],
)
def test_what_cannot_be_done_is_counted_with_its_reason_and_changes_nothing(address, arguments, reason):
    state, effects = heard(OPEN, address, *arguments)
    assert state.live.osc.refused == {reason: 1}
    assert (state.document, effects) == (OPEN.document, ())


def test_a_button_does_its_action_when_it_is_pressed_and_not_when_it_is_let_go():
    pressed, _ = heard(OPEN, "/antiphon/new_take", 1.0)
    assert pressed.document.controls.seed != OPEN.document.controls.seed
    let_go, _ = heard(pressed, "/antiphon/new_take", 0.0)
    assert let_go.document == pressed.document
    bare, _ = heard(pressed, "/antiphon/new_take", now_ns=10**12)
    assert bare.document.controls.seed != pressed.document.controls.seed


def test_a_value_can_be_asked_for():
    _, effects = heard(OPEN, "/antiphon/tempo_bpm")
    assert effects == (SendOsc((OscMessage("/antiphon/tempo_bpm", (120.0,)),), SENDER),)


def test_the_list_has_every_control_once_and_ends_with_their_number():
    _, effects = heard(OPEN, "/antiphon/list")
    (answer,) = sent(effects)
    *lines, end = answer.messages
    assert [line.arguments[0] for line in lines] == [f"/antiphon/{entry.id}" for entry in TABLE]
    assert end == OscMessage("/antiphon/list/end", (len(lines),))
    assert OscMessage("/antiphon/list", ("/antiphon/hold", "toggle", "on or off", 0)) in lines


def switched_on(state=OPEN, **settings):
    for name, value in settings.items():
        state, _ = update(state, i.Set(name, value), 0)
    return update(state, i.Set("osc", True), 0)


def test_it_is_off_until_it_is_switched_on_and_hears_this_machine_alone_unless_asked():
    assert not OPEN.live.switches.osc
    _, effects = switched_on()
    assert effects == (OpenOsc(OscPlace(9000, False, None)),)
    _, effects = switched_on(osc_port=9100, osc_from="network", osc_to="localhost:9001")
    assert OpenOsc(OscPlace(9100, True, ("127.0.0.1", 9001))) in effects


def test_changes_go_out_while_it_is_on_wherever_they_come_from():
    place = "10.0.0.7:9001"
    on, _ = switched_on(osc_to=place)
    _, effects = update(on, i.Set("variation", 0.5), 1)
    assert sent(effects) == [SendOsc((OscMessage("/antiphon/variation", (0.5,)),), ("10.0.0.7", 9001))]
    off, closing = update(on, i.Set("osc", False), 1)
    assert OpenOsc(None) in closing
    assert not sent(closing)
    assert not sent(update(off, i.Set("variation", 0.5), 1)[1])
    assert not sent(update(update(OPEN, i.Set("osc_to", place), 0)[0], i.Set("hold", True), 1)[1])


def test_a_session_that_is_opened_finds_it_off():
    on, _ = switched_on(osc_to="10.0.0.7:9001")
    opened, effects = update(on, i.Opened(Document(), Kept()), 1)
    assert not opened.live.switches.osc
    assert OpenOsc(None) in effects
    assert not sent(effects)


@pytest.mark.parametrize(
    "text", ["9001", "host:9001", "10.0.0.7:0", "10.0.0.7:70000", "10.0.0.7:x", ":1", "::1:5"]
)
def test_a_place_is_a_number_of_a_machine_and_a_port(text):
    with pytest.raises(Exception, match="is no place to send to"):
        update(OPEN, i.Set("osc_to", text), 0)


@pytest.mark.parametrize("name", list(TABLE.parameters))
def test_what_is_said_of_a_value_sets_the_same_value(name):
    """Every parameter at both ends, but for the tools that this model does not do."""
    parameter = TABLE.parameters[name]
    for position in (0.0, 1.0):
        value = parameter.at(position)
        if name == "mode" and value not in OPEN.shown.modes:
            continue
        state, _ = update(OPEN, i.Set(name, value), 0)
        message = message_of(parameter, state.shown)
        again, _ = heard(OPEN, message.address, *message.arguments)
        assert again.shown.value(name) == value
        assert not again.live.osc.refused or isinstance(parameter, Text)


ADDRESSES = st.one_of(
    st.sampled_from([f"/antiphon/{entry.id}" for entry in TABLE if not isinstance(entry, Action)]),
    st.sampled_from([f"/antiphon/{entry.id}" for entry in TABLE]).map(lambda name: name.replace(".", "/")),
    st.text(max_size=20),
)
ARGUMENTS = st.one_of(
    st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=9), st.booleans(), st.none()
)


@given(st.lists(st.tuples(ADDRESSES, st.lists(ARGUMENTS, max_size=2)), max_size=12))
def test_nothing_that_comes_in_breaks_the_session(messages):
    state = OPEN
    for address, arguments in messages:
        state, _ = heard(state, address, *arguments)
    osc = state.live.osc
    assert osc.received == len(messages)
    assert all("\n" not in line for line in osc.messages)
    assert all(each.allows(state.shown.value(name)) for name, each in TABLE.parameters.items())


@given(st.lists(st.text(min_size=1, max_size=400), min_size=30, max_size=60, unique=True))
def test_reasons_are_bounded(words):
    state = OPEN
    for word in words:
        state, _ = heard(state, "/antiphon/metre", f"!{word}")
    assert len(state.live.osc.refused) <= 21
    assert sum(state.live.osc.refused.values()) == len(words)
    assert all(len(reason) <= 160 for reason in state.live.osc.refused)
