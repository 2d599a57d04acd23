"""The main window: what is heard, what plays, what comes next, and the controls."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from PyQt6.QtCore import QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import QFileDialog, QMainWindow, QVBoxLayout, QWidget

from app.audio.preview import Preview
from app.notice_text import notice_line
from app.window import theme
from app.window.banner import Banner
from app.window.controls import KeyButton
from app.window.dragging import PhraseFiles, start_drag
from app.window.panel import ControlPanel
from app.window.roll import PianoRoll, pitch_ranges
from app.window.status_line import Health, StatusLine
from app.window.top_bar import TopBar
from app.window.view import bar_and_beat, lamp_of, milliseconds, place_in, port_name, rolling_position
from engine.errors import AntiphonError
from engine.midi.ports import now_ns
from engine.music.notes import Phrase
from engine.performer.messages import Event
from engine.snapshot import Notice, Snapshot


class Models(Protocol):
    """What the window asks of the models that can be loaded."""

    def installed(self) -> Mapping[str, str]:
        """Return what to load each by, by the name to show."""
        ...

    def load(self, what: str) -> Any:
        """Load one; AntiphonError if it cannot be. Called in a thread of its own."""
        ...


FRAME_MS = 16
"""Time between two looks at the session: 60 a second."""


class Sound(Protocol):
    """What the window asks of an audition sound."""

    status: str

    def hear(self, events: Any) -> None:
        """Sound what left the output."""
        ...

    def silence(self) -> None:
        """Stop every note now."""
        ...

    def start(self) -> None:
        """Open the audio device beside the window."""
        ...

    def close(self) -> None:
        """Give the audio device back."""
        ...


class InstrumentWindow(QMainWindow):
    """The window around one session; closing it closes the session.

    Signals:
        failed: an exception nobody caught, as one line; may be emitted by any thread.
        later: something to call in the window's thread; may be emitted by any thread.
    """

    failed = pyqtSignal(str)
    later = pyqtSignal(object)

    def __init__(
        self,
        session: Any,
        *,
        sound: Sound | None = None,
        files: PhraseFiles | None = None,
        settings: QSettings | None = None,
        models: Models | None = None,
    ) -> None:
        super().__init__()
        self._models, self._loading = models, False
        self._session, self._sound, self._settings = session, sound, settings
        self._files = files or PhraseFiles()
        self._shown: Snapshot | None = None
        self._preview = Preview()
        self._closed, self._refusal = False, ""
        self.setWindowTitle("Antiphon")
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
        events = self._session.poll()
        snapshot = self._session.snapshot()
        self._listen(events, snapshot)
        if snapshot is not self._shown:
            self._show_snapshot(snapshot)
            self._shown = snapshot
        self._move(snapshot, now_ns())

    def _listen(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        if self._sound is None:
            return
        self._sound.hear([*events, *self._preview.follow(snapshot, now_ns())])
        self.status_line.show_sound(self._sound.status)

    def tell(self, text: str, mood: str = "bad") -> None:
        """Show one line in the banner."""
        self.banner.show_notice(text, mood)

    def fail(self, text: str) -> None:
        """Silence everything and say what went wrong; the window lives on."""
        self.panic()
        self.tell(f"Something went wrong here, so everything was silenced: {text}. You can go on playing.")

    def panic(self) -> None:
        """Silence every note now."""
        if self._sound:
            self._sound.silence()
        self._session.panic()

    # Showing ---------------------------------------------------------------------------------

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        before = self._shown
        self.panel.show_state(snapshot)
        self._show_ports(snapshot)
        self._show_music(snapshot)
        self.status_line.show_health(
            Health(
                snapshot.pattern_ms,
                snapshot.late_ms,
                snapshot.late_sends,
                snapshot.dropped_input,
                snapshot.realtime,
            )
        )
        if before is None or snapshot.notices != before.notices:
            self._show_notices(snapshot.notices)

    def _show_ports(self, snapshot: Snapshot) -> None:
        if snapshot.model_name:
            self._refusal = ""
        if snapshot.backend:
            line = f"{port_name(snapshot.input_name)}  →  {port_name(snapshot.output_name)}"
        else:
            line = "No MIDI ports"
        model = snapshot.model_name or "loading the model"
        if not self._loading:
            self.top.show_model(snapshot.model_name)
        detail = "  ·  ".join(filter(None, (snapshot.backend.upper(), model, snapshot.precision)))
        self.top.show_ports(line, detail)
        lamp = lamp_of(snapshot.clock)
        source = "" if snapshot.clock is None else f"{snapshot.clock.source} clock"
        self.top.show_lamp(lamp, source)

    def _show_music(self, snapshot: Snapshot) -> None:
        phrases = [p for p in (snapshot.heard, snapshot.playing, snapshot.coming) if p is not None]
        bars = max((phrase.bars for phrase in phrases), default=snapshot.model_bars or 2)
        metre = phrases[0].beats_per_bar if phrases else 4.0
        upper, lower = pitch_ranges(snapshot.heard, phrases)
        self.heard.set_music(snapshot.heard, None, upper, bars=bars, beats_per_bar=metre)
        self.playing.set_music(snapshot.playing, snapshot.coming, lower, bars=bars, beats_per_bar=metre)
        self.first_sound.setVisible(snapshot.heard is None and not snapshot.demo)

    def _show_notices(self, notices: tuple[Notice, ...]) -> None:
        lines = [self._refusal] if self._refusal else []
        if notices:
            lines.append(notice_line(notices[-1]))
        if lines:
            self.tell(" ".join(lines), "bad" if self._refusal else notices[-1].mood)
        else:
            self.banner.hide()

    def refuse_model(self, text: str) -> None:
        """Say why there is no model, and keep saying it beside whatever else is to be said."""
        self._refusal = text
        self.tell(" ".join(filter(None, (text, self.banner.text))))

    def _move(self, snapshot: Snapshot, now_ns: int) -> None:
        clock = snapshot.clock
        position = rolling_position(snapshot, now_ns)
        self.heard.set_position(place_in(snapshot.heard, position, 0.0))
        self.playing.set_position(place_in(snapshot.playing, position, snapshot.playing_since_beats))
        if clock is not None:
            beats = clock.position_beats if position is None else position
            jitter = f"jitter {milliseconds(clock.jitter_ms)}" if clock.source == "external" else "internal"
            self.top.show_time(bar_and_beat(beats, clock.beats_per_bar), f"{clock.bpm:.1f} BPM", jitter)

    def _do(self, work: Callable[[], None]) -> None:
        if not self._closed:
            work()

    # Doing -----------------------------------------------------------------------------------

    def _playing_phrase(self) -> Phrase | None:
        snapshot: Snapshot = self._session.snapshot()
        return snapshot.playing

    def _export(self) -> None:
        phrase = self._playing_phrase()
        if phrase is None:
            self.tell(
                "Nothing plays yet, so there is nothing to export. Play a phrase first, or press D.", "hint"
            )
            return
        path, _ = QFileDialog.getSaveFileName(self, "Export the phrase", "antiphon.mid", "MIDI files (*.mid)")
        if path:
            self._write_phrase(phrase, path)

    def _write_phrase(self, phrase: Phrase, path: str) -> None:
        try:
            self._files.write(phrase, self._tempo_bpm(), path, self._session.snapshot().voices)
        except (AntiphonError, OSError) as error:
            self.tell(str(error))
        else:
            self.tell(f"Written: {path}", "hint")

    def _choose_model(self, at: int) -> None:
        """Load a model beside; what plays goes on until it answers."""
        what = self.top.models.itemData(at)
        if self._models is None or self._loading or what is None:
            return
        self._loading = True
        self.top.models.setEnabled(False)
        threading.Thread(target=self._load_model, args=(self._models, what), daemon=True).start()

    def _load_model(self, models: Models, what: str) -> None:
        """Load in a thread of its own; the window hears of it in its own thread."""
        try:
            model = models.load(what)
        except AntiphonError as error:
            refusal = str(error)
            self.later.emit(lambda: self._loaded(None, refusal))
        except Exception as error:  # a thread that dies silently would leave the chooser shut
            refusal = f"The model cannot be loaded: {error}"
            self.later.emit(lambda: self._loaded(None, refusal))
        else:
            self.later.emit(lambda: self._loaded(model, ""))

    def _loaded(self, model: Any, refusal: str) -> None:
        self._loading = False
        self.top.models.setEnabled(True)
        if refusal:
            self.tell(refusal)
        else:
            self._session.set_model(model)
        self.top.show_model(self._session.snapshot().model_name)

    def _drag(self) -> None:
        snapshot: Snapshot = self._session.snapshot()
        if snapshot.playing is not None:
            path = self._files.cached(snapshot.playing, self._tempo_bpm(), snapshot.voices)
            start_drag(self.playing, path)

    def _tempo_bpm(self) -> float:
        clock = self._session.snapshot().clock
        return clock.bpm if clock is not None else 120.0

    # Life ------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Silence everything, close the session, remember the geometry."""
        self.shut_down()
        if event:
            event.accept()

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
        self._session.close()

    def _build(self) -> None:
        self.top = TopBar()
        self.top.offer_models({} if self._models is None else self._models.installed())
        self.banner = Banner()
        self.heard = PianoRoll("Heard", "", theme.HEARD)
        self.playing = PianoRoll("Playing", "The answer appears here.", theme.PLAYING)
        self.playing.setToolTip("Drag this phrase into the DAW.")
        self.panel = ControlPanel(self._session, self._settings)
        self.status_line = StatusLine()
        self.first_sound = KeyButton(
            "Play into Antiphon In, or play the demo",
            "",
            "Make the first sound without a DAW.",
            colour=theme.HEARD,
            solid=True,
            parent=self.heard,
        )
        QVBoxLayout(self.heard).addWidget(self.first_sound, 0, Qt.AlignmentFlag.AlignCenter)
        ground = QWidget()
        ground.setObjectName("ground")
        layout = QVBoxLayout(ground)
        layout.setContentsMargins(12, 12, 12, 8)
        layout.setSpacing(8)
        for widget, stretch in (
            (self.top, 0),
            (self.banner, 0),
            (self.heard, 1),
            (self.playing, 1),
            (self.panel, 0),
            (self.status_line, 0),
        ):
            layout.addWidget(widget, stretch)
        self.setCentralWidget(ground)
        self.panel.variation.fader.setFocus()

    def _wire(self) -> None:
        self.failed.connect(self.fail)
        self.banner.dismissed.connect(lambda: self._session.dismiss())
        self.later.connect(self._do)
        self.top.models.activated.connect(self._choose_model)
        self.top.models.left.connect(self.panel.give_keys_back)
        self.top.panic.clicked.connect(lambda: self.panic())
        self.panel.export.clicked.connect(lambda: self._export())
        self.first_sound.clicked.connect(self.panel.demo.click)
        self.playing.dragged.connect(self._drag)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self, self.close)

    def _restore_geometry(self) -> None:
        saved = self._settings.value("geometry") if self._settings is not None else None
        if saved is None or not self.restoreGeometry(saved):
            self.resize(1280, 820)
