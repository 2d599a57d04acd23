"""Makes the pages beside the play page, each when it is first opened."""

import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSettings
from PyQt6.QtWidgets import QApplication

from app.bundle_cards import BundleCard
from app.window import theme
from app.window.exchange import PhraseExchange
from app.window.menus import Menus
from app.window.midi_learn import choose
from app.window.pages.page import Page
from app.window.pages.phrase_panels import SlotCards
from app.window.pages.settings import LOOK, TEXT_SIZE, SettingsPage
from app.window.pages.takes import TakeCards, TakesPage
from app.window.settings_file import read_setting
from engine.session.instrument import Instrument

if TYPE_CHECKING:
    from app.window.pages.about import AboutPage

Work = Callable[[], None]


class PageMakers:
    """Holds what pages are made with; a page's module is loaded with it, for a quick start."""

    def __init__(
        self,
        instrument: Instrument,
        exchange: PhraseExchange,
        menus: Menus,
        edit: Callable[[str, object], None],
        attempt: Callable[[Work], None],
        later: Callable[[Work], None],
        placed: Callable[[], Collection[str]],
        *,
        settings: QSettings | None,
        models: Sequence[BundleCard],
    ) -> None:
        """Take what the pages need.

        Args:
            instrument: they show it and ask it.
            exchange: it drags phrases out.
            menus: of slots and of phrases.
            edit: takes an id and a value by the player's hand.
            attempt: does work whose refusal becomes a notice.
            later: does work in the window's thread; any thread may call it.
            placed: returns the ids of the fields that have a place already.
            settings: what the window keeps between starts.
            models: those that can be loaded.
        """
        self._instrument, self._exchange, self._attempt = instrument, exchange, attempt
        self._menus, self._edit = menus, edit
        self._later, self._placed, self._settings, self._models = later, placed, settings, models

    def by_name(self) -> dict[str, Callable[[], Page]]:
        """Return what makes each page."""
        return {
            "Takes": self._takes_page,
            "Connections": self._connections_page,
            "History": self._history_page,
            "Models": self._models_page,
            "Sessions": self._sessions_page,
            "Settings": self._settings_page,
            "MIDI map": self._midi_map_page,
            "Shortcuts": self._shortcuts_page,
            "About": self._about_page,
        }

    def connect_slots(self, slots: SlotCards) -> None:
        """Let cards of slots be filled, answered and dragged out."""
        slots.stored.connect(lambda slot: self._edit(f"store.{slot}", True))
        slots.recalled.connect(lambda slot: self._edit(f"recall.{slot}", True))
        slots.dragged.connect(lambda card: self._exchange.drag_card(card, "slot"))
        slots.dropped.connect(self._exchange.drop)
        slots.menu_wanted.connect(self._menus.of_slot)

    def connect_takes(self, takes: TakeCards) -> None:
        """Let cards of takes be heard, kept and dragged out."""

        def keep(at: int) -> None:
            self._attempt(partial(self._instrument.keep_take, at))

        takes.kept.connect(keep)
        takes.heard.connect(lambda at: self._attempt(partial(self._instrument.hear_take, at)))
        takes.dragged.connect(lambda at: self._exchange.drag_card(takes.cards[at], f"take {at}"))
        takes.menu_wanted.connect(
            lambda at, place: self._menus.of_card(
                takes.cards[at], place, "Keep as the answer", lambda: keep(at)
            )
        )

    def _takes_page(self) -> Page:
        page = TakesPage(self._instrument.snapshot().table)
        self.connect_slots(page.slots)
        self.connect_takes(page.takes)
        return page

    def _connections_page(self) -> Page:
        from app.window.pages.connections import ConnectionsPage

        return ConnectionsPage(self._instrument.snapshot().table, self._models)

    def _history_page(self) -> Page:
        from app.window.pages.history import HistoryPage

        page, instrument = HistoryPage(self._instrument.snapshot().table), self._instrument

        def attempt(work: Callable[[int], None], number: int) -> Work:
            return lambda: self._attempt(partial(work, number))

        self.connect_slots(page.slots)
        page.again.connect(lambda number: attempt(instrument.play_again, number)())
        page.favourite_again.connect(lambda at: attempt(instrument.play_favourite, at)())
        page.exported.connect(self._exchange.export_all)
        page.dragged.connect(lambda card: self._exchange.drag_card(card, "history"))
        keep, drop = "Keep among the favourites", "Drop from the favourites"
        page.menu_wanted.connect(
            lambda card, number, place: self._menus.of_card(
                card, place, keep, attempt(instrument.keep_sounded, number)
            )
        )
        page.favourite_menu_wanted.connect(
            lambda card, at, place: self._menus.of_card(
                card, place, drop, attempt(instrument.drop_favourite, at)
            )
        )
        return page

    def _models_page(self) -> Page:
        from app.window.pages.models import ModelsPage

        page = ModelsPage(self._models)
        page.chosen.connect(self._instrument.load_model)
        return page

    def _sessions_page(self) -> Page:
        from app.window.pages.sessions import SessionsPage

        page = SessionsPage(self._instrument.snapshot().table)
        page.opened.connect(lambda path: self._attempt(partial(self._instrument.open_document, Path(path))))
        return page

    def _settings_page(self) -> Page:
        from app.window.pages.connections import CLOCK, INPUT, OSC, OUTPUT
        from app.window.pages.history import REPLAY

        table = self._instrument.snapshot().table
        placed = {*self._placed(), *CLOCK, *INPUT, *OSC, *OUTPUT, *REPLAY}
        rest = [name for name in table.parameters if name not in placed]
        look, text_size = (
            read_setting(self._settings, each.id, str(each.default)) for each in (LOOK, TEXT_SIZE)
        )
        page = SettingsPage(look, text_size, table, rest)
        page.look_chosen.connect(self._choose_look)
        page.text_size_chosen.connect(self._keep_text_size)
        return page

    def _midi_map_page(self) -> Page:
        from app.window.pages.midi_map import MidiMapPage

        page = MidiMapPage(self._instrument.snapshot().table)
        page.chosen.connect(lambda target: choose(self._instrument, target))
        return page

    def _shortcuts_page(self) -> Page:
        from app.window.pages.shortcuts import ShortcutsPage

        return ShortcutsPage(self._instrument.snapshot().table)

    def _about_page(self) -> Page:
        from app.window.pages.about import AboutPage

        page = AboutPage()
        page.examined.connect(lambda: self._examine(page))
        return page

    def _examine(self, page: "AboutPage") -> None:
        """Let the doctor look, in a thread of its own."""
        page.show_report(())

        def look() -> None:
            from app.doctor import examine

            checks = examine()
            self._later(lambda: page.show_report(checks))

        threading.Thread(target=look, name="doctor", daemon=True).start()

    def _keep_text_size(self, text_size: str) -> None:
        if self._settings is not None:
            self._settings.setValue(TEXT_SIZE.id, text_size)

    def _choose_look(self, look: str) -> None:
        if self._settings is not None:
            self._settings.setValue(LOOK.id, look)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            theme.follow(application, look)
