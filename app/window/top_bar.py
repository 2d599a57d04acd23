"""Ports, clock, and the panic button: what must be seen at a glance."""

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.window import theme
from app.window.controls import KeyButton
from app.window.fields import Choice
from app.window.view import Lamp

MOODS = {"good": theme.GOOD, "waiting": theme.WAITING, "bad": theme.BAD, "quiet": theme.QUIET}


class Dot(QWidget):
    """A small lamp."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = theme.QUIET
        self.setFixedSize(QSize(16, 16))

    def set_colour(self, mood: str) -> None:
        """Take the colour of a mood."""
        self._colour = MOODS[mood]
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the lamp with a faint halo."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(theme.PANEL, self._colour, 0.3))
        painter.drawEllipse(QRectF(0, 0, 16, 16))
        painter.setBrush(self._colour)
        painter.drawEllipse(QRectF(4, 4, 8, 8))


def label(points: float, role: str = "", *, bold: bool = False, figures: bool = False) -> QLabel:
    """Return a label of a size and a role of the style sheet."""
    made = QLabel()
    made.setFont(theme.font(points, bold=bold, figures=figures))
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


class TopBar(QFrame):
    """Shows ports, the clock's state, tempo and bar.beat; holds the panic button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bar")
        self._ports, self._model = label(12), label(10.5, "quiet")
        tip = "The model that answers; another one takes over while the music goes on."
        self.models = Choice("Model", tip, ())
        self.models.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._position = label(34, bold=True, figures=True)
        self._position.setAccessibleName("Bar and beat")
        self._position.setMinimumWidth(150)
        self._position.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._tempo, self._jitter = label(18, bold=True, figures=True), label(10.5, "quiet", figures=True)
        self._dot, self._lamp, self._back_end = Dot(), label(15, bold=True), label(10.5, "quiet")
        self.panic = KeyButton("Panic", "Esc", "Silence every note now.", colour=theme.BAD, parent=self)
        self.panic.setMinimumWidth(124)
        self._lay_out()

    def show_ports(self, line: str, detail: str) -> None:
        """Show which ports are open and the back end and model behind them."""
        _write(self._ports, line)
        _write(self._model, detail)

    def offer_models(self, models: Mapping[str, str]) -> None:
        """Offer models: what to load each by, by the name to show."""
        self.models.clear()
        for name, what in models.items():
            self.models.addItem(name, what)
        self.models.setVisible(bool(models))

    def show_model(self, name: str) -> None:
        """Show which model is loaded, whether it is one of those on offer or not; none while it loads."""
        self.models.setPlaceholderText(name or "Loading the model")
        at = self.models.findText(name)
        if self.models.currentIndex() != at:
            self.models.setCurrentIndex(at)

    def show_lamp(self, lamp: Lamp, detail: str) -> None:
        """Show how the clock stands."""
        if self._lamp.text() != lamp.word:
            self._dot.set_colour(lamp.mood)
            self._lamp.setToolTip(lamp.sentence)
        _write(self._lamp, lamp.word)
        _write(self._back_end, detail)

    def show_time(self, position: str, tempo: str, jitter: str) -> None:
        """Show bar.beat, tempo and the clock's measured jitter."""
        _write(self._position, position)
        _write(self._tempo, tempo)
        _write(self._jitter, jitter)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 10, 14, 10)
        layout.setSpacing(26)
        layout.addLayout(_column(self._ports, self._model), 1)
        layout.addWidget(self.models)
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._dot)
        state.addWidget(self._lamp)
        lamp = QVBoxLayout()
        lamp.setSpacing(2)
        lamp.addStretch(1)
        lamp.addLayout(state)
        lamp.addWidget(self._back_end)
        lamp.addStretch(1)
        layout.addLayout(lamp)
        layout.addWidget(self._position)
        layout.addLayout(_column(self._tempo, self._jitter))
        layout.addWidget(self.panic)


def _column(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(2)
    column.addStretch(1)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return column


def _write(target: QLabel, text: str) -> None:
    if target.text() != text:
        target.setText(text)
