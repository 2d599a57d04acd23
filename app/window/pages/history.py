"""The page of what has sounded: each answer with how it was made, to play again, keep, or drag out."""

from collections.abc import Callable, Sequence
from functools import partial

from PyQt6.QtCore import QPoint, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QMenu, QWidget

from app.window.pages.page import Page, heading, paragraph
from app.window.presenter import made_text
from app.window.widgets.button import KeyButton, Role
from app.window.widgets.group import row
from app.window.widgets.history_chips import without_repeats
from app.window.widgets.phrase_card import PhraseCard
from engine.inference.controls import STORED
from engine.music.notes import Phrase
from engine.session.snapshot import Snapshot

COLUMNS = 4
SHOWN = 40
"""Answers shown, the newest first, each once."""
CARD_HEIGHT = 72


class HistoryPage(Page):
    """Shows the favourites of the session and what sounded lately.

    Signals:
        again: number of an answer that is to sound again.
        starred: number of an answer that is to be kept among the favourites.
        stored: slot, and the card whose phrase is to be stored in it.
        exported: everything that has sounded is to be written to files.
        dropped: index of a favourite that is to be dropped.
        dragged: the card whose phrase is dragged out.
    """

    again = pyqtSignal(int)
    starred = pyqtSignal(int)
    stored = pyqtSignal(str, object)
    exported = pyqtSignal()
    dropped = pyqtSignal(int)
    dragged = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__("History")
        self._favourites, self._sounded = QGridLayout(), QGridLayout()
        self._shown: tuple[object, object] = (None, None)
        self.body.addWidget(heading("Favourites"))
        self.body.addLayout(self._favourites)
        tip = "Write everything that has sounded to MIDI files in a folder."
        self.export_all = KeyButton("export_all", "Export all", "", tip)
        self.export_all.edited.connect(lambda *_: self.exported.emit())
        self.body.addLayout(row(heading("What has sounded"), None, self.export_all))
        text = (
            "Click: it sounds again, note for note, with its settings. Drag: into the DAW. "
            "Right click, or the menu key: keep it, or store it in a slot."
        )
        self.body.addWidget(paragraph(text))
        self.body.addLayout(self._sounded)
        self.body.addStretch(1)

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the cards; nothing is made anew where nothing is new."""
        sounded, favourites = snapshot.live.sounded, snapshot.document.favourites
        if self._shown[0] is not sounded:
            newest = without_repeats(sounded, SHOWN)
            cards = [
                self._card(
                    each.phrase,
                    made_text(each.document.controls, each.document.slots),
                    each.document.controls.seed,
                    "playing",
                )
                for each in newest
            ]
            for card, each in zip(cards, newest, strict=True):
                card.pressed.connect(lambda number=each.number: self.again.emit(number))
                card.menu_wanted.connect(partial(self._open_menu, each.number, card))
            _fill(self._sounded, cards, "Nothing has sounded yet.")
        if self._shown[1] is not favourites:
            kept = [
                self._card(each.phrase, made_text(each.controls, STORED), each.controls.seed, "heard")
                for each in favourites
            ]
            for at, card in enumerate(kept):
                card.setToolTip("Right click: drop it from the favourites. Drag: into the DAW.")
                card.menu_wanted.connect(lambda _place, at=at: self.dropped.emit(at))
            _fill(self._favourites, kept, "None yet: press F while something plays that you like.")
        self._shown = sounded, favourites

    def _open_menu(self, number: int, card: PhraseCard, place: QPoint) -> None:
        menu = QMenu(self)
        entries: list[tuple[str, Callable[[], None]]] = [
            ("Keep among the favourites", partial(self.starred.emit, number)),
            *((f"Store in {slot}", partial(self.stored.emit, slot, card)) for slot in STORED),
        ]
        for text, work in entries:
            entry = menu.addAction(text)
            assert entry is not None
            entry.triggered.connect(lambda _checked, work=work: work())
        menu.popup(place)

    def _card(self, phrase: Phrase, name: str, seed: int, colour: Role) -> PhraseCard:
        made = PhraseCard(name, colour)
        made.show_phrase(phrase, f"seed {seed}")
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
