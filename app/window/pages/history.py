"""The page of what has sounded: each answer with how it was made, to play again, keep, or drag out."""

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise

from PyQt6.QtCore import pyqtBoundSignal, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QWidget

from app.window.pages.fields import action, toggle, typed
from app.window.pages.page import Page, heading, paragraph
from app.window.pages.phrase_panels import SlotRow
from app.window.presenter import made_text
from app.window.widgets.button import KeyButton, Role
from app.window.widgets.group import discard, row
from app.window.widgets.history_chips import tune, without_repeats
from app.window.widgets.lamp import label, set_tip
from app.window.widgets.phrase_card import PhraseCard
from engine.inference.controls import STORED
from engine.modes.catalogue import slots_of
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot

REPLAY = ("replay_from_bar", "replay_with", "replay_heard")
"""What Replay plays again: from where, what is otherwise, and whether with the player's part."""
COLUMNS = 4
SHOWN = 40
"""Answers shown, the newest first, each once."""
CARD_HEIGHT = 72
WHAT_TO_DO = "Click: it sounds again. Drag: to a slot or the DAW. Right click: more."


class CardGrid(QGridLayout):
    """Cards in rows of four; one keeps its phrase, and the focus, while others come before it."""

    def __init__(self, empty: str, make: Callable[[], PhraseCard]) -> None:
        """Begin without cards.

        Args:
            empty: what is written where there are none.
            make: makes a card.
        """
        super().__init__()
        self._make = make
        self._cards: dict[Hashable, PhraseCard] = {}
        self._empty, self._blanks = paragraph(empty), [QWidget() for _ in range(COLUMNS)]
        for at in range(COLUMNS):
            self.setColumnStretch(at, 1)

    @property
    def cards(self) -> list[PhraseCard]:
        """The cards in their order."""
        return list(self._cards.values())

    def offer(self, keys: Sequence[Hashable]) -> list[PhraseCard]:
        """Lay out a card for each key and return them in order; those of other keys are gone."""
        while self.takeAt(0) is not None:
            pass
        for key in self._cards.keys() - set(keys):
            discard(self._cards.pop(key))
        self._cards = {key: self._cards.get(key) or self._make() for key in keys}
        cards = self.cards
        for at, card in enumerate(cards):
            self.addWidget(card, *divmod(at, COLUMNS))
        for before, after in pairwise(cards):
            QWidget.setTabOrder(before, after)
        for at, blank in enumerate(self._blanks):  # one card is no wider than four
            blank.setVisible(at >= len(cards) > 0)
            if at >= len(cards) > 0:
                self.addWidget(blank, 0, at)
        self._empty.setVisible(not cards)
        if not cards:
            self.addWidget(self._empty, 0, 0, 1, COLUMNS)
        return cards


class HistoryPage(Page):
    """Shows the favourites of the session and what sounded lately.

    Signals:
        again: number of an answer that is to sound again.
        favourite_again: index of a favourite that is to sound again.
        exported: everything that has sounded is to be written to files.
        dragged: the card whose phrase is dragged out.
        menu_wanted: a card, the number of its answer, and the place on the screen where its menu is to open.
        favourite_menu_wanted: the same for a favourite and its index.
    """

    again = pyqtSignal(int)
    favourite_again = pyqtSignal(int)
    exported = pyqtSignal()
    dragged = pyqtSignal(object)
    menu_wanted = pyqtSignal(object, int, object)
    favourite_menu_wanted = pyqtSignal(object, int, object)

    def __init__(self, table: Table) -> None:
        super().__init__("History")
        self.slots = SlotRow()
        self.head.insertWidget(2, self.slots)
        kept = "None yet: press F while something plays that you like."
        self.favourites = CardGrid(
            kept, lambda: self._card("heard", self.favourite_again, self.favourite_menu_wanted)
        )
        self.sounded = CardGrid(
            "Nothing has sounded yet.", lambda: self._card("playing", self.again, self.menu_wanted)
        )
        self._shown: tuple[object, object] = (None, None)
        words = [label(10, "quiet") for _ in range(2)]
        for word, text in zip(words, ("from bar", "with"), strict=True):
            word.setText(text)
        first, changed, mine = typed(table, REPLAY[0]), typed(table, REPLAY[1]), toggle(table, REPLAY[2])
        first.setFixedWidth(64)
        changed.setFixedWidth(290)
        verb = action(table, "replay", colour="playing")
        self.body.addLayout(row(heading("Tonight"), None, words[0], first, words[1], changed, mine, verb))
        self.body.addWidget(heading("Favourites"))
        self.body.addLayout(self.favourites)
        tip = "Write everything that has sounded to MIDI files in a folder."
        self.export_all = KeyButton("export_all", "Export all", "", tip)
        self.export_all.edited.connect(lambda *_: self.exported.emit())
        self.body.addLayout(row(heading("What has sounded"), None, self.export_all))
        text = (
            "Click: it sounds again, note for note, with its settings. Drag: to a slot or the DAW. "
            "Right click, or the menu key: keep it, or store it in a slot. What is kept has a frame."
        )
        self.body.addWidget(paragraph(text))
        self.body.addLayout(self.sounded)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the cards; nothing is laid out anew where nothing is new."""
        document, sounded = snapshot.document, snapshot.live.sounded
        self.slots.show_slots(document.slots, slots_of(document.controls, document.slots))
        if self._shown == (sounded, document.favourites):
            return
        self._shown = sounded, document.favourites
        kept = {each.phrase for each in document.favourites}
        newest = without_repeats(sounded, SHOWN)
        for card, each in zip(
            self.sounded.offer([tune(each.phrase) for each in newest]), newest, strict=True
        ):
            controls, slots = each.document.controls, each.document.slots
            card.number = each.number
            card.show_name(made_text(controls, slots))
            shift = each.document.settings.transpose
            card.show_phrase(each.phrase, f"seed {controls.seed}", each.phrase in kept, shift)
        favourites = document.favourites
        for at, card in enumerate(self.favourites.offer([each.phrase for each in favourites])):
            each_kept = favourites[at]
            controls = each_kept.controls
            card.number = at
            card.show_name(made_text(controls, each_kept.slots or STORED))
            card.show_phrase(each_kept.phrase, f"seed {controls.seed}", shift=each_kept.transpose)

    def _card(self, colour: Role, pressed: pyqtBoundSignal, menu_wanted: pyqtBoundSignal) -> PhraseCard:
        made = PhraseCard("", colour)
        made.setFixedHeight(CARD_HEIGHT)
        set_tip(made, WHAT_TO_DO)
        made.pressed.connect(lambda: pressed.emit(made.number))
        made.dragged.connect(lambda: self.dragged.emit(made))
        made.menu_wanted.connect(lambda place: menu_wanted.emit(made, made.number, place))
        return made
