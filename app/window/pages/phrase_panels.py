"""The groups of the play page that show phrases: the bars heard, the slots, the takes."""

from collections.abc import Collection, Mapping

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.window.pages.fields import parameter
from app.window.widgets.button import KeyButton, Role
from app.window.widgets.group import row
from app.window.widgets.lamp import label, set_tip, write
from app.window.widgets.pad import MorphPad
from app.window.widgets.phrase_card import PhraseCard
from app.window.widgets.strip import BarStrip
from engine.inference.controls import STORED, SlotName
from engine.music.notes import Phrase
from engine.parameter import Number
from engine.session.parameters import Table
from engine.text import counted

SLOTS: tuple[tuple[str, Role], ...] = (("A", "heard"), ("B", "coming"), ("C", "good"), ("D", "waiting"))
TALL_PLACES = ((0, 0), (0, 1), (2, 0), (2, 1))
ROW_PLACES = ((0, 0), (0, 1), (0, 3), (0, 4))
"""Row and column of the slots around the pad."""
SLOT_SIZE = QSize(128, 48)
"""Of a slot in the head of a page."""


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


class SlotCards(QWidget):
    """The cards of slots A to D.

    Signals:
        stored: a slot is to take what was heard.
        recalled: what is in a slot is to be answered.
        dropped: slot, reference or path, and whether it is a path.
        dragged: a card whose phrase is dragged out.
        menu_wanted: slot and place on the screen.
    """

    stored = pyqtSignal(str)
    recalled = pyqtSignal(str)
    dropped = pyqtSignal(str, str, bool)
    dragged = pyqtSignal(object)
    menu_wanted = pyqtSignal(str, object)

    def __init__(self, empty: str) -> None:
        """Make the cards; `empty` is what one says that holds nothing."""
        super().__init__()
        self.cards: dict[str, PhraseCard] = {}
        for name, colour in SLOTS:
            card = PhraseCard(name, colour, empty)
            card.setAccessibleName(f"Slot {name}")
            set_tip(card, "Click: keep what is heard here, or answer what is kept. Right click: more.")
            card.setAcceptDrops(True)
            card.pressed.connect(lambda name=name: self._press(name))
            card.dragged.connect(lambda card=card: self.dragged.emit(card))
            card.dropped.connect(lambda what, path, name=name: self.dropped.emit(name, what, path))
            card.menu_wanted.connect(lambda place, name=name: self.menu_wanted.emit(name, place))
            self.cards[name] = card

    def show_slots(self, slots: Mapping[SlotName, Phrase], used: Collection[str]) -> None:
        """Show what is in the slots; those that are used are marked."""
        for name in STORED:
            phrase = slots.get(name)
            caption = "" if phrase is None else counted(phrase.bars, "bar")
            self.cards[name].show_phrase(phrase, caption, name in used)

    def _press(self, name: str) -> None:
        (self.stored if self.cards[name].phrase is None else self.recalled).emit(name)


class SlotRow(SlotCards):
    """The slots side by side, to drop onto from a page of many cards."""

    def __init__(self) -> None:
        super().__init__("drop here")
        layout = row(*self.cards.values(), spacing=6)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        for card in self.cards.values():
            card.setFixedSize(SLOT_SIZE)


class SlotsPanel(SlotCards):
    """Slots A to D, and the pad between them."""

    def __init__(self, table: Table) -> None:
        super().__init__("empty: click to store, or drop a bar here")
        across, down = parameter(table, "pad_x", Number), parameter(table, "pad_y", Number)
        self.pad = MorphPad(across, down, dict(SLOTS))
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.arrange(tall=True)

    def arrange(self, *, tall: bool) -> None:
        """Put the slots at the corners of the pad (tall), or into one row with it."""
        places = TALL_PLACES if tall else ROW_PLACES
        for card, (row_at, column) in zip(self.cards.values(), places, strict=True):
            self._layout.addWidget(card, row_at, column)
        self._layout.addWidget(self.pad, *((1, 0, 1, 2) if tall else (0, 2, 1, 1)))
        for at in range(5):
            self._layout.setRowStretch(at, (3, 5, 3, 0, 0)[at] if tall else int(at == 0))
            self._layout.setColumnStretch(at, int(at < 2) if tall else 1)
