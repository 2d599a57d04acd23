"""Takes that were computed beside the answer: a row of them on the play page, all of them on a page."""

from collections.abc import Sequence

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QWidget

from app.window.pages.fields import parameter
from app.window.pages.page import Page, paragraph
from app.window.pages.phrase_panels import SlotRow
from app.window.widgets.choice import ChoiceRow
from app.window.widgets.group import row
from app.window.widgets.lamp import set_tip
from app.window.widgets.phrase_card import PhraseCard
from engine.modes.catalogue import slots_of
from engine.parameter import Choice
from engine.session.live import Take
from engine.session.parameters import Table
from engine.session.snapshot import Snapshot

COLUMNS = 8
MOST = 64
DWELL_MS = 180
"""How long the hand must rest on a card before it is heard: what it passes over stays silent."""
CARD_HEIGHT = 62
WHAT_TO_DO = (
    "Rest on it: it sounds. Click: it becomes the answer. Drag: to a slot or the DAW. Right click: more."
)
ALIKE = "Here the answer is a phrase itself, whatever the seed: move Variation, Morph or the pad for others."


class TakeCards(QWidget):
    """Takes as cards in rows of eight, the best fit first.

    Signals:
        kept: index of the take that is to become the answer.
        heard: index of the take that is to sound while the hand or the focus is on it; None once it has left.
        dragged: index of the take that is dragged out.
        menu_wanted: index of a take, and the place on the screen where its menu is to open.
    """

    kept = pyqtSignal(int)
    heard = pyqtSignal(object)
    dragged = pyqtSignal(int)
    menu_wanted = pyqtSignal(int, object)

    def __init__(self, most: int, card_height: int = 0) -> None:
        """Make the cards of the first row.

        Args:
            most: how many are shown at most.
            card_height: in pixels; 0 shares the height there is.
        """
        super().__init__()
        self.cards: list[PhraseCard] = []
        self._most, self._card_height = most, card_height
        self._at: int | None = None
        """The card under the hand."""
        self._heard = False
        self._dwell = QTimer(self)
        self._dwell.setSingleShot(True)
        self._dwell.setInterval(DWELL_MS)
        self._dwell.timeout.connect(self._hear)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        self._add_cards(COLUMNS)

    def show_takes(self, takes: Sequence[Take], seed: int, shift: int) -> None:
        """Show the first takes, shifted by so many semitones; the one with the answer's seed is marked.

        A take that is note for note one before it says so, as all do at the ends of Variation and Morph.
        """
        shown = takes[: self._most]
        first_of = {take.phrase: at for at, take in reversed(list(enumerate(shown)))}
        self._add_cards(len(shown))
        for at, card in enumerate(self.cards):
            card.setVisible(at < max(COLUMNS, len(shown)))
            if at < len(shown):
                take = shown[at]
                first = first_of[take.phrase]
                caption = f"fits {take.fit:.0%}" if first == at else f"same as {first + 1}"
                card.show_phrase(take.phrase, caption, take.controls.seed == seed, shift)
                alike = "" if first == at else f" {ALIKE}"
                set_tip(card, f"{WHAT_TO_DO} Its seed is {take.controls.seed}.{alike}")
            else:
                card.show_phrase(None)

    def _add_cards(self, count: int) -> None:
        for at in range(len(self.cards), count):
            card = PhraseCard(f"{at + 1}", "playing", "" if at else "takes come with an answer")
            card.setAccessibleName(f"Take {at + 1}")
            set_tip(card, WHAT_TO_DO)
            card.pressed.connect(lambda at=at: self._press(at))
            card.dragged.connect(lambda at=at: self.dragged.emit(at))
            card.menu_wanted.connect(lambda place, at=at: self.menu_wanted.emit(at, place))
            card.entered.connect(lambda at=at: self._enter(at))
            card.left.connect(lambda at=at: self._leave(at))
            if self._card_height:
                card.setFixedHeight(self._card_height)
            self.cards.append(card)
            self._grid.addWidget(card, *divmod(at, COLUMNS))

    def _press(self, at: int) -> None:
        if self.cards[at].phrase is not None:
            self._dwell.stop()
            self._heard = False  # it is the answer from now on, and nothing is to be left
            self.kept.emit(at)

    def _enter(self, at: int) -> None:
        self._at = at
        self._dwell.start()

    def _leave(self, at: int) -> None:
        if at != self._at:
            return
        self._at = None
        self._dwell.stop()
        if self._heard:
            self._heard = False
            self.heard.emit(None)

    def _hear(self) -> None:
        if self._at is not None and self.cards[self._at].phrase is not None:
            self._heard = True
            self.heard.emit(self._at)


class TakesPage(Page):
    """Shows all takes at once, and how many are computed."""

    def __init__(self, table: Table) -> None:
        super().__init__("Takes")
        self.how_many = ChoiceRow(parameter(table, "cards", Choice))
        self.takes, self.slots = TakeCards(MOST, CARD_HEIGHT), SlotRow()
        self.head.insertWidget(2, self.slots)
        text = (
            "The best fit to key, chords and the distance asked for comes first; what resembles one before "
            "it is put back. Rest on a card: it sounds from the next beat on. Click: it is kept. "
            "Drag: to a slot or the DAW."
        )
        self.body.addLayout(row(self.how_many, None))
        self.body.addWidget(paragraph(text))
        self.body.addWidget(self.takes)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the takes of the answer."""
        controls, slots = snapshot.document.controls, snapshot.document.slots
        self.takes.show_takes(snapshot.live.takes, controls.seed, snapshot.document.settings.transpose)
        self.slots.show_slots(slots, slots_of(controls, slots))
