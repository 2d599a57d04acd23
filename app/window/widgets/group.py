"""Frames and rows that hold fields, and the list of fields they hold."""

from collections.abc import Iterator
from typing import Protocol, cast

from PyQt6.QtCore import pyqtBoundSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.window.field_state import FieldState


class Field(Protocol):
    """A widget of a parameter or an action."""

    field_id: str
    edited: pyqtBoundSignal

    def show_field(self, state: FieldState) -> None:
        """Show a state; nothing is emitted."""


def fields_in(widget: QWidget) -> Iterator[Field]:
    """Yield the fields inside a widget, those of a row of choices as one."""
    for child in widget.findChildren(QWidget):
        if hasattr(child, "field_id") and not hasattr(child.parent(), "field_id"):
            yield cast(Field, child)


def frame(name: str = "panel") -> QFrame:
    """Return a surface to lay controls on; `name` is `bar` or `panel`."""
    made = QFrame()
    made.setObjectName(name)
    return made


def row(*items: QWidget | int | None, spacing: int = 8) -> QHBoxLayout:
    """Return a row of widgets; None is a gap that grows, a number one of so many pixels."""
    made = QHBoxLayout()
    made.setSpacing(spacing)
    for item in items:
        if item is None:
            made.addStretch(1)
        elif isinstance(item, int):
            made.addSpacing(item)
        else:
            made.addWidget(item)
    return made


def column(*widgets: QWidget, spacing: int = 1) -> QVBoxLayout:
    """Return widgets one above the other, in the middle of the height."""
    made = QVBoxLayout()
    made.setSpacing(spacing)
    made.addStretch(1)
    for widget in widgets:
        made.addWidget(widget)
    made.addStretch(1)
    return made


def discard(widget: QWidget) -> None:
    """Take a widget out of what holds it, so that nobody finds it there, and delete it."""
    widget.hide()
    widget.setParent(None)
    widget.deleteLater()
