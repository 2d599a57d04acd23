"""The groups of the play page that show phrases: the bars heard, the slots, the takes."""

from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.window.widgets.button import KeyButton, Role
from app.window.widgets.group import row
from app.window.widgets.lamp import label, set_tip, write
from app.window.widgets.phrase_card import PhraseCard
from app.window.widgets.strip import BarStrip
from engine.session.live import Take
from engine.session.parameters import Table

SLOTS: tuple[tuple[str, Role], ...] = (("A", "heard"), ("B", "coming"), ("C", "good"), ("D", "waiting"))
TAKES_SHOWN = 8


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
