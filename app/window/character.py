"""The section behind More: how busy, and the directions a model knows in its latent space."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from PyQt6.QtWidgets import QGridLayout, QWidget

from app.window import theme
from app.window.controls import ValueSlider
from app.window.fields import show_if
from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import CONTROLS, Controls, attribute_parameter
from engine.modes.catalogue import modes_with
from engine.snapshot import Snapshot

CONSTRAINED_MODES = modes_with(CONTROLS["density"])
ATTRIBUTE_MODES = modes_with(attribute_parameter("any"))

FARTHEST = 3.0
"""Steps along a direction, either way."""
COLUMNS = 6
TIPS = {
    "density": "More notes to the right, fewer to the left.",
    "register": "Higher notes to the right, lower ones to the left.",
    "syncopation": "More notes off the beat to the right.",
    "interval": "Wider leaps to the right, smaller steps to the left.",
    "in_scale": "More notes within one scale to the right, more chromatic ones to the left.",
    "variety": "More different drums to the right, fewer to the left.",
    "loudness": "Louder to the right, softer to the left.",
    "lateness": "Behind the beat to the right, ahead of it to the left.",
}


class Character(QWidget):
    """Sliders that push an answer one way; which there are depends on the model."""

    def __init__(self, session: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._attributes: tuple[Attribute, ...] = ()
        self._amounts: dict[str, float] = {}
        self.sliders: dict[str, ValueSlider] = {}
        self.busyness = ValueSlider(
            "Busyness",
            "",
            "Lean towards more notes or fewer at every step, without moving in the model's latent space; "
            "what Variation 0 holds stays.",
            low=-1.0,
            colours=(theme.PLAYING, theme.PLAYING),
            show=lambda value: f"{value:+.0%}" if round(value, 2) else "0%",
        )
        self.busyness.moved.connect(lambda value: session.set_controls(density=round(value, 3)))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(22)
        self._grid.setVerticalSpacing(12)
        self._place()

    @property
    def faders(self) -> list[QWidget]:
        """What the Tab key walks through, in order."""
        return [slider.fader for slider in (self.busyness, *self.sliders.values())]

    def offers(self, snapshot: Snapshot) -> bool:
        """Tell whether anything in here counts for the model."""
        return any(mode in CONSTRAINED_MODES for mode in snapshot.modes)

    def show_state(self, snapshot: Snapshot, controls: Controls) -> None:
        """Show how the sliders stand, without telling anybody; another model may bring other ones."""
        counts = any(mode in ATTRIBUTE_MODES for mode in snapshot.modes)
        attributes = snapshot.attributes if counts else ()
        if attributes != self._attributes:
            self._attributes = attributes
            self._make(attributes)
        self._amounts = dict(controls.attributes)
        self.busyness.show_value(controls.constraints.density)
        for name, slider in self.sliders.items():
            slider.show_value(self._amounts.get(name, 0.0))

    def _make(self, attributes: Sequence[Attribute]) -> None:
        for slider in self.sliders.values():
            self._grid.removeWidget(slider)
            slider.hide()
            slider.deleteLater()
        self.sliders = {attribute.name: self._slider(attribute) for attribute in attributes}
        self._place()
        for before, after in pairwise(self.faders):
            QWidget.setTabOrder(before, after)

    def _slider(self, attribute: Attribute) -> ValueSlider:
        made = ValueSlider(
            attribute.name.replace("_", " ").capitalize(),
            "",
            attribute_tip(attribute),
            low=-FARTHEST,
            high=FARTHEST,
            colours=(theme.COMING, theme.COMING),
            show=lambda value: f"{value:+.1f}" if round(value, 1) else "0",
            parent=self,
        )
        made.moved.connect(lambda value: self._move(attribute.name, value))
        return made

    def _place(self) -> None:
        """Fill the grid; columns without a slider keep their width, so that one slider is no giant."""
        for at, slider in enumerate((self.busyness, *self.sliders.values())):
            self._grid.addWidget(slider, at // COLUMNS, at % COLUMNS)
            show_if(slider, True)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)

    def _move(self, name: str, amount: float) -> None:
        """Set one amount beside the others, those of other models too; 0 needs no entry."""
        self._amounts[name] = round(amount, 3)
        asked = tuple((name, amount) for name, amount in self._amounts.items() if amount)
        self._session.set_controls(attributes=asked)


def attribute_tip(attribute: Attribute) -> str:
    """Say what a direction does and what a step along it was measured to change."""
    known = TIPS.get(
        attribute.name, f"More {attribute.name.replace('_', ' ')} to the right, less to the left."
    )
    effect = attribute.effects.get(attribute.name)
    if effect is None:
        return known
    percent = attribute.effects_percent.get(attribute.name)
    share = "" if percent is None else f" ({percent:+.0f}%)"
    return f"{known} A step of 1 was measured to change it by {effect:+.2g} {attribute.unit}{share}."
