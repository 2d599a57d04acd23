"""The pad: a square with a slot at each corner; the hand inside it decides how much of each there is."""

from collections import deque
from collections.abc import Mapping

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.window import theme
from app.window.field_state import FieldState
from app.window.presenter import shares_text
from app.window.widgets.button import Role
from app.window.widgets.lamp import set_tip
from engine.modes.pad import CORNERS
from engine.parameter import Number

EDGE = 12
"""Pixels between the square's border and the places at its ends."""
HAND = 18
"""Diameter of the hand."""
AXIS = 13
"""Thickness of an axis."""
TRAIL = 40
"""Places of the hand that are remembered, and drawn the fainter the older."""
STEP = 0.01
PAGE = 0.1
ARROWS = {
    Qt.Key.Key_Left: ("pad_x", -1),
    Qt.Key.Key_Right: ("pad_x", 1),
    Qt.Key.Key_Up: ("pad_y", -1),
    Qt.Key.Key_Down: ("pad_y", 1),
}


class PadAxis(QWidget):
    """One of the pad's two parameters beside its edge: where it stands, and what moves it from outside.

    Signals:
        edited: id and value; the pad emits it.
        held: id and whether a hand begins or ends to move it; the pad emits it.
        changed: another state is shown.
    """

    edited = pyqtSignal(str, object)
    held = pyqtSignal(str, bool)
    changed = pyqtSignal()

    def __init__(self, parameter: Number, *, upright: bool) -> None:
        super().__init__()
        self.field_id, self._upright = parameter.id, upright
        self.state = FieldState(value=parameter.default)
        self.setAccessibleName(parameter.label)
        self.setAccessibleDescription(parameter.help)
        set_tip(self, parameter.help)
        (self.setFixedWidth if upright else self.setFixedHeight)(AXIS)

    @property
    def value(self) -> float:
        """Where it stands, 0 to 1."""
        value = self.state.value
        return float(value) if isinstance(value, int | float) else 0.5

    def show_field(self, state: FieldState) -> None:
        """Show a state; nothing is emitted."""
        if state != self.state:
            self.state = state
            self.update()
            self.changed.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the line, where the value is on it, and the controller that moves it."""
        look, painter = theme.now(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._upright:
            painter.rotate(90)
            painter.translate(0, -self.width())
        length = (self.height() if self._upright else self.width()) - 2 * EDGE
        middle = AXIS / 2
        painter.setPen(QPen(look.edge, 2))
        painter.drawLine(QPointF(EDGE, middle), QPointF(EDGE + length, middle))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.playing if self.state.active else look.quiet)
        painter.drawEllipse(QPointF(EDGE + self.value * length, middle), 4, 4)
        if self.state.binding:
            painter.setFont(theme.font(7.5))
            width = painter.fontMetrics().horizontalAdvance(self.state.binding) + 8
            box = QRectF(EDGE + (length - width) / 2, 0, width, AXIS)
            painter.fillRect(box, look.panel)
            painter.setPen(look.quiet)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.state.binding)


class PadSquare(QWidget):
    """The square: a press or a drag takes the hand there, arrow keys step it, a double click centres it.

    Signals:
        moved: id of an axis and its value, by the player's hand.
        held: whether a hand or a key begins (True) or ends (False) to move it.
    """

    moved = pyqtSignal(str, object)
    held = pyqtSignal(bool)

    def __init__(self, colours: Mapping[str, Role]) -> None:
        super().__init__()
        self._colours = colours
        self.places = {"pad_x": 0.5, "pad_y": 0.5}
        self.active = False
        self._shares: dict[str, float] = {}
        self._trail: deque[tuple[float, float]] = deque(maxlen=TRAIL)
        self._down = False
        self.setAccessibleName("Morph pad")
        set_tip(self, "Drag: blend the slots at the corners. Arrow keys step, a double click centres.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(64, 34)

    @property
    def is_held(self) -> bool:
        """Whether the hand is down."""
        return self._down

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size that a hand can aim in."""
        return QSize(160, 110)

    @property
    def trail(self) -> tuple[tuple[float, float], ...]:
        """Where the hand was before, oldest first, each as places on the two axes."""
        return tuple(self._trail)

    def move_hand(self, places: Mapping[str, float]) -> None:
        """Take the hand to a place; where it was becomes part of its trail."""
        if places == self.places:
            return
        self._trail.append((self.places["pad_x"], self.places["pad_y"]))
        self.places = dict(places)
        self.update()

    def show_shares(self, shares: Mapping[str, float]) -> None:
        """Show how much of each slot there is; empty slots are not in it."""
        if dict(shares) != self._shares:
            self._shares = dict(shares)
            self.setAccessibleDescription(shares_text(shares) or "All slots are empty.")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the square, its corners, and the hand."""
        look, painter = theme.now(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setBrush(look.ground)
        painter.setPen(QPen(look.text if self.hasFocus() else look.edge, 2 if self.hasFocus() else 1))
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QPen(look.faint, 1))
        middle = box.center()
        painter.drawLine(QPointF(middle.x(), box.top() + 2), QPointF(middle.x(), box.bottom() - 2))
        painter.drawLine(QPointF(box.left() + 2, middle.y()), QPointF(box.right() - 2, middle.y()))
        self._paint_corners(painter, look)
        self._paint_trail(painter, look)
        hand = self._place(self.places["pad_x"], self.places["pad_y"])
        painter.setPen(QPen(look.playing if self.active else look.edge, 2))
        painter.setBrush(look.text if self.active else look.quiet)
        painter.drawEllipse(hand, HAND / 2, HAND / 2)

    def _paint_trail(self, painter: QPainter, look: theme.Theme) -> None:
        """Draw where the hand was as dots, the fainter the older."""
        painter.setPen(Qt.PenStyle.NoPen)
        for age, (x, y) in enumerate(reversed(self._trail)):
            painter.setBrush(theme.mixed(look.text if self.active else look.quiet, look.ground, age / TRAIL))
            painter.drawEllipse(self._place(x, y), 2, 2)

    def _paint_corners(self, painter: QPainter, look: theme.Theme) -> None:
        """Name each corner; a line to the hand is the thicker the more of that slot there is."""
        hand = self._place(self.places["pad_x"], self.places["pad_y"])
        painter.setFont(theme.font(8.5, bold=True, figures=True))
        for name, (x, y) in CORNERS.items():
            share, corner = self._shares.get(name), self._place(x, y)
            colour = look.quiet if share is None else getattr(look, self._colours[name])
            if share and self.active:
                painter.setPen(QPen(theme.mixed(look.ground, colour, 0.7), 1 + 4 * share))
                painter.drawLine(corner, hand)
            painter.setPen(colour)
            text = name if share is None else f"{name} {share:.0%}"
            box = QRectF(self.rect()).adjusted(8, 5, -8, -5)
            across = Qt.AlignmentFlag.AlignRight if x else Qt.AlignmentFlag.AlignLeft
            down = Qt.AlignmentFlag.AlignBottom if y else Qt.AlignmentFlag.AlignTop
            written = painter.boundingRect(box, int(across | down), text).adjusted(-2, 0, 2, 0)
            painter.fillRect(written, look.ground)
            painter.drawText(box, across | down, text)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the hand to the place that was pressed."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._down = True
            self.held.emit(True)
            self._follow(event.position())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the hand while it is down."""
        if event is not None and self._down:
            self._follow(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        if self._down:
            self._down = False
            self.held.emit(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go back to the middle."""
        self._go({"pad_x": 0.5, "pad_y": 0.5})

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Step with the arrows, ten times as far with Shift; a key that is held down is one move."""
        if event is None or event.key() not in ARROWS:
            super().keyPressEvent(event)
            return
        if not event.isAutoRepeat():
            self.held.emit(True)
        name, way = ARROWS[Qt.Key(event.key())]
        far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._go({name: self.places[name] + way * (PAGE if far else STEP)})

    def keyReleaseEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """End the move of a key."""
        super().keyReleaseEvent(event)
        if event is not None and event.key() in ARROWS and not event.isAutoRepeat():
            self.held.emit(False)

    def focusInEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show the focus."""
        self.update()

    def focusOutEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show that it left."""
        self.update()

    def _place(self, x: float, y: float) -> QPointF:
        return QPointF(
            EDGE + x * (self.width() - 2 * EDGE),
            EDGE + y * (self.height() - 2 * EDGE),
        )

    def _follow(self, at: QPointF) -> None:
        self._go(
            {
                "pad_x": (at.x() - EDGE) / max(self.width() - 2 * EDGE, 1),
                "pad_y": (at.y() - EDGE) / max(self.height() - 2 * EDGE, 1),
            }
        )

    def _go(self, places: Mapping[str, float]) -> None:
        kept = {name: round(min(1.0, max(0.0, place)), 3) for name, place in places.items()}
        moved = {name: place for name, place in kept.items() if place != self.places[name]}
        self.move_hand({**self.places, **kept})
        for name, place in moved.items():
            self.moved.emit(name, place)


class MorphPad(QWidget):
    """The square with its two axes."""

    def __init__(self, across: Number, down: Number, colours: Mapping[str, Role]) -> None:
        super().__init__()
        self.square = PadSquare(colours)
        self.across, self.down = PadAxis(across, upright=False), PadAxis(down, upright=True)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.square, 0, 0)
        layout.addWidget(self.down, 0, 1)
        layout.addWidget(self.across, 1, 0)
        layout.setRowStretch(0, 1)
        layout.setColumnStretch(0, 1)
        self.square.held.connect(lambda on: self.across.held.emit(self.across.field_id, on))
        for axis in (self.across, self.down):
            axis.changed.connect(self._show_places)
        self.square.moved.connect(self._move)

    def _move(self, name: str, value: float) -> None:
        axis = self.across if name == self.across.field_id else self.down
        axis.edited.emit(name, value)

    def _show_places(self) -> None:
        """Take the hand to where the axes stand, unless the player holds it."""
        self.square.active = self.across.state.active
        if not self.square.is_held:
            self.square.move_hand({axis.field_id: axis.value for axis in (self.across, self.down)})
        self.square.update()
