"""MIDI learn in the window: choose a control, move a knob; a layer over the window shows what is bound."""

from typing import Protocol

from PyQt6.QtCore import QPoint, QRect
from PyQt6.QtWidgets import QWidget

from app.window.widgets.group import Field
from app.window.widgets.learn import LearnLayer
from engine.session.bindings import short_name_of
from engine.session.instrument import Instrument
from engine.session.snapshot import Snapshot


class FieldHolder(Protocol):
    """Who knows the widgets of the window."""

    @property
    def field_places(self) -> dict[str, list[Field]]:
        """The widgets by the id of what they show."""


class Learning:
    """Opens and closes the layer and asks the instrument to learn."""

    def __init__(self, instrument: Instrument, holder: FieldHolder, ground: QWidget) -> None:
        self._instrument, self._holder, self._ground = instrument, holder, ground
        self.layer = LearnLayer(ground)
        self.layer.chosen.connect(lambda target: choose(instrument, target))
        self.layer.left.connect(self.end)

    @property
    def is_open(self) -> bool:
        """Whether the layer is over the window."""
        return not self.layer.isHidden()

    def begin(self) -> None:
        """Let the player choose a control."""
        self.layer.begin()
        self.show_state(self._instrument.snapshot())

    def end(self) -> bool:
        """Go back to playing; what waits for a message waits no more. Return whether anything did."""
        waits = self.is_open or bool(self._instrument.snapshot().live.learning)
        if waits:
            self._instrument.learn("")
            self.layer.hide()
        return waits

    def show_state(self, snapshot: Snapshot) -> None:
        """Show what can be learned, what is bound, and what to do."""
        if not self.is_open:
            return
        bound = {binding.target: short_name_of(binding) for binding in snapshot.document.bindings}
        self.layer.show_targets(self._places(snapshot), bound, snapshot.live.learning, learn_text(snapshot))

    def _places(self, snapshot: Snapshot) -> dict[str, QRect]:
        known = {*snapshot.table.parameters, *snapshot.table.actions}
        places = {}
        for name, widgets in self._holder.field_places.items():
            for widget in widgets:
                if name in known and isinstance(widget, QWidget) and widget.isVisible():
                    corner = widget.mapTo(self._ground, QPoint(0, 0))
                    places[name] = QRect(corner, widget.size()).adjusted(-3, -3, 3, 3)
        return places


def choose(instrument: Instrument, target: str) -> None:
    """Let a control wait for a message; for one that waits already, forget what moves it."""
    if target == instrument.snapshot().live.learning:
        instrument.unbind(target)
        instrument.learn("")
    else:
        instrument.learn(target)


def learn_text(snapshot: Snapshot) -> str:
    """Return what to do next."""
    if not snapshot.live.learning:
        return "Click a control to bind it to MIDI. Click beside them, or press Esc, to go back."
    label = snapshot.table.label(snapshot.live.learning)
    return f"{label}: turn a knob or press a key or pedal. Click it again to unbind it."
