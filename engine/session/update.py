"""One pure function: a state and an event or intent in, a new state and effects out."""

from statistics import median

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.performer import messages
from engine.performer.messages import Event
from engine.session import (
    answer_history,
    answers,
    edits,
    heard_phrase,
    midi_control,
    records,
    remote,
    styles,
    turns,
)
from engine.session import intents as i
from engine.session.consequences import settled
from engine.session.document import Connections
from engine.session.intents import Intent
from engine.session.live import LATENESS_WINDOW, Ports
from engine.session.parameters import SETTINGS
from engine.session.settings import Switches
from engine.session.state import Effect, Log, State

LOOP_REMEDY = (
    "Let a track of the DAW take Antiphon Out and send its MIDI on to Antiphon In, then measure again; or "
    "switch the metronome on and set the offset by ear."
)
EAR_REMEDY = "Take the loop away again; by ear, the metronome and the DAW's click tell whether it fits."
Updated = tuple[State, tuple[Effect, ...]]


def update(state: State, what: Event | Intent, now_ns: int) -> Updated:
    """Return the state after an event of the performer or an intent, and what is to be done about it.

    Args:
        state: before.
        what: the event or intent.
        now_ns: monotonic time; nothing else of the outside is looked at.

    Raises:
        RenderError: an intent cannot be: an unknown id, a value out of range, a phrase that does not fit.
    """
    after, effects = _handled(state, what, now_ns)
    if after is state:
        return state, effects
    after, followed = settled(state, after, now_ns)
    return after, (*effects, *followed)


def opening(state: State, now_ns: int) -> Updated:
    """Return what a session does first: send the settings, load the model, ask for an answer."""
    off = replace(state.live, switches=Switches())
    blank = State(live=off, demo_phrase=state.demo_phrase)
    after, effects = settled(blank, state, now_ns)
    return after, (records.begun(), *effects)


def _handled(state: State, what: Event | Intent, now_ns: int) -> Updated:
    match what:
        case messages.Played():
            late_ns = (*state.live.health.late_ns, what.sent_ns - what.due_ns)
            return _health(state, late_ns=late_ns), records.of_message(what)
        case messages.ClockState():
            kept = records.of_clock(state.live.clock, what)
            after = replace(state.with_live(clock=what), play_sent=False)
            after, effects = heard_phrase.rolling(after, now_ns) if after.live.rolling else (after, ())
            return answers.replay_ended(turns.clock(after, what)), (*kept, *effects)
        case messages.LoopMeasured():
            return _measured(state, what, now_ns), ()
        case messages.LinkState():
            return _linked(state, what, now_ns), ()
        case messages.Heard():
            after, effects = midi_control.message(state, what, now_ns)
            return turns.heard(after, what), effects
        case messages.BarCaptured():
            return heard_phrase.bar(state, what, now_ns), (Log({"bar": what}),)
        case messages.PatternStarted():
            kept = records.of_pattern(state.live.clock, what)
            return answer_history.with_started(answers.started(state, what), what), kept
        case i.Tick():
            heard, effects = heard_phrase.tick(state, now_ns)
            after, asked = answers.takes_due(heard, now_ns)
            return after, (*effects, *asked)
        case i.HearTake():
            return answers.hear_take(state, what.index)
        case i.Answered():
            after, effects = answers.answered(state, what)
            return answer_history.with_answer(after, what), effects
        case i.Failed():
            return state.noted("render", f"{what.reason}.", "The last pattern goes on.", now_ns=now_ns), ()
        case i.Replayed():
            return answers.replayed(state, what)
        case i.TakesComputed():
            return answers.with_takes(state, what), ()
        case i.PerformerGone():
            return state.noted("performer", what.reason, now_ns=now_ns), ()
        case i.LearnStyle():
            return styles.asked(state, what, now_ns)
        case i.OscReceived():
            return remote.received(state, what, now_ns)
        case i.Do():
            return _done(state, what, now_ns)
        case i.KeptAs():
            return state.with_live(kept=what.kept), ()
        case i.Saved():
            return _saved(state, what, now_ns), ()
        case i.Noticed():
            return state.noted(what.about, what.text, what.remedy, what.mood, now_ns=now_ns), ()
    if isinstance(what, i.Opened):
        state, ended = styles.abandoned(state)
        return edits.edited(state, what, now_ns), (records.begun(), *ended)
    if isinstance(what, messages.Message):
        return _of_ports(state, what, now_ns), ()
    return edits.edited(state, what, now_ns), ()


def _done(state: State, what: i.Do, now_ns: int) -> Updated:
    """Do an action; what cannot be done now becomes a hint."""
    state.shown.table.target(what.action)
    try:
        return edits.done(state, what, now_ns)
    except RenderError as error:
        text = str(error)
        return state.noted("action", text[0].upper() + text[1:] + ".", "", "hint", now_ns=now_ns), ()


def _measured(state: State, what: messages.LoopMeasured, now_ns: int) -> State:
    """Play earlier by half of the way out and back, where most clicks came back."""
    back = len(what.round_trips_ms)
    if 2 * back <= what.clicks:
        text = f"{back} of {what.clicks} clicks came back, so the offset stays as it is."
        return state.noted("offset", text, LOOP_REMEDY, now_ns=now_ns)
    way_ms = median(what.round_trips_ms)
    spread_ms = max(abs(each - way_ms) for each in what.round_trips_ms)
    state = edits.with_offset(state, -way_ms / 2, now_ns)
    text = f"Out and back takes {way_ms:.1f} ms, at most {spread_ms:.1f} ms more or less"
    shown = state.shown.text("offset_ms")
    return state.noted(
        "offset", f"{text}; the output offset is {shown} now.", EAR_REMEDY, "hint", now_ns=now_ns
    )


def _linked(state: State, shared: messages.LinkState, now_ns: int) -> State:
    """Note who shares tempo and beat; their tempo is ours. Where there is none to be had, it is off again."""
    state = state.with_live(link=shared)
    if shared.problem:
        off = state.with_live(switches=msgspec.structs.replace(state.live.switches, link=False))
        return off.noted("link", shared.problem, now_ns=now_ns)
    tempo, settings = SETTINGS["tempo_bpm"], state.document.settings
    if not shared.enabled or not tempo.allows(shared.bpm) or shared.bpm == settings.tempo_bpm:
        return state
    return state.with_document(settings=msgspec.structs.replace(settings, tempo_bpm=shared.bpm))


def _health(state: State, **changes: object) -> State:
    health = replace(state.live.health, **changes)
    return state.with_live(health=replace(health, late_ns=health.late_ns[-LATENESS_WINDOW:]))


def _saved(state: State, what: i.Saved, now_ns: int) -> State:
    """Note how saving went; a file that was left meanwhile says nothing."""
    kept = state.live.kept
    if what.path != kept.path:
        return state
    if kept.saved != what.complete:
        state = state.with_live(kept=replace(kept, saved=what.complete))
    if not what.problem:
        return state.cleared("kept")
    remedy = "The music goes on; free space or save elsewhere."
    return state.noted("kept", what.problem, remedy, now_ns=now_ns)


def _of_ports(state: State, event: messages.Message, now_ns: int) -> State:
    live = state.live
    match event:
        case messages.Ready():
            ports = Ports(
                backend=event.backend,
                input_name=event.input_name,
                output_name=event.output_name,
                realtime=event.realtime,
                client_name=event.client_name,
            )
            return state.with_live(ports=ports).cleared("performer", "ports")
        case messages.PortLost():
            lost = state.with_live(ports=replace(live.ports, backend="", tried=event.tried))
            return lost.noted("ports", event.reason, event.remedy, now_ns=now_ns)
        case messages.PortBack():
            back = replace(live.ports, backend=event.backend, tried=())
            return state.with_live(ports=back).cleared("ports")
        case messages.Connections():
            wired = Connections(event.sources, event.sinks)
            return state if wired == state.document.connections else state.with_document(connections=wired)
        case messages.Pong():
            counted = (event.late_sends, event.dropped_input)
            if counted == (live.health.late_sends, live.health.dropped_input):
                return state
            return _health(state, late_sends=event.late_sends, dropped_input=event.dropped_input)
        case messages.Fault():
            return state.noted("fault", event.text, now_ns=now_ns)
        case messages.Bye():
            return state.with_live(ports=replace(live.ports, backend=""))
    return state
