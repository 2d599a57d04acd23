"""Choices: a list that opens, and a row of buttons that are all in sight."""

from PyQt6.QtCore import QEvent, QObject, QPointF, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from app.window import theme
from app.window.field_state import FieldState, Option, Value
from app.window.widgets.button import HEIGHT, KeyButton, Role
from app.window.widgets.keys import LEAVING, is_kept
from app.window.widgets.lamp import plain_tip, set_tip, show_quiet
from engine.parameter import Choice

BESIDE_TEXT = 30
"""Pixels of a list that its text may not take: the margin on the left, and the arrow."""


class ChoiceList(QComboBox):
    """A list to choose from by mouse, by arrow keys or by typing the first letters.

    Closing the list, by Esc too, gives the keys back; the wheel over it does nothing.

    Signals:
        edited: id and value, by the player's hand.
        refused: why the value pressed cannot be chosen.
        left: the list was closed or Return pressed; the keys may go back to the instrument.
    """

    edited = pyqtSignal(str, object)
    refused = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self, parameter: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field_id, self._parameter = parameter.id, parameter
        self._state = FieldState()
        self._options: tuple[Option, ...] = ()
        self.setAccessibleName(parameter.label)
        self.setFont(theme.font(11, figures=True))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMaxVisibleItems(16)
        self.setFixedHeight(HEIGHT)
        self.activated.connect(self._choose)
        self._offer(options_of(parameter))
        view = self.view()
        if view is not None and view.window() is not None:
            view.window().installEventFilter(self)  # type: ignore[union-attr]
        self._describe()

    def show_field(self, state: FieldState) -> None:
        """Show a state; nothing is emitted."""
        if state == self._state:
            return
        self._state = state
        self.setEnabled(state.enabled)
        show_quiet(self, not state.active)
        if state.options:
            self._offer(state.options)
        self._show_value(state.value, state.text)
        self._describe()

    def take_focus(self) -> None:
        """Let letters and arrows choose."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Give the keys back once the list is closed, in whatever way."""
        if event is not None and event.type() == QEvent.Type.Hide:
            self.left.emit()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent | None) -> bool:
        """Keep letters, digits and Space for the list while it has the focus."""
        return is_kept(event, LEAVING, typing=True) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave on Return and on Esc."""
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.left.emit()
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to whatever lies below."""
        if event:
            event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw what is chosen, cut with an ellipsis where it is too long, and a small arrow."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        elide, wide = Qt.TextElideMode.ElideRight, self.width() - BESIDE_TEXT
        text = option.currentText if self.currentIndex() >= 0 else self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(text, elide, wide)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        look = theme.now()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.text if self.isEnabled() else look.quiet, 1.6))
        x, y = self.width() - 13.0, self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))

    def _offer(self, options: tuple[Option, ...]) -> None:
        if options == self._options:
            return
        self._options = options
        with QSignalBlocker(self):
            self.clear()
            for at, option in enumerate(options):
                self.addItem(option.text, option.value)
                if not option.enabled:
                    self.setItemData(at, plain_tip(option.why_not), Qt.ItemDataRole.ToolTipRole)
                    self.setItemData(at, theme.now().quiet, Qt.ItemDataRole.ForegroundRole)

    def _show_value(self, value: Value, text: str) -> None:
        at = next((at for at, option in enumerate(self._options) if option.value == value), -1)
        self.setPlaceholderText(text)
        if at != self.currentIndex():
            with QSignalBlocker(self):
                self.setCurrentIndex(at)

    def _choose(self, at: int) -> None:
        option = self._options[at]
        if option.enabled:
            self.edited.emit(self.field_id, option.value)
        else:
            self._show_value(self._state.value, self._state.text)
            self.refused.emit(option.why_not)

    def _describe(self) -> None:
        why_not = "" if self._state.enabled else self._state.why_not
        key = self._parameter.key
        lines = (why_not, self._parameter.help, f"Key: {key}" if key else "")
        set_tip(self, "\n".join(filter(None, lines)))
        self.setAccessibleDescription(" ".join(filter(None, lines[:2])))


class ChoiceRow(QWidget):
    """A choice whose values stand side by side, each with its key.

    Signals:
        edited: id and value, by the player's hand.
        refused: why the value pressed cannot be chosen.
    """

    edited = pyqtSignal(str, object)
    refused = pyqtSignal(str)

    def __init__(
        self, parameter: Choice, *, colour: Role = "playing", spacing: int = 6, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.field_id, self._parameter = parameter.id, parameter
        self.setAccessibleName(parameter.label)
        self.buttons: dict[Value, KeyButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(spacing)
        for value in parameter.values:
            text, key = parameter.text(value), parameter.keys.get(value, "")
            tip = parameter.helps.get(value, parameter.help)
            button = KeyButton(self.field_id, text, key, tip, colour=colour, toggle=True, parent=self)
            button.setAccessibleName(f"{parameter.label}: {text}")
            button.edited.connect(lambda _id, _on, value=value: self.edited.emit(self.field_id, value))
            button.refused.connect(self.refused)
            self.buttons[value] = button
            layout.addWidget(button)

    def show_field(self, state: FieldState) -> None:
        """Show which value is chosen and which cannot be; nothing is emitted."""
        offered = {option.value: option for option in state.options}
        for value, button in self.buttons.items():
            option = offered.get(value)
            enabled = state.enabled and (option is None or option.enabled)
            why_not = state.why_not or (option.why_not if option else "")
            button.show_field(
                FieldState(value=value == state.value, enabled=enabled, why_not="" if enabled else why_not)
            )

    def take_focus(self) -> None:
        """Let Tab and Space choose, from the value that is chosen on."""
        chosen = next((button for button in self.buttons.values() if button.isChecked()), None)
        (chosen or next(iter(self.buttons.values()))).setFocus(Qt.FocusReason.ShortcutFocusReason)


def options_of(parameter: Choice) -> tuple[Option, ...]:
    """Return the values of a choice with their texts, all of them enabled."""
    return tuple(Option(value=value, text=parameter.text(value)) for value in parameter.values)
