"""Small cards of phrases: slots to store in, takes to hear and keep; bars and files drop onto them."""

from PyQt6.QtCore import QEvent, QMimeData, QPoint, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PyQt6.QtWidgets import QApplication, QSizePolicy, QWidget

from app.window import theme
from app.window.axis import Axis
from app.window.widgets.button import Role
from app.window.widgets.keys import PRESSING, is_kept
from app.window.widgets.note_paint import paint_small
from engine.music.notes import Phrase

REFERENCE = "application/x-antiphon-phrase"
"""What a drag inside the window carries beside the file: where its phrase comes from, such as `bars 12 2`."""

BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class PhraseCard(QWidget):
    """Shows one phrase with a name and a caption.

    Signals:
        pressed: it was clicked, or entered by Return or Space.
        entered: the hand or the focus came to it.
        left: the hand or the focus left it.
        dragged: the player began to drag its phrase out.
        dropped: a reference as in `REFERENCE`, or the path of a MIDI file, was dropped on it.
        menu_wanted: the place on the screen where a menu of the card is to open.
    """

    pressed = pyqtSignal()
    entered = pyqtSignal()
    left = pyqtSignal()
    dragged = pyqtSignal()
    dropped = pyqtSignal(str, bool)
    menu_wanted = pyqtSignal(QPoint)

    def __init__(self, name: str, colour: Role, empty: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._colour, self._empty = name, colour, empty
        self._phrase: Phrase | None = None
        self._caption, self._marked = "", False
        self._is_target = False
        """Whether something that it takes is held over it."""
        self._shift = 0
        self.number = 0
        """Of what it shows, for who made the card."""
        self._pressed_at: QPoint | None = None
        self._axis = Axis()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(64, 40)

    @property
    def phrase(self) -> Phrase | None:
        """The phrase shown."""
        return self._phrase

    @property
    def written(self) -> Phrase | None:
        """The phrase shown as it was before it was shifted, which comes after everything else."""
        return self._phrase and self._phrase.transposed(-self._shift)

    @property
    def is_pressed(self) -> bool:
        """Whether a hand is down on it and has not begun to drag."""
        return self._pressed_at is not None

    def let_go(self) -> None:
        """Forget the hand that is down: what follows is no click."""
        self._pressed_at = None

    @property
    def caption(self) -> str:
        """The line below the notes."""
        return self._caption

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a comfortable size."""
        return QSize(140, 64)

    def show_name(self, name: str) -> None:
        """Show another name."""
        if name != self._name:
            self._name = name
            self.setAccessibleName(name)
            self.update()

    def show_phrase(
        self, phrase: Phrase | None, caption: str = "", marked: bool = False, shift: int = 0
    ) -> None:
        """Show a phrase, or an invitation where there is none.

        Args:
            phrase: as it sounds.
            caption: written above it.
            marked: whether it is framed in its colour.
            shift: semitones that it was shifted by.
        """
        self._shift = shift
        if (phrase, caption, marked) == (self._phrase, self._caption, self._marked):
            return
        if phrase != self._phrase:
            self._axis = Axis().grown(phrase.notes) if phrase else Axis()
        self._phrase, self._caption, self._marked = phrase, caption, marked
        self.setAccessibleDescription(caption if phrase else self._empty)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the plate, what is written on it, and the notes."""
        look = theme.now()
        colour = getattr(look, self._colour)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setBrush(look.raised if self.underMouse() or self._is_target else look.ground)
        strong = self._marked or self.hasFocus() or self._is_target
        lit = colour if self._marked or self._is_target else look.edge
        painter.setPen(QPen(look.text if self.hasFocus() else lit, 2 if strong else 1))
        painter.drawRoundedRect(box, 5, 5)
        self.paint_words(painter, box)
        if self._phrase is None:
            return
        paint_small(
            painter, self.notes_area(box), self._phrase.notes, self._phrase.length_beats, self._axis,
            lambda note: look.note(colour, note.velocity),
        )  # fmt: skip

    def notes_area(self, box: QRectF) -> QRectF:
        """Return where the notes are drawn on the plate."""
        return box.adjusted(8, 19, -8, -6)

    def paint_words(self, painter: QPainter, box: QRectF) -> None:
        """Draw the name and the caption, or what an empty card says."""
        look = theme.now()
        small = theme.font(8, figures=True)
        taken = QFontMetricsF(small).horizontalAdvance(self._caption) + 10 if self._phrase else 0
        painter.setFont(theme.font(9, bold=True, figures=True))
        painter.setPen(getattr(look, self._colour))
        line = box.adjusted(7, 3, -7, 0)
        name = painter.fontMetrics().elidedText(
            self._name, Qt.TextElideMode.ElideRight, int(line.width() - taken)
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(small)
        painter.setPen(look.text if self._marked else look.quiet)
        if self._phrase is None:
            wrapped = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(box.adjusted(16, 4, -8, -4), wrapped, self._empty)
            return
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, self._caption)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Note where a drag may begin; the right button opens the menu."""
        if event is None:
            return
        if event.button() == Qt.MouseButton.RightButton:
            self.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)  # no leaving is reported below a menu
            self.update()
            self.menu_wanted.emit(event.globalPosition().toPoint())
            return
        self._pressed_at = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Begin a drag once the hand has moved far enough."""
        if event is None or self._pressed_at is None or self._phrase is None:
            return
        if (
            event.position().toPoint() - self._pressed_at
        ).manhattanLength() >= QApplication.startDragDistance():
            self._pressed_at = None
            self.dragged.emit()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report a click."""
        if self._pressed_at is not None and event is not None:
            self._pressed_at = None
            if self.rect().contains(event.position().toPoint()):
                self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Press on Return and Space, open the menu on the menu key."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit()
        elif event is not None and event.key() == Qt.Key.Key_Menu:
            self.menu_wanted.emit(self.mapToGlobal(self.rect().center()))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Keep Space for the focused card rather than for play and stop."""
        return is_kept(event, PRESSING) or super().event(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report the focus as the hand, where it came by Tab and not since another widget is gone."""
        super().focusInEvent(event)
        self.update()
        if event is not None and event.reason() in BY_TAB:
            self.entered.emit()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report that the focus left."""
        super().focusOutEvent(event)
        self.update()
        self.left.emit()

    def enterEvent(self, event: QEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report the hand."""
        self.update()
        self.entered.emit()

    def leaveEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report that the hand left."""
        self.update()
        self.left.emit()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take phrases of this window and MIDI files."""
        if event is not None and dropped_phrase(event.mimeData()) is not None:
            event.acceptProposedAction()
            self._show_target(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show that what is dragged went on."""
        self._show_target(False)

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Report what was dropped: a reference, or a path."""
        self._show_target(False)
        found = dropped_phrase(event.mimeData()) if event is not None else None
        if event is not None and found is not None:
            event.acceptProposedAction()
            self.dropped.emit(*found)

    def _show_target(self, on: bool) -> None:
        self._is_target = on
        self.update()


def dropped_phrase(data: QMimeData | None) -> tuple[str, bool] | None:
    """Return what a drop brings: a reference and False, or a MIDI file's path and True; None if neither."""
    if data is None:
        return None
    if data.hasFormat(REFERENCE):
        return bytes(data.data(REFERENCE).data()).decode(), False
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    found = next((path for path in paths if path.lower().endswith((".mid", ".midi"))), None)
    return None if found is None else (found, True)
