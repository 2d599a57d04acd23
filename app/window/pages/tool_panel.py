"""The tools with the sliders and lists of the chosen one."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.window import theme
from app.window.pages.fields import action, captioned, parameter, slider, toggle, typed
from app.window.widgets.button import POINTS, KeyButton
from app.window.widgets.choice import ChoiceRow
from app.window.widgets.group import row
from app.window.widgets.lamp import FittingLabel
from engine.parameter import Choice
from engine.session.parameters import Table

SLIDERS: dict[str, tuple[str, ...]] = {
    "vary": ("variation", "temperature", "density"),
    "morph": ("morph", "temperature", "density"),
    "generate": ("temperature", "density"),
    "groove": ("variation", "temperature", "drummer"),
    "drumify": ("variation", "temperature", "density"),
    "continue": ("bars", "temperature", "density"),
    "accompany": ("variation", "temperature", "density"),
}
"""The sliders of each tool, from the left; the others wait behind the tool they belong to."""
USUAL_SLIDERS = ("temperature", "density")
"""Of a tool that has none of its own here."""
SLIDER_COLUMNS = 3
FIRST_ROW_SPACING = 3
COMPACT_POINTS = 9
GAP = 24
"""Between the tools and the buttons of takes, at least."""
MARGIN = 6
"""Of the panel, left and right."""
LISTS: dict[str, tuple[str, ...]] = {
    "vary": ("source",),
    "morph": ("morph_by", "morph_from", "morph_to"),
    "generate": (),
    "groove": ("source", "drum_style"),
    "drumify": ("source",),
    "continue": ("start",),
    "accompany": ("source",),
}
"""The lists of each tool, to the right of its sliders."""
SWITCHES: dict[str, tuple[str, ...]] = {"accompany": ("with_chords", "with_bass", "with_drums")}
"""The switches of a tool, which stand where other tools say when they take over."""
LISTS_WIDTH = 384


class ToolPanel(QFrame):
    """The tools, sliders and lists of the chosen one, what limits the answer, a line that explains."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.modes = ChoiceRow(parameter(table, "mode", Choice), spacing=FIRST_ROW_SPACING)
        self.new_take, self.seed = action(table, "new_take"), typed(table, "seed")
        self.bypass, self.hold = toggle(table, "bypass"), toggle(table, "hold")
        tip = (
            "Paint on the roll what new takes keep: drag over time, with Shift over pitches or drum lanes, "
            "from a note on those of its voice alone; click to let go. By keys: arrows move the frame, Shift "
            "widens it, Return locks."
        )
        self.locking = KeyButton("locking", "Lock", "J", tip, colour="waiting", toggle=True)
        self.sliders = {name: slider(table, name) for name in _each_once(SLIDERS)}
        for made in self.sliders.values():
            made.setParent(self)
        self.lists = {name: captioned(table, name) for name in (*_each_once(LISTS), "takes_over")}
        self.switches = {name: toggle(table, name, "playing") for name in _each_once(SWITCHES)}
        for button in self.switches.values():
            button.show_keys(False)
            button.setFont(theme.font(COMPACT_POINTS, bold=True))
        self.hint = FittingLabel(9.5, "quiet")
        self.hint.setMinimumWidth(100)
        self._slider_row = QGridLayout()
        self._mode, self._compact = "", False
        self._lay_out()
        self.show_tool("vary")

    def show_tool(self, mode: str) -> None:
        """Put up the sliders and lists of a tool; the others wait behind theirs."""
        if mode == self._mode:
            return
        self._mode = mode
        sliders, switches = SLIDERS.get(mode, USUAL_SLIDERS), SWITCHES.get(mode, ())
        lists = (*LISTS.get(mode, ()), *(() if switches else ("takes_over",)))
        for name, made in self.sliders.items():
            self._slider_row.removeWidget(made)
            made.setHidden(name not in sliders)
        for at, name in enumerate(sliders):
            self._slider_row.addWidget(self.sliders[name], 0, at)
        for name, holder in self.lists.items():
            holder.setHidden(name not in lists)
        for name, button in self.switches.items():
            button.setHidden(name not in switches)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons of the first row, smaller names of tools, and a short seed."""
        self._compact = compact
        self._slider_row.setHorizontalSpacing(12 if compact else 24)
        if (between := self.modes.layout()) is not None:
            between.setSpacing(1 if compact else FIRST_ROW_SPACING)
        self.seed.setFixedWidth(56 if compact else 84)
        for button in self.modes.buttons.values():
            button.setFont(theme.font(COMPACT_POINTS if compact else POINTS, bold=True))
        self._show_keys_that_fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show the keys where they fit."""
        self._show_keys_that_fit()
        super().resizeEvent(event)

    def _show_keys_that_fit(self) -> None:
        """Leave the keys out on all buttons of the first row where it is too narrow for them."""
        buttons = (*self.modes.buttons.values(), self.locking, self.new_take, self.bypass, self.hold)
        for button in buttons:
            button.show_keys(True)
        needed = sum(button.minimumSizeHint().width() + FIRST_ROW_SPACING for button in buttons)
        shown = not self._compact and needed + self.seed.width() <= self.width() - 2 * MARGIN
        for button in buttons:
            button.show_keys(shown)
        self._part_tools_from_takes()

    def _part_tools_from_takes(self) -> None:
        """Write the buttons of takes smaller where else they would touch the tools."""
        takes = (self.locking, self.new_take, self.bypass, self.hold)
        for button in takes:
            button.setFont(theme.font(POINTS, bold=True))
        buttons = (*self.modes.buttons.values(), *takes)
        needed = sum(button.sizeHint().width() + FIRST_ROW_SPACING for button in buttons)
        if self._compact and needed + self.seed.width() + GAP > self.width() - 2 * MARGIN:
            for button in takes:
                button.setFont(theme.font(COMPACT_POINTS, bold=True))

    def show_hint(self, text: str) -> None:
        """Show one line about what the hand is on."""
        self.hint.write(text)

    def _lay_out(self) -> None:
        for at in range(SLIDER_COLUMNS):
            self._slider_row.setColumnStretch(at, 1)
            self._slider_row.setColumnMinimumWidth(at, 130)
        first = row(
            self.modes,
            None,
            self.locking,
            self.new_take,
            self.seed,
            self.bypass,
            self.hold,
            spacing=FIRST_ROW_SPACING,
        )
        lists = QHBoxLayout()
        lists.setSpacing(6)
        for holder in (*self.lists.values(), *self.switches.values()):
            lists.addWidget(holder, 0, Qt.AlignmentFlag.AlignBottom)
        place = QWidget()
        place.setLayout(lists)
        lists.setContentsMargins(0, 0, 0, 0)
        lists.insertStretch(0, 1)
        place.setFixedWidth(LISTS_WIDTH)
        second = QHBoxLayout()
        second.setSpacing(18)
        second.addLayout(self._slider_row, 1)
        second.addWidget(place)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(MARGIN, 9, MARGIN, 7)
        self.body.setSpacing(7)
        self.body.addLayout(first)
        self.body.addLayout(second)
        self.body.addWidget(self.hint)


def _each_once(lines: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for line in lines.values() for name in line))
