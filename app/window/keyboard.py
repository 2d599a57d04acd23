"""The window's keyboard: a key for every parameter and action, and where keys go once a field is left."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QWidget

from app.window.pages.stack import PageStack
from engine.parameter import Toggle
from engine.session.parameters import Table


class Keyboard:
    """Leads the keys to the instrument, unless a field has them."""

    def __init__(self, window: QWidget, pages: PageStack) -> None:
        self._window, self._pages = window, pages
        self._left: QWidget | None = None
        """A list or a number that has given the keys back."""

    def add(self, key: str | QKeySequence, work: Callable[[], object]) -> None:
        """Do work at a key, once however long it is held."""
        QShortcut(QKeySequence(key), self._window, work).setAutoRepeat(False)

    def add_table(
        self,
        table: Table,
        flip: Callable[[str], object],
        focus: Callable[[str], object],
        edit: Callable[[str, Any], object],
    ) -> None:
        """Give every parameter and action its key, wherever its widget is.

        Args:
            table: their declarations.
            flip: takes the id of a toggle whose key was pressed.
            focus: takes the id of another parameter whose key was pressed.
            edit: takes the id and value of a choice that an action stands for, or an action's id and True.
        """
        for name, found in table.parameters.items():
            if found.key:
                self.add(found.key, partial(flip if isinstance(found, Toggle) else focus, name))
        for name, action in table.actions.items():
            if action.key:
                choice, _, value = name.partition(".")
                ask = (choice, value) if choice in table.parameters else (name, True)
                self.add(action.key, partial(edit, *ask))

    def home(self) -> QWidget:
        """Return where no key but those that step or press is kept from the instrument."""
        if self._pages.page is not None:
            return self._pages.page.back
        sliders = self._pages.play.tools.sliders
        return next(each for each in sliders.values() if not each.isHidden()).fader

    def give_back(self) -> None:
        """Give the keys back to the instrument once a list or a number is left; Tab goes on from there."""
        self._left = self._window.focusWidget()
        self.home().setFocus()

    def is_led_home(self) -> bool:
        """Prepare a step by Tab: it goes on from a field that gave the keys back.

        Return True where the widget with the keys is gone: then they went home instead, and no step is left.
        """
        at, left, self._left = self._window.focusWidget(), self._left, None
        if at is not None and not (at.isVisible() and at.isEnabled()):
            self.home().setFocus()
            return True
        if left is not None and left.isVisible() and at is self.home():
            left.setFocus()
        return False
