"""What a MIDI message from the input does besides being music: bound controls, learning, activity."""

from msgspec.structs import replace

from engine.errors import RenderError
from engine.midi.messages import channel, is_note, is_note_on, is_whole, key
from engine.parameter import Choice, Number, Parameter, Text, Toggle, Value, Whole
from engine.performer.messages import Heard
from engine.session import edits
from engine.session import intents as i
from engine.session.bindings import (
    LSB,
    Controller,
    controller_of,
    found,
    learned,
    name_of,
    position,
    takes_hold,
)
from engine.session.document import Binding
from engine.session.live import MESSAGES_KEPT, InputMessage
from engine.session.state import Effect, State
from engine.session.uses import use_of

Updated = tuple[State, tuple[Effect, ...]]


def message(state: State, heard: Heard, now_ns: int) -> Updated:
    """Return the state after a message from the input."""
    if heard.ignored:
        return _with_activity(state, heard, heard.ignored, used=False), ()
    controller = controller_of(heard.data)
    effects: tuple[Effect, ...] = ()
    representation = state.model.representation if state.model else ""
    use, used = use_of(heard.data, state.document.settings, representation)
    moves = True
    if controller is not None and state.just_learned and not _is_fine_half(state.just_learned, controller):
        # The hand is on the control it was looking for: from now on it moves it.
        state = replace(state.with_live(learning=""), just_learned=None)
    if controller is not None and state.live.learning and _can_be_learned(state, controller):
        state = _with_learned(state, controller, now_ns)
        use = f"learned for {state.shown.table.label(state.document.bindings[-1].target)}"
    elif controller is not None and (bound := found(state.document.bindings, controller)):
        for binding in bound:
            state, more = _moved(state, binding, controller, now_ns)
            effects += more
        use = f"moves {', '.join(state.shown.table.label(each.target) for each in bound)}"
    else:
        moves = False
    if not state.live.rolling and not moves:
        sustains = state.document.settings.sustain_lengthens
        free = state.live.free.with_message(heard.t_ns, heard.data, sustains=sustains)
        state = state.with_live(free=free) if free is not state.live.free else state
    state = _with_activity(state, heard, use, used=used or moves)
    return state if moves else _with_note(state, heard.data), effects


def _is_fine_half(last: Binding, controller: Controller) -> bool:
    """Return whether a message is the fine half of the controller that was just learned."""
    half = (controller.kind, controller.channel, controller.number)
    return last.kind == "cc" and half == ("cc", last.channel, last.number + LSB)


def _can_be_learned(state: State, controller: Controller) -> bool:
    """Return whether a message may move what is learned: music that goes on is no hand on a slider."""
    if controller.kind != "note":
        return True
    slides = isinstance(state.shown.table.parameters.get(state.live.learning), Number | Whole)
    return controller.value > 0 and not slides


def _with_learned(state: State, controller: Controller, now_ns: int) -> State:
    target = state.live.learning
    bindings, gave_way = learned(state.document.bindings, controller, target)
    label = state.shown.table.label(target)
    state = state.committed(now_ns, f"Learn {label}", f"learn {target}", bindings=bindings)
    at = position(bindings[-1], controller, state.live.positions)
    state = replace(state, just_learned=bindings[-1]).with_live(
        positions={**state.live.positions, bindings[-1]: at}
    )
    new = name_of(bindings[-1])
    text = f"{label} listens to {new}"
    if gave_way:
        others = ", ".join(state.shown.table.label(each.target) for each in gave_way)
        text += f", which moved {others} until now"
    return state.noted("learn", f"{text}.", "", "hint", now_ns=now_ns)


def _moved(state: State, binding: Binding, controller: Controller, now_ns: int) -> Updated:
    """Let a bound message move its parameter or do its action."""
    table = state.shown.table
    parameter = table.parameters.get(binding.target)
    if parameter is None and binding.target not in table.actions:
        return state, ()  # an attribute that this model has not
    last = state.live.positions.get(binding)
    now = position(binding, controller, state.live.positions)
    if controller.kind == "cc":
        state = state.with_live(positions={**state.live.positions, binding: now})
    try:
        if parameter is None:
            return _pressed(state, binding, controller, now_ns)
        value = _value(state, parameter, controller, last, now)
        if value is _UNMOVED:
            return state, ()
        return edits.with_parameter(state, parameter.id, value, now_ns), ()
    except RenderError as error:
        return state.noted("action", f"{error}.", "", "hint", now_ns=now_ns), ()


def _pressed(state: State, binding: Binding, controller: Controller, now_ns: int) -> Updated:
    if not controller.pressed:
        return state, ()
    # A message brings no chance with it: its time decides which take a pedal asks for.
    return edits.done(state, i.Do(binding.target, now_ns // 1_000_003), now_ns)


_UNMOVED: Value = "\0unmoved"


def _value(
    state: State, parameter: Parameter, controller: Controller, last: float | None, now: float
) -> Value:
    """Return the value a bound message asks for, or `_UNMOVED`."""
    shown = state.shown.value(parameter.id)
    if isinstance(parameter, Text):
        return _UNMOVED  # a controller has no words
    if controller.kind != "cc":
        if not controller.pressed:
            return _UNMOVED
        if isinstance(parameter, Toggle):
            return not shown
        return parameter.at(controller.value / 127) if controller.kind == "note" else _next(parameter, shown)
    if isinstance(parameter, Toggle | Choice):
        return parameter.at(now)
    moves = takes_hold(last, now, parameter.position(shown), parameter.grain)
    return parameter.at(now) if moves else _UNMOVED


def _next(parameter: Parameter, shown: Value) -> Value:
    """Return the value after the one shown, of a choice; others stay as they are."""
    if not isinstance(parameter, Choice):
        return _UNMOVED
    return parameter.values[(parameter.values.index(shown) + 1) % len(parameter.values)]


def _with_activity(state: State, heard: Heard, use: str, *, used: bool) -> State:
    """Return the state with a message, what it was used for or why it was ignored."""
    activity, data = state.live.activity, heard.data
    sounding = activity.sounding
    if len(data) == 3 and is_note(data):
        sounding = sounding | {key(data)} if is_note_on(data) else sounding - {key(data)}
    ignored = activity.ignored if used else {**activity.ignored, use: activity.ignored.get(use, 0) + 1}
    messages = (*activity.messages, InputMessage(heard.t_ns, data, use, used))[-MESSAGES_KEPT:]
    activity = replace(activity, sounding=sounding, messages=messages, ignored=ignored)
    return state.with_live(activity=activity)


def _with_note(state: State, data: bytes) -> State:
    """Count a note by its channel."""
    if not (is_whole(data) and is_note_on(data)):
        return state
    activity, number = state.live.activity, channel(data)
    notes = {**activity.notes, number: activity.notes.get(number, 0) + 1}
    return state.with_live(activity=replace(activity, notes=notes))
