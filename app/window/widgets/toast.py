"""Notices that float over the window: nothing moves for them; hints fade, errors stay."""

from collections.abc import Callable, Sequence

import msgspec
from PyQt6.QtCore import QEvent, QObject, QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from app.window import theme
from app.window.widgets.button import KeyButton
from app.window.widgets.lamp import label

HINT_MS = 4000
"""How long a hint stays; an error stays until it is closed or over."""
MARGIN = 16
WIDEST = 760


class Line(msgspec.Struct, frozen=True):
    """One notice as it is shown."""

    text: str
    mood: str = "bad"
    """`bad`, `waiting` or `hint`."""
    about: str | None = None
    """Subject of a notice that stands as long as it holds; None for a word of the window's own."""


class Toast(QFrame):
    """Shows notices over its parent, at its lower edge: the newest, with how many there are, and the others.

    Signals:
        dismissed: subject of a standing notice that the player closed.
    """

    dismissed = pyqtSignal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toast")
        self._lines: list[Line] = []
        """Oldest first."""
        self._faded: set[Line] = set()
        """Hints that still hold and were shown for long enough."""
        self._shown: Line | None = None
        self._text, self._count = label(11), label(9.5, "quiet", figures=True)
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.area: Callable[[], QRect] = parent.rect
        """Returns the part of its parent at whose lower edge it floats."""
        self.next = KeyButton("older_notice", "Next", "", "Show the other notices.", parent=self)
        self.next.setAccessibleName("Next notice")
        self.next.edited.connect(lambda *_: self._show_older())
        close = KeyButton("dismiss", "OK", "", "Close this notice.", parent=self)
        close.setAccessibleName("Dismiss notice")
        close.edited.connect(lambda *_: self._dismiss())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._count)
        for button in (self.next, close):
            button.setFixedHeight(28)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fade)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """The notice shown, empty when none is."""
        return "" if self._shown is None else self._shown.text

    @property
    def mood(self) -> str:
        """Mood of the notice shown: `bad`, `waiting` or `hint`."""
        return "hint" if self._shown is None else self._shown.mood

    @property
    def count(self) -> str:
        """Which of how many notices is shown, such as `1 of 3`, the newest first; empty for a single one."""
        return self._count.text()

    def show_notice(self, text: str, mood: str = "bad") -> None:
        """Show a word of the window's own in place of the one before; those that stand wait behind it."""
        others = [line for line in self._lines if line.about is not None]
        self._lines = [*others, Line(text, mood)]
        self._show(self._lines[-1])

    def show_standing(self, lines: Sequence[Line]) -> None:
        """Show the notices that hold, oldest first; one that is new comes to the front."""
        self._faded &= set(lines)
        kept = [line for line in self._lines if line.about is None or line in lines]
        new = [line for line in lines if line not in kept and line not in self._faded]
        self._lines = kept + new
        if new or self._shown not in self._lines:
            self._show(self._lines[-1] if self._lines else None)
        else:
            self._show_count()

    def _show(self, line: Line | None) -> None:
        self._shown = line
        self._timer.stop()
        if line is None:
            self.hide()
            return
        self._text.setText(line.text)
        self.setAccessibleName(line.text)
        self._show_count()
        self._paint_frame()
        if line.mood == "hint":
            self._timer.start(HINT_MS)
        self._place()
        self.show()
        self.raise_()

    def _show_count(self) -> None:
        several = len(self._lines) > 1 and self._shown in self._lines
        at = len(self._lines) - self._lines.index(self._shown) if several and self._shown else 0
        self._count.setText(f"{at} of {len(self._lines)}" if several else "")
        self._count.setVisible(several)
        self.next.setVisible(several)

    def _show_older(self) -> None:
        """Show the notice before the one shown; after the oldest the newest."""
        if self._shown in self._lines:
            self._show(self._lines[self._lines.index(self._shown) - 1])

    def _fade(self) -> None:
        if self._shown is not None and self._shown.about is not None:
            self._faded.add(self._shown)
        self._leave()

    def _leave(self) -> None:
        """Go on with the newest of those that are left."""
        self._lines = [line for line in self._lines if line != self._shown]
        self._show(self._lines[-1] if self._lines else None)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Stay at the lower edge when the parent is resized, once what it holds has found its place."""
        if event is not None and event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self._place)
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the colours of another theme."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._paint_frame()
        super().changeEvent(event)

    def _paint_frame(self) -> None:
        look = theme.now()
        sheet = (
            f"QFrame#toast {{ background: {look.raised.name()};"
            f" border: 2px solid {look.mood(self.mood).name()}; border-radius: 9px; }}"
        )
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)

    def _place(self) -> None:
        area = self.area()
        width = min(WIDEST, area.width() - 2 * MARGIN)
        self.setFixedWidth(width)
        height = max(self.heightForWidth(width), self.sizeHint().height())
        left, top = area.x() + (area.width() - width) // 2, area.y() + area.height() - height - MARGIN
        self.setGeometry(left, top, width, height)

    def _dismiss(self) -> None:
        about = self._shown.about if self._shown is not None else None
        self._leave()
        if about is not None:
            self.dismissed.emit(about)
