"""The widgets of the window by the id of the parameter or action they show."""

from collections.abc import Callable, Collection
from typing import Any

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QWidget

from app.window.field_state import Fields
from app.window.widgets.group import Field, fields_in


class FieldPlaces(QObject):
    """Finds the fields in a window, connects those that are new, explains the one the hand is on."""

    def __init__(
        self,
        root: QWidget,
        known: Callable[[], Collection[str]],
        edit: Callable[[str, Any], None],
        hold: Callable[[str, bool], None],
        refuse: Callable[[str], None],
        leave: Callable[[], None],
        explain: Callable[[str, str], None],
    ) -> None:
        """Take what fields are connected to.

        Args:
            root: what they lie in.
            known: returns the ids whose edits are handed on.
            edit: takes an id and a value by the player's hand.
            hold: takes an id and whether a gesture begins or ends.
            refuse: takes why something was not taken.
            leave: is called when a list or a number is left.
            explain: takes the id of the field under hand or focus, and what the widget says of itself.
        """
        super().__init__(root)
        self._root, self._known, self._edit, self._hold = root, known, edit, hold
        self._refuse, self._leave, self._explain = refuse, leave, explain
        self._connected: set[int] = set()
        self.widgets: dict[str, list[Field]] = {}

    def adopt(self) -> None:
        """Connect the fields that are new, and forget those that are gone."""
        self.widgets = {}
        for field in fields_in(self._root):
            self.widgets.setdefault(field.field_id, []).append(field)
            if id(field) not in self._connected:
                self._connect(field)
        self._connected = {id(field) for fields in self.widgets.values() for field in fields}

    def show(self, fields: Fields) -> None:
        """Show the states of all fields."""
        for field_id, widgets in self.widgets.items():
            if field_id in fields:
                for widget in widgets:
                    widget.show_field(fields[field_id])

    def take_focus(self, field_id: str) -> None:
        """Lead the keys to a field."""
        for widget in self.widgets.get(field_id, ()):
            take_focus = getattr(widget, "take_focus", None)
            if take_focus is not None:
                take_focus()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Explain the field the hand or the focus came to."""
        if event is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            holder: Any = watched
            while holder is not None and not hasattr(holder, "field_id"):
                holder = holder.parent()
            if holder is not None:
                own = watched.accessibleDescription() if isinstance(watched, QWidget) else ""
                self._explain(holder.field_id, own)
        return super().eventFilter(watched, event)

    def _connect(self, field: Any) -> None:
        if field.field_id in self._known():
            field.edited.connect(self._edit)
        for signal, work in (("held", self._hold), ("refused", self._refuse), ("left", self._leave)):
            if hasattr(field, signal):
                getattr(field, signal).connect(work)
        for watched in (field, *field.findChildren(QWidget)):
            watched.installEventFilter(self)
