"""The groups of controls of the play page, each a table of ids put into rows."""

from collections.abc import Sequence
from typing import TypeVar

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.window.widgets.button import HEIGHT, KeyButton, Role, action_button, toggle_button
from app.window.widgets.choice import ChoiceList, ChoiceRow
from app.window.widgets.group import row
from app.window.widgets.lamp import label, set_tip, write
from app.window.widgets.number import NumberSlider, TypedField
from app.window.widgets.phrase_card import PhraseCard
from app.window.widgets.strip import BarStrip
from engine.parameter import Choice, Number, Parameter, Text, Toggle, Whole
from engine.session.live import Take
from engine.session.parameters import Table

Kind = TypeVar("Kind", bound=Parameter)
SLIDERS: dict[str, tuple[str, ...]] = {
    "vary": ("variation", "temperature", "density"),
    "morph": ("morph", "temperature", "density"),
    "generate": ("temperature", "density"),
    "groove": ("variation", "temperature"),
    "drumify": ("variation", "temperature", "density"),
    "continue": ("bars", "temperature", "density"),
}
"""The sliders of each tool, from the left; the others wait behind the tool they belong to."""
USUAL_SLIDERS = ("temperature", "density")
"""Of a tool that has none of its own here."""
SLIDER_COLUMNS = 3
LISTS: dict[str, tuple[str, ...]] = {
    "vary": ("source",),
    "morph": ("morph_from", "morph_to"),
    "generate": (),
    "groove": ("source",),
    "drumify": ("source",),
    "continue": ("start",),
}
"""The lists of each tool, to the right of its sliders."""
LIST_WIDTHS = {"meanwhile": 96, "morph_from": 84, "morph_to": 84, "source": 152, "start": 152}
LISTS_WIDTH = 302
SLOTS: tuple[tuple[str, Role], ...] = (("A", "heard"), ("B", "coming"), ("C", "good"), ("D", "waiting"))
CHARACTER_COLUMNS = 8
TAKES_SHOWN = 8


def parameter(table: Table, name: str, kind: type[Kind]) -> Kind:
    """Return a parameter of a kind by id; TypeError if it is of another."""
    found = table.parameter(name)
    if not isinstance(found, kind):
        raise TypeError(f"{name} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def slider(table: Table, name: str, colour: Role = "playing") -> NumberSlider:
    """Return the slider of a number."""
    found = table.parameter(name)
    assert isinstance(found, Number | Whole)
    return NumberSlider(found, colour=colour)


def typed(table: Table, name: str) -> TypedField:
    """Return the field to type a number or a text into."""
    found = table.parameter(name)
    assert isinstance(found, Number | Whole | Text)
    return TypedField(found)


def choice(table: Table, name: str) -> ChoiceList:
    """Return the list of a choice."""
    return ChoiceList(parameter(table, name, Choice))


def toggle(table: Table, name: str, colour: Role = "heard") -> KeyButton:
    """Return the button of a switch."""
    return toggle_button(parameter(table, name, Toggle), colour=colour)


def action(table: Table, name: str, colour: Role = "text") -> KeyButton:
    """Return the button of an action."""
    return action_button(table.action(name), colour=colour)


class StripPanel(QFrame):
    """The heard bars, how many there are, and the way back to following the player."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedHeight(58)
        title = label(8.5, bold=True)
        title.setText("HEARD")
        self._range = label(8.5, "quiet", figures=True)
        tip = "Answer each new phrase you play; what you picked is left."
        self.live = KeyButton("live", "● Live", "", tip, colour="heard", toggle=True)
        self.live.setFixedHeight(20)
        self.live.show_keys(False)
        self.strip = BarStrip()
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addLayout(row(title, None, self._range, spacing=4))
        left.addWidget(self.live)
        holder = QWidget()
        holder.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        holder.setFixedWidth(104)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.addWidget(holder)
        layout.addWidget(self.strip, 1)

    def show_range(self, text: str) -> None:
        """Show which bars there are."""
        write(self._range, text)


class SlotsPanel(QWidget):
    """Slots A to D.

    Signals:
        stored: a slot is to take what was heard.
        recalled: what is in a slot is to be answered.
        dropped: slot, reference or path, and whether it is a path.
        dragged: the phrase of a slot is dragged out.
        menu_wanted: slot and place on the screen.
    """

    stored = pyqtSignal(str)
    recalled = pyqtSignal(str)
    dropped = pyqtSignal(str, str, bool)
    dragged = pyqtSignal(str)
    menu_wanted = pyqtSignal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.cards: dict[str, PhraseCard] = {}
        for name, colour in SLOTS:
            card = PhraseCard(name, colour, "empty: click to store, or drop a bar here")
            card.setAccessibleName(f"Slot {name}")
            set_tip(card, "Click: keep what is heard here, or answer what is kept. Right click: more.")
            card.setAcceptDrops(True)
            card.pressed.connect(lambda name=name: self._press(name))
            card.dragged.connect(lambda name=name: self.dragged.emit(name))
            card.dropped.connect(lambda what, path, name=name: self.dropped.emit(name, what, path))
            card.menu_wanted.connect(lambda place, name=name: self.menu_wanted.emit(name, place))
            self.cards[name] = card
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.arrange(tall=True)

    def arrange(self, *, tall: bool) -> None:
        """Put the slots two by two (tall), or into one row."""
        for at, card in enumerate(self.cards.values()):
            self._layout.addWidget(card, *(divmod(at, 2) if tall else (0, at)))
        for at in range(len(self.cards)):
            self._layout.setRowStretch(at, int(at < (2 if tall else 1)))
            self._layout.setColumnStretch(at, int(at < (2 if tall else 4)))

    def _press(self, name: str) -> None:
        (self.stored if self.cards[name].phrase is None else self.recalled).emit(name)


class TakesPanel(QWidget):
    """Takes that were computed beside the answer, the best fit first.

    Signals:
        kept: index of the take that is to become the answer.
        dragged: index of the take that is dragged out.
    """

    kept = pyqtSignal(int)
    dragged = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[PhraseCard] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for at in range(TAKES_SHOWN):
            card = PhraseCard(f"{at + 1}", "playing", "" if at else "takes come with an answer")
            card.setAccessibleName(f"Take {at + 1}")
            set_tip(card, "Click: this becomes the answer. Drag: into a slot or the DAW.")
            card.pressed.connect(lambda at=at: self._press(at))
            card.dragged.connect(lambda at=at: self.dragged.emit(at))
            self.cards.append(card)
            layout.addWidget(card)

    def show_takes(self, takes: Sequence[Take], seed: int) -> None:
        """Show the first takes; the one with the answer's seed is marked."""
        for at, card in enumerate(self.cards):
            take = takes[at] if at < len(takes) else None
            if take is None:
                card.show_phrase(None)
            else:
                card.show_phrase(take.phrase, f"seed {take.controls.seed}", take.controls.seed == seed)

    def _press(self, at: int) -> None:
        if self.cards[at].phrase is not None:
            self.kept.emit(at)


class CharacterPanel(QWidget):
    """Sliders that push an answer one way; which there are depends on the model."""

    def __init__(self) -> None:
        super().__init__()
        self.sliders: dict[str, NumberSlider] = {}
        self._nothing = label(10.5, "quiet")
        self._nothing.setText("This model has no directions to push an answer in.")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(4, 0, 4, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self._nothing, 0, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        for column in range(CHARACTER_COLUMNS):
            self._grid.setColumnStretch(column, 1)

    def offer(self, parameters: Sequence[Number]) -> bool:
        """Put up sliders for the directions of a model; return whether they changed."""
        if [parameter.id for parameter in parameters] == list(self.sliders):
            return False
        for old in self.sliders.values():
            self._grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.sliders = {parameter.id: NumberSlider(parameter, colour="coming") for parameter in parameters}
        for at, made in enumerate(self.sliders.values()):
            made.set_narrow()
            self._grid.addWidget(made, at // CHARACTER_COLUMNS, at % CHARACTER_COLUMNS)
        self._nothing.setVisible(not self.sliders)
        return True


class LimitsPanel(QWidget):
    """What the answer may not do: key, scale, range, and what stays as it was played; and transposition."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.in_key, self.key, self.scale = (
            toggle(table, "in_key"),
            choice(table, "key"),
            choice(table, "scale"),
        )
        self.lowest, self.highest = typed(table, "lowest_pitch"), typed(table, "highest_pitch")
        self.keep_rhythm, self.keep_pitches = toggle(table, "keep_rhythm"), toggle(table, "keep_pitches")
        self.transpose = typed(table, "transpose")
        for pitch in (self.lowest, self.highest, self.transpose):
            pitch.setFixedWidth(64)
        words = [label(10, "quiet") for _ in range(3)]
        for word, text in zip(words, ("notes", "to", "moved by"), strict=True):
            word.setText(text)
        self._from = words[0]
        layout = row(
            self.in_key, self.key, self.scale, 6, words[0], self.lowest, words[1], self.highest, 6,
            self.keep_rhythm, self.keep_pitches, None, words[2], self.transpose,
        )  # fmt: skip
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.set_compact(False)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons, narrower lists."""
        for button in (self.in_key, self.keep_rhythm, self.keep_pitches):
            button.show_keys(not compact)
        self._from.setVisible(not compact)
        self.key.setFixedWidth(94 if compact else 112)
        self.scale.setFixedWidth(120 if compact else 148)


class ChordsPanel(QWidget):
    """The chords the answer follows: typed or heard, how firmly, and the key that is kept to."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.chords, self.follow_chords = typed(table, "chords"), slider(table, "follow_chords", "heard")
        self.lock_key = action(table, "lock_key", colour="heard")
        caption = label(10, "quiet")
        caption.setText("Chords")
        caption.setBuddy(self.chords)
        self.follow_chords.setFixedWidth(220)
        layout = row(caption, self.chords, 10, self.follow_chords, 10, self.lock_key)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretchFactor(self.chords, 1)
        self.setLayout(layout)


class TurnsPanel(QWidget):
    """Who plays when: turns, how long each is, and what the answer does meanwhile."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.turns = ChoiceRow(parameter(table, "turns", Choice))
        self.turn_bars, self.pause_beats = slider(table, "turn_bars"), slider(table, "pause_beats")
        self.meanwhile = _captioned(table, "meanwhile")
        self.take_turn = action(table, "take_turn", colour="playing")
        layout = row(self.turns, 6, self.turn_bars, 6, self.pause_beats, 6, self.meanwhile, 6, self.take_turn)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretchFactor(self.turn_bars, 1)
        layout.setStretchFactor(self.pause_beats, 1)
        self.setLayout(layout)

    def set_compact(self, compact: bool) -> None:
        """Save width: no key on the button."""
        self.take_turn.show_keys(not compact)


class TabPanel(QFrame):
    """Pages of one height behind a row of tabs; a tab can carry a summary of its page."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._tabs: dict[str, KeyButton] = {}
        self._pages: dict[str, QWidget] = {}
        self._stack = QStackedWidget()
        self._row = QHBoxLayout()
        self._row.setSpacing(6)
        self._row.addStretch(1)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 6, 12, 6)
        self._layout.setSpacing(5)
        self._layout.addLayout(self._row)
        self._layout.addWidget(self._stack, 1)

    @property
    def tabs(self) -> dict[str, KeyButton]:
        """The tabs by name."""
        return self._tabs

    def add_page(self, name: str, page: QWidget, tip: str) -> None:
        """Add a page at the end."""
        tab = KeyButton(f"tab.{name}", name, "", tip, colour="playing", toggle=True)
        tab.setFixedHeight(28)
        tab.edited.connect(lambda *_: self.open(name))
        self._tabs[name], self._pages[name] = tab, page
        self._row.insertWidget(len(self._tabs) - 1, tab)
        self._stack.addWidget(page)
        if len(self._pages) == 1:
            self.open(name)

    def take_page(self, name: str) -> QWidget:
        """Remove a page and return it."""
        tab, page = self._tabs.pop(name), self._pages.pop(name)
        was_open = self._stack.currentWidget() is page
        self._row.removeWidget(tab)
        tab.hide()
        tab.deleteLater()
        self._stack.removeWidget(page)
        if was_open and self._pages:
            self.open(next(iter(self._pages)))
        return page

    def open(self, name: str) -> None:
        """Show a page."""
        self._stack.setCurrentWidget(self._pages[name])
        for each, tab in self._tabs.items():
            tab.setChecked(each == name)


class ToolPanel(QFrame):
    """The tools, sliders and lists of the chosen one, what limits the answer, a line that explains."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.modes = ChoiceRow(parameter(table, "mode", Choice))
        self.new_take, self.seed = action(table, "new_take"), typed(table, "seed")
        self.bypass, self.hold = toggle(table, "bypass"), toggle(table, "hold")
        tip = (
            "Paint on the roll what new takes keep: drag over time, with Shift over pitches; click to let go."
        )
        self.locking = KeyButton("locking", "Lock", "J", tip, colour="waiting", toggle=True)
        self.sliders = {name: slider(table, name) for name in _each_once(SLIDERS)}
        for made in self.sliders.values():
            made.setParent(self)
        self.lists = {name: _captioned(table, name) for name in (*_each_once(LISTS), "takes_over")}
        self.hint = label(9.5, "quiet")
        self.hint.setMinimumWidth(100)
        self.hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._slider_row = QGridLayout()
        self._mode = ""
        self._lay_out()
        self.show_tool("vary")

    def show_tool(self, mode: str) -> None:
        """Put up the sliders and lists of a tool; the others wait behind theirs."""
        if mode == self._mode:
            return
        self._mode = mode
        sliders, lists = SLIDERS.get(mode, USUAL_SLIDERS), (*LISTS.get(mode, ()), "takes_over")
        for name, made in self.sliders.items():
            self._slider_row.removeWidget(made)
            made.setHidden(name not in sliders)
        for at, name in enumerate(sliders):
            self._slider_row.addWidget(self.sliders[name], 0, at)
        for name, holder in self.lists.items():
            holder.setHidden(name not in lists)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons of the first row."""
        for button in (*self.modes.buttons.values(), self.locking, self.new_take, self.bypass, self.hold):
            button.show_keys(not compact)
        self.seed.setFixedWidth(60 if compact else 108)

    def show_hint(self, text: str) -> None:
        """Show one line about what the hand is on."""
        write(self.hint, text)

    def _lay_out(self) -> None:
        for at in range(SLIDER_COLUMNS):
            self._slider_row.setColumnStretch(at, 1)
            self._slider_row.setColumnMinimumWidth(at, 130)
        self._slider_row.setHorizontalSpacing(24)
        first = row(
            self.modes, None, self.locking, self.new_take, self.seed, self.bypass, self.hold, spacing=6
        )
        lists = QHBoxLayout()
        lists.setSpacing(6)
        for holder in self.lists.values():
            lists.addWidget(holder)
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
        self.body.setContentsMargins(12, 9, 12, 7)
        self.body.setSpacing(7)
        self.body.addLayout(first)
        self.body.addLayout(second)
        self.body.addWidget(self.hint)


def _each_once(lines: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for line in lines.values() for name in line))


def _captioned(table: Table, name: str) -> QWidget:
    """Return a list below its name."""
    holder, made, caption = QWidget(), choice(table, name), label(8.5, "quiet")
    caption.setText(made.accessibleName())
    made.setFixedHeight(30)
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    layout.addWidget(caption)
    layout.addWidget(made)
    holder.setFixedWidth(LIST_WIDTHS.get(name, 120))
    return holder


class BottomBar(QFrame):
    """Undo and what was done, the sound, and how well the machine keeps up."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedHeight(HEIGHT + 12)
        self.undo, self.redo = action(table, "undo"), action(table, "redo")
        self.demo = toggle(table, "demo")
        self._history, self._health = label(9.5, "quiet"), label(9.5, "quiet", figures=True)
        tip = "Hear the answer here, without a synthesiser."
        self.sound = KeyButton("sound", "Sound", "", tip, colour="good", toggle=True)
        self.export = action(table, "export")
        tip = "Bind a knob, a key or a pedal to a control."
        self.learn = KeyButton("learn", "Learn", "Ctrl+K", tip, colour="coming", show_key=False)
        self.help = KeyButton("shortcuts", "?", "F1", "All keys on one page.", show_key=False)
        self.help.setAccessibleName("Shortcuts")
        self.help.setFixedWidth(36)
        layout = row(
            self.undo, self.redo, 4, self._history, None, self._health,
            self.demo, self.learn, self.export, self.sound, self.help,
        )  # fmt: skip
        layout.setContentsMargins(12, 2, 12, 2)
        self.setLayout(layout)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons."""
        for button in (self.undo, self.redo, self.demo, self.export):
            button.show_keys(not compact)

    def show_history(self, text: str) -> None:
        """Show what undo takes back."""
        write(self._history, text)

    def show_health(self, text: str, tip: str) -> None:
        """Show how well the machine keeps up."""
        write(self._health, text)
        set_tip(self._health, tip)
