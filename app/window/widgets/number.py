"""Numbers: a slider with its value in large type, and a field to type into."""

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QResizeEvent,
)
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from app.window import theme
from app.window.field_state import FieldState, Value
from app.window.widgets.button import HEIGHT, Role
from app.window.widgets.fader import STEPS, Fader
from app.window.widgets.keys import LEAVING, is_kept
from app.window.widgets.lamp import set_tip, show_quiet
from engine.errors import RenderError
from engine.parameter import Number, Text, Whole

LABEL_SPACING = 6


class NumberSlider(QWidget):
    """A slider for a parameter, with its name, key, value and what moves it from outside.

    Signals:
        edited: id and new value, from the player's hand only.
        held: id and whether a hand or a key begins (True) or ends (False) to move it.
    """

    edited = pyqtSignal(str, object)
    held = pyqtSignal(str, bool)

    def __init__(
        self, parameter: Number | Whole, *, colour: Role = "playing", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.field_id, self._parameter = parameter.id, parameter
        self._narrow = False
        whole = isinstance(parameter, Whole)
        self._steps = int(parameter.high - parameter.low) if whole else STEPS
        self._state = FieldState()
        origin = self._place(0) if parameter.low < 0 else 0
        self.fader = Fader(colour, steps=self._steps, reset=self._place(parameter.default), origin=origin)
        self.fader.setParent(self)
        self.fader.setAccessibleName(parameter.label)
        self.fader.held.connect(lambda on: self.held.emit(self.field_id, on))
        self.fader.valueChanged.connect(lambda _: self.edited.emit(self.field_id, self.value))
        self._value_label, self._binding = QLabel(self), QLabel(self)
        self._lay_out()
        self._show_what_fits()
        self._describe()

    @property
    def value(self) -> Value:
        """The value where the handle stands."""
        return self._parameter.at(self.fader.value() / self._steps)

    @property
    def text(self) -> str:
        """The value as it is written."""
        return self._value_label.text()

    @property
    def binding(self) -> str:
        """What moves it from outside, as far as there is room to write it."""
        return self._binding.text()

    def show_field(self, state: FieldState) -> None:
        """Show a state; the handle stays under the hand that holds it."""
        if state == self._state:
            return
        self._state = state
        self.fader.setEnabled(state.enabled)
        if self.fader.active != state.active:
            self.fader.active = state.active
            self.fader.update()
        self._value_label.setText(state.text)
        self._show_what_fits()
        if not self.fader.isSliderDown():
            self.fader.blockSignals(True)
            self.fader.setValue(self._place(state.value))
            self.fader.blockSignals(False)
        self._describe()

    def set_narrow(self) -> None:
        """Write name and value smaller, for many sliders side by side."""
        self._narrow = True
        self._show_what_fits()

    def take_focus(self) -> None:
        """Let the arrow keys move it."""
        self.fader.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Write what there is room for."""
        self._show_what_fits()
        super().resizeEvent(event)

    def _show_what_fits(self) -> None:
        """Write what moves it where there is room: rather than its key, in smaller letters if need be."""
        binding, key = self._state.binding, self._parameter.key
        usual = self._narrow, key, ""
        forms = ((self._narrow, key, binding), (self._narrow, "", binding), (True, "", binding))
        fitting = (form for form in forms if self._needed(*form) <= self.width())
        narrow, key, binding = next(fitting, usual) if binding else usual
        self._title.setFont(theme.font(_points(narrow)[0]))
        self._value_label.setFont(theme.font(_points(narrow)[1], bold=True, figures=True))
        self._hint.setText(key)
        self._hint.setVisible(bool(key))
        self._binding.setText(binding)

    def _needed(self, narrow: bool, key: str, binding: str) -> int:
        """Return the width that name, key, what moves it and value take."""
        title, value = _points(narrow)
        texts = (
            (self._parameter.label, theme.font(title)),
            (key, self._hint.font()),
            (binding, self._binding.font()),
            (self._state.text, theme.font(value, bold=True, figures=True)),
        )
        widths = [QFontMetrics(font).horizontalAdvance(text) + 1 for text, font in texts if text]
        return sum(widths) + LABEL_SPACING * (len(widths) - 1)

    def _lay_out(self) -> None:
        self._title, self._hint = QLabel(self._parameter.label, self), QLabel(self._parameter.key, self)
        title, hint = self._title, self._hint
        title.setBuddy(self.fader)
        hint.setFont(theme.font(8.5))
        self._binding.setFont(theme.font(8.5))
        for label in (title, hint, self._binding):
            label.setTextFormat(Qt.TextFormat.PlainText)  # attributes are named by who made the model
            label.setProperty("role", "quiet")
        self._value_label.setTextFormat(Qt.TextFormat.PlainText)
        top = QHBoxLayout()
        top.setSpacing(LABEL_SPACING)
        top.addWidget(title)
        top.addWidget(hint)
        self._binding.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._binding.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self._binding, 1)
        top.addWidget(self._value_label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.fader)

    def _place(self, value: Value) -> int:
        return round(self._parameter.position(value) * self._steps)

    def _describe(self) -> None:
        key = f" Key: {self._parameter.key}." if self._parameter.key else ""
        why_not = "" if self._state.enabled else self._state.why_not
        moved = f" MIDI: {self._state.binding}." if self._state.binding else ""
        lines = (why_not, self._parameter.help, f"Arrow keys step; a double click resets.{key}{moved}")
        set_tip(self.fader, "\n".join(filter(None, lines)))
        self.fader.setAccessibleDescription(" ".join(filter(None, (why_not, self._parameter.help))))


def _points(narrow: bool) -> tuple[float, float]:
    """Return the sizes of a slider's name and value."""
    return (9, 10) if narrow else (10.5, 12.5)


class TypedField(QLineEdit):
    """A number or a text to type: every key is taken, the whole is judged when it is entered.

    Return enters, Esc gives up; what is no number or out of range is refused with a sentence and the
    old value stays. The wheel does nothing: a hand on its way to a slider changes no tempo.

    Signals:
        edited: id and new value, from the player's hand only.
        refused: why what was typed was not taken.
        left: typing is over; the keys may go back to the instrument.
    """

    edited = pyqtSignal(str, object)
    refused = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(
        self, parameter: Number | Whole | Text, *, page: int = 10, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.field_id, self._parameter, self._page = parameter.id, parameter, page
        self._state = FieldState(value=parameter.default)
        self.setAccessibleName(parameter.label)
        self.setFont(theme.font(11, figures=True))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(HEIGHT)
        if isinstance(parameter, Text):
            self.setPlaceholderText(f"{parameter.empty}; or such as {parameter.example}")
        self.setText(self._shown_text())
        self._describe()

    @property
    def value(self) -> Value:
        """The value entered last."""
        return self._state.value

    def show_field(self, state: FieldState) -> None:
        """Show a state; the text stays while it is typed over."""
        if state == self._state:
            return
        self._state = state
        self.setEnabled(state.enabled)
        show_quiet(self, not state.active)
        if not (self.hasFocus() and self.isModified()):
            self.setText(self._shown_text())
        self._describe()

    def take_focus(self) -> None:
        """Let something be typed."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def event(self, event: QEvent | None) -> bool:
        """Keep what is typed, Esc included, from the instrument's keys."""
        return is_kept(event, LEAVING, typing=True) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Enter on Return, give up on Esc, step with the arrows and the page keys."""
        if event is None:
            return
        key = Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: self._page,
            Qt.Key.Key_PageDown: -self._page,
        }
        if key in steps:
            self._step(steps[key])
        elif key == Qt.Key.Key_Escape:
            self._put_back()
            self.left.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take what was typed, as Return does."""
        super().focusOutEvent(event)
        self._enter()

    def _enter(self) -> None:
        if not self.isModified():
            return
        try:
            value = self._parameter.parse(self.text())
        except RenderError as error:
            self._put_back()
            self.refused.emit(f"{error}; it stays {self.text() or 'empty'}.")
            return
        self.setModified(False)
        if value != self._state.value:
            self.edited.emit(self.field_id, value)

    def _step(self, steps: int) -> None:
        if isinstance(self._parameter, Text) or not isinstance(self._state.value, int | float):
            return
        low, high = self._parameter.low, self._parameter.high
        self.setModified(False)
        value = min(max(self._state.value + steps, low), high)
        if value != self._state.value:
            self.edited.emit(self.field_id, value)

    def _put_back(self) -> None:
        self.setText(self._shown_text())

    def _shown_text(self) -> str:
        """Return the value as it is typed; an empty text stands in the placeholder."""
        if isinstance(self._parameter, Text):
            return str(self._state.value or "")
        return self._state.text or self._parameter.text(self._state.value)

    def _describe(self) -> None:
        parameter = self._parameter
        why_not = "" if self._state.enabled else self._state.why_not
        lines = (why_not, parameter.help, f"Key: {parameter.key}" if parameter.key else "")
        set_tip(self, "\n".join(filter(None, lines)))
        self.setAccessibleDescription(" ".join(filter(None, lines[:2])))
