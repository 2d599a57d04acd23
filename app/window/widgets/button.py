"""Buttons with their key on them: an action, a toggle, and the plate they share."""

from typing import Literal

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QPushButton, QWidget

from app.window import theme
from app.window.field_state import FieldState
from app.window.widgets.keys import PRESSING, is_kept
from app.window.widgets.lamp import set_tip
from engine.parameter import Action, Toggle

Role = Literal["text", "quiet", "heard", "playing", "coming", "good", "waiting", "bad"]
HEIGHT = 36
POINTS = 10.5
KEY_POINTS = 8.5


class KeyButton(QPushButton):
    """A flat button that shows its key; reached by Tab, never stealing the focus when clicked.

    A button that cannot be used now is drawn quietly and stays pressable: it then says why.

    Signals:
        edited: id and value, by the player's hand: True for an action, the wanted state for a toggle.
        refused: the reason, when it was pressed and cannot be used.
    """

    edited = pyqtSignal(str, object)
    refused = pyqtSignal(str)

    def __init__(
        self,
        field_id: str,
        text: str,
        key: str = "",
        tip: str = "",
        *,
        colour: Role = "text",
        toggle: bool = False,
        solid: bool = False,
        show_key: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.field_id, self._colour, self._solid = field_id, colour, solid
        self._key, self._tip, self._show_key = key, tip, show_key
        self._state = FieldState()
        self._label = text
        self.setCheckable(toggle)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(text)
        self.setFont(theme.font(POINTS, bold=True))
        self.setFixedHeight(HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._describe()
        self.clicked.connect(self._press)

    @property
    def available(self) -> bool:
        """Whether pressing it does something now."""
        return self._state.enabled

    def show_field(self, state: FieldState) -> None:
        """Show a state; nothing is emitted."""
        if state == self._state:
            return
        self._state = state
        if self.isCheckable():
            self.setChecked(bool(state.value))
        text = state.text or self._label
        if text != self.text():
            self.setText(text)
            self.updateGeometry()
        self._describe()
        self.update()

    def show_keys(self, shown: bool) -> None:
        """Show the key on the button, or keep its room for the text."""
        self._show_key = shown
        self.updateGeometry()
        self.update()

    def nextCheckState(self) -> None:  # noqa: N802 - Qt's name
        """Stay as it is: what is shown comes from `show_field` alone."""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for the text, its key and some air."""
        text = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(text + 24 + self._key_width(), self.maximumHeight())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Never hide part of the text."""
        text = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(text + 6 + self._key_width(), self.minimumHeight())

    def event(self, event: QEvent | None) -> bool:
        """Keep Space and Return for the focused button rather than for play and stop."""
        return is_kept(event, PRESSING) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Click on Return as well as on Space."""
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the plate, the text and the key."""
        look = theme.now()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        plate, ink = self._plate(look), self._ink(look)
        painter.setBrush(plate)
        painter.setPen(self._border(look))
        painter.drawRoundedRect(box, 7, 7)
        painter.setPen(ink)
        painter.setFont(self.font())
        key_width = self._key_width()
        text_box = box.adjusted(2, 0, -key_width - 4 if key_width else -2, 0)
        painter.drawText(text_box, Qt.AlignmentFlag.AlignCenter, self.text())
        if key_width:
            painter.setFont(theme.font(KEY_POINTS))
            painter.setPen(ink if self._lit() else look.quiet)
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(box.adjusted(0, 0, -8, 0), right, self._key_text())

    def _press(self) -> None:
        if self._state.enabled:
            self.edited.emit(self.field_id, not self.isChecked() if self.isCheckable() else True)
        else:
            self.refused.emit(self._state.why_not)

    def _describe(self) -> None:
        state = self._state
        lines = [
            state.why_not if not state.enabled else "",
            self._tip,
            f"Key: {self._key}" if self._key else "",
            f"MIDI: {state.binding}" if state.binding else "",
        ]
        set_tip(self, "\n".join(filter(None, lines)))
        self.setAccessibleDescription(" ".join(filter(None, lines[:2])))

    def _key_text(self) -> str:
        return self._key.replace("Ctrl+", "^").replace("Shift+", "⇧")

    def _key_width(self) -> int:
        return 7 * len(self._key_text()) + 10 if self._show_key and self._key_text() else 0

    def _lit(self) -> bool:
        return self._state.enabled and (self.isChecked() or self._solid)

    def _border(self, look: theme.Theme) -> QPen:
        if self.hasFocus():
            return QPen(look.text, 2)
        return QPen(look.edge if self._state.enabled else look.faint, 1)

    def _plate(self, look: theme.Theme) -> QColor:
        if not self._state.enabled:
            return look.panel
        base = getattr(look, self._colour) if self._lit() else look.raised
        if self.isDown():
            return theme.mixed(base, look.ground, 0.25)
        return theme.mixed(base, look.text, 0.08) if self.underMouse() else base

    def _ink(self, look: theme.Theme) -> QColor:
        if not self._state.enabled:
            return look.quiet
        return look.ground if self._lit() else getattr(look, self._colour)


def action_button(
    action: Action, *, colour: Role = "text", show_key: bool = True, text: str = ""
) -> KeyButton:
    """Return the button of an action; `text` stands on it in place of the action's name, if given."""
    made = KeyButton(
        action.id, text or action.label, action.key, action.help, colour=colour, show_key=show_key
    )
    made.setAccessibleName(action.label)
    return made


def toggle_button(toggle: Toggle, *, colour: Role = "heard") -> KeyButton:
    """Return the button of something that is on or off."""
    return KeyButton(toggle.id, toggle.label, toggle.key, toggle.help, colour=colour, toggle=True)
