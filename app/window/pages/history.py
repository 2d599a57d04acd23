"""The page of what has sounded: each answer with how it was made, to play again, keep, or drag out."""

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QWidget

from app.window.pages.page import Page, heading, paragraph
from app.window.presenter import made_text
from app.window.widgets.button import Role
from app.window.widgets.phrase_card import PhraseCard
from engine.inference.controls import Controls
from engine.music.notes import Phrase
from engine.session.snapshot import Snapshot

COLUMNS = 4
SHOWN = 40
"""Answers shown, the newest first."""
CARD_HEIGHT = 72


class HistoryPage(Page):
    """Shows the favourites of the session and what sounded lately.

    Signals:
        again: number of an answer that is to sound again.
        dropped: index of a favourite that is to be dropped.
        dragged: the card whose phrase is dragged out.
    """

    again = pyqtSignal(int)
    dropped = pyqtSignal(int)
    dragged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__("History")
        self._favourites, self._sounded = QGridLayout(), QGridLayout()
        self._shown: tuple[object, object] = (None, None)
        self.body.addWidget(heading("Favourites"))
        self.body.addLayout(self._favourites)
        self.body.addWidget(heading("What has sounded"))
        text = "Click: it sounds again, note for note, with its settings. Drag: into a slot or the DAW."
        self.body.addWidget(paragraph(text))
        self.body.addLayout(self._sounded)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the cards; nothing is made anew where nothing is new."""
        sounded, favourites = snapshot.live.sounded, snapshot.document.favourites
        if self._shown[0] is not sounded:
            newest = list(reversed(sounded))[:SHOWN]
            cards = [self._card(each.phrase, each.document.controls, "playing") for each in newest]
            for card, each in zip(cards, newest, strict=True):
                card.pressed.connect(lambda number=each.number: self.again.emit(number))
            _fill(self._sounded, cards, "Nothing has sounded yet.")
        if self._shown[1] is not favourites:
            kept = [self._card(each.phrase, each.controls, "heard") for each in favourites]
            for at, card in enumerate(kept):
                card.setToolTip("Right click: drop it from the favourites. Drag: into the DAW.")
                card.menu_wanted.connect(lambda _place, at=at: self.dropped.emit(at))
            _fill(self._favourites, kept, "None yet: press F while something plays that you like.")
        self._shown = sounded, favourites

    def _card(self, phrase: Phrase, controls: Controls, colour: Role) -> PhraseCard:
        made = PhraseCard(made_text(controls), colour)
        made.show_phrase(phrase, f"seed {controls.seed}")
        made.setFixedHeight(CARD_HEIGHT)
        made.setToolTip("Click: it sounds again. Drag: into a slot or the DAW.")
        made.dragged.connect(lambda: self.dragged.emit(made))
        return made


def _fill(grid: QGridLayout, cards: Sequence[QWidget], empty: str) -> None:
    """Put cards into a grid in place of those that are there."""
    while (item := grid.takeAt(0)) is not None:
        old = item.widget()
        if old is not None:
            old.hide()
            old.deleteLater()
    for at, card in enumerate(cards):
        grid.addWidget(card, *divmod(at, COLUMNS))
    for at in range(COLUMNS):
        grid.setColumnStretch(at, 1)
    if not cards:
        grid.addWidget(paragraph(empty), 0, 0, 1, COLUMNS)
