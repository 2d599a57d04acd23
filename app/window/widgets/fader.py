"""The slider itself: a groove and a handle that can be moved by hand, wheel and keys."""

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSlider

from app.window import theme
from app.window.widgets.button import Role

STEPS = 1000
"""Positions of a slider over its whole range, if it has no whole steps of its own."""
HANDLE = 20
MOVING = frozenset(
    {
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
        Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End,
    }
)  # fmt: skip
"""Keys that move a slider."""


class Fader(QSlider):
    """A horizontal slider that jumps to the click, steps finely by wheel and resets on double click.

    Signals:
        held: a hand or a key begins (True) or ends (False) to move it.
    """

    held = pyqtSignal(bool)

    def __init__(self, colour: Role, *, steps: int = STEPS, reset: int = 0, origin: int = 0) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, steps)
        self.setSingleStep(max(1, steps // 100))
        self.setPageStep(max(1, steps // 10))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(HANDLE + 8)
        self._colour: Role = colour
        self._steps, self._reset, self._origin = steps, reset, origin
        self.active = True
        """Whether it decides what sounds now; drawn quietly otherwise."""

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width that a hand can aim in."""
        return QSize(160, HANDLE + 8)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the least width that can still be aimed in."""
        return QSize(90, HANDLE + 8)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Jump to the place that was pressed."""
        if event and event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.held.emit(True)
            self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the hand while it is down."""
        if event and self.isSliderDown():
            self._follow(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        if self.isSliderDown():
            self.setSliderDown(False)
            self.held.emit(False)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Step; a key that is held down is one move."""
        if event is not None and event.key() in MOVING and not event.isAutoRepeat():
            self.held.emit(True)
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """End the move of a key."""
        super().keyReleaseEvent(event)
        if event is not None and event.key() in MOVING and not event.isAutoRepeat():
            self.held.emit(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go back to the value it started with."""
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
        look = theme.now()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, x = self.height() / 2, self._x_of(self.value())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.edge if self.isEnabled() else look.faint)
        painter.drawRoundedRect(QRectF(2, middle - 2.5, self.width() - 4, 5), 2.5, 2.5)
        start = self._x_of(self._origin) if self._origin else 2.0
        if self.isEnabled():
            painter.setBrush(getattr(look, self._colour) if self.active else look.quiet)
            left = min(start, x)
            painter.drawRoundedRect(QRectF(left, middle - 2.5, max(abs(x - start), 5), 5), 2.5, 2.5)
        if self._origin:
            painter.setBrush(look.quiet)
            painter.drawRect(QRectF(start - 1, middle - 8, 2, 16))
        self._paint_handle(painter, look, x, middle)

    def _paint_handle(self, painter: QPainter, look: theme.Theme, x: float, middle: float) -> None:
        half = HANDLE / 2
        painter.setBrush(self._handle_colour(look))
        painter.setPen(QPen(look.panel, 2))
        painter.drawEllipse(QRectF(x - half, middle - half, HANDLE, HANDLE))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.text, 2))
            painter.drawEllipse(QRectF(x - half - 2, middle - half - 2, HANDLE + 4, HANDLE + 4))

    def _handle_colour(self, look: theme.Theme) -> QColor:
        if not self.isEnabled():
            return look.edge
        return look.text if self.active else look.quiet

    def _x_of(self, position: int) -> float:
        return 13 + (self.width() - 26) * position / self._steps

    def _follow(self, event: QMouseEvent) -> None:
        share = (event.position().x() - 13) / max(self.width() - 26, 1)
        self.setValue(round(min(1.0, max(0.0, share)) * self._steps))
