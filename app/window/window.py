"""The main window: it shows the instrument's state sixty times a second and hands on what the player does."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PyQt6.QtCore import (
    QPoint,
    QRect,
    QSettings,
    Qt,
    QTimer,
    pyqtSignal,
)
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
)
from PyQt6.QtWidgets import QFileDialog, QMainWindow, QVBoxLayout, QWidget

from app.audio.preview import Preview
from app.bundle_cards import BundleCard
from app.notice_text import notice_line, sentence
from app.window.drag_and_drop import (
    PhraseFiles,
    dropped_file,
    style_paths,
)
from app.window.exchange import PhraseExchange
from app.window.field_places import FieldPlaces
from app.window.field_state import Fields
from app.window.keyboard import Keyboard
from app.window.live_view import LiveView
from app.window.menus import Menus
from app.window.midi_learn import Learning
from app.window.page_makers import PageMakers
from app.window.pages.stack import PageStack
from app.window.pages.top_bar import TopBar
from app.window.presenter import Presenter, Surroundings, explanation, health
from app.window.settings_file import LEAST_SIZE, USUAL_SIZE, first_size, saved_geometry
from app.window.sound import Sound
from app.window.view import client_name, rolling_position
from app.window.widgets.group import Field
from app.window.widgets.roll import CLOSER
from app.window.widgets.toast import Line, Toast
from engine.errors import AntiphonError, RenderError
from engine.midi import ports as midi
from engine.parameter import Number
from engine.performer.messages import Event
from engine.session.instrument import Instrument
from engine.session.snapshot import Snapshot
from engine.session.store import SUFFIX

FRAME_MS = 16
"""Time between two looks at the instrument: 60 a second."""


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
        self._presenter = Presenter()
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

    def _show_again(self, _page: int) -> None:
        """Let the next look show everything, also what has not changed: another page is open."""
        self._shown_around = None
        self._learning.end()

    def _show_state(self, snapshot: Snapshot) -> None:
        before, self._shown, self._shown_around = self._shown, snapshot, self._around
        if before is None or before.model != snapshot.model:
            self._show_model(snapshot)
        self._fields = self._presenter.present(snapshot, self._around)
        self.play.tools.show_tool(snapshot.document.controls.mode)
        self._places.show(self._fields)
        self._live.show_state(snapshot)
        self.pages.show_state(snapshot)
        self._learning.show_state(snapshot)
        client = client_name(snapshot.live.ports.output_name)
        self.setWindowTitle("Antiphon" if client == "Antiphon" else f"Antiphon ({client})")
        self.play.bottom.show_health(*health(snapshot))
        self.play.bottom.show_history(snapshot.live.undo_label)
        if before is None or snapshot.live.notices != before.live.notices:
            lines = [Line(notice_line(each), each.mood, each.about) for each in snapshot.live.notices]
            self.toast.show_standing(lines)

    def _show_model(self, snapshot: Snapshot) -> None:
        """Put up what depends on the model alone."""
        self._live.forget_rows()
        table = snapshot.table.parameters
        directions = [each for name, each in table.items() if name.startswith("attribute.")]
        if self.play.character.offer([each for each in directions if isinstance(each, Number)]):
            self._places.adopt()

    # Notices ---------------------------------------------------------------------------------

    def notify(self, text: str, mood: str = "bad") -> None:
        """Show one line over the window: `bad` stays, `hint` fades."""
        self.toast.show_notice(text, mood)

    def _notice_area(self) -> QRect:
        """Return where notices float: over the roll, which takes no clicks, rather than over buttons."""
        roll, ground = self.play.roll, self.centralWidget()
        assert ground is not None
        return QRect(roll.mapTo(ground, QPoint()), roll.size()) if roll.isVisible() else ground.rect()

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
            self.notify(sentence(str(error)), "hint")

    def _own_fields(self) -> dict[str, Callable[[Any], object]]:
        """Return what the window does itself, by the id of its field."""
        return {
            "model": lambda value: self.instrument.load_model(str(value)),
            "panic": lambda _: self._escape(),
            "export": lambda _: self._exchange.export(),
            "sound": self._switch_sound,
            "locking": self._switch_locking,
            "menu": lambda _: self.open_menu(),
            "style.files": lambda _: self._menus.of_style(self.play.shape.style_panel.buttons["style.files"]),
            "shortcuts": lambda _: self.pages.open("Shortcuts"),
            "learn": lambda _: self._learning.begin(),
            "session.new": lambda _: self.instrument.new_document(),
            "session.open": lambda _: self._ask_session(True),
            "session.save_as": lambda _: self._ask_session(False),
        }

    def _escape(self) -> None:
        """Leave what waits for a message; else silence every note."""
        if not self._learning.end():
            self.panic()

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
        if on and self.play.roll.isVisible():
            self.play.roll.setFocus()
        elif not on and self.play.roll.hasFocus():
            self._keyboard.home().setFocus()

    def _pick(self, first_id: int, bars: int) -> None:
        self._try(partial(self.instrument.pick, first_id, bars))

    def _show_cards(self, _id: str, many: str) -> None:
        """Open the page of takes where there are more than the play page has room for."""
        if many != "8":
            self.pages.open("Takes")

    def _drag_bars(self, first_id: int, bars: int) -> None:
        captured, strip = self.instrument.snapshot().live.captured, self.play.strip_panel.strip
        self._try(lambda: self._exchange.drag(strip, captured.pick(first_id, bars).phrase, "bars"))

    def _star(self, number: int) -> None:
        """Keep an answer among the favourites, or drop it where it is kept."""
        shown = self.instrument.snapshot()
        phrase = next((each.phrase for each in shown.live.sounded if each.number == number), None)
        kept = [each.phrase for each in shown.document.favourites]
        if phrase in kept:
            self._try(partial(self.instrument.drop_favourite, kept.index(phrase)))
        else:
            self._try(partial(self.instrument.keep_sounded, number))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AntiphonError as error:
            self.notify(sentence(str(error)), "hint")

    # Menus and pages -------------------------------------------------------------------------

    def open_menu(self) -> None:
        """Show the menu of pages below its button."""
        pages = [(name, partial(self.pages.open, name)) for name in self.pages.names]
        below = self.top.menu.mapToGlobal(QPoint(0, self.top.menu.height()))
        self._menus.of_entries(
            below,
            (
                *pages,
                None,
                *self._menus.style_entries(),
                ("MIDI learn", self._learning.begin),
                ("Quit", self.close),
            ),
        )

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
        if event is not None and dropped_file(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Answer a MIDI file from the first free slot on, load a bundle, learn a folder's style."""
        path = dropped_file(event.mimeData()) if event is not None else None
        if event is None or path is None:
            return
        event.acceptProposedAction()
        self._exchange.take_file(path, len(style_paths(event.mimeData())) - 1)

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
        return self._places.widgets

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Walk by Tab, from a field that gave the keys back too; a widget that is gone leads nowhere else."""
        return self._keyboard.is_led_home() or super().focusNextPrevChild(forward)

    def _explain(self, field_id: str, own_words: str) -> None:
        snapshot, state = self.instrument.snapshot(), self._fields.get(field_id)
        self.play.tools.show_hint(explanation(snapshot, state, field_id, own_words))

    def _hold(self, field_id: str, on: bool) -> None:
        (self.instrument.begin if on else self.instrument.end)(field_id)

    def _known_fields(self) -> set[str]:
        table = self.instrument.snapshot().table
        return {*table.parameters, *table.actions, *self._own}

    def _build(self) -> None:
        """Make the parts, each inside what holds it: a widget that moves is styled once more."""
        table, ground = self.instrument.snapshot().table, QWidget()
        ground.setObjectName("ground")
        self.setCentralWidget(ground)
        self._exchange = PhraseExchange(self.instrument, self._files, self.notify, self)
        self._menus = Menus(self.instrument, self._exchange, self.edit, self)
        self._makers = PageMakers(
            self.instrument, self._exchange, self._menus, self.edit, self._try, self.later.emit,
            lambda: self.field_places, settings=self._settings, models=self._around.models,
        )  # fmt: skip
        self.top = TopBar(table, ground)
        self.pages = PageStack(table, self._makers.by_name(), ground)
        self.play = self.pages.play
        self._keyboard = Keyboard(self, self.pages)
        self._live = LiveView(self.top, self.play)
        layout = QVBoxLayout(ground)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.top)
        layout.addWidget(self.pages, 1)
        self.toast = Toast(ground)
        self._places = FieldPlaces(
            ground, self._known_fields, self.edit, self._hold,
            lambda text: self.notify(text, "hint"), self._keyboard.give_back, self._explain,
        )  # fmt: skip
        self._learning = Learning(self.instrument, self, ground)
        self.play.tools.sliders["variation"].fader.setFocus()

    def _wire(self) -> None:
        self.failed.connect(self.fail)
        self.later.connect(lambda work: None if self._closed else work())
        self.toast.area = self._notice_area
        self.toast.dismissed.connect(self.instrument.dismiss)
        self.pages.made.connect(self._places.adopt)
        self.pages.currentChanged.connect(self._show_again)
        self.top.inputs.clicked.connect(lambda: self.pages.open("Connections"))
        self.top.outputs.clicked.connect(lambda: self.pages.open("Connections"))
        self._places.adopt()
        self.play.strip_panel.strip.picked.connect(self._pick)
        self.play.strip_panel.strip.dragged.connect(self._drag_bars)
        exchange = self._exchange
        self._makers.connect_slots(self.play.slots)
        self._makers.connect_takes(self.play.takes)
        chips = self.play.bottom.chips
        chips.again.connect(lambda number: self._try(partial(self.instrument.play_again, number)))
        chips.starred.connect(self._star)
        chips.dragged.connect(lambda chip: exchange.drag_card(chip, "history"))
        self.play.cards.edited.connect(self._show_cards)
        self.play.shape.style_panel.dropped.connect(exchange.learn_style)
        self.play.roll.dragged.connect(lambda: exchange.drag_answer(self.play.roll))
        self.play.roll.locked.connect(lambda lock: self._try(partial(self.instrument.lock, lock)))
        self.play.roll.menu_wanted.connect(self._menus.of_roll)
        self._add_shortcuts()

    def _add_shortcuts(self) -> None:
        self._keyboard.add_table(self.instrument.snapshot().table, self._flip, self._focus, self.edit)
        for key, work in (
            ("F1", partial(self.pages.open, "Shortcuts")),
            ("F10", self.open_menu),
            ("Ctrl+K", self._learning.begin),
            ("J", lambda: self.edit("locking", not self._around.locking)),
            ("Backspace", self.pages.close_page),
            ("Ctrl++", lambda: self.play.roll.zoom_at_playhead(CLOSER)),
            ("Ctrl+=", lambda: self.play.roll.zoom_at_playhead(CLOSER)),  # + without Shift
            ("Ctrl+-", lambda: self.play.roll.zoom_at_playhead(1 / CLOSER)),
        ):
            self._keyboard.add(key, work)
        self._keyboard.add(QKeySequence(QKeySequence.StandardKey.Quit), self.close)

    def _flip(self, name: str) -> None:
        self.edit(name, not self._fields[name].value)

    def _focus(self, field_id: str) -> None:
        """Lead the keys to a field; one that counts in another tool brings its tool along."""
        state = self._fields.get(field_id)
        if state is not None and not state.enabled:
            self.notify(state.why_not, "hint")
            return
        if state is not None and not state.active:
            self.edit(field_id, state.value)
            self.tick()
        self._places.take_focus(field_id)

    def _restore_geometry(self) -> None:
        if not self.restoreGeometry(saved_geometry(self._settings)):
            screen = self.screen() or QGuiApplication.primaryScreen()
            self.resize(first_size(screen.availableSize() if screen else USUAL_SIZE))
