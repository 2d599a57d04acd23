"""MIDI learn: a layer over the window; a click chooses a control, the next MIDI message is bound to it."""

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from app.window import theme


class LearnLayer(QWidget):
    """Covers its parent while the player learns; controls that can be learned are framed.

    Signals:
        chosen: id of the control that was clicked.
        left: a click beside all controls, or Esc.
    """

    chosen = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("MIDI learn")
        self._places: dict[str, QRect] = {}
        self._bound: dict[str, str] = {}
        self._waiting, self._text = "", ""
        parent.installEventFilter(self)
        self.hide()

    def show_targets(self, places: dict[str, QRect], bound: dict[str, str], waiting: str, text: str) -> None:
        """Frame controls.

        Args:
            places: by id, where they are in the parent.
            bound: by id, what moves them already.
            waiting: id of the one that waits for a message; empty for none.
            text: what to do now.
        """
        if (places, bound, waiting, text) == (self._places, self._bound, self._waiting, self._text):
            return
        self._places, self._bound, self._waiting, self._text = places, bound, waiting, text
        self.update()

    def begin(self) -> None:
        """Cover the parent."""
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Stay as large as the parent."""
        if event is not None and event.type() == QEvent.Type.Resize and watched is self.parent():
            self.setGeometry(self.parentWidget().rect())  # type: ignore[union-attr]
        return super().eventFilter(watched, event)

    def target_at(self, place: QPoint) -> str:
        """Return the id of the smallest control at a place; empty for none."""
        under = {name: rect for name, rect in self._places.items() if rect.contains(place)}
        return min(under, key=lambda name: under[name].width() * under[name].height(), default="")

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Choose the control under the hand."""
        name = self.target_at(event.position().toPoint()) if event is not None else ""
        if name:
            self.chosen.emit(name)
        else:
            self.left.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Dim the window, frame the controls, name what moves them, say what to do."""
        look, painter = theme.now(), QPainter(self)
        painter.fillRect(self.rect(), theme.with_alpha(look.ground, 150))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(8.5, bold=True))
        for name, rect in self._places.items():
            waits = name == self._waiting
            painter.setBrush(theme.with_alpha(look.coming, 70 if waits else 26))
            painter.setPen(QPen(look.text if waits else look.coming, 2 if waits else 1))
            painter.drawRoundedRect(QRectF(rect), 5, 5)
            if name in self._bound or waits:
                self._paint_tag(painter, look, rect, "…" if waits else self._bound[name])
        self._paint_text(painter, look)

    def _paint_tag(self, painter: QPainter, look: theme.Theme, rect: QRect, text: str) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 10
        tag = QRectF(rect.right() - width + 2, rect.top() - 2, width, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.coming)
        painter.drawRoundedRect(tag, 3, 3)
        painter.setPen(look.ground)
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_text(self, painter: QPainter, look: theme.Theme) -> None:
        painter.setFont(theme.font(12, bold=True))
        width = painter.fontMetrics().horizontalAdvance(self._text) + 40
        box = QRectF((self.width() - width) / 2, self.height() * 0.32, width, 40)
        painter.setPen(QPen(look.coming, 2))
        painter.setBrush(look.raised)
        painter.drawRoundedRect(box, 8, 8)
        painter.setPen(look.text)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._text)
