"""What the player does to the document: parameters, actions, source, model."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import (
    CONTROLS,
    HEARD,
    MOST_NUDGES,
    Mode,
    changed,
    control,
    value_of,
    with_value,
)
from engine.modes.catalogue import check_counts, counts
from engine.music.notes import is_line
from engine.music.scales import KEYS
from engine.parameter import Number, Toggle, Value
from engine.performer import messages
from engine.session import answer_history, answers, heard_phrase, locks, slots, styles, turns
from engine.session import intents as i
from engine.session.default_map import DEFAULT_MAP
from engine.session.document import HeardPhrase, ModelReference
from engine.session.intents import Intent
from engine.session.parameters import SETTINGS, SWITCHES
from engine.session.settings import Switches
from engine.session.snapshot import ModelFacts
from engine.session.state import Effect, New, Replay, Send, State
from engine.session.undo import Undo

NUDGE_MS = 1.0
"""What the output offset is moved by at once."""
LARGEST_DRAWN_SEED = 9999
"""New takes draw seeds that are easy to read and type; any 32-bit seed can be set."""

MOVED_TOGETHER = {"pad_x": "pad", "pad_y": "pad"}
"""Parameters that one hand moves at once, with the join key that makes one step of both."""
MORPH_BY = {"pad_x": "pad", "pad_y": "pad", "morph": "line", "morph_from": "line", "morph_to": "line"}
"""What a morph goes by once one of these parameters is moved."""

Updated = tuple[State, tuple[Effect, ...]]


def edited(state: State, what: Intent, now_ns: int) -> State:
    """Return the state after an intent that sends nothing by itself."""
    match what:
        case i.Set():
            return with_parameter(state, what.parameter, what.value, now_ns)
        case i.Begin():
            number = state.gestures + 1
            moved = MOVED_TOGETHER.get(what.parameter, what.parameter)
            return replace(state, gesture=f"{moved}#{number}", gestures=number)
        case i.End():
            return replace(state, gesture="")
        case i.Store():
            return slots.stored(state, what.slot, what.phrase, now_ns)
        case i.LockPart():
            return locks.locked(state, what.lock, now_ns)
        case i.Pick():
            return _held(state, state.live.captured.pick(what.first_id, what.bars), now_ns)
        case i.KeepTake():
            return _take_kept(state, what.index, now_ns)
        case i.PlayAgain():
            return answer_history.played_again(state, what.number, now_ns)
        case i.PlayFavourite():
            return answer_history.favourite_again(state, what.index, now_ns)
        case i.KeepSounded():
            return answer_history.with_sounded_kept(state, what.number, now_ns)
        case i.DropFavourite():
            return answer_history.without_favourite(state, what.index, now_ns)
        case i.Dismiss():
            return state.cleared(what.about)
        case i.StyleProgress() | i.StyleRead() | i.StyleRefused():
            return styles.from_files(state, what, now_ns)
        case i.Learn():
            if what.target:
                state.shown.table.target(what.target)
            return replace(state.with_live(learning=what.target), just_learned=None)
        case i.Unbind():
            kept = tuple(each for each in state.document.bindings if each.target != what.target)
            return state.committed(now_ns, "Unbind", bindings=kept)
    return _with_model_or_document(state, what, now_ns)


def _with_model_or_document(state: State, what: Intent, now_ns: int) -> State:
    match what:
        case i.ChooseModel():
            return state.committed(now_ns, f"Model {what.reference}", model=ModelReference(what.reference))
        case i.ModelLoaded():
            return _model_loaded(state, what, now_ns)
        case i.ModelRefused():
            name = state.model.reference if state.model else state.document.model.name
            back = state.with_document(model=ModelReference(name)).with_live(loading="")
            remedy = f"{state.model.name} goes on." if state.model else "Choose another model."
            return back.noted("model", what.reason, remedy, now_ns=now_ns)
        case i.Installed():
            return state.with_live(installed=dict(what.modes))
        case i.Opened():
            opened = replace(state, document=what.document, undo=Undo(), asked=None, answer=None, gesture="")
            # The session of somebody else may name places of its own to send to.
            switched = msgspec.structs.replace(state.live.switches, bypass=False, osc=False)
            return opened.with_live(
                kept=what.kept, switches=switched, heard=what.document.source, takes=(), positions={}
            )
    raise TypeError(f"no such intent: {what!r}")


# Parameters -----------------------------------------------------------------------------------


def with_parameter(state: State, name: str, value: Value, now_ns: int) -> State:
    """Set a parameter; a mode in which it counts is entered.

    Raises:
        RenderError: it is unknown, or the value out of range or not done by the model.
    """
    parameter = state.shown.table.parameter(name)
    parameter.check(value)
    if name in SWITCHES:
        return _switched(state, name, value)
    join = name if isinstance(parameter, Number) else f"{name} {now_ns}" if not state.gesture else name
    join = MOVED_TOGETHER.get(name, join)
    label = parameter.undo_label(value)
    if name in SETTINGS:
        return _with_setting(state, name, value, now_ns, label, join)
    controls = with_value(state.document.controls, name, value)
    if name == "mode":
        changes = {"controls": controls, **_with_model_for(state, controls.mode)}
        return state.committed(now_ns, label, join, **changes)
    mode, morph_by = state.shown.mode_for(parameter), MORPH_BY.get(name, controls.morph_by)
    if mode and (mode, morph_by) != (controls.mode, controls.morph_by):
        controls = changed(controls, mode=mode, morph_by=morph_by)
    return state.committed(now_ns, label, join, controls=controls)


def with_values(state: State, values: Mapping[str, Value]) -> State:
    """Set several parameters by id, the mode first; attributes also where no model is loaded yet.

    A mode among them is the one to be in, whatever else is given. Without it the last of them that does not
    count where the document is enters a mode in which it does, as if it had been moved by hand.

    Raises:
        RenderError: one is unknown, out of range, or counts nowhere in the mode among them.
    """
    for name in sorted(values, key=lambda name: name != "mode"):
        if "mode" in values and (parameter := control(name)):
            check_counts(parameter, state.document.controls.mode)
        if name.startswith("attribute."):
            controls = with_value(state.document.controls, name, values[name])
            state = state.with_document(controls=controls)
        else:
            state = with_parameter(state, name, values[name], 0)
    return state


def _with_model_for(state: State, mode: Mode) -> dict[str, ModelReference]:
    """Return the document's model where another is needed for a mode; RenderError if none is installed."""
    if state.model is None or mode in state.model.modes:
        return {}
    fitting = {name: modes for name, modes in state.live.installed.items() if mode in modes}
    if not fitting:
        check_mode(state.model, mode)
    source = state.document.source
    if mode == "continue" and source is not None:
        # A model that also varies and generates writes one voice; the others write chords.
        fitting = dict(sorted(fitting.items(), key=lambda each: (len(each[1]) > 1) != is_line(source.phrase)))
    return {"model": ModelReference(next(iter(fitting)))} if fitting else {}


def check_mode(model: ModelFacts | None, mode: Value) -> None:
    """Refuse a mode that a model does not do (RenderError)."""
    if model is not None and mode not in model.modes:
        raise RenderError(
            f"{model.name} does not {mode}; it can {' or '.join(model.modes)}, "
            "so choose that or another model"
        )


def _switched(state: State, name: str, value: Value) -> State:
    if name == "demo" and value and state.demo_phrase is None:
        raise RenderError("there is no demo phrase in this session")
    switches: Switches = msgspec.structs.replace(state.live.switches, **{name: value})
    return state if switches == state.live.switches else state.with_live(switches=switches)


def _with_setting(state: State, name: str, value: Value, now_ns: int, label: str, join: str) -> State:
    settings = msgspec.structs.replace(state.document.settings, **{name: value})
    changes: dict[str, object] = {"settings": settings}
    if name in ("turns", "turn_bars", "pause_beats"):
        state = turns.begun_anew(state)
    if name == "hold" and not value and state.live.heard is not None:
        changes["source"] = state.live.heard
    if name == "cards":
        state = replace(state, takes_asked=None)
    return state.committed(now_ns, label, join, **changes)


# Actions --------------------------------------------------------------------------------------


def done(state: State, what: i.Do, now_ns: int) -> Updated:
    """Do an action; a toggle's id flips it.

    Raises:
        RenderError: it cannot be done now, or a page must ask for something first.
    """
    table = state.shown.table
    if isinstance(table.parameters.get(what.action), Toggle):
        return with_parameter(state, what.action, not state.shown.value(what.action), now_ns), ()
    action = table.action(what.action)
    if action.asks:
        raise RenderError(f"{action.label} asks for {action.asks}; use its page or method")
    name, _, rest = what.action.partition(".")
    if what.action == "session.new":
        return state, (New(),)
    match name:
        case "replay":
            return _replay(state, now_ns)
        case "style":
            return (styles.learned if rest == "heard" else styles.forgotten)(state, now_ns)
        case "play_stop" | "play" | "stop" | "panic":
            return _transport(state, name)
        case "mode" | "start":
            return with_parameter(state, name, rest, now_ns), ()
        case "offset":
            return _offset(state, rest, now_ns)
        case "pick_last":
            return _held(state, state.live.captured.last(int(rest)), now_ns), ()
        case "store" | "store_answer" | "clear":
            return slots.changed_slot(state, name, slots.slot_named(rest), now_ns), ()
        case "recall":
            slots.check_filled(state, slots.slot_named(rest))
            return with_parameter(state, "source", rest, now_ns), ()
        case "swap":
            return slots.swapped(state, slots.slot_named(rest[0]), slots.slot_named(rest[1]), now_ns), ()
    return _plain(state, what, now_ns), ()


def _offset(state: State, which: str, now_ns: int) -> Updated:
    """Let everything sound a little earlier or later, or have the way out and back measured."""
    settings = state.document.settings
    if which == "measure":
        clicks = messages.MeasureLoop(channel=settings.click_channel - 1, pitch=settings.click_pitch)
        return state.cleared("offset"), (Send(clicks),)
    moved = settings.offset_ms + (NUDGE_MS if which == "later" else -NUDGE_MS)
    return with_offset(state, moved, now_ns), ()


def with_offset(state: State, offset_ms: float, now_ns: int) -> State:
    """Set the output offset, within its range and its decimals."""
    parameter = SETTINGS["offset_ms"]
    return with_parameter(state, "offset_ms", parameter.at(parameter.position(offset_ms)), now_ns)


def _plain(state: State, what: i.Do, now_ns: int) -> State:
    match what.action:
        case "new_take":
            seed = what.draw % (LARGEST_DRAWN_SEED + 1)
            if seed == state.document.controls.seed:
                seed = (seed + 1) % (LARGEST_DRAWN_SEED + 1)
            controls = changed(state.document.controls, seed=seed, nudges=0)
            return state.committed(now_ns, f"Seed {seed}", f"seed {now_ns}", controls=controls)
        case "nudge":
            return _nudged(state, now_ns)
        case "undo" | "redo":
            return _undone(state, what.action)
        case "live":
            return _live(state, now_ns)
        case "take_turn":
            return turns.cued(state)
        case "favourite":
            return answer_history.with_favourite(state, now_ns)
        case "lock_bar":
            return locks.bar_locked(state, now_ns)
        case "unlock_all":
            return locks.with_locks(state, (), None, "Unlock all", now_ns)
        case "lock_key":
            return _key_locked(state, now_ns)
        case "map.default" | "map.none":
            bindings = DEFAULT_MAP if what.action == "map.default" else ()
            return state.committed(now_ns, "MIDI map", bindings=bindings)
        case "dismiss":
            return state.with_live(notices=())
    raise TypeError(f"nobody does {what.action}")


def _nudged(state: State, now_ns: int) -> State:
    number = state.document.controls.nudges + 1
    if number > MOST_NUDGES:
        raise RenderError(f"{MOST_NUDGES} nudges is the most; draw a new take, or undo some")
    controls = changed(state.document.controls, nudges=number)
    return state.committed(now_ns, "Nudge", f"nudge {now_ns}", controls=controls)


def _replay(state: State, now_ns: int) -> Updated:
    """Ask for the music of this performance from a bar on; while it plays, end it."""
    if state.live.replay is not None:
        return answers.silenced(state)
    if not state.live.kept.path:
        raise RenderError("only a session with a file keeps what sounded; save it, then play")
    settings = state.document.settings
    state = state.noted("replay", "The replay is being put together.", "", "waiting", now_ns=now_ns)
    wanted = Replay(settings.replay_from_bar - 1, settings.replay_with, settings.replay_heard)
    return state, (wanted,)


def _undone(state: State, which: str) -> State:
    undo, document = state.undo, state.document
    if not (undo.past if which == "undo" else undo.future):
        return state
    undo, document = undo.undone(document) if which == "undo" else undo.redone(document)
    return replace(state, undo=undo, document=document)


def _transport(state: State, name: str) -> Updated:
    if name == "panic":
        return state, (Send(messages.Panic()),)
    if name == "stop" or (name == "play_stop" and state.live.rolling):
        return replace(state, started_clock=False, play_sent=False), (Send(messages.Stop()),)
    if state.play_sent:
        return state, ()
    counted_in = messages.Play(count_in_bars=state.document.settings.count_in)
    return replace(state, play_sent=True), (Send(counted_in),)


# Source, key, takes and model -----------------------------------------------------------------


def _held(state: State, picked: HeardPhrase, now_ns: int) -> State:
    """Answer a phrase that was heard before, and hold on to it."""
    settings = msgspec.structs.replace(state.document.settings, hold=True)
    controls = changed(state.document.controls, source=HEARD)
    first, last = picked.first_bar + 1, picked.first_bar + picked.phrase.bars
    label = f"Take bar {first}" if first == last else f"Take bars {first} to {last}"
    return state.committed(now_ns, label, source=picked, settings=settings, controls=controls)


def _key_locked(state: State, now_ns: int) -> State:
    """Choose the key that is heard."""
    key = state.live.key
    if key is None:
        raise RenderError("no key is heard yet; play a bar or two")
    controls = changed(state.document.controls, key=KEYS[key.tonic], scale=key.scale)
    return state.committed(now_ns, f"Key {key.name}", controls=controls)


def _live(state: State, now_ns: int) -> State:
    """Answer what is heard again."""
    settings = msgspec.structs.replace(state.document.settings, hold=False)
    source = state.live.heard or state.document.source
    controls = changed(state.document.controls, source=HEARD)
    return state.committed(now_ns, "Live", settings=settings, source=source, controls=controls)


def _take_kept(state: State, index: int, now_ns: int) -> State:
    if not 0 <= index < len(state.live.takes):
        raise RenderError(f"there is no take {index + 1}; {len(state.live.takes)} are shown")
    take = state.live.takes[index].controls
    features = state.shown.features
    counting = {
        name: value_of(take, name) for name, each in CONTROLS.items() if counts(each, take.mode, features)
    }
    controls = changed(state.document.controls, **{**counting, "attributes": take.attributes})
    return state.committed(now_ns, f"Take {take.seed}", controls=controls)


def _model_loaded(state: State, what: i.ModelLoaded, now_ns: int) -> State:
    """Use another model from now on; what sounds goes on until its first answer."""
    facts, asked = what.facts, state.document.model
    reference = ModelReference(facts.reference or facts.name, facts.hash)
    state = replace(state, model=facts, document=msgspec.structs.replace(state.document, model=reference))
    voices = {**state.live.voices, reference.name: facts.voices}
    state = state.with_live(loading="", voices=voices)
    state = heard_phrase.refitted(state, facts).cleared("model", "metre")
    if asked.hash and asked.hash != facts.hash and asked.name == reference.name:
        return state.noted(
            "model",
            f"{facts.name} is not the model this session was saved with",
            "The same seed may give other music.",
            "hint",
            now_ns=now_ns,
        )
    return state
