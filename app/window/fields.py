"""Small fields: a choice from a list, a pitch by its name, and what fields in a row have in common."""

import re
from collections.abc import Iterable

from PyQt6.QtCore import QEvent, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QPolygonF, QShortcut, QValidator
from PyQt6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLayout, QSpinBox, QWidget

from app.window import theme
from engine.inference.controls import KEYS

_PITCH = re.compile(r"([A-G])([#b♯♭]?)(-?\d{1,2})", re.IGNORECASE)


class Choice(QComboBox):
    """A list to choose from by mouse, by arrow keys or by typing the first letters.

    Signals:
        left: the list was closed or Return pressed; the keys may go back to the instrument.
    """

    left = pyqtSignal()

    def __init__(self, name: str, tip: str, items: Iterable[tuple[str, object]], key: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setAccessibleDescription(tip)
        self.setToolTip(f"{tip}\nKey: {key}" if key else tip)
        self.setFont(theme.font(12.5, figures=True))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMaxVisibleItems(16)
        for text, data in items:
            self.addItem(text, data)
        if key:
            QShortcut(QKeySequence(key), self, lambda: self.setFocus(Qt.FocusReason.ShortcutFocusReason))

    def show_data(self, data: object) -> None:
        """Show the item that stands for `data`."""
        if self.currentData() != data:
            self.setCurrentIndex(self.findData(data))

    def event(self, event: QEvent | None) -> bool:
        """Keep letters, digits and Space for the list while it has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _types(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Leave on Return."""
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
            return
        super().keyPressEvent(event)

    def hidePopup(self) -> None:  # noqa: N802 - Qt's name
        """Leave once the list is closed."""
        was_open = self.view() is not None and self.view().isVisible()  # type: ignore[union-attr]
        super().hidePopup()
        if was_open:
            self.left.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw a small arrow: there is a list behind it."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.QUIET if self.isEnabled() else theme.FAINT, 1.6))
        x, y = self.width() - 18.0, self.height() / 2
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))


class PitchBox(QSpinBox):
    """A MIDI pitch, shown and typed by name: C4 is 60."""

    def __init__(self, name: str, prefix: str, tip: str, value: int) -> None:
        super().__init__()
        self.setRange(0, 127)
        self.setValue(value)
        self.setPrefix(prefix)
        self.setAccessibleName(name)
        self.setAccessibleDescription(tip)
        self.setToolTip(f"{tip}\nArrow keys step by a semitone, Page Up and Down by an octave.")
        self.setFont(theme.font(12.5, figures=True))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: int) -> str:  # noqa: N802 - Qt's name
        """Name a pitch."""
        return pitch_name(value)

    def valueFromText(self, text: str | None) -> int:  # noqa: N802 - Qt's name
        """Read a name or a number; what is neither leaves the pitch as it was."""
        pitch = pitch_named(self._bare(text))
        return self.value() if pitch is None else pitch

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Let be typed what is a pitch or may become one."""
        pitch = pitch_named(self._bare(text))
        fits = pitch is not None and self.minimum() <= pitch <= self.maximum()
        state = QValidator.State.Acceptable if fits else QValidator.State.Intermediate
        return state, text or "", position

    def fixup(self, text: str | None) -> str:
        """Put the pitch back that was there."""
        return self.prefix() + pitch_name(self.value())

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Step by semitones; a page is an octave."""
        super().stepBy(12 * (1 if steps > 0 else -1) if abs(steps) == 10 else steps)

    def _bare(self, text: str | None) -> str:
        return (text or "").removeprefix(self.prefix().rstrip()).strip()


def pitch_name(pitch: int) -> str:
    """Name a MIDI pitch: 60 is C4."""
    return f"{KEYS[pitch % 12]}{pitch // 12 - 1}"


def pitch_named(name: str) -> int | None:
    """Return the MIDI pitch of a name such as `Eb4`, or of a number; None if it is neither."""
    if name.isdecimal() and len(name) <= 3:
        return int(name)
    match = _PITCH.fullmatch(name)
    if match is None:
        return None
    letter, sign, octave = match.groups()
    shift = {"#": 1, "♯": 1, "b": -1, "B": -1, "♭": -1}.get(sign, 0)
    return KEYS.index(letter.upper()) + shift + 12 * (int(octave) + 1)


def show_number(field: QDoubleSpinBox | QSpinBox, value: float) -> None:
    """Show a number that came from elsewhere, without telling anybody; not while it is typed."""
    if field.hasFocus() or field.value() == value:
        return
    field.blockSignals(True)
    field.setValue(value)  # type: ignore[arg-type]
    field.blockSignals(False)


def show_if(widget: QWidget, shown: bool) -> None:
    """Show or hide; nothing happens where it is so already."""
    if widget.isHidden() == shown:
        widget.setHidden(not shown)


def row(*items: QWidget | None, spacing: int = 10, stretch_between: bool = False) -> QLayout:
    """Return a row of widgets; None is a gap that grows."""
    made = QHBoxLayout()
    made.setSpacing(spacing)
    for item in items:
        if item is None:
            made.addStretch(1)
        else:
            made.addWidget(item)
        if stretch_between and item is not items[-1]:
            made.addStretch(1)
    return made


def _types(event: QKeyEvent) -> bool:
    """Tell whether a key press writes something; with Ctrl, Alt or Meta it does not."""
    plain = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return plain == Qt.KeyboardModifier.NoModifier and event.text().isprintable() and bool(event.text())
