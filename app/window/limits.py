"""What the answer may not do: one row of key, scale, range, and what stays as it was played."""

from typing import Any

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QLayout, QWidget

from app.window import theme
from app.window.controls import KeyButton
from app.window.fields import Choice, PitchBox, row, show_if, show_number
from engine.inference.controls import (
    CONTROLS,
    KEYS,
    SCALES,
    Constraints,
    Controls,
    Mode,
)
from engine.modes.catalogue import modes_with
from engine.snapshot import Snapshot

CONSTRAINED_MODES = modes_with(CONTROLS["density"])
RHYTHM_MODES = modes_with(CONTROLS["keep_rhythm"])
PITCHES_MODES = modes_with(CONTROLS["keep_pitches"])

FREE = Constraints()


class Limits(QObject):
    """The fields and buttons of the row; those that mean nothing to the model are hidden."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.key = Choice(
            "Key",
            "Let the answer use the notes of a key alone; what was played is moved to its nearest ones.",
            [("any key", None), *((key, key) for key in KEYS)],
            "K",
        )
        self.scale = Choice(
            "Scale",
            "Which notes the key has; choose a key first.",
            [(scale, scale) for scale in SCALES],
            "S",
        )
        self.lowest = PitchBox("Lowest note", "from ", "No note of the answer is lower.", FREE.lowest_pitch)
        self.highest = PitchBox("Highest note", "to ", "No note of the answer is higher.", FREE.highest_pitch)
        self.keep_rhythm = KeyButton(
            "Keep rhythm",
            "R",
            "Notes stay when you played them; only which notes they are changes.",
            colour=theme.HEARD,
            checkable=True,
        )
        self.keep_pitches = KeyButton(
            "Keep notes",
            "P",
            "Only notes (or drums) you played; when they come may change.",
            colour=theme.HEARD,
            checkable=True,
        )
        self.pitch_fields: tuple[QWidget, ...] = (self.key, self.scale, self.lowest, self.highest)
        self.widgets: tuple[QWidget, ...] = (*self.pitch_fields, self.keep_rhythm, self.keep_pitches)

    def layout_with(self, last: QWidget) -> QLayout:
        """Return the row, with `last` at its end."""
        return row(*self.pitch_fields, self.keep_rhythm, self.keep_pitches, None, last)

    def show_state(self, snapshot: Snapshot, controls: Controls) -> None:
        """Show the constraints, without telling anybody about them."""
        limits = controls.constraints
        self.key.show_data(limits.key)
        self.scale.show_data(limits.scale)
        self.scale.setEnabled(limits.key is not None)
        self._show_range(limits)
        self.keep_rhythm.setChecked(limits.keep_rhythm and controls.mode in RHYTHM_MODES)
        self.keep_pitches.setChecked(limits.keep_pitches and controls.mode in PITCHES_MODES)
        pitched = snapshot.pitched and _any(snapshot, CONSTRAINED_MODES)
        for field in self.pitch_fields:
            show_if(field, pitched)
        show_if(self.keep_rhythm, _any(snapshot, RHYTHM_MODES))
        show_if(self.keep_pitches, _any(snapshot, PITCHES_MODES))

    def _show_range(self, limits: Constraints) -> None:
        for field, low, high, value in (
            (self.lowest, 0, limits.highest_pitch, limits.lowest_pitch),
            (self.highest, limits.lowest_pitch, 127, limits.highest_pitch),
        ):
            if (field.minimum(), field.maximum()) != (low, high):
                field.blockSignals(True)
                field.setRange(low, high)
                field.blockSignals(False)
            show_number(field, value)

    def wire(self, session: Any) -> None:
        """Let the fields call the session; the two buttons belong to who knows the modes."""
        self.key.activated.connect(lambda: session.set_controls(key=self.key.currentData()))
        self.scale.activated.connect(lambda: session.set_controls(scale=self.scale.currentData()))
        self.lowest.valueChanged.connect(lambda pitch: session.set_controls(lowest_pitch=pitch))
        self.highest.valueChanged.connect(lambda pitch: session.set_controls(highest_pitch=pitch))


def _any(snapshot: Snapshot, modes: tuple[Mode, ...]) -> bool:
    return any(mode in modes for mode in snapshot.modes)
