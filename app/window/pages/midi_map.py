"""The page of the MIDI map: what moves every control and does every action; each can be learned here."""

from collections.abc import Mapping

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout

from app.window.field_state import FieldState
from app.window.pages.page import Page, heading, in_columns, paragraph
from app.window.widgets.button import KeyButton
from engine.parameter import Action, Parameter, Text
from engine.session.bindings import name_of
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot

COLUMNS = 2
BUTTON_WIDTH, BUTTON_HEIGHT = 230, 28
ADVICE = (
    "Press the button of a control, then turn a knob, press a key or a pedal, or send a program: it is "
    "learned at the first message. Press the button again to forget what moves it; Esc ends waiting."
)


def learnable(table: Table) -> Mapping[str, list[Parameter | Action]]:
    """Return what a MIDI message can move or do, by the heading it stands under.

    Words come by no message, and the directions of a model go with it.
    """
    groups: dict[str, list[Parameter | Action]] = {}
    for item in table:
        if not isinstance(item, Text) and not item.id.startswith("attribute."):
            groups.setdefault(item.group, []).append(item)
    return groups


class MidiMapPage(Page):
    """Shows what moves every control.

    Signals:
        chosen: id of the control that is to be learned, or no more.
    """

    chosen = pyqtSignal(str)

    def __init__(self, table: Table) -> None:
        super().__init__("MIDI map")
        self.buttons: dict[str, KeyButton] = {}
        groups = sorted(learnable(table).items(), key=lambda group: -len(group[1]))
        self.body.addWidget(paragraph(ADVICE))
        self.body.addLayout(in_columns([self._group(*group) for group in groups], COLUMNS))
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show what is bound, and what waits for a message."""
        bound = {binding.target: name_of(binding) for binding in snapshot.document.bindings}
        for name, button in self.buttons.items():
            waits = name == snapshot.live.learning
            button.show_field(FieldState(text="waits for a message" if waits else bound.get(name, "")))

    def _group(self, name: str, items: list[Parameter | Action]) -> QGridLayout:
        """Return a heading and its controls, one a line."""
        made = QGridLayout()
        made.setVerticalSpacing(2)
        made.addWidget(heading(name), 0, 0, 1, 2)
        for line, item in enumerate(items, start=1):
            button = KeyButton(f"learn.{item.id}", "Learn", tip=item.help, colour="coming")
            button.setFixedSize(BUTTON_WIDTH, BUTTON_HEIGHT)
            button.setAccessibleName(f"Learn {item.label}")
            button.edited.connect(lambda *_, id=item.id: self.chosen.emit(id))
            self.buttons[item.id] = button
            made.addWidget(paragraph(item.label, role="", points=10), line, 0)
            made.addWidget(button, line, 1)
        made.setColumnStretch(0, 1)
        return made
