"""From captured bars to the phrase that is answered."""

import msgspec
from msgspec.structs import replace

from engine.music.metre import Metre
from engine.music.metre_fit import fit_for
from engine.music.notes import DRUM_CHANNEL
from engine.performer.capture import NOTES_PER_BAR
from engine.performer.messages import BarCaptured, NoteData
from engine.session import roles, turns
from engine.session.document import HeardPhrase
from engine.session.free_capture import FreeCapture
from engine.session.snapshot import ModelFacts
from engine.session.state import Effect, Log, State
from engine.text import counted


def bar(state: State, heard: BarCaptured, now_ns: int, *, free: bool = False) -> State:
    """Keep a bar; if it completes a phrase, that becomes the source unless the source is held."""
    heard = _without_bound_keys(state, heard)
    listening, music, surroundings = state.listening.heard(heard, state.document.settings)
    state = replace(state, listening=listening)
    representation = state.model.representation if state.model else ""
    music = roles.of_bar(music, state.document.settings, representation)
    captured = state.live.captured.with_bar(music, free=free, surroundings=surroundings)
    state = state.with_live(captured=captured, key=listening.key)
    model = state.model
    if turns.taken(state) and not free:
        return turns.bar_captured(state, heard)
    if model is None:
        return state
    state = _with_metre_notice(state, heard.metre, model, now_ns)
    block, before = heard.bar - heard.bar % model.bars, state.live.heard
    first_answer = before is None or before.first_bar == block
    phrase = state.live.captured.closed_phrase(model.bars, partial=first_answer)
    # Silence is no phrase to answer: the player listens, and the last phrase goes on.
    return state if phrase is None or not phrase.phrase.notes else with_heard(state, phrase)


def _with_metre_notice(state: State, metre: Metre, model: ModelFacts, now_ns: int) -> State:
    """Say how bars of another metre than the model's are answered."""
    notice = fit_for(metre, model.representation, model.metres).notice
    return state.noted("metre", notice, mood="hint", now_ns=now_ns) if notice else state.cleared("metre")


def with_heard(state: State, phrase: HeardPhrase) -> State:
    """Return the state with a phrase that was heard; it is the source unless that is held."""
    state = state.with_live(heard=phrase)
    return state if state.document.settings.hold else state.with_document(source=phrase)


def refitted(state: State, model: ModelFacts) -> State:
    """Take up the last bars that were heard for a model that has just come; a phrase that is there stays.

    But a model of drums takes up the beat that is played now, rather than a tune from before it.
    """
    closed, source = state.live.captured.closed_phrase(model.bars, partial=True), state.document.source
    if closed is None or (source is not None and (model.pitched or not _drums(closed))):
        return state
    return with_heard(state, closed)


def _drums(heard: HeardPhrase) -> bool:
    return any(note.channel == DRUM_CHANNEL for note in heard.phrase.notes)


def tick(state: State, now_ns: int) -> tuple[State, tuple[Effect, ...]]:
    """Close the bars that were played while nothing rolled and whose time is over."""
    effects: list[Effect] = []
    while True:
        settings = state.document.settings
        free, closed = state.live.free.closed(now_ns, settings.tempo_bpm, Metre.named(settings.metre))
        if free is state.live.free:
            return state, tuple(effects)
        left_out = state.live.free.left_out
        state = state.with_live(free=free)
        if left_out:
            said = f"{counted(left_out, 'note')} left out: of a bar, {NOTES_PER_BAR} are kept."
            state = state.noted("crowded", said, "Send less to the input at a time.", "hint", now_ns=now_ns)
        if closed is not None:
            effects.append(Log({"bar": closed, "free": True}))
            state = bar(state, closed, now_ns, free=True)


def rolling(state: State, now_ns: int) -> tuple[State, tuple[Effect, ...]]:
    """End what is played while nothing rolls, now that the music does; its last bar is kept."""
    if state.live.free.began_ns is None:
        return state, ()
    settings = state.document.settings
    last = state.live.free.cut_off(settings.tempo_bpm, Metre.named(settings.metre))
    state = state.with_live(free=FreeCapture())
    if last is None:
        return state, ()
    return bar(state, last, now_ns, free=True), (Log({"bar": last, "free": True}),)


def _without_bound_keys(state: State, heard: BarCaptured) -> BarCaptured:
    """Return a bar without the keys that are bound to an action: they are no music."""
    keys = {(each.channel, each.number) for each in state.document.bindings if each.kind == "note"}
    if not keys or not any(_key(note) in keys for note in heard.notes):
        return heard
    kept = [place for place, note in enumerate(heard.notes) if _key(note) not in keys]
    tied = tuple(place for place, before in enumerate(kept) if before in heard.tied)
    return msgspec.structs.replace(heard, notes=tuple(heard.notes[place] for place in kept), tied=tied)


def _key(note: NoteData) -> tuple[int, int]:
    return note.channel, note.pitch
