"""From captured bars to the phrase that is answered."""

from dataclasses import replace

import msgspec

from engine.performer.capture import NOTES_PER_BAR
from engine.performer.messages import BarCaptured, NoteData
from engine.session import turns
from engine.session.document import HeardPhrase
from engine.session.settings import METRE_BEATS
from engine.session.snapshot import ModelFacts
from engine.session.state import Effect, Log, State


def bar(state: State, heard: BarCaptured, now_ns: int, *, free: bool = False) -> State:
    """Keep a bar; if it completes a phrase, that becomes the source unless the source is held."""
    heard = _without_bound_keys(state, heard)
    listening, music, surroundings = state.listening.heard(heard, state.document.settings)
    state = replace(state, listening=listening)
    captured = state.live.captured.with_bar(music, free=free, surroundings=surroundings)
    state = state.with_live(captured=captured, key=listening.key)
    model = state.model
    if turns.taken(state) and not free:
        return turns.bar_captured(state, heard)
    if model is None:
        return state
    if heard.beats_per_bar != model.beats_per_bar:
        return state.noted(
            "metre",
            f"The bars have {heard.beats_per_bar:g} beats, {model.name} plays {model.beats_per_bar:g}.",
            "Set the metre to match, or choose another model.",
            now_ns=now_ns,
        )
    state = state.cleared("metre")
    block, before = heard.bar - heard.bar % model.bars, state.live.heard
    first_answer = before is None or before.first_bar == block
    phrase = state.live.captured.closed_phrase(model.bars, partial=first_answer)
    # Silence is no phrase to answer: the player listens, and the last phrase goes on.
    return state if phrase is None or not phrase.phrase.notes else with_heard(state, phrase)


def with_heard(state: State, phrase: HeardPhrase) -> State:
    """Return the state with a phrase that was heard; it is the source unless that is held."""
    state = state.with_live(heard=phrase)
    return state if state.document.settings.hold else state.with_document(source=phrase)


def refitted(state: State, model: ModelFacts) -> State:
    """Bring what was heard to a length that a model can take, its last bars."""
    source = state.document.source
    if source is None:
        closed = state.live.captured.closed_phrase(model.bars, partial=True)
        usable = closed is not None and closed.phrase.beats_per_bar == model.beats_per_bar
        return with_heard(state, closed) if closed is not None and usable else state
    first = source.phrase.bars - model.bars
    if first <= 0:
        return state
    window = HeardPhrase(source.phrase.window(first, model.bars), source.first_bar + first)
    state = state.with_document(source=window)
    return state.with_live(heard=window) if state.live.heard is source else state


def tick(state: State, now_ns: int) -> tuple[State, tuple[Effect, ...]]:
    """Close the bars that were played while nothing rolled and whose time is over."""
    effects: list[Effect] = []
    while True:
        bpm, beats = state.document.settings.tempo_bpm, METRE_BEATS[state.document.settings.metre]
        free, closed = state.free.closed(now_ns, bpm, beats)
        if free is state.free:
            return state, tuple(effects)
        left_out = state.free.left_out
        state = replace(state, free=free)
        if left_out:
            said = f"{left_out} notes were left out: of a bar, {NOTES_PER_BAR} are kept."
            state = state.noted("crowded", said, "Send less to the input at a time.", "hint", now_ns=now_ns)
        if closed is not None:
            effects.append(Log({"bar": closed, "free": True}))
            state = bar(state, closed, now_ns, free=True)


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
