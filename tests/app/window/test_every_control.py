"""What holds of every parameter and action, from its place in the window to its row in the README."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from fake_instrument import ATTRIBUTES, FakeInstrument
from PyQt6.QtGui import QKeySequence, QShortcut
from typer.testing import CliRunner

from app import cli
from app.controls_table import BEGIN, END
from app.window.window import InstrumentWindow
from engine.inference.controls import STORED
from engine.music.notes import Note, Phrase
from engine.parameter import Action, Parameter, Text, Value
from engine.performer.messages import Heard
from engine.session.document import Binding, Document
from engine.session.intents import Set
from engine.session.parameters import SWITCHES, table_for
from engine.session.snapshot import ModelFacts
from engine.session.state import State
from engine.session.store import encoded
from engine.session.update import update

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

README = Path(__file__).parents[3] / "README.md"
TABLE = table_for(ATTRIBUTES)
CC = 21
NO_FIELD = {
    **dict.fromkeys(("play", "stop"), "MIDI has two buttons, the window has one for both"),
    **{f"clear.{slot}": "in the menu of a slot" for slot in STORED},
    **{f"swap.{a}{b}": "in the menu of a slot" for a, b in combinations(STORED, 2)},
    "unlock_all": "in the menu of the roll",
    "dismiss": "on the notice itself",
}
"""Actions without a field or a key in the window, and where they are."""
NO_ROW = {f"attribute.{each.name}": "the model's own: `antiphon controls --model`" for each in ATTRIBUTES}
ONE_ROW = {
    "store": ("A", "B", "C", "D"),
    "store_answer": ("A", "B", "C", "D"),
    "recall": ("A", "B", "C", "D"),
    "clear": ("A", "B", "C", "D"),
    "swap": ("AB", "AC", "AD", "BC", "BD", "CD"),
    "pick_last": ("1", "2", "4", "8", "16"),
}
"""Verbs whose actions share a row, and what they act on."""


def cells_of_readme() -> list[list[str]]:
    """Return the cells of the table of controls: label, key, tools, option, what it does."""
    _, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    lines = rest.partition(END)[0].strip().splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ", 4)] for line in lines]


@pytest.fixture
def opened(window: InstrumentWindow, instrument: FakeInstrument) -> InstrumentWindow:
    """The window after each of its pages was opened."""
    assert set(TABLE.parameters) == set(instrument.state.table.parameters)
    for page in window.pages.names:
        window.pages.open(page)
    return window


@pytest.fixture(scope="module")
def options() -> set[str]:
    """The options that `antiphon live` knows."""
    shown = CliRunner().invoke(cli.application, ["live", "--help"], env={"COLUMNS": "200"}).output
    return {word.rstrip(",") for word in shown.replace("│", " ").split() if word.startswith("--")}


def test_every_control_has_place_key_option_session_controller_and_row(opened, options):
    keys = Counter(shortcut.key().toString() for shortcut in opened.findChildren(QShortcut))
    rows = cells_of_readme()
    faults = []
    for control in TABLE:
        found = [
            *faults_of_place(control, set(opened.field_places)),
            *faults_of_key(control, keys),
            *faults_of_option(control, options),
            *faults_of_session(control),
            *faults_of_controller(control),
            *faults_of_row(control, rows),
        ]
        faults += [f"{control.id}: {fault}" for fault in found]
    assert faults == []
    assert [key for key, times in keys.items() if times > 1] == []


def faults_of_place(control: Parameter | Action, fields: set[str]) -> Iterator[str]:
    reached_by_key = isinstance(control, Action) and bool(control.key)
    if not (control.id in fields or reached_by_key or control.id in NO_FIELD):
        yield "neither a field in the window nor a reason for none"


def faults_of_key(control: Parameter | Action, keys: Counter[str]) -> Iterator[str]:
    if control.key and keys[QKeySequence(control.key).toString()] != 1:
        yield f"key {control.key} is not its own"


def faults_of_option(control: Parameter | Action, options: set[str]) -> Iterator[str]:
    if isinstance(control, Parameter) and not control.no_option:
        name = "--attribute" if control.id.startswith("attribute.") else control.option
        if not set(name.split("/")) <= options:
            yield f"`antiphon live` has no {name}"
    elif not control.no_option.strip():
        yield "neither an option nor a reason for none"


def state_with(target: str) -> State:
    """Return a state whose controller 21 moves a control, or does an action."""
    facts = ModelFacts(name="tiny", hash="tiny", attributes=ATTRIBUTES)
    document = Document(bindings=(Binding("cc", 0, CC, target),))
    return State(document=document, model=facts, demo_phrase=Phrase.of([Note(0.0, 60, 1.0)], 1))


def ends_of(control: Parameter) -> tuple[Value, Value]:
    """Return a parameter's first and last value; of the tools those that the model of `state_with` does."""
    return ("vary", "generate") if control.id == "mode" else (control.at(0.0), control.at(1.0))


def reopened(document: Document) -> Document:
    return msgspec.json.decode(encoded(document), type=Document)


def faults_of_session(control: Parameter | Action) -> Iterator[str]:
    state = state_with(control.id)
    if reopened(state.document) != state.document:
        yield "what moves it is not in the session's file"
    if isinstance(control, Action) or control.id in SWITCHES:  # off in the next session
        return
    for end in ends_of(control):
        moved, _ = update(state, Set(control.id, end), 0)
        opened = State(document=reopened(moved.document), model=state.model)
        if opened.document != moved.document or opened.shown.value(control.id) != end:
            yield f"{end} is not in the session's file"


def turned(state: State, values: range) -> State:
    for number, value in enumerate(values):
        state, _ = update(state, Heard(number, 0.0, bytes((0xB0, CC, value))), number)
    return state


def faults_of_controller(control: Parameter | Action) -> Iterator[str]:
    state = state_with(control.id)
    if isinstance(control, Action):
        used = f"moves {control.label}"
        pressed = turned(state, range(127, 128)).live.activity.messages[-1].use
        if not control.asks and pressed != used:
            yield f"CC 127 does not do it: {pressed}"
        released = turned(state, range(1))
        if released.document != state.document or released.live.notices != state.live.notices:
            yield "CC 0 does it"
        return
    if isinstance(control, Text):  # typed, not turned
        return
    up = turned(state, range(128))
    down = turned(up, range(127, -1, -1))
    ends = down.shown.value(control.id), up.shown.value(control.id)
    if control.id != "mode" and (control.to_controller(ends[0]), control.to_controller(ends[1])) != (0, 127):
        yield "its ends are not sent back as 0 and 127"
    if ends != ends_of(control):
        yield f"CC 0 and 127 lead to {ends}, not to {ends_of(control)}"


def faults_of_row(control: Parameter | Action, rows: list[list[str]]) -> Iterator[str]:
    verb, _, thing = control.id.partition(".")
    if control.id in NO_ROW:
        return
    if verb in ONE_ROW:
        first = TABLE.actions[f"{verb}.{ONE_ROW[verb][0]}"].label
        found = [row for row in rows if row[0].startswith(f"{first}, ")]
        if (
            len(found) != 1
            or len(found[0][0].split(", ")) != len(ONE_ROW[verb])
            or thing not in ONE_ROW[verb]
        ):
            yield "has no place in the row of its verb"
        elif control.key and control.key not in found[0][1].split(", "):
            yield f"key {control.key} is not in its row"
        return
    option = control.option if isinstance(control, Parameter) and not control.no_option else ""
    wanted = [control.label, control.key, option, control.help]
    found = [[label, key, option, text] for label, key, _, option, text in rows if label == control.label]
    if found != [wanted]:
        yield f"its row in the README is {found}, not {wanted}"
