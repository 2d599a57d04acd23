"""Lamps: the clock's state, and what comes in and goes out, with counts of what was ignored."""

import html

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.window import theme
from app.window.view import port_forms


def label(points: float, role: str = "", *, bold: bool = False, figures: bool = False) -> QLabel:
    """Return a label of a size and a role of the style sheet, whose text is never read as markup."""
    made = QLabel()
    made.setFont(theme.font(points, bold=bold, figures=figures))
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


def write(target: QLabel, text: str) -> None:
    """Set a label's text where it differs, so that an unchanged frame repaints nothing."""
    if target.text() != text:
        target.setText(text)


def set_tip(target: QWidget, text: str) -> None:
    """Set a tooltip that shows `text` as it is."""
    target.setToolTip(plain_tip(text))


def plain_tip(text: str) -> str:
    """Return a tooltip that shows `text` as it is, where Qt would read names from outside as markup, too."""
    if not Qt.mightBeRichText(text):  # type: ignore[attr-defined]  # the stubs have it elsewhere
        return text
    return f"<qt>{html.escape(text).replace(chr(10), '<br>')}</qt>"


def show_quiet(target: QWidget, quiet: bool) -> None:
    """Write what a field holds quietly, as it decides nothing now; it can be used all the same."""
    if bool(target.property("quiet")) != quiet and (style := target.style()) is not None:
        target.setProperty("quiet", quiet)
        style.unpolish(target)
        style.polish(target)


class FittingLabel(QLabel):
    """A line of any length, which ends in an ellipsis where there is no room; its tip has all of it."""

    def __init__(self, points: float, role: str = "") -> None:
        super().__init__()
        self.setFont(theme.font(points))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole = ""
        if role:
            self.setProperty("role", role)

    @property
    def whole(self) -> str:
        """All of the line."""
        return self._whole

    def write(self, text: str) -> None:
        """Show a line."""
        if text != self._whole:
            self._whole = text
            self.setAccessibleName(text)
            set_tip(self, text)
            self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show as much as there is room for."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        end = Qt.TextElideMode.ElideRight
        self.setText(self.fontMetrics().elidedText(self._whole, end, self.width()))


class Dot(QWidget):
    """A small round lamp in the colour of a mood; lit or dark."""

    def __init__(self, mood: str = "quiet", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mood, self._lit = mood, True
        self.setFixedSize(QSize(14, 14))

    @property
    def mood(self) -> str:
        """The mood shown."""
        return self._mood

    def show_mood(self, mood: str, lit: bool = True) -> None:
        """Take the colour of a mood: filled when lit, a ring when not."""
        if (mood, lit) != (self._mood, self._lit):
            self._mood, self._lit = mood, lit
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the lamp."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = theme.now().mood(self._mood)
        if self._lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(1.5, 1.5, 11, 11))
        else:
            painter.setPen(colour)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QRectF(2.5, 2.5, 9, 9))


class PortLamp(QWidget):
    """One direction of MIDI: a lamp that lights with each message, the port, and what came last.

    Signals:
        clicked: the player wants to see the last messages.
    """

    clicked = pyqtSignal()

    def __init__(self, name: str, mood: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._mood, self._tip = name, mood, tip
        self._state: tuple[str, str, bool, int, str] = ("", "", False, 0, mood)
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(44)

    @property
    def text(self) -> str:
        """The port and what came last, as a screen reader says it."""
        return self.accessibleDescription()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return room for a short name."""
        return QSize(130, 36)

    def show_activity(self, port: str, last: str, lit: bool, ignored: int, mood: str = "") -> None:
        """Show the port's name, the last messages, whether one just came, and how many were ignored."""
        state = (port, last, lit, ignored, mood or self._mood)
        if state == self._state:
            return
        if (port, ignored) != (self._state[0], self._state[3]):
            words = f"{self._name}: {port}." + (f" {ignored} messages were ignored." if ignored else "")
            self.setAccessibleDescription(words)
            set_tip(self, f"{words}\n{self._tip}")
        self._state = state
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Ask for the last messages."""
        self.clicked.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the lamp, and what there is room for of the rest."""
        port, last, lit, ignored, mood = self._state
        look, painter = theme.now(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        second = f"{ignored} ignored · {last}" if ignored else last
        middle = self.height() / 2 - (8 if second else 0)
        colour = look.mood(mood)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if lit else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(8, middle), 5, 5)
        for texts, y, points, ink in (
            (port_forms(self._name, port), middle, 10.5, look.text),
            ((second,), self.height() / 2 + 9, 8.5, look.waiting if ignored else look.quiet),
        ):
            painter.setFont(theme.font(points, figures=True))
            painter.setPen(ink)
            metrics, room = painter.fontMetrics(), self.width() - 21
            text = next((each for each in texts if metrics.horizontalAdvance(each) <= room), texts[-1])
            fitting = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(
                QRectF(20, y - 11, self.width() - 20, 22), Qt.AlignmentFlag.AlignVCenter, fitting
            )
