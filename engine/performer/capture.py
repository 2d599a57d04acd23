"""Keeps what is played, bar by bar. Always listening; a bar is reported once it is over.

A note shortly before a bar line (`EARLY_BEATS`) is an early note of the new bar. A bar closes a moment
after its line, so that a note let go just behind the line ends on it; a note held longer is cut
at the line and goes on, tied, in the next bar. Only whole bars are reported.
"""

import math
from collections import deque
from typing import Protocol

from engine.midi.messages import Key, is_note_on, key
from engine.music.grid import EARLY_BEATS
from engine.music.metre import Metre
from engine.performer.held_keys import HeldKey, HeldKeys
from engine.performer.looped_pattern import SHORTEST_BEATS
from engine.performer.messages import BarCaptured, NoteData

GRACE_NS = 20_000_000
"""How long after its line a bar stays open."""
EPSILON_BEATS = 1e-6
NOTES_PER_BAR = 2048
"""A bar keeps no more notes: more are no music, and would take the time of what is."""
EARLIEST_BEATS = float(EARLY_BEATS)


class BarGrid(Protocol):
    """Where bar lines are in time, as `Transport` says it."""

    metre: Metre

    @property
    def bpm(self) -> float:
        """Tempo for display."""
        ...

    @property
    def beat_ns(self) -> float:
        """Length of a beat now."""
        ...

    def time_of(self, beats: float) -> int:
        """Return the time of a position."""
        ...


class _Note:
    """A note of one bar; the start counts from the start of the song."""

    __slots__ = ("bar", "channel", "end_beats", "pitch", "start_beats", "tied", "velocity")

    def __init__(self, bar: int, start_beats: float, key: Key, velocity: int, *, tied: bool = False) -> None:
        self.bar = bar
        self.start_beats = start_beats
        self.channel, self.pitch = key
        self.velocity = velocity
        self.tied = tied
        self.end_beats: float | None = None


class _Waiting:
    """A note played while nothing rolled; it may be the first of the music that starts."""

    __slots__ = ("key", "off_ns", "on_ns", "velocity")

    def __init__(self, on_ns: int, key: Key, velocity: int) -> None:
        self.on_ns = on_ns
        self.off_ns: int | None = None
        self.key = key
        self.velocity = velocity


class Capture:
    """Sorts the notes that come in into bars.

    Args:
        grid: gives the bar length, and the times of bar lines.
    """

    def __init__(self, grid: BarGrid) -> None:
        self._grid = grid
        self._rolling = False
        self._metre = grid.metre
        self._bar = 0
        self._first_whole_bar = 0
        self._begun_beats = -math.inf
        """The first place that was played since the music began; what comes before it is a count-in's."""
        self._notes: dict[int, list[_Note]] = {}
        self._held: HeldKeys[_Note | _Waiting] = HeldKeys()
        self._waiting: deque[_Waiting] = deque(maxlen=64)
        self._grace_beats = 0.0

    def set_sustain(self, lengthens: bool, t_ns: int, beats: float) -> None:
        """Choose whether the pedals lengthen notes."""
        if not lengthens:
            self._end_all(self._held.lift_pedals(), t_ns, beats)
        self._held.sustains = lengthens

    # Transport -------------------------------------------------------------------------------

    def start(self, t_ns: int, beats: float) -> None:
        """Begin the first bar at the position where the music starts; notes just before count as early."""
        self._open(beats)
        self._begun_beats = beats
        held_by_note = {id(held.note): held for held in self._held.sounding()}
        for held in held_by_note.values():
            held.note = None
        if self._on_line(beats):
            earliest_ns = t_ns - EARLIEST_BEATS * self._grid.beat_ns
            for waiting in self._waiting:
                if earliest_ns < waiting.on_ns <= t_ns:
                    self._wake(waiting, held_by_note.get(id(waiting)), t_ns, beats)
        self._waiting.clear()

    def _wake(
        self, waiting: _Waiting, held: "HeldKey[_Note | _Waiting] | None", t_ns: int, beats: float
    ) -> None:
        """Make a note that waited the first of the music that starts."""
        beat_ns = self._grid.beat_ns
        note = self._begin(beats + (waiting.on_ns - t_ns) / beat_ns, waiting.key, waiting.velocity)
        if held is not None:
            held.note = note
        elif waiting.off_ns is not None:
            self._end(note, beats + (waiting.off_ns - t_ns) / beat_ns)

    def stop(self, t_ns: int, beats: float) -> list[BarCaptured]:
        """End the bar where the music stops: one all but over is reported, a part of one is dropped."""
        bars = self._end_at(t_ns, beats)
        self._rolling = False
        self._notes.clear()
        for held in self._held.sounding():
            held.note = None
        return bars

    def jump(self, t_ns: int, from_beats: float, to_beats: float) -> list[BarCaptured]:
        """Go on elsewhere: as at a stop, but held and early notes come along to a bar line.

        In the middle of a bar only a note that is still held can be early for what comes; a note behind
        the line of the old place is none.
        """
        whole = self._all_but_over(from_beats)
        line = self._line()
        ended_beats = line if whole else from_beats
        early = [note for note in self._early(ended_beats) if whole or note.end_beats is None]
        early = [note for note in early if not whole or note.start_beats < line - EPSILON_BEATS]
        held_keys = self._held.sounding()
        held_notes = [held.note for held in held_keys]
        bars = self._end_at(t_ns, from_beats)
        self._notes.clear()
        for held in held_keys:
            held.note = None
        self._open(to_beats)
        self._begun_beats = min(self._begun_beats, to_beats)
        if not self._on_line(to_beats):
            return bars
        for held, note in zip(held_keys, held_notes, strict=True):
            if isinstance(note, _Note) and note not in early:
                held.note = self._add(_Note(self._bar, to_beats, held.key, note.velocity, tied=True))
        for note in early:
            start = to_beats + min(0.0, note.start_beats - ended_beats)
            begun = self._begin(start, (note.channel, note.pitch), note.velocity)
            holder = [held for held, old in zip(held_keys, held_notes, strict=True) if old is note]
            if holder:
                holder[0].note = begun
            elif note.end_beats is not None:
                self._end(begun, to_beats + note.end_beats - ended_beats)
        return bars

    def close_bars(self, now_ns: int) -> list[BarCaptured]:
        """Report the bars whose line and grace time are past."""
        bars = []
        self._grace_beats = GRACE_NS / self._grid.beat_ns
        while self._rolling and now_ns >= self.next_ns():
            line_ns = self._grid.time_of(self._line())
            bars += self._close(line_ns, to_next_bar=True)
        return bars

    def next_ns(self) -> int:
        """Return when the open bar closes; only while rolling."""
        return self._grid.time_of(self._line()) + GRACE_NS

    # Notes -----------------------------------------------------------------------------------

    def take(self, t_ns: int, beats: float, data: bytes) -> bool:
        """Take a channel message and its position. Returns False where the bar is full."""
        if is_note_on(data):
            self._end_all(self._held.struck_again(key(data)), t_ns, beats)
            if self._rolling and beats <= self._begun_beats - EARLIEST_BEATS:
                self._held.press(key(data), None, t_ns)
                return True
            if self._rolling and len(self._notes.get(self._bar_of(beats), ())) >= NOTES_PER_BAR:
                self._held.press(key(data), None, t_ns)
                return False
            if self._rolling:
                self._held.press(key(data), self._begin(beats, key(data), data[2]), t_ns)
            else:
                waiting = _Waiting(t_ns, key(data), data[2])
                self._waiting.append(waiting)
                self._held.press(key(data), waiting, t_ns)
        else:
            self._end_all(self._held.released_by(data, t_ns), t_ns, beats)
        return True

    def let_go(self, t_ns: int, beats: float) -> list[bytes]:
        """Let every key go, as far as anybody knows: a cable was pulled. Returns the messages that say so."""
        releases = self._held.releases()
        self._end_all(self._held.release_all(), t_ns, beats)
        return releases

    def _end_all(self, ended: list[HeldKey[_Note | _Waiting]], t_ns: int, beats: float) -> None:
        for held in ended:
            if isinstance(held.note, _Waiting):
                held.note.off_ns = t_ns
            elif held.note is not None and held.note.bar >= self._bar:
                held.note = self._end(held.note, beats)
            if not held.ended:
                held.note = None

    # Inside ----------------------------------------------------------------------------------

    @property
    def _beats_per_bar(self) -> float:
        return self._metre.beats_per_bar

    def _line(self) -> float:
        """End of the open bar."""
        return (self._bar + 1) * self._beats_per_bar

    def _on_line(self, beats: float) -> bool:
        return abs(beats / self._beats_per_bar - round(beats / self._beats_per_bar)) < EPSILON_BEATS

    def _open(self, beats: float) -> None:
        self._rolling = True
        self._metre = self._grid.metre
        self._grace_beats = GRACE_NS / self._grid.beat_ns
        self._bar = math.floor(beats / self._beats_per_bar + EPSILON_BEATS)
        self._first_whole_bar = math.ceil(beats / self._beats_per_bar - EPSILON_BEATS)

    def _begin(self, beats: float, key: Key, velocity: int) -> _Note:
        return self._add(_Note(self._bar_of(beats), beats, key, velocity))

    def _bar_of(self, beats: float) -> int:
        """Return the bar that a note which begins at a position belongs to; the open one at least."""
        bar = math.floor((beats + EARLIEST_BEATS - EPSILON_BEATS) / self._beats_per_bar)
        return max(bar, self._bar)

    def _add(self, note: _Note) -> _Note:
        self._notes.setdefault(note.bar, []).append(note)
        return note

    def _end(self, note: _Note, beats: float) -> _Note:
        """Let a note go; past a bar line it is cut there, and goes on tied if it was held on.

        Returns the part of it that ends there.
        """
        notes = self._notes.setdefault(note.bar, [])
        if note.end_beats is not None and note not in notes:
            notes.append(note)  # it was let go for a moment only
        if note.tied and beats - note.start_beats <= self._grace_beats:
            notes.remove(note)
            return note
        line = (note.bar + 1) * self._beats_per_bar
        note.end_beats = max(min(beats, line), note.start_beats + SHORTEST_BEATS)
        if beats <= line + self._grace_beats:
            return note
        key = (note.channel, note.pitch)
        return self._end(self._add(_Note(note.bar + 1, line, key, note.velocity, tied=True)), beats)

    def _early(self, beats: float) -> list[_Note]:
        """Return the notes that began less than half a step before a position, oldest first."""
        return [
            note
            for notes in self._notes.values()
            for note in notes
            if note.start_beats > beats - EARLIEST_BEATS and not note.tied
        ]

    def _end_at(self, t_ns: int, beats: float) -> list[BarCaptured]:
        """Close the open bar where the music breaks off, if it was all but over.

        Early notes of what would have come next are left out: they are not this bar's.
        """
        if not self._rolling:
            return []
        bars = []
        while beats >= self._line():
            bars += self._close(t_ns, to_next_bar=True)
        if self._all_but_over(beats):
            bars += self._close(t_ns, to_next_bar=False)
        return bars

    def _all_but_over(self, beats: float) -> bool:
        return beats > self._line() - EARLIEST_BEATS

    def _close(self, ended_ns: int, *, to_next_bar: bool) -> list[BarCaptured]:
        """Cut held notes at the line and report the bar if it was whole."""
        bar, line = self._bar, self._line()
        for held in self._held.sounding():
            note = held.note
            if not isinstance(note, _Note) or note.bar > bar:
                continue
            note.end_beats = max(line, note.start_beats + SHORTEST_BEATS)
            held.note = None
            if to_next_bar:
                held.note = self._add(_Note(bar + 1, line, held.key, note.velocity, tied=True))
        notes = self._notes.pop(bar, [])
        self._bar += 1
        return [self._captured(bar, notes, ended_ns)] if bar >= self._first_whole_bar else []

    def _captured(self, bar: int, notes: list[_Note], ended_ns: int) -> BarCaptured:
        start = bar * self._beats_per_bar
        notes.sort(key=lambda note: (note.start_beats, note.pitch))
        data = tuple(
            NoteData(
                note.start_beats - start,
                note.pitch,
                (note.end_beats or start) - note.start_beats,
                note.velocity,
                note.channel,
            )
            for note in notes
        )
        tied = tuple(index for index, note in enumerate(notes) if note.tied)
        return BarCaptured(bar, data, tied, self._grid.bpm, self._metre, ended_ns)
