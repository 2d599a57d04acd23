"""The table of everything a hand can move or ask for, with the attributes of the model that is loaded."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from engine.errors import RenderError
from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import CONTROLS, attribute_parameter
from engine.parameter import Action, Choice, Parameter, declared
from engine.session.actions import ACTIONS, choosing, with_tools
from engine.session.settings import Settings, Switches

ATTRIBUTE_HELP = {
    "density": "More notes to the right, fewer to the left.",
    "register": "Higher notes to the right, lower ones to the left.",
    "syncopation": "More notes off the beat to the right.",
    "interval": "Wider leaps to the right, smaller steps to the left.",
    "in_scale": "More notes within one scale to the right, more chromatic ones to the left.",
    "variety": "More different drums to the right, fewer to the left.",
    "loudness": "Louder to the right, softer to the left.",
    "lateness": "Behind the beat to the right, ahead of it to the left.",
}
"""What the directions that bundles have do; one that is not in here says its name."""


class Table(msgspec.Struct, frozen=True):
    """Parameters and actions by id; immutable, and passed to whoever needs it."""

    parameters: Mapping[str, Parameter]
    actions: Mapping[str, Action]

    def parameter(self, name: str) -> Parameter:
        """Return a parameter by id; RenderError if there is none."""
        if name.startswith("attribute.") and name not in self.parameters:
            known = [each.removeprefix("attribute.") for each in self.parameters if "." in each]
            raise RenderError(
                f"{name.removeprefix('attribute.')!r} is no attribute of this model; it has: "
                f"{', '.join(known) or 'none'}"
            )
        if name not in self.parameters:
            raise RenderError(
                f"control {name!r} is unknown; the controls are {', '.join(sorted(self.parameters))}"
            )
        return self.parameters[name]

    def action(self, name: str) -> Action:
        """Return an action by id; RenderError if there is none."""
        if name not in self.actions:
            raise RenderError(f"action {name!r} is unknown; `antiphon controls` lists them")
        return self.actions[name]

    def target(self, name: str) -> Parameter | Action:
        """Return the parameter or action with an id; RenderError if there is none."""
        return self.parameters[name] if name in self.parameters else self.action(name)

    def __iter__(self) -> Iterator[Parameter | Action]:
        yield from self.parameters.values()
        yield from self.actions.values()

    def label(self, target: str) -> str:
        """Return the label of a parameter or an action by id, or the id of one that is gone."""
        found = self.parameters.get(target) or self.actions.get(target)
        return target if found is None else found.label


def attribute_help(attribute: Attribute) -> str:
    """Return what a direction does and what a step along it was measured to change."""
    known = ATTRIBUTE_HELP.get(attribute.name) or attribute_parameter(attribute.name).help
    effect = attribute.effects.get(attribute.name)
    if effect is None:
        return known
    percent = attribute.effects_percent.get(attribute.name)
    share = "" if percent is None else f" ({percent:+.0f}%)"
    return f"{known} A step of 1 was measured to change it by {effect:+.2g} {attribute.unit}{share}."


@lru_cache(maxsize=16)
def table_for(attributes: tuple[Attribute, ...] = ()) -> Table:
    """Return the table with the attributes of a model."""
    own = {**CONTROLS, **SETTINGS, **SWITCHES}
    mode = own["mode"]
    assert isinstance(mode, Choice)
    own["mode"] = with_tools(mode)
    directions = [attribute_parameter(each.name, attribute_help(each)) for each in attributes]
    parameters = {**own, **{parameter.id: parameter for parameter in directions}}
    actions = (*choosing(own.values()), *ACTIONS)
    return Table(parameters, {action.id: action for action in actions})


SETTINGS = declared(Settings)
"""Parameters of the document's settings by id."""
SWITCHES = declared(Switches)
"""Parameters that are not saved, by id."""
