"""The page to play on: heard bars, the roll, slots, tools, limits, character.

Two arrangements of the same parts: a wide one with everything in sight, and a compact one for small
screens, in which slots, character and limits share one panel behind tabs. Nothing moves otherwise.
"""

from typing import Literal

import msgspec
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.window.pages.fields import parameter
from app.window.pages.panels import (
    BottomBar,
    CharacterPanel,
    ChordsPanel,
    LimitsPanel,
    ShapePanel,
    TurnsPanel,
)
from app.window.pages.phrase_panels import SlotsPanel, StripPanel
from app.window.pages.tab_panel import TabPanel
from app.window.pages.takes import COLUMNS, TakeCards
from app.window.pages.tool_panel import ToolPanel
from app.window.widgets.choice import ChoiceRow
from app.window.widgets.group import frame, row
from app.window.widgets.lamp import label
from app.window.widgets.roll import PianoRoll
from engine.parameter import Choice
from engine.session.parameters import Table

Arrangement = Literal["wide", "compact", "tight"]
WIDE_SIZE = QSize(1160, 660)
"""From this size of the page on everything is in sight at once."""
COMPACT_HEIGHT = 520
"""Below this height of the page every row is as low as it can be."""


class Heights(msgspec.Struct, frozen=True):
    """Heights of the parts in pixels; the roll takes the rest."""

    strip: int
    shelf: int
    bottom: int


HEIGHTS: dict[Arrangement, Heights] = {
    "wide": Heights(strip=58, shelf=118, bottom=48),
    "compact": Heights(strip=54, shelf=118, bottom=46),
    "tight": Heights(strip=42, shelf=96, bottom=40),
}
SLOTS_WIDTH = 316
TAB_TIPS = {
    "Slots": "Phrases that are kept.",
    "Takes": "Other answers with the same settings, the best fit first.",
    "Turns": "Who plays when.",
    "Chords": "What the answer's harmony follows.",
    "Shape": "How far rhythm, pitches and style go.",
    "Character": "Sliders that push the answer one way.",
    "Limits": "What the answer may not do.",
}


class PlayPage(QWidget):
    """Holds the parts and arranges them for its size."""

    def __init__(self, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip_panel, self.roll = StripPanel(table), PianoRoll()
        self.slots, self.takes = SlotsPanel(table), TakeCards(COLUMNS)
        self.character, self.turns = CharacterPanel(), TurnsPanel(table)
        self.limits, self.chords, self.shape = LimitsPanel(table), ChordsPanel(table), ShapePanel(table)
        self.tools, self.bottom = ToolPanel(table), BottomBar(table)
        self.shelf = TabPanel()
        self.cards = ChoiceRow(parameter(table, "cards", Choice), spacing=4)
        for button in self.cards.buttons.values():
            button.setFixedHeight(28)
        self.shelf.set_corner("Takes", self.cards)
        self._slots_frame = frame()
        title, hint = label(8.5, bold=True), label(8.5, "quiet")
        title.setText("SLOTS")
        hint.setText("keep with A, B, C, ⇧D")
        holder = QVBoxLayout(self._slots_frame)
        holder.setContentsMargins(10, 8, 10, 10)
        holder.setSpacing(6)
        holder.addLayout(row(title, None, hint))
        holder.addWidget(self.slots, 1)
        self._slots_frame.setFixedWidth(SLOTS_WIDTH)
        self._slots_layout = holder
        self._middle = QHBoxLayout()
        self._middle.setSpacing(8)
        self._middle.addWidget(self.roll, 1)
        self._middle.addWidget(self._slots_frame)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addWidget(self.strip_panel)
        self._layout.addLayout(self._middle, 1)
        for part in (self.shelf, self.tools, self.bottom):
            self._layout.addWidget(part)
        self.arrangement: Arrangement | None = None
        self._arrange("wide")

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the least size of the tight arrangement: it is taken before another one is cut."""
        return QSize(860, 390)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take the arrangement that fits."""
        if self.width() >= WIDE_SIZE.width() and self.height() >= WIDE_SIZE.height():
            self._arrange("wide")
        else:
            self._arrange("compact" if self.height() >= COMPACT_HEIGHT else "tight")
        super().resizeEvent(event)

    def _arrange(self, arrangement: Arrangement) -> None:
        if arrangement == self.arrangement:
            return
        before, self.arrangement = self.arrangement, arrangement
        heights = HEIGHTS[arrangement]
        self.strip_panel.setFixedHeight(heights.strip)
        self.shelf.setFixedHeight(heights.shelf)
        self.bottom.setFixedHeight(heights.bottom)
        self.tools.hint.setVisible(arrangement != "tight")
        self.tools.body.setSpacing(7 if arrangement == "wide" else 4)
        self.tools.body.setContentsMargins(12, *((5, 12, 5) if arrangement == "tight" else (9, 12, 7)))
        self.tools.set_compact(arrangement != "wide")
        self.limits.set_compact(arrangement != "wide")
        self.turns.set_compact(arrangement != "wide")
        self.bottom.set_compact(arrangement != "wide")
        self._layout.setSpacing(4 if arrangement == "tight" else 8)
        if before is None or "wide" in (before, arrangement):
            self._place_panels(in_sight=arrangement == "wide")

    def _place_panels(self, *, in_sight: bool) -> None:
        """Put slots and limits in sight, or behind tabs beside the character."""
        for name in list(self.shelf.tabs):
            self.shelf.take_page(name)
        if in_sight:
            self._slots_layout.addWidget(self.slots, 1)
            self.tools.body.insertWidget(2, self.limits)
            self.slots.show()
            self.limits.show()
        else:
            self._add("Slots", self.slots)
        self._add("Takes", self.takes)
        self._add("Turns", self.turns)
        self._add("Chords", self.chords)
        self._add("Shape", self.shape)
        self._add("Character", self.character)
        if not in_sight:
            self._add("Limits", self.limits)
        self.slots.arrange(tall=in_sight)
        self._slots_frame.setVisible(in_sight)

    def _add(self, name: str, page: QWidget) -> None:
        self.shelf.add_page(name, page, TAB_TIPS[name])
