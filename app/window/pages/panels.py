"""The groups of controls of the play page, each a table of ids put into rows."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QWidget

from app.window.pages.fields import action, captioned, choice, parameter, slider, toggle, typed
from app.window.pages.style_panel import StylePanel
from app.window.widgets.button import HEIGHT, KeyButton
from app.window.widgets.choice import ChoiceRow
from app.window.widgets.group import discard, row
from app.window.widgets.history_chips import HistoryChips
from app.window.widgets.lamp import label, set_tip, write
from app.window.widgets.number import NumberSlider
from engine.parameter import Choice, Number
from engine.session.parameters import Table

CHARACTER_COLUMNS = 8
UNDO_WIDTHS = {False: 112, True: 78}
"""Of the words of what undo takes back, by whether width is saved; what follows them never moves."""


class CharacterPanel(QWidget):
    """Sliders that push an answer one way; which there are depends on the model."""

    def __init__(self) -> None:
        super().__init__()
        self.sliders: dict[str, NumberSlider] = {}
        self._nothing = label(10.5, "quiet")
        self._nothing.setText("This model has no directions to push an answer in.")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(4, 0, 4, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self._nothing, 0, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        for column in range(CHARACTER_COLUMNS):
            self._grid.setColumnStretch(column, 1)

    def offer(self, parameters: Sequence[Number]) -> bool:
        """Put up sliders for the directions of a model; return whether they changed."""
        if [parameter.id for parameter in parameters] == list(self.sliders):
            return False
        for old in self.sliders.values():
            discard(old)
        self.sliders = {parameter.id: NumberSlider(parameter, colour="coming") for parameter in parameters}
        for at, made in enumerate(self.sliders.values()):
            made.set_narrow()
            self._grid.addWidget(made, at // CHARACTER_COLUMNS, at % CHARACTER_COLUMNS)
        self._nothing.setVisible(not self.sliders)
        return True


class ShapePanel(QWidget):
    """Single changes, how far rhythm, pitches and style go, and how sure a key must be."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        names = ("vary_rhythm", "vary_pitch", "threshold")
        self.sliders = [slider(table, name) for name in names]
        for made in self.sliders:
            made.set_narrow()
        self.nudge = action(table, "nudge")
        self.style_panel = StylePanel(table)
        layout = row(self.nudge, *self.sliders, self.style_panel, spacing=8)
        layout.setContentsMargins(0, 0, 0, 0)
        for made in self.sliders:
            layout.setStretchFactor(made, 2)
        layout.setStretchFactor(self.style_panel, 4)
        self.setLayout(layout)


class LimitsPanel(QWidget):
    """What the answer may not do: key, scale, range, and what stays as it was played; and transposition."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.in_key, self.key, self.scale = (
            toggle(table, "in_key"),
            choice(table, "key"),
            choice(table, "scale"),
        )
        self.lowest, self.highest = typed(table, "lowest_pitch"), typed(table, "highest_pitch")
        self.keep_rhythm, self.keep_pitches = toggle(table, "keep_rhythm"), toggle(table, "keep_pitches")
        self.transpose = typed(table, "transpose")
        for pitch in (self.lowest, self.highest, self.transpose):
            pitch.setFixedWidth(64)
        words = [label(10, "quiet") for _ in range(3)]
        for word, text in zip(words, ("notes", "to", "transposed by"), strict=True):
            word.setText(text)
        self._from = words[0]
        layout = row(
            self.in_key, self.key, self.scale, 6, words[0], self.lowest, words[1], self.highest, 6,
            self.keep_rhythm, self.keep_pitches, None, words[2], self.transpose,
        )  # fmt: skip
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.set_compact(False)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons, narrower lists."""
        for button in (self.in_key, self.keep_rhythm, self.keep_pitches):
            button.show_keys(not compact)
        self._from.setVisible(not compact)
        self.key.setFixedWidth(94 if compact else 112)
        self.scale.setFixedWidth(120 if compact else 148)


class ChordsPanel(QWidget):
    """The chords the answer follows: typed or heard, how firmly, and the key that is kept to."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.chords, self.follow_chords = typed(table, "chords"), slider(table, "follow_chords", "heard")
        self.lock_key = action(table, "lock_key", colour="heard")
        caption = label(10, "quiet")
        caption.setText("Chords")
        caption.setBuddy(self.chords)
        self.follow_chords.setFixedWidth(220)
        layout = row(caption, self.chords, 10, self.follow_chords, 10, self.lock_key)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretchFactor(self.chords, 1)
        self.setLayout(layout)


class TurnsPanel(QWidget):
    """Who plays when: turns, how long each is, and what the answer does meanwhile."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.turns = ChoiceRow(parameter(table, "turns", Choice))
        self.turn_bars, self.pause_beats = slider(table, "turn_bars"), slider(table, "pause_beats")
        self.meanwhile = captioned(table, "meanwhile")
        self.take_turn = action(table, "take_turn", colour="playing")
        layout = row(self.turns, 6, self.turn_bars, 6, self.pause_beats, 6, self.meanwhile, 6, self.take_turn)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setStretchFactor(self.turn_bars, 1)
        layout.setStretchFactor(self.pause_beats, 1)
        self.setLayout(layout)

    def set_compact(self, compact: bool) -> None:
        """Save width: no key on the button."""
        self.take_turn.show_keys(not compact)


class BottomBar(QFrame):
    """Undo and what was done, the sound, and how well the machine keeps up."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedHeight(HEIGHT + 12)
        self.undo, self.redo = action(table, "undo"), action(table, "redo")
        self.demo = toggle(table, "demo")
        self._history, self._health = label(9.5, "quiet"), label(9.5, "quiet", figures=True)
        self.chips = HistoryChips()
        tip = "Hear the answer here, without a synthesiser."
        self.sound = KeyButton("sound", "Sound", "", tip, colour="good", toggle=True)
        self.export = action(table, "export")
        tip = "Bind a knob, a key or a pedal to a control."
        self.learn = KeyButton("learn", "Learn", "Ctrl+K", tip, colour="coming", show_key=False)
        self.help = KeyButton("shortcuts", "?", "F1", "All keys on one page.", show_key=False)
        self.help.setAccessibleName("Shortcuts")
        self.help.setFixedWidth(36)
        layout = row(
            self.undo, self.redo, 4, self._history, self.chips, self._health,
            self.demo, self.learn, self.export, self.sound, self.help,
        )  # fmt: skip
        layout.setContentsMargins(12, 2, 12, 2)
        layout.setStretchFactor(self.chips, 1)
        self.setLayout(layout)
        self.set_compact(False)

    def set_compact(self, compact: bool) -> None:
        """Save width: no keys on the buttons."""
        self._history.setFixedWidth(UNDO_WIDTHS[compact])
        for button in (self.undo, self.redo, self.demo, self.export):
            button.show_keys(not compact)

    def show_history(self, text: str) -> None:
        """Show what undo takes back, as far as there is room."""
        fitting = self._history.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, self._history.maximumWidth()
        )
        write(self._history, fitting)
        set_tip(self._history, text)

    def show_health(self, text: str, tip: str) -> None:
        """Show how well the machine keeps up."""
        write(self._health, text)
        set_tip(self._health, tip)
