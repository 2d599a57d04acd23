"""The menus: of a slot, of the roll, of the pages."""

from collections.abc import Callable, Iterable
from functools import partial

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu, QWidget

from app.window.exchange import PhraseExchange
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
        playing, filled = snapshot.live.playing is not None, slot in snapshot.document.slots
        menu = QMenu(self._parent)
        for text, enabled, work in (
            (f"Store what is heard in {slot}", True, partial(self._edit, f"store.{slot}", True)),
            (f"Store what plays in {slot}", playing, partial(self._exchange.store_answer, slot)),
            (f"Answer {slot}", filled, partial(self._edit, f"recall.{slot}", True)),
            ("Answer what is heard", True, partial(self._edit, "source", "heard")),
            (f"Morph from {slot}", filled, partial(self._edit, "morph_from", slot)),
            (f"Morph to {slot}", filled, partial(self._edit, "morph_to", slot)),
            (f"Clear {slot}", filled, partial(self._edit, f"clear.{slot}", True)),
        ):
            _add_entry(menu, text, work).setEnabled(enabled)
        menu.popup(place)

    def of_roll(self, place: QPoint) -> None:
        """Open the menu of the large roll at a place on the screen."""
        menu = QMenu(self._parent)
        locks = bool(self._instrument.snapshot().document.controls.locks)
        _add_entry(menu, "Unlock all", partial(self._edit, "unlock_all", True)).setEnabled(locks)
        for slot in STORED:
            _add_entry(menu, f"Store what plays in {slot}", partial(self._exchange.store_answer, slot))
        menu.popup(place)

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
