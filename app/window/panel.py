"""The control panel: every control the player has, wired to the session."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QVBoxLayout,
    QWidget,
)

from app.window import theme
from app.window.character import Character
from app.window.continuing import Continuing
from app.window.controls import KeyButton, ValueSlider
from app.window.fields import Choice, row, show_if, show_number
from app.window.limits import Limits
from app.window.top_bar import label
from engine.inference.controls import CONTROLS, LARGEST_SEED, Controls
from engine.modes.catalogue import modes_with
from engine.performer.messages import ClockState
from engine.snapshot import Snapshot

VARIATION_MODES = modes_with(CONTROLS["variation"])
RHYTHM_MODES = modes_with(CONTROLS["keep_rhythm"])
PITCHES_MODES = modes_with(CONTROLS["keep_pitches"])

MODES = (
    ("vary", "Vary", "1", "Vary what was just played, as far as the variation slider says."),
    ("morph", "Morph", "2", "Blend the phrases stored in A and B."),
    ("generate", "Generate", "3", "Play something new from the model alone."),
    ("groove", "Groove", "4", "Give the drums you play a drummer's feel; Variation says how much."),
    ("drumify", "Drumify", "5", "Play drums to the rhythm you tap, on any keys."),
    ("continue", "Continue", "6", "Play on from where you stopped."),
)
"""Those the model does are shown."""
METRES = (("4/4", 4.0), ("3/4", 3.0), ("2/4", 2.0), ("5/4", 5.0), ("6/8", 3.0), ("7/8", 3.5))
START = Controls()
"""Where every slider goes back to on a double click."""
MORE = "more"
"""What the settings remember of the section behind More: whether it is open."""


class ControlPanel(QFrame):
    """Sliders, modes, takes and transport. Moves call the session at once; `show_state` reads back."""

    def __init__(
        self, session: Any, settings: QSettings | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._session, self._settings = session, settings
        self._rolling = False
        self._make_sliders()
        self._make_modes()
        self._make_takes()
        self._make_transport()
        self.continuing = Continuing(self)
        self.limits = Limits(self)
        self._make_more()
        self._lay_out()
        self._wire()

    # What is shown ---------------------------------------------------------------------------

    def show_state(self, snapshot: Snapshot) -> None:
        """Show the session's controls, without telling the session about them."""
        controls = snapshot.controls
        self.variation.show_value(controls.variation)
        self.morph.show_value(controls.morph)
        self.temperature.show_value(controls.temperature)
        self._show_modes(snapshot.modes)
        self.modes[controls.mode].setChecked(True)
        self.continuing.show_state(snapshot, controls)
        self.limits.show_state(snapshot, controls)
        self._show_more(snapshot, controls)
        show_number(self.seed, controls.seed)
        for name, button in self.stores.items():
            button.setText(f"{name} stored" if name in snapshot.slots else f"Store in {name}")
        self.bypass.setChecked(snapshot.bypass)
        self.hold.setChecked(not snapshot.following)
        self.demo.setChecked(snapshot.demo)
        self.undo.setEnabled(snapshot.can_undo)
        self.redo.setEnabled(snapshot.can_redo)
        self.morph.set_active(controls.mode == "morph")
        self.variation.set_active(controls.mode in VARIATION_MODES)
        self._show_clock(snapshot.clock)

    def _show_modes(self, modes: Sequence[str]) -> None:
        for name, button in self.modes.items():
            show_if(button, name in modes)
        continues = "continue" in modes
        show_if(self.variation, not continues or any(mode in modes for mode in VARIATION_MODES))
        show_if(self.morph, not continues or "morph" in modes)

    def _show_more(self, snapshot: Snapshot, controls: Controls) -> None:
        offers = self.character.offers(snapshot)
        self.character.show_state(snapshot, controls)
        show_if(self.more, offers)
        show_if(self.character, offers and self.more.isChecked())

    def _show_clock(self, clock: ClockState | None) -> None:
        external = clock is not None and clock.source == "external" and clock.status != "lost"
        self._rolling = clock is not None and clock.status in ("rolling", "flywheel", "armed")
        self.play.setText("Stop" if self._rolling and not external else "Play")
        self.play.setChecked(self._rolling and not external)
        self.play.setEnabled(not external)
        self.tempo.setEnabled(not external)
        if clock is not None:
            show_number(self.tempo, clock.bpm)
            self.metre.show_data(clock.beats_per_bar)

    # The controls ----------------------------------------------------------------------------

    def _make_sliders(self) -> None:
        self.variation = ValueSlider(
            "Variation",
            "V",
            "How far to go from what was played; 0 plays it back as it was.",
            reset=START.variation,
        )
        self.morph = ValueSlider(
            "Morph",
            "M",
            "From the phrase in A (0) to the phrase in B (1).",
            colours=(theme.HEARD, theme.COMING),
        )
        self.temperature = ValueSlider(
            "Temperature",
            "T",
            "How much chance is in each take; 0 is the model's first choice.",
            high=2.0,
            reset=START.temperature,
            show=lambda value: f"{value:.2f}",
        )

    def _make_modes(self) -> None:
        self.modes = {
            name: KeyButton(text, key, tip, colour=theme.PLAYING, checkable=True, parent=self)
            for name, text, key, tip in MODES
        }
        self._mode_group = QButtonGroup(self)
        for button in self.modes.values():
            self._mode_group.addButton(button)

    def _make_takes(self) -> None:
        self.stores = {
            "A": KeyButton("Store in A", "A", "Keep what was last heard in slot A.", colour=theme.HEARD),
            "B": KeyButton("Store in B", "B", "Keep what was last heard in slot B.", colour=theme.COMING),
        }
        for name, button in self.stores.items():
            button.setAccessibleName(f"Store in {name}")
            button.setMinimumWidth(128)
        self.new_take = KeyButton("New take", "N", "Another rendering with the same sliders: a new seed.")
        self.seed = QDoubleSpinBox()  # QSpinBox ends at 2147483647
        self.seed.setDecimals(0)
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("The take's seed: the same seed and sliders give the same music again.")
        self.bypass = KeyButton(
            "Original",
            "O",
            "Hear what was played instead of the answer (bypass).",
            colour=theme.HEARD,
            checkable=True,
        )
        self.bypass.setAccessibleName("Bypass")
        self.hold = KeyButton(
            "Hold", "H", "Keep answering this phrase while you play on.", colour=theme.HEARD, checkable=True
        )
        self.undo = KeyButton("Undo", "Ctrl+Z", "Take the last change back.", show_key=False)
        self.redo = KeyButton("Redo", "Ctrl+Shift+Z", "Do again what was undone.", show_key=False)
        self.export = KeyButton("Export .mid", "Ctrl+E", "Write the phrase that plays to a MIDI file.")
        self.export.setAccessibleName("Export")

    def _make_transport(self) -> None:
        self.play = KeyButton(
            "Play", "Space", "Start and stop the internal clock.", colour=theme.GOOD, checkable=True
        )
        self.play.setMinimumWidth(118)
        self.play.setAccessibleName("Play")
        self.tempo = QDoubleSpinBox()
        self.tempo.setRange(20.0, 400.0)
        self.tempo.setDecimals(1)
        self.tempo.setSuffix(" BPM")
        self.tempo.setAccessibleName("Tempo")
        self.tempo.setToolTip("Tempo of the internal clock; an external clock brings its own.")
        self.metre = Choice("Metre", "Length of a bar. MIDI clock carries no metre, so set it here.", METRES)
        self.demo = KeyButton(
            "Demo", "D", "Play a phrase into the input, as if you did.", colour=theme.HEARD, checkable=True
        )
        self.demo.setAccessibleName("Demo phrase")
        for number in (self.seed, self.tempo):
            number.setKeyboardTracking(False)
            number.lineEdit().returnPressed.connect(self.give_keys_back)  # type: ignore[union-attr]
        for field in (self.seed, self.tempo):
            field.setFont(theme.font(12.5, figures=True))
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _make_more(self) -> None:
        self.more = KeyButton(
            "More",
            "Ctrl+M",
            "More sliders: how busy the answer is, and what the model can push it towards.",
            colour=theme.QUIET,
            checkable=True,
            show_key=False,
        )
        self.more.setAccessibleName("More sliders")
        self.more.setChecked(self._settings is not None and self._settings.value(MORE, False, bool))
        self.character = Character(self._session)

    # Where they are --------------------------------------------------------------------------

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(34)
        grid.setVerticalSpacing(12)
        grid.addLayout(_stacked(self.variation, self.continuing.start), 0, 0)
        grid.addLayout(_stacked(self.morph, self.continuing.length), 0, 1)
        grid.addWidget(self.temperature, 0, 2)
        grid.addLayout(row(*self.modes.values(), spacing=6), 1, 0)
        grid.addLayout(row(*self.stores.values(), stretch_between=True), 1, 1)
        seed = label(11, "title")
        seed.setText("Seed")
        seed.setBuddy(self.seed)
        grid.addLayout(row(self.new_take, seed, self.seed), 1, 2)
        for column in range(3):
            grid.setColumnStretch(column, 1)
        transport = row(
            self.play,
            self.tempo,
            self.metre,
            self.demo,
            None,
            self.bypass,
            self.hold,
            None,
            self.undo,
            self.redo,
            self.export,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 14, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(grid)
        layout.addLayout(self.limits.layout_with(self.more))
        layout.addWidget(self.character)
        layout.addLayout(transport)
        self._set_tab_order()

    def _set_tab_order(self) -> None:
        order: list[QWidget] = [
            self.variation.fader,
            *self.continuing.start.buttons.values(),
            self.morph.fader,
            self.continuing.length.fader,
            self.temperature.fader,
            *self.modes.values(),
            *self.stores.values(),
            self.new_take,
            self.seed,
            *self.limits.widgets,
            self.more,
            *self.character.faders,
            self.play,
            self.tempo,
            self.metre,
            self.demo,
            self.bypass,
            self.hold,
            self.undo,
            self.redo,
            self.export,
        ]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    # What they do ----------------------------------------------------------------------------

    def _wire(self) -> None:
        session = self._session
        self.variation.moved.connect(lambda value: self._move_in(VARIATION_MODES, variation=value))
        self.morph.moved.connect(lambda value: self._move_in(("morph",), morph=value))
        self.temperature.moved.connect(lambda value: session.set_controls(temperature=value))
        for name, button in self.modes.items():
            button.clicked.connect(lambda _, name=name: session.set_controls(mode=name))
        for name, button in self.stores.items():
            button.clicked.connect(lambda _, name=name: session.store(name))
        self.new_take.clicked.connect(lambda: session.new_take())
        self.seed.valueChanged.connect(lambda value: session.set_controls(seed=int(value)))
        self.bypass.clicked.connect(lambda on: session.set_bypass(on))
        self.hold.clicked.connect(lambda on: session.set_following(not on))
        self.undo.clicked.connect(lambda: session.undo())
        self.redo.clicked.connect(lambda: session.redo())
        self.play.clicked.connect(self._play_or_stop)
        self.tempo.valueChanged.connect(lambda value: session.set_tempo(value))
        self.demo.clicked.connect(lambda on: session.demo(on))
        self.metre.activated.connect(lambda: session.set_metre(self.metre.currentData()))
        self._wire_more()

    def _wire_more(self) -> None:
        continuing, limits = self.continuing, self.limits
        continuing.start.chosen.connect(lambda start: self._move_in(("continue",), start=start))
        continuing.length.moved.connect(lambda bars: self._move_in(("continue",), bars=round(bars)))
        limits.wire(self._session)
        limits.keep_rhythm.clicked.connect(lambda on: self._move_in(RHYTHM_MODES, keep_rhythm=on))
        limits.keep_pitches.clicked.connect(lambda on: self._move_in(PITCHES_MODES, keep_pitches=on))
        for choice in (limits.key, limits.scale, self.metre):
            choice.left.connect(self.give_keys_back)
        for pitch in (limits.lowest, limits.highest):
            pitch.lineEdit().returnPressed.connect(self.give_keys_back)  # type: ignore[union-attr]
        self.more.toggled.connect(self._open_more)

    def _open_more(self, opened: bool) -> None:
        show_if(self.character, opened)
        if self._settings is not None:
            self._settings.setValue(MORE, opened)

    def give_keys_back(self) -> None:
        """Give the keys back to the instrument once a number is entered."""
        first = self.temperature if self.variation.isHidden() else self.variation
        first.fader.setFocus()

    def _move_in(self, modes: Sequence[str], **change: Any) -> None:
        """Move what counts in some modes: who touches it wants to hear it, if the model can."""
        offered = [mode for mode in modes if not self.modes[mode].isHidden()]
        if not offered or any(self.modes[mode].isChecked() for mode in offered):
            self._session.set_controls(**change)
        else:
            self._session.set_controls(mode=offered[0], **change)

    def _play_or_stop(self) -> None:
        if self._rolling:
            self._session.stop()
        else:
            self._session.play()


def _stacked(*widgets: QWidget) -> QVBoxLayout:
    """Return a place that widgets share; which of them is shown depends on the model."""
    place = QVBoxLayout()
    for widget in widgets:
        place.addWidget(widget)
    return place
