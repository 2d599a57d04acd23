"""The modes there are, and what counts in each. A new one is a name in `controls.Mode` and a line here."""

from collections.abc import Collection, Mapping, Set
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.errors import RenderError
from engine.inference.controls import CONTROLS, STORED, Controls, Mode, changed
from engine.inference.features import DIRECTIONS, MODEL_FEATURES, STYLE
from engine.modes.tools import Accompany, Continue, Drumify, Generate, Groove, Morph, Tool, Vary
from engine.music.style import Style
from engine.parameter import Parameter

if TYPE_CHECKING:  # how a bundle is read and checked is not needed before one is
    from engine.inference.bundle.store import Bundle

TOOLS: dict[Mode, Tool] = {
    tool.id: tool for tool in (Vary(), Morph(), Generate(), Groove(), Drumify(), Continue(), Accompany())
}
"""By name, in the order they are shown."""


@lru_cache(maxsize=64)
def modes_of(task: str, sentences: bool = False) -> tuple[Mode, ...]:
    """Return the modes that bundles with a task do; the first is the usual one.

    Args:
        task: of the bundle.
        sentences: whether it can say how words follow each other, and so continue what was played.
    """
    return tuple(
        name for name, tool in TOOLS.items() if tool.task == task or (sentences and tool.by_sentences)
    )


def slots_of(controls: Controls, filled: Collection[str] = STORED) -> tuple[str, ...]:
    """Return the names of the slots that a rendering starts from, of which some names are filled."""
    return TOOLS[controls.mode].slots(controls, filled)


def check_mode(bundle: "Bundle", mode: Mode) -> None:
    """Refuse a mode that a bundle does not do (RenderError)."""
    modes = modes_of(bundle.manifest.task, bundle.manifest.sentence is not None)
    if mode not in modes:
        raise RenderError(
            f"{bundle.manifest.name} does not {mode}; it can {' or '.join(modes)}, "
            "so choose that or another model"
        )


def counts(parameter: Parameter, mode: Mode, model_features: Set[str]) -> bool:
    """Return whether a parameter counts in a mode with a model of certain features."""
    return parameter.needs <= TOOLS[mode].offers | model_features


def modes_with(parameter: Parameter) -> tuple[Mode, ...]:
    """Return the modes in which a parameter counts, whatever the model."""
    return tuple(mode for mode in TOOLS if counts(parameter, mode, MODEL_FEATURES))


def places_of(parameter: Parameter) -> str:
    """Return in words the tools in which a parameter counts, whatever the model: `Vary, Morph`."""
    return ", ".join(TOOLS[mode].label for mode in modes_with(parameter))


def check_counts(parameter: Parameter, mode: Mode) -> None:
    """Refuse a parameter that is given beside a mode in which it counts with no model (RenderError)."""
    if not counts(parameter, mode, MODEL_FEATURES):
        raise RenderError(
            f"{parameter.id} does not count in {TOOLS[mode].label}; it counts in {places_of(parameter)}, "
            "so choose such a tool or leave it out"
        )


@lru_cache(maxsize=64)
def _at_rest(mode: Mode, model_features: frozenset[str]) -> Mapping[str, Any]:
    """Return the defaults of the controls that do not count in a mode, by id."""
    return {
        name: parameter.default
        for name, parameter in CONTROLS.items()
        if not counts(parameter, mode, model_features)
    }


def counting(controls: Controls, model_features: Set[str], attributes: Collection[str]) -> Controls:
    """Return what counts of controls in their mode, with a model of certain features and attributes.

    A player's setting outlives modes and models that it says nothing to: it is at its default there.
    """
    idle = _at_rest(controls.mode, frozenset(model_features))
    offers = TOOLS[controls.mode].offers
    directed, styled = DIRECTIONS in offers, STYLE in offers and controls.style_amount > 0
    had = tuple((name, amount) for name, amount in controls.attributes if directed and name in attributes)
    return changed(controls, attributes=had, style=controls.style if styled else Style(), **idle)
