"""What a continuation goes on from, and how long it is: in the place of Variation and Morph."""

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from app.window import theme
from app.window.controls import KeyButton, ValueSlider
from app.window.fields import show_if
from app.window.top_bar import label
from engine.inference.controls import LONGEST_BARS, Controls, Start
from engine.snapshot import Snapshot

STARTS: tuple[tuple[Start, str, str, str], ...] = (
    ("guided", "Played", "7", "Go on from what you played: the model hears it first."),
    ("zero", "Nothing", "8", "Begin with nothing in mind; nothing need be played."),
    ("random", "Random", "9", "Begin anywhere: as if something had been heard that the seed makes up."),
)
BUTTON_HEIGHT = 36


class StartChoice(QWidget):
    """One of the ways to start, all of them in sight.

    Signals:
        chosen: the way, by the player's hand only.
    """

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = label(12, "title")
        title.setText("Start from")
        self.buttons: dict[str, KeyButton] = {}
        group, buttons = QButtonGroup(self), QHBoxLayout()
        buttons.setSpacing(6)
        for start, text, key, tip in STARTS:
            button = KeyButton(text, key, tip, colour=theme.PLAYING, checkable=True, parent=self)
            button.setAccessibleName(f"Start from {text.lower()}")
            button.setFixedHeight(BUTTON_HEIGHT)
            button.clicked.connect(lambda _, start=start: self.chosen.emit(start))
            group.addButton(button)
            buttons.addWidget(button)
            self.buttons[start] = button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(title, 1, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(buttons)

    def show_start(self, start: Start) -> None:
        """Show a way that came from elsewhere."""
        self.buttons[start].setChecked(True)


class Continuing(QObject):
    """The two controls of a continuation; `show_state` shows them for models that can continue."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model_bars = 0
        self.start = StartChoice()
        self.length = ValueSlider(
            "Length",
            "L",
            "How many bars to write; all the way left writes as many as the model hears.",
            high=LONGEST_BARS,
            steps=LONGEST_BARS,
            show=self._words,
        )

    @property
    def bars(self) -> int:
        """Bars asked for; 0 for as many as the model hears."""
        return round(self.length.value)

    def show_state(self, snapshot: Snapshot, controls: Controls) -> None:
        """Show how they stand, or nothing of them."""
        offered = "continue" in snapshot.modes
        show_if(self.start, offered)
        show_if(self.length, offered)
        self.start.show_start(controls.start)
        self.length.show_value(controls.bars)
        if snapshot.model_bars != self._model_bars:
            self._model_bars = snapshot.model_bars
            self.length.write(self._words)

    def _words(self, value: float) -> str:
        bars = round(value)
        if bars == 0:
            return f"{self._model_bars} bars, as heard" if self._model_bars else "as heard"
        return "1 bar" if bars == 1 else f"{bars} bars"
