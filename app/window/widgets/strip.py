"""The strip of bars that were heard: a click or a drag takes 1 to 16 of them as the source."""

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.window import theme
from app.window.axis import Axis
from app.window.score import StripBar
from app.window.widgets.keys import ENTERING, WALKING, is_kept
from app.window.widgets.lamp import set_tip
from app.window.widgets.note_paint import paint_small

LEAST_CELL = 62
MOST_PICKED = 16
GAP = 3
BELOW_NUMBER = 15
"""Pixels from the top at which the playhead begins, so that it strikes no number through."""
LEAVING = 14
"""Pixels above or below the strip from which the hand drags bars out."""


class BarStrip(QWidget):
    """Shows the newest bars, the one being played, and which of them are the source.

    Signals:
        dragged: id of the first bar and how many, when the hand leaves the strip with them.
        picked: id of the first bar and how many, by the player's hand.
    """

    dragged = pyqtSignal(int, int)
    picked = pyqtSignal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Heard bars")
        self.setAccessibleDescription(
            "Click a bar or drag over several to answer those; arrow keys, Shift for several, and Return."
        )
        set_tip(self, "Click a bar, or drag over up to 16, to answer those. The wheel goes back in time.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(32)
        self._bars: tuple[StripBar, ...] = ()
        self._live: StripBar | None = None
        self._source: tuple[int, int] = (0, 0)
        self._playhead: float | None = None
        self._axis = Axis()
        self._back = 0
        """Bars between the newest and the last one shown."""
        self._hand: tuple[int, int] | None = None
        """Ids of the bars under the hand: where it began, and where it is."""
        self._cursor = 0
        """Id of the bar that the keys stand on."""
        self._picture: QPixmap | None = None

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for a dozen bars."""
        return QSize(12 * LEAST_CELL, 48)

    def show_bars(self, bars: Sequence[StripBar], source: tuple[int, int]) -> None:
        """Show bars, oldest first; `source` is the id of the first source bar and how many there are."""
        shown = tuple(bars)
        if (shown, source) == (self._bars, self._source):
            return
        self._bars, self._source = shown, source
        self._axis = self._axis.grown(note for bar in shown for note in bar.notes)
        self._repaint_all()

    def show_live(self, bar: StripBar | None, playhead: float | None) -> None:
        """Show the bar that is being played, and how far it is, 0 to 1."""
        if (bar, playhead) == (self._live, self._playhead):
            return
        axis = self._axis if bar is None else self._axis.grown(bar.notes)
        if axis != self._axis or (bar is None) != (self._live is None):
            self._picture = None
        self._live, self._playhead, self._axis = bar, playhead, axis
        self.update()

    @property
    def shown(self) -> tuple[StripBar, ...]:
        """The bars in sight, oldest first, the one being played aside."""
        places = self._places() - (1 if self._live is not None and not self._back else 0)
        end = len(self._bars) - self._back
        return self._bars[max(0, end - places) : end]

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Copy the bars that are whole, and draw the one being played, which changes in every frame."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._painted(ratio)
        painter.drawPixmap(0, 0, self._picture)
        look = theme.now()
        if self._live is not None and not self._back:
            cell = self._cell(len(self.shown))
            self._paint_place(painter, look, cell, self._live)
            if self._playhead is not None:
                left = cell.left() + self._playhead * cell.width()
                painter.fillRect(QRectF(left, BELOW_NUMBER, 2, self.height()), look.text)
        if self.hasFocus() and self.shown:
            painter.setPen(QPen(look.text, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            at = min(max(self._cursor - self.shown[0].id, 0), len(self.shown) - 1)
            painter.drawRoundedRect(self._cell(at).adjusted(2, 2, -2, -2), 3, 3)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drop the pixmap of the old size."""
        self._picture = None
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Drop the pixmap of the old colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._repaint_all()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Begin to take bars."""
        id = self._bar_at(event.position().x()) if event else None
        if id is not None:
            self._hand = id, id
            self._repaint_all()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the bars up to the hand; a hand that leaves the strip drags them out."""
        if event is not None and self._hand is not None and not self._is_near(event.position().y()):
            first, last = sorted(self._hand)
            self._hand = None
            self._repaint_all()
            self.dragged.emit(first, last - first + 1)
            return
        id = self._bar_at(event.position().x()) if event else None
        if self._hand is not None and id is not None:
            self._reach(self._hand[0], id)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report the bars that were taken."""
        if self._hand is not None:
            self._cursor = self._hand[1]
            self._pick(*sorted(self._hand))

    def event(self, event: QEvent | None) -> bool:
        """Keep the arrows and Return while it has the focus."""
        return is_kept(event, WALKING) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Walk over the bars with the arrows, with Shift from one to another, and take them with Return."""
        if event is None or event.key() not in WALKING or not self._bars:
            super().keyPressEvent(event)
            return
        before = min(max(self._cursor, self._bars[0].id), self._bars[-1].id)
        if event.key() in ENTERING:
            self._pick(*sorted(self._hand or (before, before)))
            return
        step = -1 if event.key() == Qt.Key.Key_Left else 1
        self._cursor = min(max(before + step, self._bars[0].id), self._bars[-1].id)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._cursor = self._reach((self._hand or (before, before))[0], self._cursor)
        else:
            self._hand = None
        self._scroll_to(self._cursor)
        self._repaint_all()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let go of bars that were reached and not taken."""
        self._hand = None
        self._repaint_all()
        super().focusOutEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go back in time, or forward to now."""
        if event is None:
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        self._go_back(self._back + (1 if turn > 0 else -1))
        event.accept()

    def _reach(self, first: int, last: int) -> int:
        """Take the bars from one id to another, as far as may be taken; return the last one."""
        reach = MOST_PICKED - 1
        last = min(max(last, first - reach), first + reach)
        self._hand = first, last
        self._repaint_all()
        return last

    def _pick(self, first: int, last: int) -> None:
        self._hand = None
        self.picked.emit(first, last - first + 1)
        self._repaint_all()

    def _go_back(self, bars: int) -> None:
        self._back = min(max(0, bars), max(0, len(self._bars) - self._places() + 1))
        self._repaint_all()

    def _scroll_to(self, id: int) -> None:
        """Bring a bar into sight."""
        if id < self.shown[0].id:
            self._go_back(self._back + self.shown[0].id - id)
        elif id > self.shown[-1].id:
            self._go_back(self._back - (id - self.shown[-1].id))

    def _is_near(self, y: float) -> bool:
        return -LEAVING <= y <= self.height() + LEAVING

    def _places(self) -> int:
        return max(1, min(16, self.width() // LEAST_CELL))

    def _cell(self, at: int) -> QRectF:
        width = self.width() / self._places()
        return QRectF(at * width, 0, width - GAP, self.height())

    def _bar_at(self, x: float) -> int | None:
        at, shown = int(x // (self.width() / self._places())), self.shown
        return shown[min(at, len(shown) - 1)].id if shown and at >= 0 else None

    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    def _painted(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        look = theme.now()
        picture.fill(look.panel)
        painter = QPainter(picture)
        shown = self.shown
        for at in range(self._places()):
            self._paint_place(painter, look, self._cell(at), shown[at] if at < len(shown) else None)
        self._paint_source(painter, look)
        painter.end()
        return picture

    def _paint_place(self, painter: QPainter, look: theme.Theme, cell: QRectF, bar: StripBar | None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.edge if bar else look.faint, 1))
        painter.setBrush(look.ground)
        painter.drawRoundedRect(cell.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if bar is None:
            return
        painter.setFont(theme.font(8, figures=True))
        painter.setPen(look.quiet)
        painter.drawText(cell.adjusted(5, 2, 0, 0), Qt.AlignmentFlag.AlignLeft, f"{bar.number}")
        painter.setPen(look.heard)
        painter.drawText(cell.adjusted(0, 2, -5, 0), Qt.AlignmentFlag.AlignRight, bar.chord)
        inner = cell.adjusted(4, 15, -4, -4)
        paint_small(
            painter,
            inner,
            bar.notes,
            bar.length_beats,
            self._axis,
            lambda n: look.note(look.heard, n.velocity),
        )

    def _paint_source(self, painter: QPainter, look: theme.Theme) -> None:
        first, count = self._source
        if self._hand is not None:
            low, high = sorted(self._hand)
            first, count = low, high - low + 1
        cells = [self._cell(at) for at, bar in enumerate(self.shown) if first <= bar.id < first + count]
        if cells:
            painter.setPen(QPen(look.heard, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cells[0].united(cells[-1]).adjusted(1, 1, -1, -1), 5, 5)
