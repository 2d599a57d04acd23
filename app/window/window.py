"""The main window: it shows the instrument's state sixty times a second and hands on what the player does."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PyQt6.QtCore import (
    QByteArray,
    QEvent,
    QMimeData,
    QObject,
    QPoint,
    QSettings,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from PyQt6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PyQt6.QtWidgets import QApplication, QFileDialog, QMainWindow, QMenu, QVBoxLayout, QWidget

from app.audio.preview import Preview
from app.installed_bundles import BundleCard
from app.notice_text import notice_line
from app.window import theme
from app.window.dragging import PhraseFiles
from app.window.exchange import PhraseExchange
from app.window.field_state import Fields
from app.window.learning import Learning
from app.window.live_view import LiveView
from app.window.pages.page import Page
from app.window.pages.play import PlayPage
from app.window.pages.settings import LOOK, SettingsPage
from app.window.pages.stack import PageStack
from app.window.pages.top_bar import TopBar
from app.window.presenter import Surroundings, explanation, health, present
from app.window.view import client_name, rolling_position
from app.window.widgets.group import Field, fields_in
from app.window.widgets.toast import Toast
from engine.errors import AntiphonError, RenderError
from engine.inference.controls import STORED, SlotName
from engine.midi import ports as midi
from engine.parameter import Number, Toggle
from engine.performer.messages import Event
from engine.session.instrument import Instrument
from engine.session.live import Notice
from engine.session.snapshot import Snapshot
from engine.session.store import SUFFIX

if TYPE_CHECKING:
    from app.window.pages.about import AboutPage

TOAST_GAP = 10
MIDI_SUFFIXES = (".mid", ".midi")
FRAME_MS = 16
"""Time between two looks at the instrument: 60 a second."""
USUAL_SIZE = QSize(1280, 820)
LEAST_SIZE = QSize(940, 480)
SCREEN_MARGIN = QSize(16, 56)
"""What the desktop's frame and title bar take."""


class Sound(Protocol):
    """What the window asks of an audition sound."""

    status: str

    def hear(self, events: Iterable[Any]) -> None:
        """Sound what left the output."""

    def silence(self) -> None:
        """Stop every note now."""

    def start(self) -> None:
        """Open the audio device beside the window."""

    def turn_on(self) -> None:
        """Try again to open it; install what is missing first."""

    def close(self) -> None:
        """Give the audio device back."""


class InstrumentWindow(QMainWindow):
    """The window around one instrument; closing it closes the instrument.

    Signals:
        failed: an exception nobody caught, as one line; may be emitted by any thread.
        later: something to call in the window's thread; may be emitted by any thread.
    """

    failed = pyqtSignal(str)
    later = pyqtSignal(object)

    def __init__(
        self,
        instrument: Instrument,
        *,
        sound: Sound | None = None,
        files: PhraseFiles | None = None,
        settings: QSettings | None = None,
        models: Sequence[BundleCard] = (),
    ) -> None:
        super().__init__()
        self.instrument, self._sound, self._settings = instrument, sound, settings
        self._files = files or PhraseFiles()
        self._around = Surroundings(models=tuple(models), sound_on=sound is not None)
        self._shown: Snapshot | None = None
        self._shown_around: Surroundings | None = None
        self._fields: Fields = {}
        self._preview = Preview()
        self._own = self._own_fields()
        self._sound_asked = False
        self._closed = False
        self.setWindowTitle("Antiphon")
        self.setMinimumSize(LEAST_SIZE)
        self.setAcceptDrops(True)
        self._build()
        self._wire()
        self._restore_geometry()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(FRAME_MS)
        if sound:
            sound.start()
        self.tick()

    # Every frame -----------------------------------------------------------------------------

    def tick(self) -> None:
        """Take what happened, show what changed, move the playheads."""
        at_ns = midi.now_ns()
        events = self.instrument.poll()
        snapshot = self.instrument.snapshot()
        self._sound_out(events, snapshot, at_ns)
        if snapshot is not self._shown or self._around != self._shown_around:
            self._show_state(snapshot)
        can_sound = bool(snapshot.live.ports.backend) or self._around.sounds
        position = rolling_position(snapshot, at_ns) if can_sound else None  # else a playhead would lie
        self._live.follow(events, snapshot, at_ns, position)

    def _sound_out(self, events: Sequence[Event], snapshot: Snapshot, at_ns: int) -> None:
        if self._sound is None:
            return
        previewed = self._preview.follow(snapshot, at_ns)
        if self._around.sound_on:
            self._sound.hear([*events, *previewed])
        if self._sound.status != self._around.sound_text:
            self._around = replace(self._around, sound_text=self._sound.status)
            if self._sound_asked:
                self.notify(self._sound.status, "hint")

    def _show_state(self, snapshot: Snapshot) -> None:
        before, self._shown, self._shown_around = self._shown, snapshot, self._around
        if before is None or before.model != snapshot.model:
            self._show_model(snapshot)
        self._fields = present(snapshot, self._around)
        self.play.tools.show_tool(snapshot.document.controls.mode)
        for field_id, widgets in self._widgets.items():
            for widget in widgets:
                if field_id in self._fields:
                    widget.show_field(self._fields[field_id])
        self._live.show_state(snapshot)
        self.pages.show_state(snapshot)
        self._learning.show_state(snapshot)
        client = client_name(snapshot.live.ports.output_name)
        self.setWindowTitle("Antiphon" if client == "Antiphon" else f"Antiphon ({client})")
        self.play.bottom.show_health(*health(snapshot))
        self.play.bottom.show_history(snapshot.live.undo_label)
        if before is None or snapshot.live.notices != before.live.notices:
            self._show_notices(snapshot.live.notices)

    def _show_model(self, snapshot: Snapshot) -> None:
        """Put up what depends on the model alone."""
        self._live.forget_rows()
        table = snapshot.table.parameters
        directions = [each for name, each in table.items() if name.startswith("attribute.")]
        if self.play.character.offer([each for each in directions if isinstance(each, Number)]):
            self._adopt_fields()

    def _show_notices(self, notices: Sequence[Notice]) -> None:
        if notices:
            self.notify(notice_line(notices[-1]), notices[-1].mood)
        elif self.toast.mood != "hint":
            self.toast.hide()

    # Notices ---------------------------------------------------------------------------------

    def notify(self, text: str, mood: str = "bad") -> None:
        """Show one line over the window: `bad` stays, `hint` fades."""
        self._place_toast()
        self.toast.show_notice(text, mood)

    def _place_toast(self) -> None:
        """Let notices float over the roll, which takes no clicks, rather than over buttons."""
        roll, ground = self.play.roll, self.centralWidget()
        assert ground is not None
        below = roll.mapTo(ground, QPoint(0, roll.height())).y()
        self.toast.bottom_margin = ground.height() - below + TOAST_GAP if roll.isVisible() else TOAST_GAP

    def fail(self, text: str) -> None:
        """Silence everything and say what went wrong; the window lives on."""
        self.panic()
        self.notify(f"Something went wrong here, so everything was silenced: {text}. You can go on playing.")

    # Doing -----------------------------------------------------------------------------------

    def edit(self, field_id: str, value: Any) -> None:
        """Carry out what the player's hand asked of a field, and show it at once."""
        state = self._fields.get(field_id)
        if state is not None and not state.enabled:
            self.notify(state.why_not, "hint")
            return
        try:
            if field_id in self._own:
                self._own[field_id](value)
            elif field_id in self.instrument.snapshot().table.actions:
                self.instrument.do(field_id)
            else:
                self.instrument.set(field_id, value)
        except RenderError as error:
            self.notify(f"{error}.", "hint")

    def _own_fields(self) -> dict[str, Callable[[Any], object]]:
        """Return what the window does itself, by the id of its field."""
        return {
            "model": lambda value: self.instrument.load_model(str(value)),
            "panic": lambda _: self._learning.end() if self._learning.is_open else self.panic(),
            "export": lambda _: self._exchange.export(),
            "sound": self._switch_sound,
            "locking": self._switch_locking,
            "menu": lambda _: self.open_menu(),
            "shortcuts": lambda _: self.pages.open("Shortcuts"),
            "learn": lambda _: self._learning.begin(),
            "session.new": lambda _: self.instrument.new_document(),
            "session.open": lambda _: self._ask_session(True),
            "session.save_as": lambda _: self._ask_session(False),
        }

    def panic(self) -> None:
        """Silence every note now."""
        if self._sound:
            self._sound.silence()
        self.instrument.do("panic")
        self.notify("Every note was ended.", "hint")

    def _switch_sound(self, on: bool) -> None:
        """Hear the answer here or not; what is missing for it is installed, and its words are shown."""
        if self._sound is None:
            self.notify("There is no sound in this window.", "hint")
            return
        self._sound_asked = True
        self._around = replace(self._around, sound_on=on)
        (self._sound.turn_on if on else self._sound.silence)()
        self.notify(self._sound.status if on else "The sound of this window is off.", "hint")

    def _switch_locking(self, on: bool) -> None:
        self._around = replace(self._around, locking=bool(on))
        self.play.roll.set_locking(bool(on))

    def _roll_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        locks = bool(self.instrument.snapshot().document.controls.locks)
        _add_entry(menu, "Unlock all", partial(self.edit, "unlock_all", True)).setEnabled(locks)
        for slot in STORED:
            _add_entry(menu, f"Store what plays in {slot}", partial(self._exchange.store_answer, slot))
        menu.popup(place)

    def _pick(self, first_id: int, bars: int) -> None:
        self._try(partial(self.instrument.pick, first_id, bars))

    def _drag_bars(self, first_id: int, bars: int) -> None:
        captured, strip = self.instrument.snapshot().live.captured, self.play.strip_panel.strip
        self._try(lambda: self._exchange.drag(strip, captured.pick(first_id, bars).phrase, "bars"))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AntiphonError as error:
            self.notify(f"{error}.", "hint")

    # Menus and pages -------------------------------------------------------------------------

    def _slot_menu(self, slot: SlotName, place: QPoint) -> None:
        snapshot = self.instrument.snapshot()
        playing, filled = snapshot.live.playing is not None, slot in snapshot.document.slots
        menu = QMenu(self)
        for text, enabled, work in (
            (f"Store what is heard in {slot}", True, partial(self.edit, f"store.{slot}", True)),
            (f"Store what plays in {slot}", playing, partial(self._exchange.store_answer, slot)),
            (f"Answer {slot}", filled, partial(self.edit, f"recall.{slot}", True)),
            ("Answer what is heard", True, partial(self.edit, "source", "heard")),
            (f"Morph from {slot}", filled, partial(self.edit, "morph_from", slot)),
            (f"Morph to {slot}", filled, partial(self.edit, "morph_to", slot)),
            (f"Clear {slot}", filled, partial(self.edit, f"clear.{slot}", True)),
        ):
            _add_entry(menu, text, work).setEnabled(enabled)
        menu.popup(place)

    def open_menu(self) -> None:
        """Show the menu of pages below its button."""
        menu = QMenu(self)
        for name in self.pages.names:
            _add_entry(menu, name, partial(self.pages.open, name))
        menu.addSeparator()
        _add_entry(menu, "MIDI learn", self._learning.begin)
        _add_entry(menu, "Quit", self.close)
        menu.popup(self.top.menu.mapToGlobal(QPoint(0, self.top.menu.height())))

    def _page_makers(self) -> dict[str, Callable[[], Page]]:
        """Return what makes each page; a page's module is loaded with it, for a quick start."""
        return {
            "Connections": self._connections_page,
            "History": self._history_page,
            "Models": self._models_page,
            "Sessions": self._sessions_page,
            "Settings": self._settings_page,
            "Shortcuts": self._shortcuts_page,
            "About": self._about_page,
        }

    def _connections_page(self) -> Page:
        from app.window.pages.connections import ConnectionsPage

        return ConnectionsPage(self.instrument.snapshot().table)

    def _history_page(self) -> Page:
        from app.window.pages.history import HistoryPage

        page = HistoryPage()
        page.again.connect(lambda number: self._try(partial(self.instrument.play_again, number)))
        page.dropped.connect(lambda at: self._try(partial(self.instrument.drop_favourite, at)))
        page.dragged.connect(lambda card: self._exchange.drag(card, card.phrase, "history"))
        return page

    def _models_page(self) -> Page:
        from app.window.pages.models import ModelsPage

        page = ModelsPage(self._around.models)
        page.chosen.connect(self.instrument.load_model)
        return page

    def _sessions_page(self) -> Page:
        from app.window.pages.sessions import SessionsPage

        page = SessionsPage(self.instrument.snapshot().table)
        page.opened.connect(lambda path: self._try(partial(self.instrument.open_document, Path(path))))
        return page

    def _settings_page(self) -> Page:
        from app.window.pages.connections import CLOCK, INPUT, OSC

        table = self.instrument.snapshot().table
        placed = {*self._widgets, *CLOCK, *INPUT, *OSC}
        rest = [name for name in table.parameters if name not in placed]
        page = SettingsPage(read_setting(self._settings, LOOK.id, str(LOOK.default)), table, rest)
        page.look_chosen.connect(self._choose_look)
        return page

    def _shortcuts_page(self) -> Page:
        from app.window.pages.shortcuts import ShortcutsPage

        return ShortcutsPage(self.instrument.snapshot().table)

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
            self.later.emit(lambda: page.show_report(checks))

        threading.Thread(target=look, name="doctor", daemon=True).start()

    def _choose_look(self, look: str) -> None:
        if self._settings is not None:
            self._settings.setValue(LOOK.id, look)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            theme.follow(application, look)

    def _ask_session(self, opening: bool) -> None:
        """Ask for a session's file, without stopping anything."""
        dialog = QFileDialog(self, "Open a session" if opening else "Save the session as")
        dialog.setNameFilter(f"Sessions (*{SUFFIX})")
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        mode = QFileDialog.AcceptMode.AcceptOpen if opening else QFileDialog.AcceptMode.AcceptSave
        dialog.setAcceptMode(mode)
        work = self.instrument.open_document if opening else self.instrument.save_as
        dialog.fileSelected.connect(lambda path: self._try(partial(work, Path(path))))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()  # not modal: keys and music go on

    # Life ------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take MIDI files and bundles, wherever they are dropped."""
        if event is not None and _dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Answer the phrase of a MIDI file from the first free slot on, or load a bundle."""
        path = _dropped_path(event.mimeData()) if event is not None else None
        if event is None or path is None:
            return
        event.acceptProposedAction()
        self.take_file(path)

    def take_file(self, path: Path) -> None:
        """Put a MIDI file's phrase into the first free slot, else into D, and answer it; load a bundle."""
        if path.suffix.lower() not in MIDI_SUFFIXES:
            self.instrument.load_model(str(path))
            return
        filled = self.instrument.snapshot().document.slots
        slot = next((slot for slot in STORED if slot not in filled), STORED[-1])
        if self._exchange.drop(slot, str(path), True):
            self._try(partial(self.instrument.do, f"recall.{slot}"))

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Silence everything, close the instrument, keep the geometry."""
        self.shut_down()
        if event:
            event.accept()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Save width in the top bar where the window is narrow."""
        self.top.set_compact(self.width() < USUAL_SIZE.width() - 120)
        super().resizeEvent(event)

    def shut_down(self) -> None:
        """Silence and close; doing it twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._timer.stop()
        if self._settings is not None:
            self._settings.setValue("geometry", self.saveGeometry())
        if self._sound:
            self._sound.close()
        self.instrument.close()

    @property
    def field_places(self) -> dict[str, list[Field]]:
        """The widgets by the id of what they show."""
        return self._widgets

    def give_keys_back(self) -> None:
        """Give the keys back to the instrument once a list or a number is left."""
        sliders = self.play.tools.sliders
        next(each for each in sliders.values() if not each.isHidden()).fader.setFocus()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Explain the field the hand or the focus came to."""
        if event is not None and event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            holder: Any = watched
            while holder is not None and not hasattr(holder, "field_id"):
                holder = holder.parent()
            if holder is not None:
                self._explain(holder.field_id, watched)
        return super().eventFilter(watched, event)

    def _explain(self, field_id: str, watched: Any) -> None:
        help_text = watched.accessibleDescription() if isinstance(watched, QWidget) else ""
        snapshot = self.instrument.snapshot()
        self.play.tools.show_hint(explanation(snapshot, self._fields.get(field_id), field_id, help_text))

    def _build(self) -> None:
        table = self.instrument.snapshot().table
        self.top, self.play = TopBar(table), PlayPage(table)
        self.pages = PageStack(self.play, self._page_makers())
        self._live = LiveView(self.top, self.play)
        ground = QWidget()
        ground.setObjectName("ground")
        layout = QVBoxLayout(ground)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.top)
        layout.addWidget(self.pages, 1)
        self.setCentralWidget(ground)
        self.toast = Toast(ground)
        self._exchange = PhraseExchange(self.instrument, self._files, self.notify, self)
        self._learning = Learning(self.instrument, self, ground)
        self.play.tools.sliders["variation"].fader.setFocus()

    def _wire(self) -> None:
        self.failed.connect(self.fail)
        self.later.connect(lambda work: None if self._closed else work())
        self.toast.dismissed.connect(lambda: self.instrument.do("dismiss"))
        self.pages.made.connect(self._adopt_fields)
        self.top.inputs.clicked.connect(lambda: self.pages.open("Connections"))
        self.top.outputs.clicked.connect(lambda: self.pages.open("Connections"))
        self._adopt_fields()
        self.play.strip_panel.strip.picked.connect(self._pick)
        self.play.strip_panel.strip.dragged.connect(self._drag_bars)
        slots, takes, exchange = self.play.slots, self.play.takes, self._exchange
        slots.stored.connect(lambda slot: self.edit(f"store.{slot}", True))
        slots.recalled.connect(lambda slot: self.edit(f"recall.{slot}", True))
        slots.dragged.connect(lambda slot: exchange.drag(slots.cards[slot], slots.cards[slot].phrase, slot))
        slots.dropped.connect(exchange.drop)
        slots.menu_wanted.connect(self._slot_menu)
        takes.kept.connect(lambda at: self._try(partial(self.instrument.keep_take, at)))
        takes.dragged.connect(lambda at: exchange.drag(takes.cards[at], takes.cards[at].phrase, f"take {at}"))
        self.play.roll.dragged.connect(lambda: exchange.drag(self.play.roll, exchange.answer(), "answer"))
        self.play.roll.locked.connect(lambda lock: self._try(partial(self.instrument.lock, lock)))
        self.play.roll.menu_wanted.connect(self._roll_menu)
        self._add_shortcuts()

    def _adopt_fields(self) -> None:
        """Connect the fields that are new, and forget those that are gone."""
        known: set[int] = getattr(self, "_known", set())
        self._widgets: dict[str, list[Field]] = {}
        central = self.centralWidget()
        assert central is not None
        for field in fields_in(central):
            self._widgets.setdefault(field.field_id, []).append(field)
            if id(field) not in known:
                self._connect(field)
        self._known = {id(field) for fields in self._widgets.values() for field in fields}

    def _connect(self, field: Any) -> None:
        table = self.instrument.snapshot().table
        if field.field_id in {*table.parameters, *table.actions, *self._own}:
            field.edited.connect(self.edit)
        if hasattr(field, "held"):
            field.held.connect(lambda name, on: (self.instrument.begin if on else self.instrument.end)(name))
        if hasattr(field, "refused"):
            field.refused.connect(lambda text: self.notify(text, "hint"))
        if hasattr(field, "left"):
            field.left.connect(self.give_keys_back)
        for watched in (field, *field.findChildren(QWidget)):
            watched.installEventFilter(self)

    def _add_shortcuts(self) -> None:
        """Give every parameter and action its key, wherever its widget is."""
        table = self.instrument.snapshot().table
        for name, found in table.parameters.items():
            if found.key and isinstance(found, Toggle):
                self._shortcut(found.key, partial(self._flip, name))
            elif found.key:
                self._shortcut(found.key, partial(self._focus, name))
        for name, action in table.actions.items():
            if action.key:
                choice, _, value = name.partition(".")
                ask = (choice, value) if choice in table.parameters else (name, True)
                self._shortcut(action.key, partial(self.edit, *ask))
        for key, work in (
            ("F1", partial(self.pages.open, "Shortcuts")),
            ("F10", self.open_menu),
            ("Ctrl+K", self._learning.begin),
            ("J", lambda: self.edit("locking", not self._around.locking)),
            ("Backspace", self.pages.close_page),
        ):
            self._shortcut(key, work)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self, self.close)

    def _flip(self, name: str) -> None:
        self.edit(name, not self._fields[name].value)

    def _shortcut(self, key: str, work: Callable[[], object]) -> None:
        QShortcut(QKeySequence(key), self, work).setAutoRepeat(False)

    def _focus(self, field_id: str) -> None:
        """Lead the keys to a field; one that counts in another tool brings its tool along."""
        state = self._fields.get(field_id)
        if state is not None and not state.enabled:
            self.notify(state.why_not, "hint")
            return
        if state is not None and not state.active:
            self.edit(field_id, state.value)
            self.tick()
        for widget in self._widgets.get(field_id, ()):
            take_focus = getattr(widget, "take_focus", None)
            if take_focus is not None:
                take_focus()

    def _restore_geometry(self) -> None:
        if not self.restoreGeometry(_saved_geometry(self._settings)):
            screen = self.screen() or QGuiApplication.primaryScreen()
            self.resize(first_size(screen.availableSize() if screen else USUAL_SIZE))


def _saved_geometry(settings: QSettings | None) -> QByteArray:
    """Return where the window last was; empty for a first start or a file that holds something else."""
    try:
        saved = settings.value("geometry") if settings is not None else None
    except Exception:  # PyQt unpacks Python objects, and what those raise when damaged is anything
        saved = None
    return saved if isinstance(saved, QByteArray) else QByteArray()


def read_setting(settings: QSettings | None, name: str, usual: str) -> str:
    """Return a text of the settings file, or the usual one where it holds none or something else."""
    try:
        found = settings.value(name, usual) if settings is not None else usual
    except Exception:  # PyQt unpacks Python objects, and what those raise when damaged is anything
        found = usual
    return found if isinstance(found, str) else usual


def _dropped_path(data: QMimeData | None) -> Path | None:
    """Return the first local MIDI file or bundle of a drop; None if there is none."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data is not None else []
    return next((path for path in paths if is_midi_or_bundle(path)), None)


def is_midi_or_bundle(path: Path) -> bool:
    """Return whether a path looks like a MIDI file, or like a bundle: a .zip, or a folder with a manifest."""
    return path.suffix.lower() in (*MIDI_SUFFIXES, ".zip") or (path / "bundle.json").is_file()


def _add_entry(menu: QMenu, text: str, work: Callable[[], object]) -> QAction:
    entry = menu.addAction(text)
    assert entry is not None
    entry.triggered.connect(lambda: work())
    return entry


def first_size(available: QSize) -> QSize:
    """Return the size of the first start: the usual one, or what a smaller screen has room for."""
    return USUAL_SIZE.boundedTo(available - SCREEN_MARGIN).expandedTo(LEAST_SIZE.boundedTo(available))
