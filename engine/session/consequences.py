"""What follows from a change whatever caused it: commands, requests, undo labels, saving."""

from msgspec.structs import replace

from engine.inference.controls import HEARD, changed
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.performer import messages
from engine.performer.messages import Command, SetPattern
from engine.session import answer_history, answers, remote, turns
from engine.session.answers import as_notes
from engine.session.live import Turn
from engine.session.request import missing_slots, request_of
from engine.session.settings import Settings
from engine.session.state import Effect, Load, Render, Save, Send, State

Updated = tuple[State, tuple[Effect, ...]]


def settled(before: State, after: State, now_ns: int) -> Updated:
    """Return a changed state with everything that follows from the change, and the effects."""
    if not _has_consequences(before, after):
        return after, ()
    commands = [*_commands(before.document.settings, after.document.settings), *_shared(before, after)]
    agreed = messages.SetTempo(after.live.link.bpm) if after.live.link.enabled else None
    effects: list[Effect] = [Send(command) for command in commands if command != agreed]
    effects += remote.followed(before, after)
    after, fed = _with_demo(before, after)
    effects += fed
    if after.document.model.name != before.document.model.name and not _loaded(after):
        effects.append(Load(after.document.model.name))
        after = after.with_live(loading=after.document.model.name)
    after = _with_fitting_mode(after)
    after, asked = _with_request(before, after, now_ns)
    effects += asked
    if _sent_as(after.document.settings) != _sent_as(before.document.settings):
        after, sent = answers.again(after)
        effects += sent
    if after.undo is not before.undo:
        after = after.with_live(undo_label=after.undo.undo_label, redo_label=after.undo.redo_label)
    if after.document is not before.document:
        after = after.with_live(kept=replace(after.live.kept, saved=False)) if after.live.kept.path else after
        effects.append(Save(after.document))
    return after, tuple(effects)


def _has_consequences(before: State, after: State) -> bool:
    """Return whether anything follows from a change: nothing does from most events of clock and notes."""
    old, new = before.live, after.live
    return (
        after.document is not before.document
        or after.model is not before.model
        or after.undo is not before.undo
        or new.switches is not old.switches
        or new.turn is not old.turn
        or new.replay is not old.replay
        or new.loading != old.loading
    )


def _sent_as(settings: Settings) -> tuple[object, ...]:
    """Return what decides how a rendering is sent: another value needs no new rendering."""
    return settings.transpose, settings.loop_bars, settings.repeats


def _loaded(state: State) -> bool:
    return state.model is not None and state.model.reference == state.document.model.name


def _commands(before: Settings, after: Settings) -> list[Command]:
    """Return the commands that bring the performer from some settings to others."""
    commands: list[Command] = []
    if after.metre != before.metre:
        commands.append(messages.SetMetre(Metre.named(after.metre)))
    if after.tempo_bpm != before.tempo_bpm:
        commands.append(messages.SetTempo(float(after.tempo_bpm)))
    clock = (after.clock, after.send_clock, after.spp_in_clocks)
    if clock != (before.clock, before.send_clock, before.spp_in_clocks):
        commands.append(messages.SetClock(*clock))
    passed = (after.thru_notes, after.thru_controllers, after.sustain_lengthens)
    if passed != (before.thru_notes, before.thru_controllers, before.sustain_lengthens):
        commands.append(messages.SetInput(*passed))
    if after.offset_ms != before.offset_ms:
        commands.append(messages.SetOffset(float(after.offset_ms)))
    if _metronome(after) != _metronome(before):
        commands.append(_metronome(after))
    return commands


def _metronome(settings: Settings) -> messages.SetMetronome:
    return messages.SetMetronome(settings.metronome, settings.click_channel - 1, settings.click_pitch)


def _shared(before: State, after: State) -> list[Command]:
    """Return the command that joins those that share tempo and beat, or leaves them, if there is one."""
    old, new = (
        messages.SetLink(each.live.switches.link, each.document.settings.link_start_stop)
        for each in (before, after)
    )
    return [new] if new != old and (new.enabled or old.enabled) else []


def _with_fitting_mode(state: State) -> State:
    """Set a mode the model does, unless one that does it is on its way.

    It is no step of undo, since undoing it alone would lead nowhere.
    """
    controls = state.document.controls
    if state.model is None or state.live.loading or controls.mode in state.model.modes:
        return state
    return state.with_document(controls=changed(controls, mode=state.model.modes[0]))


def _with_demo(before: State, after: State) -> Updated:
    """Feed the demo phrase while it is on, on the internal clock if nothing runs."""
    on, phrase = after.live.switches.demo, after.demo_phrase
    if on == before.live.switches.demo or phrase is None:
        return after, ()
    feed = Send(messages.Feed(as_notes(phrase) if on else (), phrase.bars))
    if on and not after.live.rolling and not after.play_sent:
        return replace(after, started_clock=True, play_sent=True), (feed, Send(messages.Play()))
    if not on and after.started_clock:
        return replace(after, started_clock=False, play_sent=False), (feed, Send(messages.Stop()))
    return after, (feed,)


def _with_request(before: State, after: State, now_ns: int) -> Updated:
    """Ask for an answer where what it depends on has changed, or say what is missing."""
    if not _touched(before, after):
        return after, ()
    after = _with_missing(after, now_ns)
    if after.live.replay is not None:
        return after, ()
    span = turns.answer_span(after)
    if turns.taken(after) and span is None:
        return _rested(before, after)
    request = request_of(after.shown, now_ns, span)
    if request is None or request.same_music(after.asked):
        return after, ()
    return answer_history.with_asked(replace(after, asked=request)), (Render(request),)


def _rested(before: State, state: State) -> Updated:
    """Rest while it is the player's turn.

    An answer that waits for its line is taken back, since the player has played on; so is one whose turn is
    given up, since the song stopped or was taken back: it would sound again where it stood. One that went on
    until turns were taken ends with its bar.
    """
    asked, settings = state.asked, state.document.settings
    given_up = settings.meanwhile == "rest" and state.live.turn == Turn() != before.live.turn
    waits = (bool(state.sent) or given_up) and asked is not None and asked.at_beats is not None
    waits = waits and state.live.turn.whose == "player"
    went_on = before.document.settings.turns == "follow" and settings.meanwhile == "rest"
    state = replace(state, asked=None)
    if not waits and not (went_on and (state.live.playing or state.sent)):
        return state, ()
    number = state.last_pattern + 1
    rest = SetPattern(number, (), 1, "step" if waits else "bar")
    silence = Phrase.of((), 1)
    state = replace(state, sent={number: silence}, last_pattern=number)
    return state.with_live(coming=None), (Send(rest),)


def _touched(before: State, after: State) -> bool:
    old, new = before.document, after.document
    return (
        new.controls is not old.controls
        or after.live.replay is not before.live.replay
        or new.slots is not old.slots
        or new.source is not old.source
        or after.model is not before.model
        or after.live.switches is not before.live.switches
        or after.live.turn is not before.live.turn
        or new.settings.turns != old.settings.turns
    )


def _with_missing(state: State, now_ns: int) -> State:
    """Say which slots are empty; nothing heard yet needs no words, the window says so anyway."""
    stored = [name for name in missing_slots(state.document) if name != HEARD]
    if not stored or state.live.switches.bypass:
        return state.cleared("slots")
    names = " and ".join(stored)
    text = f"Slot {names} is empty." if len(stored) == 1 else f"Slots {names} are empty."
    return state.noted("slots", text, "Play a phrase, then store it there.", "hint", now_ns=now_ns)
