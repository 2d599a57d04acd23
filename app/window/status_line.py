"""The bottom line: how fast, how exact, and whether there is sound."""

from dataclasses import dataclass

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.window.top_bar import label
from app.window.view import late_words, milliseconds


@dataclass(frozen=True, slots=True)
class Health:
    """What the bottom line tells."""

    pattern_ms: float | None
    """Slider moved until the new pattern was on its way."""
    late_ms: float | None
    """99th percentile of how late messages left."""
    late_sends: int
    dropped_input: int
    realtime: bool | None
    """Whether the system granted real-time scheduling; `None` before the performer said so."""


class StatusLine(QWidget):
    """Shows measured facts, quietly, and turns nothing but words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._speed, self._health, self._sound = (label(10, "quiet", figures=True) for _ in range(3))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.setSpacing(28)
        layout.addWidget(self._speed)
        layout.addWidget(self._health)
        layout.addStretch(1)
        layout.addWidget(self._sound)

    def show_health(self, health: Health) -> None:
        """Show what was measured."""
        _write(self._speed, f"Slider to pattern {milliseconds(health.pattern_ms)}")
        granted = {None: "", True: "  ·  Real-time scheduling", False: "  ·  No real-time scheduling"}
        words = late_words(health.late_ms, health.late_sends, health.dropped_input)
        _write(self._health, words + granted[health.realtime])

    def show_sound(self, words: str) -> None:
        """Show whether and how the answer is heard here."""
        _write(self._sound, words)


def _write(target: QLabel, text: str) -> None:
    if target.text() != text:
        target.setText(text)
