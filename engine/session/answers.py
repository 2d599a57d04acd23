"""From a finished rendering to the pattern that sounds."""

import math
from collections import Counter

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import changed
from engine.music.notes import Phrase
from engine.performer.messages import NoteData, PatternStarted, Play, SetPattern, StartAt
from engine.session import turns
from engine.session.intents import Answered, Replayed, TakesComputed
from engine.session.live import Replaying, Sounding
from engine.session.request import Request
from engine.session.state import Effect, Log, RenderTakes, Send, State

STILL_NS = 200_000_000
"""Takes are computed when nothing has changed for so long: a slider in motion needs the answer only."""


def answered(state: State, answer: Answered) -> tuple[State, tuple[Effect, ...]]:
    """Send a rendering on its way; the first waits for a bar line, one for a turn that is off is dropped."""
    state = _with_unheard(state, answer)
    request, number = answer.request, state.last_pattern + 1
    due = state.asked is not None and request.span_beats == state.asked.span_beats
    if (request.at_beats is not None or turns.taken(state)) and not due:
        return state, ()
    first = state.live.playing is None and not state.sent and request.at_beats is None
    starts_at: StartAt = "bar" if first else request.starts_at
    settings = state.document.settings
    phrase = answer.phrase.transposed(settings.transpose)
    phrase = phrase.tiled(settings.loop_bars) if settings.loop_bars else phrase
    pattern = SetPattern(
        number,
        as_notes(phrase),
        phrase.bars,
        starts_at,
        request.anchor_beats,
        request.at_beats,
        request.until_beats,
        once=not settings.repeats,
    )
    health = replace(state.live.health, pattern_ms=answer.took_ms)
    after = replace(state, sent={**state.sent, number: phrase}, last_pattern=number, answer=answer)
    after = replace(after, previewing=False)
    after = after.with_live(coming=phrase, health=health).cleared("render")
    return after, (Send(pattern), _logged(state, number, request, answer.phrase))


def _logged(state: State, number: int, request: Request, phrase: Phrase) -> Log:
    """Return the record of a rendering, as it was before the settings of the output."""
    settings = state.document.settings
    take = {
        "pattern": number,
        "model": state.model.reference if state.model else "",
        "request": request,
        "phrase": phrase,
        "transpose": settings.transpose,
        "loop_bars": settings.loop_bars,
        "once": not settings.repeats,
    }
    return Log({"take": take})


def _with_unheard(state: State, answer: Answered) -> State:
    """Count the notes that the model has no place for among what comes in and is ignored."""
    if not answer.unheard:
        return state
    activity = state.live.activity
    ignored = Counter(activity.ignored)
    ignored.update({f"notes {reason}": count for reason, count in answer.unheard.items()})
    return state.with_live(activity=replace(activity, ignored=dict(ignored)))


def takes_due(state: State, now_ns: int) -> tuple[State, tuple[Effect, ...]]:
    """Ask for takes beside the answer once what it depends on has been still for a while."""
    asked = state.asked
    if asked is None or not state.takes_wait or now_ns - asked.asked_ns < STILL_NS:
        return state, ()
    return replace(state, takes_asked=asked), (RenderTakes(asked, int(state.document.settings.cards)),)


def with_takes(state: State, computed: TakesComputed) -> State:
    """Show takes, unless others were asked for meanwhile."""
    if computed.request != state.takes_asked:
        return state
    semitones = state.document.settings.transpose
    takes = (replace(take, phrase=take.phrase.transposed(semitones)) for take in computed.takes)
    return state.with_live(takes=tuple(takes))


def replayed(state: State, what: Replayed) -> tuple[State, tuple[Effect, ...]]:
    """Play music of this performance from the next bar line on; nothing is answered meanwhile."""
    clock, phrase, number = state.live.clock, what.phrase, state.last_pattern + 1
    at_beats = 0.0
    if state.live.rolling and clock is not None:
        at_beats = (math.floor(clock.position_beats / clock.beats_per_bar) + 1) * clock.beats_per_bar
    until = at_beats + phrase.length_beats
    pattern = SetPattern(number, as_notes(phrase), phrase.bars, "bar", at_beats, at_beats, until)
    after = replace(state, sent={number: phrase}, last_pattern=number, asked=None)
    start: tuple[Effect, ...] = () if state.live.rolling else (Send(Play()),)
    replay = Replaying(at_beats, phrase.bars, until)
    return after.with_live(coming=phrase, replay=replay).cleared("replay"), (Send(pattern), *start)


def silenced(state: State) -> tuple[State, tuple[Effect, ...]]:
    """End what is played again of this performance, at the next step."""
    number = state.last_pattern + 1
    after = replace(state, sent={number: Phrase.of((), 1)}, last_pattern=number)
    return after.with_live(coming=None, replay=None), (Send(SetPattern(number, (), 1, "step")),)


def replay_ended(state: State) -> State:
    """Return the state that answers again, if what was played again is over or the song has stopped."""
    clock, replay = state.live.clock, state.live.replay
    if replay is None or clock is None or (state.live.rolling and clock.position_beats < replay.until_beats):
        return state
    return state.with_live(replay=None) if state.live.rolling or not state.sent else state


def hear_take(state: State, index: int | None) -> tuple[State, tuple[Effect, ...]]:
    """Send a take for the next beat without keeping it; None sends the answer again.

    Raises:
        RenderError: there is no such take, or turns are taken.
    """
    if index is None:
        return _answer_back(state)
    if not 0 <= index < len(state.live.takes):
        raise RenderError(f"there is no take {index + 1}; {len(state.live.takes)} are shown")
    if turns.taken(state) or state.live.replay is not None:
        raise RenderError("takes are heard before they are kept only while turns follow")
    take, asked, settings = state.live.takes[index], state.takes_asked, state.document.settings
    if state.live.playing is None or asked is None:
        return state, ()
    number = state.last_pattern + 1
    phrase = take.phrase.tiled(settings.loop_bars) if settings.loop_bars else take.phrase
    pattern = SetPattern(
        number, as_notes(phrase), phrase.bars, "beat", asked.anchor_beats, once=not settings.repeats
    )
    controls = changed(state.document.controls, seed=take.controls.seed)
    made_from = msgspec.structs.replace(state.document, controls=controls)
    after = replace(
        state,
        sent={**state.sent, number: phrase},
        sent_from={**state.sent_from, number: made_from},
        last_pattern=number,
        previewing=True,
    )
    request = replace(asked, controls=take.controls, starts_at="beat")
    written = take.phrase.transposed(-settings.transpose)
    return after.with_live(coming=phrase), (Send(pattern), _logged(state, number, request, written))


def _answer_back(state: State) -> tuple[State, tuple[Effect, ...]]:
    if not state.previewing or state.answer is None:
        return replace(state, previewing=False), ()
    back = replace(state.answer.request, starts_at="beat")
    return answered(state, msgspec.structs.replace(state.answer, request=back, unheard={}))


def again(state: State) -> tuple[State, tuple[Effect, ...]]:
    """Send the last answer once more, for settings of the output that have changed."""
    return (
        (state, ())
        if state.answer is None
        else answered(state, msgspec.structs.replace(state.answer, unheard={}))
    )


def started(state: State, event: PatternStarted) -> State:
    """Note that a pattern sounds; the ones before it never will."""
    phrase = state.sent.get(event.pattern_id)
    playing = state.live.playing
    if phrase is not None:
        playing = Sounding(phrase, event.anchor_beats)
    elif playing is not None:
        playing = Sounding(playing.phrase, event.anchor_beats)
    sent = {number: each for number, each in state.sent.items() if number > event.pattern_id}
    coming = next(reversed(sent.values())) if sent else None
    return replace(state, sent=sent).with_live(playing=playing, coming=coming)


def as_notes(phrase: Phrase) -> tuple[NoteData, ...]:
    """Return a phrase's notes as they travel to the performer."""
    return tuple(
        NoteData(note.start_beats, note.pitch, note.duration_beats, note.velocity, note.channel)
        for note in phrase.notes
    )
