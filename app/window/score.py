"""What the rolls and the strip show of the music: plain values, no Qt."""

import math
from collections.abc import Mapping

import msgspec

from app.window.presenter import take_title
from engine.inference.constraints import Lock
from engine.modes.catalogue import slots_of
from engine.music.chords import Chord, Harmony, by_pulse, parse_chords
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase
from engine.performer.messages import NoteData
from engine.session.captured_bars import CapturedBar
from engine.session.live import Replaying
from engine.session.settings import Turns
from engine.session.snapshot import Snapshot
from engine.text import counted


class RollMusic(msgspec.Struct, frozen=True, kw_only=True):
    """What the large roll shows; counted in beats from its left edge."""

    heard: Phrase | None = None
    playing: Phrase | None = None
    coming: Phrase | None = None
    bars: int = 2
    metre: Metre = FOUR_FOUR
    locks: tuple[Lock, ...] = ()
    """Parts that new takes keep."""
    chords: tuple[tuple[float, str], ...] = ()
    """Names of chords by the beat they begin on."""
    turn_text: str = ""
    """Whose turn it is, and for how long; empty where no turns are taken."""
    is_players_turn: bool = True
    rests: bool = False
    """Whether what plays is silent, since it is the player's turn."""
    title: str = ""
    """How what plays was made."""
    next_text: str = ""
    """When what comes next takes over."""
    hint: str = ""
    """What to do while nothing plays."""

    @property
    def length_beats(self) -> float:
        """Length shown in beats, above 0."""
        return max(self.bars * self.metre.beats_per_bar, 1e-6)


class StripBar(msgspec.Struct, frozen=True):
    """One bar that was heard, or the one that is being played."""

    id: int
    """Which bar of the session, as `engine.session.captured_bars` counts them; 0 while it is played."""
    number: int
    """Bar number in the song, from 1."""
    notes: tuple[Note, ...]
    length_beats: float
    """Above 0."""
    chord: str = ""


def roll_music(snapshot: Snapshot, position_beats: float | None) -> RollMusic:
    """Return what the large roll shows."""
    live, source = snapshot.live, snapshot.document.source
    heard = source.phrase if source else None
    playing, coming = live.playing.phrase if live.playing else None, live.coming
    phrases = [phrase for phrase in (playing, coming, heard) if phrase is not None]
    usual = snapshot.model.bars if snapshot.model else 2
    bars = max((phrase.bars for phrase in phrases), default=usual)
    metre = phrases[0].metre if phrases else FOUR_FOUR
    return RollMusic(
        heard=heard,
        playing=playing,
        coming=coming,
        bars=bars,
        metre=metre,
        locks=snapshot.locks,
        chords=chords_of(harmony_of(snapshot, bars, metre), metre),
        turn_text=turn_text(snapshot, position_beats),
        is_players_turn=live.turn.whose == "player",
        rests=waits_for_turn(snapshot) and snapshot.document.settings.meanwhile == "rest",
        title=take_title(snapshot),
        next_text=next_text(snapshot, position_beats) if coming is not None else "",
        hint="" if playing is not None or coming is not None else empty_hint(snapshot),
    )


def harmony_of(snapshot: Snapshot, bars: int, metre: Metre) -> Harmony:
    """Return the chords that were typed, over so many bars, else those of what was heard."""
    typed, source = snapshot.document.controls.chords, snapshot.document.source
    if typed:
        return by_pulse(parse_chords(typed), bars, metre)
    return source.surroundings.harmony if source is not None else ()


def chords_of(harmony: Harmony, metre: Metre) -> tuple[tuple[float, str], ...]:
    """Return the names of chords, one a pulse, by the beat (a quarter note) on which another one begins."""
    found: list[tuple[float, str]] = []
    before: Chord | None = None
    for pulse, chord in enumerate(harmony):
        if chord is not None and chord != before:
            found.append((pulse * metre.pulse_beats, chord.name))
        before = chord
    return tuple(found)


def turn_text(snapshot: Snapshot, position_beats: float | None) -> str:
    """Return whose turn it is and how long it lasts yet; empty where each phrase is answered as it ends.

    While this performance is replayed it is which of its bars is played, and of how many.
    """
    settings, turn, clock = snapshot.document.settings, snapshot.live.turn, snapshot.live.clock
    if snapshot.live.replay is not None:
        return replay_text(snapshot.live.replay, position_beats)
    if settings.turns == "follow":
        return ""
    whose = "YOUR TURN" if turn.whose == "player" else "ANSWER'S TURN"
    if turn.until_beats is None or position_beats is None or clock is None:
        return whose
    left = max(1, math.ceil((turn.until_beats - position_beats) / clock.beats_per_bar - 1e-9))
    return f"{whose} · {left} bar{'s' * (left != 1)}"


def replay_text(replay: Replaying, position_beats: float | None) -> str:
    """Return which bar of a replay is played, and of how many."""
    bar = 0 if position_beats is None else replay.bar_at(position_beats)
    if bar == 0:
        return f"REPLAY · {replay.bars} bar{'s' * (replay.bars != 1)}"
    return f"REPLAY · bar {bar} of {replay.bars}"


def waits_for_turn(snapshot: Snapshot) -> bool:
    """Return whether turns are taken, and it is the player's."""
    live = snapshot.live
    taken = snapshot.document.settings.turns != "follow" and live.replay is None
    return taken and live.turn.whose == "player"


def next_text(snapshot: Snapshot, position_beats: float | None) -> str:
    """Return when what comes next takes over; in the player's turn that is the line where it ends."""
    clock, takes_over = snapshot.live.clock, snapshot.document.settings.takes_over
    until_beats = snapshot.live.turn.until_beats
    if clock is None or position_beats is None:
        return "NEXT when it plays"
    pulse = clock.metre.pulse_beats
    if waits_for_turn(snapshot):
        return "NEXT in its turn" if until_beats is None else _next_in(until_beats - position_beats, pulse)
    if snapshot.live.playing is not None and takes_over == "step":
        return "NEXT at once"
    line = clock.beats_per_bar if snapshot.live.playing is None or takes_over == "bar" else pulse
    return _next_in(line - position_beats % line, pulse)


def _next_in(left_beats: float, pulse_beats: float) -> str:
    left = max(1, math.ceil(left_beats / pulse_beats - 1e-9))
    return f"NEXT in {left} beat{'s' * (left != 1)}"


_TO_HAND_OVER: Mapping[Turns, str] = {
    "trade": "play your bars",
    "pause": "play, then pause",
    "cue": "play, then hand over with Take turn (Return, or a pedal)",
}


def empty_hint(snapshot: Snapshot) -> str:
    """Return what to do while there is no answer yet."""
    filled = snapshot.document.slots
    needed = slots_of(snapshot.document.controls, filled)
    missing = [slot for slot in needed if slot not in filled and slot != "heard"]
    if missing:
        slots, verb = ("Slots", "are") if len(missing) > 1 else ("Slot", "is")
        names = " and ".join(missing)
        return f"{slots} {names} {verb} empty. Play a phrase, then press {' or '.join(missing)}."
    if snapshot.document.settings.turns != "follow":
        begin = "Your turn" if snapshot.live.rolling else "Press Space, or start the DAW; it is your turn"
        hand_over = _TO_HAND_OVER[snapshot.document.settings.turns]
        return f"{begin}: {hand_over}; the answer comes on a bar line."
    if snapshot.document.source is not None or "heard" not in needed:
        return "Press Space, or start the DAW: the answer begins with the next bar."
    if snapshot.model is not None:
        phrase = f"Play {counted(snapshot.model.bars, 'bar')} into the input"
        return f"{phrase}, or press D for the demo. The answer comes with the bar line."
    return "No model is loaded yet. Play into the input meanwhile: what you play is kept."


def strip_bar(captured: CapturedBar) -> StripBar:
    """Return how a captured bar is shown."""
    bar = captured.bar
    notes = tuple(_note(each) for each in bar.notes)
    chords = chords_of(captured.surroundings.harmony, bar.metre)
    return StripBar(captured.id, bar.bar + 1, notes, bar.beats_per_bar, chords[0][1] if chords else "")


def free_bar(snapshot: Snapshot, now_ns: int) -> tuple[StripBar, float | None]:
    """Return the bar that is played while nothing rolls, and how far it is, 0 to 1; None between passages."""
    settings, free = snapshot.document.settings, snapshot.live.free
    metre = Metre.named(settings.metre)
    place = free.place(now_ns, settings.tempo_bpm, metre)
    if place is None:
        return StripBar(0, 1, (), metre.beats_per_bar), None
    bar, beats = place
    notes = tuple(_note(each) for each in free.sounding(bar, beats, settings.tempo_bpm, metre))
    return StripBar(0, bar + 1, notes, metre.beats_per_bar), beats / metre.beats_per_bar


def _note(data: NoteData) -> Note:
    return Note(data.start_beats, data.pitch, data.duration_beats, data.velocity, data.channel)


def source_ids(snapshot: Snapshot) -> tuple[int, int]:
    """Return the id of the first captured bar that the answer starts from, and how many; (0, 0) for none.

    A loop of the DAW, and each passage without a clock, plays the same numbers again: of bars with the
    source's number those with its music are meant, and of several the newest.
    """
    source, captured = snapshot.document.source, snapshot.live.captured
    if source is None:
        return 0, 0
    for each in reversed(captured.bars):
        if each.bar.bar == source.first_bar and captured.has(each.id, source.phrase):
            return each.id, source.phrase.bars
    return 0, 0
