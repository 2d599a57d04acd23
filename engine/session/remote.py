"""What OSC messages ask for, and what changes say in them: the table of controls by address.

`/antiphon/variation 0.4` sets a parameter, without a value it asks for it; `/antiphon/variation/position 0.5`
sets it by its place in the range; `/antiphon/store.A` does an action, but not with the value 0, which a
button sends when it is let go. `/antiphon/list` asks for all of them.
"""

import math
from collections.abc import Sequence

from msgspec.structs import replace

from engine.errors import RenderError
from engine.parameter import Action, Choice, Number, Parameter, Text, Toggle, Value, Whole
from engine.session import edits
from engine.session import intents as i
from engine.session.intents import OscArgument, OscMessage, OscReceived
from engine.session.live import MESSAGES_KEPT
from engine.session.settings import network_place
from engine.session.snapshot import Snapshot
from engine.session.state import Effect, OpenOsc, OscPlace, SendOsc, State
from engine.text import one_line

Updated = tuple[State, tuple[Effect, ...]]
ROOT = "/antiphon/"
LIST, POSITION = "list", "position"
MOST_REASONS = 20
"""Reasons for refusals that are kept; later ones are counted together."""
LONGEST_REASON = 160
"""Letters of a reason: what was sent may be long."""
OTHER_REASONS = "for other reasons"


def received(state: State, what: OscReceived, now_ns: int) -> Updated:
    """Return the state after a message; what cannot be done only counts, with its reason."""
    if what.refused:
        return _counted(state, what, what.refused), ()
    try:
        after, effects = _obeyed(state, what, now_ns)
    except RenderError as error:
        return _counted(state, what, str(error)), ()
    return _counted(after, what, ""), effects


def _obeyed(state: State, what: OscReceived, now_ns: int) -> Updated:
    name, arguments = _name_of(what.address), what.arguments
    if name == LIST:
        return state, (SendOsc(_listing(state.shown), what.sender),)
    by_position = name.endswith(f".{POSITION}")
    name = name.removesuffix(f".{POSITION}")
    found = state.shown.table.target(name)
    if isinstance(found, Action):
        if len(arguments) > 1:
            raise RenderError(f"{name} is done without values or with one, of a button")
        pressed = not arguments or _is_on(arguments[0])
        return edits.done(state, i.Do(name, now_ns // 1_000_003), now_ns) if pressed else (state, ())
    if not arguments and not by_position:
        return state, (SendOsc((message_of(found, state.shown),), what.sender),)
    if len(arguments) != 1:
        raise RenderError(f"{name} takes one value, not {len(arguments)}")
    value = _at(found, arguments[0]) if by_position else value_of(found, arguments[0])
    return edits.with_parameter(state, name, value, now_ns), ()


def _name_of(address: str) -> str:
    """Return the id in an address; further slashes stand for the dots of ids."""
    if not address.startswith(ROOT):
        raise RenderError(f"addresses begin with {ROOT}")
    return address.removeprefix(ROOT).rstrip("/").replace("/", ".")


def _is_on(argument: OscArgument) -> bool:
    """Return whether a button is pressed: anything but 0 and False."""
    return argument is None or isinstance(argument, str) or bool(argument)


def _at(parameter: Parameter, argument: OscArgument) -> Value:
    if isinstance(parameter, Text):
        raise RenderError(f"{parameter.id} is a text, which has no position")
    if isinstance(argument, str) or argument is None or not 0 <= argument <= 1:
        raise RenderError(f"the position of {parameter.id} is a number from 0 to 1")
    return parameter.at(float(argument))


def value_of(parameter: Parameter, argument: OscArgument) -> Value:
    """Return the value of a parameter that an argument of a message means.

    Floats come in 32 bits: the 0.4 of a message is to be that of a hand, with the same notes.

    Raises:
        RenderError: it means none.
    """
    if isinstance(argument, str):
        return parameter.parse(argument)
    if isinstance(parameter, Number) and isinstance(argument, float) and math.isfinite(argument):
        return round(argument, parameter.digits)
    if isinstance(parameter, Toggle) and argument in (0, 1):
        return bool(argument)
    if isinstance(parameter, Whole) and isinstance(argument, float) and argument.is_integer():
        return int(argument)
    if isinstance(parameter, Choice) and isinstance(argument, int | float):
        return next((value for value in parameter.values if value == argument), argument)
    return argument


def message_of(parameter: Parameter, shown: Snapshot) -> OscMessage:
    """Return the message that says a parameter's value: a number, a toggle as 0 or 1, others as a word."""
    value = shown.value(parameter.id)
    if isinstance(parameter, Choice):
        return OscMessage(ROOT + parameter.id, (parameter.word(value),))
    return OscMessage(ROOT + parameter.id, (int(value) if isinstance(value, bool) else value,))


def _listing(shown: Snapshot) -> tuple[OscMessage, ...]:
    """Return a message for each control: address, kind, range and value or meaning; then their number."""
    lines = [
        OscMessage(ROOT + LIST, (ROOT + each.id, "action", each.help))
        if isinstance(each, Action)
        else OscMessage(
            ROOT + LIST,
            (ROOT + each.id, type(each).__name__.lower(), each.allowed, *message_of(each, shown).arguments),
        )
        for each in shown.table
    ]
    return (*lines, OscMessage(f"{ROOT}{LIST}/end", (len(lines),)))


def _counted(state: State, what: OscReceived, refusal: str) -> State:
    osc, refused = state.live.osc, dict(state.live.osc.refused)
    if refusal:
        refusal = one_line(refusal)[:LONGEST_REASON]
        reason = refusal if refusal in refused or len(refused) < MOST_REASONS else OTHER_REASONS
        refused[reason] = refused.get(reason, 0) + 1
    values = " ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in what.arguments)
    line = f"{what.address} {values}".strip() or "a packet"
    use = f"refused: {refusal}" if refusal else "done"
    lines = (*osc.messages, f"{one_line(line, 80)}   →   {use}")[-MESSAGES_KEPT:]
    counted = replace(osc, received=osc.received + 1, refused=refused, messages=lines)
    return state.with_live(osc=counted)


# What follows from changes ---------------------------------------------------------------------


def followed(before: State, after: State) -> Sequence[Effect]:
    """Return what a change asks of the OSC port: open or close it, send the parameters that have changed."""
    place, new = _place(before), _place(after)
    effects: list[Effect] = [OpenOsc(new)] if place != new else []
    if new is not None and new.to is not None and _touched(before, after):
        changes = _changes(before.shown, after.shown)
        if changes:
            effects.append(SendOsc(changes, new.to))
    return effects


def _place(state: State) -> OscPlace | None:
    """Return where OSC comes in and goes to; None while it is off."""
    if not state.live.switches.osc:
        return None
    settings = state.document.settings
    to = network_place(settings.osc_to) if settings.osc_to.strip() else None
    return OscPlace(settings.osc_port, settings.osc_from == "network", to)


def _touched(before: State, after: State) -> bool:
    old, new = before.document, after.document
    changed = new.controls is not old.controls or new.settings is not old.settings
    return changed or before.live.switches is not after.live.switches


def _changes(before: Snapshot, after: Snapshot) -> tuple[OscMessage, ...]:
    """Return a message for each parameter whose value has changed, or that was not there before."""
    known = before.table.parameters
    return tuple(
        message_of(each, after)
        for name, each in after.table.parameters.items()
        if name not in known or before.value(name) != after.value(name)
    )
