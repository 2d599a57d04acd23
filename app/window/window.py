"""The main window: it shows the instrument's state sixty times a second and hands on what the player does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PyQt6.QtCore import QByteArray, QEvent, QObject, QPoint, QSettings, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PyQt6.QtWidgets import QFileDialog, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from app.audio.preview import Preview
from app.installed_bundles import BundleCard
from app.notice_text import notice_line
from app.window.activity import Activity
from app.window.dragging import PhraseFiles, fresh_name, read_phrase, start_drag
from app.window.field_state import Fields
from app.window.pages.play import PlayPage
from app.window.pages.top_bar import TopBar
from app.window.presenter import Surroundings, explanation, health, model_for, present
from app.window.score import StripBar, roll_music, source_ids, strip_bar
from app.window.view import bar_and_beat, client_name, lamp_of, place_in, port_name, rolling_position
from app.window.widgets.group import Field, fields_in
from app.window.widgets.toast import Toast
from engine.errors import AntiphonError, RenderError
from engine.inference.bundle.manifest import Voice
from engine.inference.controls import STORED, SlotName
from engine.midi import ports as midi
from engine.modes.catalogue import slots_of
from engine.music.notes import Phrase
from engine.parameter import Number, Toggle
from engine.performer.messages import Event
from engine.session.captured_bars import CapturedBars
from engine.session.instrument import Instrument
from engine.session.live import Notice
from engine.session.snapshot import Snapshot

FRAME_MS = 16
"""Time between two looks at the instrument: 60 a second."""
USUAL_SIZE = QSize(1280, 820)
LEAST_SIZE = QSize(900, 470)
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
        self._activity, self._preview = Activity(), Preview()
        self._strip_bars: tuple[CapturedBars, tuple[StripBar, ...]] = CapturedBars(), ()
        self._dragged: Phrase | None = None
        self._wanted_mode = ""
        self._closed = False
        self.setWindowTitle("Antiphon")
        self.setMinimumSize(LEAST_SIZE)
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
        self._activity.take(events, snapshot.live.clock)
        self._sound_out(events, snapshot, at_ns)
        position = rolling_position(snapshot, at_ns) if self._can_sound(snapshot) else None
        if snapshot is not self._shown or self._around != self._shown_around:
            self._show_state(snapshot)
        self._show_music(snapshot, position)
        self._show_activity(snapshot, at_ns, position)

    def _can_sound(self, snapshot: Snapshot) -> bool:
        """Return whether what plays can be heard anywhere: a playhead without that would lie."""
        return bool(snapshot.live.ports.backend) or self._around.sound_on

    def _sound_out(self, events: Sequence[Event], snapshot: Snapshot, at_ns: int) -> None:
        if self._sound is None:
            return
        previewed = self._preview.follow(snapshot, at_ns)
        if self._around.sound_on:
            self._sound.hear([*events, *previewed])
        self._around = replace(self._around, sound_text=self._sound.status)

    def _show_state(self, snapshot: Snapshot) -> None:
        before, self._shown, self._shown_around = self._shown, snapshot, self._around
        if before is not None and before.model != snapshot.model:
            self.play.roll.forget_rows()
        if self._wanted_mode in snapshot.modes:
            wanted, self._wanted_mode = self._wanted_mode, ""
            self.instrument.set("mode", wanted)
            snapshot = self.instrument.snapshot()
        self._fields = present(snapshot, self._around)
        directions = [
            each for name, each in snapshot.table.parameters.items() if name.startswith("attribute.")
        ]
        if self.play.character.offer([each for each in directions if isinstance(each, Number)]):
            self._adopt_fields()
        self.play.tools.show_tool(snapshot.document.controls.mode)
        for field_id, widgets in self._widgets.items():
            for widget in widgets:
                if field_id in self._fields:
                    widget.show_field(self._fields[field_id])
        self._show_slots(snapshot)
        self.play.takes.show_takes(snapshot.live.takes, snapshot.document.controls.seed)
        client = client_name(snapshot.live.ports.output_name)
        self.setWindowTitle("Antiphon" if client == "Antiphon" else f"Antiphon ({client})")
        self.top.show_lamp(lamp_of(snapshot.live.clock, bool(snapshot.live.ports.backend)))
        self.play.bottom.show_health(*health(snapshot))
        self.play.bottom.show_history(snapshot.live.undo_label)
        if before is None or snapshot.live.notices != before.live.notices:
            self._show_notices(snapshot.live.notices)

    def _show_slots(self, snapshot: Snapshot) -> None:
        controls = snapshot.document.controls
        used = slots_of(controls)
        for name in STORED:
            card, phrase = self.play.slots.cards[name], snapshot.document.slots.get(name)
            card.show_phrase(phrase, f"{phrase.bars} bars" if phrase else "", name in used)

    def _show_notices(self, notices: Sequence[Notice]) -> None:
        if notices:
            self.notify(notice_line(notices[-1]), notices[-1].mood)
        elif self.toast.mood != "hint":
            self.toast.hide()

    def _show_music(self, snapshot: Snapshot, position: float | None) -> None:
        live = snapshot.live
        self.play.roll.show_music(roll_music(snapshot, position))
        sounding = live.playing
        place = place_in(sounding.phrase, position, sounding.since_beats) if sounding else None
        self.play.roll.show_position(place)
        if live.clock is not None:
            beats = live.clock.position_beats if position is None else position
            self.top.show_position(bar_and_beat(beats, live.clock.beats_per_bar))

    def _show_activity(self, snapshot: Snapshot, at_ns: int, position: float | None) -> None:
        ports = snapshot.live.ports
        for lamp, direction, name in (
            (self.top.inputs, "in", ports.input_name),
            (self.top.outputs, "out", ports.output_name),
        ):
            port = self._activity.port(direction, at_ns)
            ignored = sum(snapshot.live.activity.ignored.values()) if direction == "in" else 0
            text = port_name(name) if ports.backend else "no port"
            lamp.show_activity(text, port.last, port.lit, ignored, "" if ports.backend else "bad")
        self._show_strip(snapshot, at_ns, position)

    def _show_strip(self, snapshot: Snapshot, at_ns: int, position: float | None) -> None:
        captured, clock, panel = snapshot.live.captured, snapshot.live.clock, self.play.strip_panel
        if captured is not self._strip_bars[0]:
            self._strip_bars = captured, tuple(strip_bar(bar) for bar in captured)
        bars = self._strip_bars[1]
        panel.strip.show_bars(bars, source_ids(snapshot))
        live = self._activity.live_bar(clock, at_ns, position)
        head = None if clock is None else self._activity.playhead(clock, at_ns, position)
        panel.strip.show_live(live, head if position is not None else None)
        panel.show_range(f"bars {bars[0].number}–{bars[-1].number}" if bars else "")

    # Notices ---------------------------------------------------------------------------------

    def notify(self, text: str, mood: str = "bad") -> None:
        """Show one line over the window: `bad` stays, `hint` fades."""
        self.toast.show_notice(text, mood)

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
        own: dict[str, Callable[[Any], None]] = {
            "mode": self._choose_tool,
            "model": lambda value: self._load_model(str(value)),
            "panic": lambda _: self.panic(),
            "export": lambda _: self._export(),
            "sound": self._switch_sound,
        }
        try:
            if field_id in own:
                own[field_id](value)
            elif field_id in self.instrument.snapshot().table.actions:
                self.instrument.do(field_id)
            else:
                self.instrument.set(field_id, value)
        except RenderError as error:
            self.notify(f"{error}.", "hint")

    def panic(self) -> None:
        """Silence every note now."""
        if self._sound:
            self._sound.silence()
        self.instrument.do("panic")
        self.notify("Every note was ended.", "hint")

    def _choose_tool(self, mode: str) -> None:
        """Enter a tool; load a fitting model first where the present one does not do it."""
        card = model_for(mode, self.instrument.snapshot(), self._around)
        if card is None:
            self.instrument.set("mode", mode)
        else:
            self._wanted_mode = mode
            self._load_model(card.name)

    def _load_model(self, name: str) -> None:
        """Load a model beside; what plays goes on until it answers."""
        self.instrument.load_model(name)

    def _switch_sound(self, on: bool) -> None:
        self._around = replace(self._around, sound_on=bool(on) and self._sound is not None)
        if self._sound is not None and not on:
            self._sound.silence()
        self.notify(self._around.sound_text or "There is no sound in this window.", "hint")

    def _pick(self, first_id: int, bars: int) -> None:
        self._try(lambda: self.instrument.pick(first_id, bars))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AntiphonError as error:
            self.notify(f"{error}.", "hint")

    def _slot_menu(self, slot: SlotName, place: QPoint) -> None:
        snapshot = self.instrument.snapshot()
        playing, filled = snapshot.live.playing, slot in snapshot.document.slots
        menu = QMenu(self)
        for text, enabled, work in (
            (f"Store what is heard in {slot}", True, lambda: self.edit(f"store.{slot}", True)),
            (f"Store what plays in {slot}", playing is not None,
             lambda: self._store_answer(slot)),
            (f"Answer {slot}", filled, lambda: self.edit(f"recall.{slot}", True)),
            ("Answer what is heard", True, lambda: self.edit("source", "heard")),
            (f"Morph from {slot}", filled, lambda: self.edit("morph_from", slot)),
            (f"Morph to {slot}", filled, lambda: self.edit("morph_to", slot)),
            (f"Clear {slot}", filled, lambda: self.edit(f"clear.{slot}", True)),
        ):  # fmt: skip
            entry = menu.addAction(text)
            assert entry is not None
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _on, work=work: work())
        menu.popup(place)

    def _store_answer(self, slot: SlotName) -> None:
        playing = self.instrument.snapshot().live.playing
        if playing is not None:
            phrase = playing.phrase
            self._try(lambda: self.instrument.store(slot, phrase))

    # Files -----------------------------------------------------------------------------------

    def _export(self) -> None:
        playing = self.instrument.snapshot().live.playing
        if playing is None:
            return
        dialog = QFileDialog(self, "Export the phrase", str(fresh_name(Path.cwd() / "antiphon.mid")))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("MIDI files (*.mid *.midi)")
        dialog.setDefaultSuffix("mid")  # so that the dialog itself asks before it overwrites "take.mid"
        dialog.selectFile(fresh_name(Path.cwd() / "antiphon.mid").name)
        dialog.fileSelected.connect(lambda path: self.write_phrase(playing.phrase, path))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def write_phrase(self, phrase: Phrase, path: str) -> None:
        """Write a phrase to a file and say where it really went."""
        try:
            written = self._files.write(phrase, self._tempo_bpm(), path, self._voices())
        except (AntiphonError, OSError) as error:
            self.notify(str(error))
        else:
            self.notify(f"Written: {written}", "hint")

    def _drag_answer(self) -> None:
        playing = self.instrument.snapshot().live.playing
        self._drag(self.play.roll, playing.phrase if playing else None, "answer")

    def _drag(self, widget: QWidget, phrase: Phrase | None, reference: str) -> None:
        """Drag a phrase: as a lasting file for the DAW, by reference for a slot of this window."""
        if phrase is None:
            return
        try:
            path = self._files.cached(phrase, self._tempo_bpm(), self._voices())
        except (AntiphonError, OSError) as error:
            self.notify(f"The phrase cannot be dragged: {error}")
            return
        self._dragged = phrase
        start_drag(widget, path, reference, phrase)

    def _drop(self, slot: SlotName, what: str, is_path: bool) -> None:
        """Put what was dropped into a slot: a phrase of this window, or a MIDI file's."""
        if not is_path and self._dragged is not None:
            dragged = self._dragged
            self._try(lambda: self.instrument.store(slot, dragged))
        elif is_path:
            model = self.instrument.snapshot().model
            plays = model.representation if model else "melody"
            beats = round(model.bars * model.beats_per_bar) if model else 8
            self._try(lambda: self.instrument.store(slot, read_phrase(Path(what), plays, beats)))

    def _tempo_bpm(self) -> float:
        clock = self.instrument.snapshot().live.clock
        return clock.bpm if clock is not None else 120.0

    def _voices(self) -> Sequence[Voice]:
        model = self.instrument.snapshot().model
        return model.voices if model is not None else ()

    # Life ------------------------------------------------------------------------------------

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
    def play_fields(self) -> frozenset[str]:
        """Ids of what has a widget in the window."""
        return frozenset(self._widgets)

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
        self.pages = QStackedWidget()
        self.pages.addWidget(self.play)
        ground = QWidget()
        ground.setObjectName("ground")
        layout = QVBoxLayout(ground)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.top)
        layout.addWidget(self.pages, 1)
        self.setCentralWidget(ground)
        self.toast = Toast(ground)
        self.play.tools.sliders["variation"].fader.setFocus()

    def _wire(self) -> None:
        self.failed.connect(self.fail)
        self.later.connect(lambda work: None if self._closed else work())
        self.toast.dismissed.connect(lambda: self.instrument.do("dismiss"))
        self._adopt_fields()
        self.play.strip_panel.strip.picked.connect(self._pick)
        slots = self.play.slots
        slots.stored.connect(lambda slot: self.edit(f"store.{slot}", True))
        slots.recalled.connect(lambda slot: self.edit(f"recall.{slot}", True))
        takes = self.play.takes
        takes.kept.connect(lambda at: self._try(lambda: self.instrument.keep_take(at)))
        takes.dragged.connect(lambda at: self._drag(takes.cards[at], takes.cards[at].phrase, f"take {at}"))
        slots.dropped.connect(self._drop)
        slots.menu_wanted.connect(self._slot_menu)
        slots.dragged.connect(lambda slot: self._drag(slots.cards[slot], slots.cards[slot].phrase, slot))
        self.play.roll.dragged.connect(self._drag_answer)
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
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self, self.close)

    def _flip(self, name: str) -> None:
        self.edit(name, not self._fields[name].value)

    def _shortcut(self, key: str, work: Callable[[], None]) -> None:
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


def first_size(available: QSize) -> QSize:
    """Return the size of the first start: the usual one, or what a smaller screen has room for."""
    return USUAL_SIZE.boundedTo(available - SCREEN_MARGIN).expandedTo(LEAST_SIZE.boundedTo(available))
