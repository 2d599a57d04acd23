"""What the pages beside the play page have in common: a title, a way back, room to scroll."""

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractSlider,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.window.pages.fields import choice, toggle, typed
from app.window.widgets.button import KeyButton
from app.window.widgets.group import row
from app.window.widgets.lamp import label
from engine.parameter import Choice, Toggle
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot

SCROLLING = {
    Qt.Key.Key_PageDown: QAbstractSlider.SliderAction.SliderPageStepAdd,
    Qt.Key.Key_PageUp: QAbstractSlider.SliderAction.SliderPageStepSub,
    Qt.Key.Key_End: QAbstractSlider.SliderAction.SliderToMaximum,
    Qt.Key.Key_Home: QAbstractSlider.SliderAction.SliderToMinimum,
}


class _Content(QWidget):
    """What a page scrolls: as high as its text is at its width, not as it would be at the narrowest."""

    def event(self, event: QEvent | None) -> bool:
        """Fit the height when width or text have changed."""
        handled = super().event(event)
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            layout = self.layout()
            height = layout.totalHeightForWidth(self.width()) if layout is not None else 0
            if height > 0 and height != self.minimumHeight():
                self.setMinimumHeight(height)
        return handled


class Page(QFrame):
    """A page over the play page; the music goes on, and so do the keys and the top bar.

    Signals:
        closed: the player wants to go back to playing.
    """

    closed = pyqtSignal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.title = title
        heading = label(15, bold=True)
        heading.setText(title)
        self.back = KeyButton("back", "Back to playing", "Backspace", "The music goes on meanwhile.")
        self.back.edited.connect(lambda *_: self.closed.emit())
        content = _Content()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(4, 4, 12, 12)
        self.body.setSpacing(10)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(content)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 12, 12)
        layout.setSpacing(10)
        self.head = row(heading, None, self.back)
        layout.addLayout(self.head)
        layout.addWidget(self._scroll, 1)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Scroll by a page or to an end: not all that is to be read has a field that takes the focus."""
        bar = self._scroll.verticalScrollBar()
        if event is not None and bar is not None and event.key() in SCROLLING:
            bar.triggerAction(SCROLLING[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show what of the instrument's state the page is about; called while the page is open."""


def paragraph(text: str = "", role: str = "quiet", points: float = 10.5) -> QLabel:
    """Return text that wraps, shown as it is."""
    made = label(points, role)
    made.setText(text)
    made.setWordWrap(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return made


def heading(text: str) -> QLabel:
    """Return the title of a section."""
    made = label(11.5, bold=True)
    made.setText(text)
    return made


def in_columns(groups: Sequence[QGridLayout], columns: int) -> QHBoxLayout:
    """Return groups of lines side by side, each where the fewest lines are so far."""
    made = [QVBoxLayout() for _ in range(columns)]
    heights = [0] * columns
    for group in groups:
        at = heights.index(min(heights))
        made[at].addLayout(group)
        heights[at] += group.rowCount() + 1
    side_by_side = QHBoxLayout()
    side_by_side.setSpacing(28)
    for column in made:
        column.setSpacing(14)
        column.addStretch(1)
        side_by_side.addLayout(column, 1)
    return side_by_side


def settings_grid(table: Table, names: Sequence[str]) -> QGridLayout:
    """Return a line for each parameter: its name, its field, and what it does."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(2, 1)
    grid.setColumnMinimumWidth(0, 150)
    for at, name in enumerate(names):
        found = table.parameter(name)
        title = label(10.5)
        title.setText(found.label)
        if isinstance(found, Toggle):
            made: QWidget = toggle(table, name)
        else:
            made = choice(table, name) if isinstance(found, Choice) else typed(table, name)
        made.setFixedWidth(190)
        title.setBuddy(made)
        grid.addWidget(title, at, 0)
        grid.addWidget(made, at, 1)
        grid.addWidget(paragraph(found.help, points=9.5), at, 2)
    return grid
