"""The things a hand moves: large sliders with their value beside them, and buttons with their key."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QKeySequence,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShortcut,
    QWheelEvent,
)
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from app.window import theme

STEPS = 1000
"""Positions of a slider over its whole range, if it has no whole steps of its own."""


class Fader(QSlider):
    """A horizontal slider that jumps to the click, steps finely by wheel and resets on double click."""

    def __init__(
        self,
        colours: tuple[QColor, QColor],
        reset: int,
        *,
        steps: int = STEPS,
        origin: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, steps)
        self.setSingleStep(max(1, steps // 100))
        self.setPageStep(max(1, steps // 10))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(34)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._colours, self._reset = colours, reset
        self._steps, self._origin = steps, origin
        self.active = True
        """Whether it decides what sounds now; drawn quietly otherwise."""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size that a finger can hit."""
        return QSize(220, 34)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Jump to the place that was pressed."""
        if event and event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the hand while it is down."""
        if event and self.isSliderDown():
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go back to the value it started with."""
        self.setSliderDown(False)
        self.setValue(self._reset)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Move by one percent a notch, by a tenth of it with Shift."""
        if event is None:
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        step = max(1, self._steps // (1000 if fine else 100))
        self.setValue(self.value() + (1 if turn > 0 else -1) * step)
        event.accept()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the groove, what is filled of it, and the handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, x = self.height() / 2, self._x_of(self.value())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.LINE)
        painter.drawRoundedRect(QRectF(2, middle - 4, self.width() - 4, 8), 4, 4)
        painter.setBrush(self._fill())
        start = self._x_of(self._origin) if self._origin else 2.0
        painter.drawRoundedRect(QRectF(min(start, x), middle - 4, max(abs(x - start), 8), 8), 4, 4)
        if self._origin:
            painter.setBrush(theme.QUIET)
            painter.drawRect(QRectF(start - 1, middle - 9, 2, 18))
        painter.setBrush(theme.TEXT if self.active else theme.QUIET)
        painter.setPen(QPen(theme.PANEL, 3))
        painter.drawEllipse(QRectF(x - 12, middle - 12, 24, 24))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._colours[1], 2))
            painter.drawEllipse(QRectF(x - 14, middle - 14, 28, 28))

    def _fill(self) -> QColor | QLinearGradient:
        if not self.active:
            return theme.FAINT
        fill = QLinearGradient(0, 0, self.width(), 0)
        fill.setColorAt(0.0, self._colours[0])
        fill.setColorAt(1.0, self._colours[1])
        return fill

    def _x_of(self, position: int) -> float:
        return 14 + (self.width() - 28) * position / self._steps

    def _follow(self, event: QMouseEvent) -> None:
        share = (event.position().x() - 14) / max(self.width() - 28, 1)
        self.setValue(round(min(1.0, max(0.0, share)) * self._steps))


class ValueSlider(QWidget):
    """A fader with its name and its value in large type; filled from where it resets to if it goes below 0.

    Signals:
        moved: the new value, from the player's hand only.
    """

    moved = pyqtSignal(float)

    def __init__(
        self,
        name: str,
        key: str,
        tip: str,
        *,
        low: float = 0.0,
        high: float = 1.0,
        reset: float = 0.0,
        steps: int = STEPS,
        colours: tuple[QColor, QColor] = (theme.PLAYING, theme.PLAYING),
        show: Callable[[float], str] = lambda value: f"{value:.0%}",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._high, self._steps, self._show = low, high, steps, show
        origin = self._position(reset) if low < 0 else 0
        self.fader = Fader(colours, self._position(reset), steps=steps, origin=origin, parent=self)
        self.fader.setAccessibleName(name)
        self.fader.setAccessibleDescription(tip)
        self.fader.setToolTip(f"{tip}\nArrow keys step; double click resets.{f' Key: {key}' if key else ''}")
        self.fader.valueChanged.connect(self._tell)
        self._value_label = QLabel(self)
        self._value_label.setFont(theme.font(16, bold=True, figures=True))
        self._lay_out(name, key)
        if key:
            QShortcut(QKeySequence(key), self, self._take_focus)
        self.show_value(reset)
        self._write()

    @property
    def value(self) -> float:
        """The value shown, between low and high."""
        return self._low + (self._high - self._low) * self.fader.value() / self._steps

    def show_value(self, value: float) -> None:
        """Show a value that came from elsewhere, without telling anybody; not while a hand holds it."""
        position = self._position(value)
        if self.fader.isSliderDown() or position == self.fader.value():
            return
        self.fader.blockSignals(True)
        self.fader.setValue(position)
        self.fader.blockSignals(False)
        self._write()

    def write(self, show: Callable[[float], str]) -> None:
        """Put the value into other words from now on."""
        self._show = show
        self._write()

    def set_active(self, active: bool) -> None:
        """Draw it brightly or quietly: whether it decides what sounds now."""
        if active != self.fader.active:
            self.fader.active = active
            self.fader.update()

    def _lay_out(self, name: str, key: str) -> None:
        title = QLabel(name, self)
        title.setFont(theme.font(12))
        title.setProperty("role", "title")
        title.setBuddy(self.fader)
        hint = QLabel(key, self)
        hint.setProperty("role", "faint")
        hint.setFont(theme.font(9))
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(title)
        top.addWidget(hint, 0, Qt.AlignmentFlag.AlignBottom)
        top.addStretch(1)
        top.addWidget(self._value_label)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.fader)

    def _position(self, value: float) -> int:
        return round((value - self._low) / (self._high - self._low) * self._steps)

    def _tell(self) -> None:
        self._write()
        self.moved.emit(self.value)

    def _write(self) -> None:
        self._value_label.setText(self._show(self.value))

    def _take_focus(self) -> None:
        self.fader.setFocus(Qt.FocusReason.ShortcutFocusReason)


class KeyButton(QPushButton):
    """A flat button that shows its key; reached by Tab, never stealing focus when clicked."""

    def __init__(
        self,
        text: str,
        key: str,
        tip: str,
        *,
        colour: QColor = theme.TEXT,
        checkable: bool = False,
        solid: bool = False,
        show_key: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._key, self._colour, self._solid = key if show_key else "", colour, solid
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(text)
        self.setAccessibleDescription(tip)
        self.setToolTip(f"{tip}\nKey: {key}" if key else tip)
        self.setFont(theme.font(11.5, bold=True))
        self.setMinimumHeight(46)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if key:
            QShortcut(QKeySequence(key), self, self.click).setAutoRepeat(False)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for the text, its key and some air."""
        text = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(text + 16 + (8 * len(self._key) + 18 if self._key else 14), 46)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Never hide part of the text."""
        return self.sizeHint()

    def event(self, event: QEvent | None) -> bool:
        """Keep Space for the focused button rather than for play and stop."""
        override = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride
        if override and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return):  # type: ignore[union-attr]
            event.accept()  # type: ignore[union-attr]
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Click on Return as well as on Space."""
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the plate, the text and the key."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setBrush(self._plate())
        painter.setPen(QPen(theme.TEXT, 2) if self.hasFocus() else QPen(theme.LINE, 1))
        painter.drawRoundedRect(box, 8, 8)
        painter.setPen(self._ink())
        painter.setFont(self.font())
        left = 10 if self._key else 0
        centred = Qt.AlignmentFlag.AlignVCenter | (
            Qt.AlignmentFlag.AlignLeft if self._key else Qt.AlignmentFlag.AlignHCenter
        )
        painter.drawText(box.adjusted(left, 0, 0, 0), centred, self.text())
        if self._key:
            painter.setFont(theme.font(8.5))
            painter.setPen(theme.mixed(self._ink(), self._plate(), 0.5))
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(box.adjusted(0, 0, -9, 0), right, self._key)

    def _lit(self) -> bool:
        return self.isChecked() or self._solid

    def _plate(self) -> QColor:
        if not self.isEnabled():
            return theme.PANEL
        base = self._colour if self._lit() else theme.RAISED
        if self.isDown():
            return theme.mixed(base, theme.GROUND, 0.3)
        return theme.mixed(base, theme.TEXT, 0.08) if self.underMouse() else base

    def _ink(self) -> QColor:
        if not self.isEnabled():
            return theme.FAINT
        return theme.GROUND if self._lit() else self._colour
