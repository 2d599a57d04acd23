"""The menus: of a slot, of the roll, of the pages."""

from collections.abc import Callable, Iterable
from functools import partial

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QWidget

from app.window.exchange import PhraseExchange
from app.window.widgets.phrase_card import PhraseCard
from engine.inference.controls import STORED, SlotName
from engine.session.instrument import Instrument

Work = Callable[[], object]


class Menus:
    """Opens menus over a window; what is chosen is an edit of a field, or a phrase handed over."""

    def __init__(
        self,
        instrument: Instrument,
        exchange: PhraseExchange,
        edit: Callable[[str, object], None],
        parent: QWidget,
    ) -> None:
        self._instrument, self._exchange, self._edit, self._parent = instrument, exchange, edit, parent

    def of_slot(self, slot: SlotName, place: QPoint) -> None:
        """Open the menu of a slot at a place on the screen."""
        snapshot = self._instrument.snapshot()
        playing, slots = snapshot.live.playing is not None, snapshot.document.slots
        heard, filled = snapshot.document.source is not None, slot in slots
        menu = QMenu(self._parent)
        for text, enabled, work in (
            (f"Store what is heard in {slot}", heard, partial(self._edit, f"store.{slot}", True)),
            (f"Store what plays in {slot}", playing, partial(self._edit, f"store_answer.{slot}", True)),
            (f"Answer {slot}", filled, partial(self._edit, f"recall.{slot}", True)),
            ("Answer what is heard", heard, partial(self._edit, "source", "heard")),
            (f"Morph from {slot}", filled, partial(self._edit, "morph_from", slot)),
            (f"Morph to {slot}", filled, partial(self._edit, "morph_to", slot)),
            *(
                (f"Swap with {other}", filled or other in slots, partial(self._edit, swap, True))
                for other in STORED
                if other != slot
                for swap in [f"swap.{min(slot, other)}{max(slot, other)}"]
            ),
            (f"Clear {slot}", filled, partial(self._edit, f"clear.{slot}", True)),
        ):
            _add_entry(menu, text, work).setEnabled(enabled)
        menu.popup(place)

    def of_roll(self, place: QPoint) -> None:
        """Open the menu of the large roll at a place on the screen."""
        menu = QMenu(self._parent)
        snapshot = self._instrument.snapshot()
        locks, playing = bool(snapshot.locks), snapshot.live.playing is not None
        _add_entry(menu, "Unlock all", partial(self._edit, "unlock_all", True)).setEnabled(locks)
        for slot in STORED:
            store = partial(self._edit, f"store_answer.{slot}", True)
            _add_entry(menu, f"Store what plays in {slot}", store).setEnabled(playing)
        menu.popup(place)

    def of_card(self, card: PhraseCard, place: QPoint, first: str, work: Work) -> None:
        """Open the menu of a phrase that could be kept: what else it is for, and the slots to store it in."""
        if card.written is not None:
            stores = ((f"Store in {s}", partial(self._exchange.store, s, card.written)) for s in STORED)
            self.of_entries(place, ((first, work), *stores))

    def style_entries(self) -> tuple[tuple[str, Work], ...]:
        """Return entries that ask for what a style is to be learned from."""
        ask = self._exchange.ask_style
        return ("Style from a folder …", partial(ask, True)), ("Style from MIDI files …", partial(ask, False))

    def of_style(self, button: QWidget) -> None:
        """Open the menu of what a style can be learned from above or below its button."""
        self.of_entries(button.mapToGlobal(QPoint(0, button.height())), self.style_entries())

    def of_entries(self, place: QPoint, entries: Iterable[tuple[str, Work] | None]) -> None:
        """Open a menu of entries at a place on the screen; None is a line between two."""
        menu = QMenu(self._parent)
        for entry in entries:
            if entry is None:
                menu.addSeparator()
            else:
                _add_entry(menu, *entry)
        menu.popup(place)


def _add_entry(menu: QMenu, text: str, work: Work) -> QAction:
    entry = menu.addAction(text)
    assert entry is not None
    entry.triggered.connect(lambda: work())
    return entry
