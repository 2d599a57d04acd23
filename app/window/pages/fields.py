"""Makes the widget of a parameter or an action by its id."""

from typing import TypeVar

from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.window.widgets.button import KeyButton, Role, action_button, toggle_button
from app.window.widgets.choice import ChoiceList
from app.window.widgets.lamp import label
from app.window.widgets.number import NumberSlider, TypedField
from engine.parameter import Choice, Number, Parameter, Text, Toggle, Whole
from engine.session.parameters import Table

Kind = TypeVar("Kind", bound=Parameter)
LIST_WIDTHS = {
    "drum_style": 96,
    "meanwhile": 96,
    "morph_by": 72,
    "morph_from": 80,
    "morph_to": 80,
    "source": 152,
    "start": 152,
}


def parameter(table: Table, name: str, kind: type[Kind]) -> Kind:
    """Return a parameter of a kind by id; TypeError if it is of another."""
    found = table.parameter(name)
    if not isinstance(found, kind):
        raise TypeError(f"{name} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def slider(table: Table, name: str, colour: Role = "playing") -> NumberSlider:
    """Return the slider of a number."""
    found = table.parameter(name)
    assert isinstance(found, Number | Whole)
    return NumberSlider(found, colour=colour)


def typed(table: Table, name: str) -> TypedField:
    """Return the field to type a number or a text into."""
    found = table.parameter(name)
    assert isinstance(found, Number | Whole | Text)
    return TypedField(found)


def choice(table: Table, name: str) -> ChoiceList:
    """Return the list of a choice."""
    return ChoiceList(parameter(table, name, Choice))


def toggle(table: Table, name: str, colour: Role = "heard") -> KeyButton:
    """Return the button of a switch."""
    return toggle_button(parameter(table, name, Toggle), colour=colour)


def action(table: Table, name: str, colour: Role = "text", text: str = "") -> KeyButton:
    """Return the button of an action, with a text of its own on it where one is given."""
    return action_button(table.action(name), colour=colour, text=text)


def captioned(table: Table, name: str) -> QWidget:
    """Return a list below its name."""
    holder, made, caption = QWidget(), choice(table, name), label(8.5, "quiet")
    caption.setText(made.accessibleName())
    made.setFixedHeight(30)
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    layout.addWidget(caption)
    layout.addWidget(made)
    holder.setFixedWidth(LIST_WIDTHS.get(name, 120))
    return holder
