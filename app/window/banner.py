"""One line across the window for what went wrong, why, and what to do."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.window import theme
from app.window.controls import KeyButton

MOODS = {"bad": theme.BAD, "waiting": theme.WAITING, "hint": theme.HEARD}


class Banner(QFrame):
    """Shows one notice until it is dismissed or another takes its place.

    Signals:
        dismissed: the player closed it.
    """

    dismissed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._text = QLabel(self)
        self._text.setFont(theme.font(12))
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = KeyButton("OK", "", "Close this notice.", parent=self)
        self.button.setAccessibleName("Dismiss notice")
        self.button.setFixedHeight(34)
        self.button.clicked.connect(self._dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 8, 10, 8)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.button)
        self.hide()

    @property
    def text(self) -> str:
        """The notice shown, empty when none is."""
        return self._text.text() if not self.isHidden() else ""

    def show_notice(self, text: str, mood: str = "bad") -> None:
        """Show `text`; `mood` is `bad`, `waiting` or `hint`."""
        colour = MOODS[mood]
        ground = theme.mixed(theme.PANEL, colour, 0.16).name()
        edge = theme.mixed(theme.PANEL, colour, 0.8).name()
        self.setStyleSheet(
            f"QFrame#banner {{ background: {ground}; border: 1px solid {edge}; border-radius: 10px; }}"
        )
        self._text.setText(text)
        self.setAccessibleName(text)
        self.show()

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()
