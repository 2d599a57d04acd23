"""Taking turns: who plays, until which bar line, and what of the player's is answered there.

All of it is pure. The performer holds the next answer ready with its line; until that line it is made
again whenever something new was played, so that the last note before the line counts.
"""

import math

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.midi.messages import is_whole
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase
from engine.performer.looped_pattern import HALF_STEP_BEATS
from engine.performer.messages import BarCaptured, ClockState, Heard
from engine.session import roles
from engine.session.bindings import controller_of, found
from engine.session.captured_bars import CapturedBar, CapturedBars, phrase_of, surroundings_of
from engine.session.document import HeardPhrase, Surroundings
from engine.session.heard_harmony import is_chord_note
from engine.session.live import Turn
from engine.session.open_bar import OpenBar
from engine.session.state import State

LONGEST_BARS = 16
"""A longer turn of the player is answered by its last bars."""
CUE_MARGIN_BEATS = 0.25
"""A cue this shortly before a bar line hands over at the next one."""
_TIE_BEATS = 1e-3


def taken(state: State) -> bool:
    """Return whether turns are taken at all."""
    return state.document.settings.turns != "follow"


def heard(state: State, message: Heard) -> State:
    """Return the state after a message from the input while the music rolls."""
    if not taken(state) or not state.live.rolling or message.ignored or not is_whole(message.data):
        return state
    if is_chord_note(state.document.settings, message.data) or _is_bound(state, message):
        return state
    representation = state.model.representation if state.model else ""
    music = roles.of_message(message, state.document.settings, representation)
    if music is None:
        return state
    open_bar = state.open_bar.with_message(music, sustains=state.document.settings.sustain_lengthens)
    if open_bar is state.open_bar:
        return state
    return _advanced(replace(state, open_bar=open_bar), message.position_beats)


def _is_bound(state: State, message: Heard) -> bool:
    """Return whether a message moves a control: a key that does is no music."""
    controller = controller_of(message.data)
    return controller is not None and bool(found(state.document.bindings, controller))


def bar_captured(state: State, bar: BarCaptured) -> State:
    """Return the state after a bar was captured; its notes need not be kept open any longer."""
    if not taken(state):
        return state
    state = replace(state, open_bar=state.open_bar.after(bar))
    return state if state.live.turn.whose == "answer" else _with_source(state, _position(state))


def clock(state: State, event: ClockState) -> State:
    """Return the state at a position of the song: turns change hands at their lines."""
    if not taken(state):
        return state
    if event.status not in ("rolling", "flywheel"):
        return begun_anew(state)
    turn = state.live.turn
    if turn.since_beats is not None and event.position_beats < turn.since_beats - 1.0:
        return begun_anew(state)  # the song was taken back to before the turn
    return _advanced(state, event.position_beats)


def cued(state: State) -> State:
    """Hand the turn over at the next bar line.

    Raises:
        RenderError: nothing rolls, so that there is no line.
    """
    if not state.live.rolling or state.live.clock is None:
        raise RenderError("turns change hands at bar lines, and nothing rolls; press Play first")
    if state.document.settings.turns != "cue":
        settings = msgspec.structs.replace(state.document.settings, turns="cue")
        state = begun_anew(state.with_document(settings=settings))
    turn = state.live.turn
    line = _line_after(_position(state) + CUE_MARGIN_BEATS, _bar_beats(state))
    state = state.with_live(turn=replace(turn, until_beats=line))
    return state if turn.whose == "answer" else _with_source(state, _position(state))


def begun_anew(state: State) -> State:
    """Return the state before anybody's turn: another way was chosen, or the song stopped or jumped."""
    if state.live.turn == Turn() and not state.open_bar.notes:
        return state
    return replace(state, open_bar=OpenBar()).with_live(turn=Turn())


def _position(state: State) -> float:
    return state.live.clock.position_beats if state.live.clock else 0.0


def _metre(state: State) -> Metre:
    return state.live.clock.metre if state.live.clock else FOUR_FOUR


def _bar_beats(state: State) -> float:
    return _metre(state).beats_per_bar


def _line_after(beats: float, bar_beats: float) -> float:
    """Return the bar line at or after a position."""
    return math.ceil(beats / bar_beats - 1e-9) * bar_beats


def _advanced(state: State, beats: float) -> State:
    """Return the state at a song position, turns handed over whose line has passed."""
    turn = state.live.turn
    while turn.until_beats is not None and beats >= turn.until_beats - (turn.whose == "player") * 1e-6:
        state = _handed_over(state)
        turn = state.live.turn
    if turn.whose == "answer":
        return state
    return _with_source(state, beats)


def _handed_over(state: State) -> State:
    """Give the turn to the other at its line; a player who played nothing keeps it."""
    turn, settings, bar_beats = state.live.turn, state.document.settings, _bar_beats(state)
    line = turn.until_beats
    assert line is not None
    trade_beats = settings.turn_bars * bar_beats
    if turn.whose == "answer":
        until = line + trade_beats if settings.turns == "trade" else None
        state = replace(state, open_bar=state.open_bar.since(line))
        return state.with_live(turn=Turn("player", line, until))
    if turn.since_beats is None or not turn.notes:
        return state.with_live(turn=Turn("player", line, line + trade_beats))
    until = None if settings.turns == "cue" else line + _answer_beats(state)
    return state.with_live(turn=Turn("answer", line, until))


def _answer_beats(state: State) -> float:
    """Return the length of an answer: the bars that are traded, or as many as were played."""
    settings, bar_beats = state.document.settings, _bar_beats(state)
    if settings.turns == "trade" or state.live.turn.bars == 0:
        return settings.turn_bars * bar_beats
    return state.live.turn.bars * bar_beats


def answer_span(state: State) -> tuple[float, float | None] | None:
    """Return where the answer that is to be computed begins and ends; None where none is due."""
    turn = state.live.turn
    if not taken(state):
        return None
    if turn.whose == "answer" and turn.since_beats is not None:
        return turn.since_beats, _rest_at(state, turn.until_beats)
    if turn.until_beats is None or not turn.notes:
        return None
    cue = state.document.settings.turns == "cue"
    until = None if cue else turn.until_beats + _answer_beats(state)
    return turn.until_beats, _rest_at(state, until)


def _rest_at(state: State, until_beats: float | None) -> float | None:
    return until_beats if state.document.settings.meanwhile == "rest" else None


# What the player has played ----------------------------------------------------------------------


def _with_source(state: State, beats: float) -> State:
    """Bring the player's turn up to date: where it began, where it ends, what of it is answered."""
    bar_beats = _bar_beats(state)
    turn = _bounded(state, state.live.turn, bar_beats)
    if turn.since_beats is None:
        return state if turn == state.live.turn else state.with_live(turn=turn)
    end = turn.until_beats if turn.until_beats is not None else _line_after(beats, bar_beats)
    phrase = _phrase(state, turn.since_beats, max(end, turn.since_beats + bar_beats), beats, _metre(state))
    turn = replace(turn, notes=len(phrase.phrase.notes), bars=phrase.phrase.bars)
    state = state if turn == state.live.turn else state.with_live(turn=turn)
    if not phrase.phrase.notes or phrase == state.live.heard:
        return state
    state = state.with_live(heard=phrase)
    return state if state.document.settings.hold else state.with_document(source=phrase)


def _bounded(state: State, turn: Turn, bar_beats: float) -> Turn:
    """Return a player's turn with its first and last line, as far as they are known."""
    settings, open_bar = state.document.settings, state.open_bar
    first, since, until, ended = (
        open_bar.first_bar(bar_beats),
        turn.since_beats,
        turn.until_beats,
        turn.ended_beats,
    )
    if first is not None:
        ended = open_bar.last_end_beats
        if since is None or (turn.notes == 0 and settings.turns != "trade"):
            since = max(first * bar_beats, since or 0.0)
    if settings.turns == "trade" and since is not None and until is None:
        until = since + settings.turn_bars * bar_beats
    elif settings.turns == "pause":
        until = None if ended is None else _line_after(ended + settings.pause_beats, bar_beats)
    return replace(turn, since_beats=since, until_beats=until, ended_beats=ended)


def _phrase(state: State, since: float, end: float, now_beats: float, metre: Metre) -> HeardPhrase:
    """Return what was played from a line on: whole bars as captured, the open one as heard so far."""
    bar_beats = metre.beats_per_bar
    bars = max(1, round((end - since) / bar_beats))
    first = round(since / bar_beats) + max(0, bars - LONGEST_BARS)
    bars = min(bars, LONGEST_BARS)
    chosen = _captured(state.live.captured, first, bars, metre)
    whole = phrase_of([each.bar for each in chosen]) if chosen else None
    start, line = first * bar_beats, (first + len(chosen)) * bar_beats
    notes = list(whole.notes) if whole else []
    open_bar, end_beats = state.open_bar, start + bars * bar_beats
    for note in open_bar.music(line, end_beats, now_beats):
        notes.append(msgspec.structs.replace(note, start_beats=note.start_beats + line - start))
    notes = [_longer(note, open_bar, start, now_beats) for note in notes]
    ended = max((note.end_beats for note in notes), default=0.0)
    if state.document.settings.turns == "pause":  # the silence that was waited for is no part of it
        bars = max(1, math.ceil((ended - HALF_STEP_BEATS) / bar_beats))
    surroundings = surroundings_of(chosen) if chosen else Surroundings(state.live.key)
    return HeardPhrase(Phrase.of(notes, bars, metre), first, surroundings)


def _captured(captured: CapturedBars, first: int, bars: int, metre: Metre) -> list[CapturedBar]:
    """Return the captured bars from one on that follow each other, up to so many."""
    chosen: list[CapturedBar] = []
    for each in captured:
        bar = each.bar
        if bar.bar == first + len(chosen) and len(chosen) < bars and bar.metre == metre:
            chosen.append(each)
        elif bar.bar == first:
            chosen = [each]
    return chosen


def _longer(note: Note, open_bar: OpenBar, start: float, now_beats: float) -> Note:
    """Lengthen a note that was closed at the last captured line and sounds on in the open bar."""
    for each in open_bar.notes:
        same = (each.pitch, each.channel) == (note.pitch, note.channel)
        if same and abs(each.start_beats - start - note.start_beats) < 0.02:
            end = now_beats if each.end_beats is None else each.end_beats
            length = max(end - start - note.start_beats, note.duration_beats)
            return msgspec.structs.replace(note, duration_beats=length)
    return note
