"""Keeps what is played, bar by bar. Always listening; a bar is told once it is over.

A note up to half a step before a bar line is an early note of the new bar. A bar closes a moment
after its line, so that a note let go just behind the line ends on it; a note held longer is cut
at the line and goes on, tied, in the next bar. Only whole bars are told.
"""

import math
from collections import deque

from engine.performer.ledger import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON, Key
from engine.performer.looped_pattern import HALF_STEP_BEATS, SHORTEST_BEATS
from engine.performer.messages import BarCaptured, NoteData
from engine.performer.transport import Transport

GRACE_NS = 20_000_000
"""How long after its line a bar stays open."""
EPSILON_BEATS = 1e-6


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
        transport: gives the bar length, and the times of bar lines.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._rolling = False
        self._beats_per_bar = transport.beats_per_bar
        self._bar = 0
        self._first_whole_bar = 0
        self._notes: dict[int, list[_Note]] = {}
        self._held: dict[Key, _Note] = {}
        self._waiting: deque[_Waiting] = deque(maxlen=64)
        self._grace_beats = 0.0

    # Transport -------------------------------------------------------------------------------

    def start(self, t_ns: int, beats: float) -> None:
        """The music starts at a position; notes just before count as early."""
        self._open(beats)
        if self._on_line(beats):
            self._take_waiting(t_ns, beats)
        self._waiting.clear()

    def _take_waiting(self, t_ns: int, beats: float) -> None:
        beat_ns = self._transport.beat_ns
        for note in self._waiting:
            if t_ns - HALF_STEP_BEATS * beat_ns < note.on_ns <= t_ns:
                self._begin(beats + (note.on_ns - t_ns) / beat_ns, note.key, note.velocity)
                if note.off_ns is not None:
                    self._end(note.key, beats + (note.off_ns - t_ns) / beat_ns)

    def stop(self, t_ns: int, beats: float) -> list[BarCaptured]:
        """The music stops: a bar that was all but over is told, a part of one is dropped."""
        bars = self._end_at(t_ns, beats)
        self._rolling = False
        self._notes.clear()
        self._held.clear()
        return bars

    def jump(self, t_ns: int, from_beats: float, to_beats: float) -> list[BarCaptured]:
        """The music goes on elsewhere: as a stop, but held and early notes come along to a bar line.

        In the middle of a bar only a note that is still held can be early for what comes.
        """
        held = dict(self._held)
        whole = self._all_but_over(from_beats)
        ended_beats = self._line() if whole else from_beats
        early = [note for note in self._early(ended_beats) if whole or note.end_beats is None]
        bars = self._end_at(t_ns, from_beats)
        self._notes.clear()
        self._held.clear()
        self._open(to_beats)
        if not self._on_line(to_beats):
            return bars
        for key, note in held.items():
            if note not in early:
                self._add(_Note(self._bar, to_beats, key, note.velocity, tied=True))
        for note in early:
            start = to_beats + min(0.0, note.start_beats - ended_beats)
            self._begin(start, (note.channel, note.pitch), note.velocity)
            if note.end_beats is not None:
                self._end((note.channel, note.pitch), to_beats + note.end_beats - ended_beats)
        return bars

    def close_bars(self, now_ns: int) -> list[BarCaptured]:
        """Tell the bars whose line and grace time are past."""
        bars = []
        self._grace_beats = GRACE_NS / self._transport.beat_ns
        while self._rolling and now_ns >= self.next_ns():
            line_ns = self._transport.time_of(self._line())
            bars += self._close(line_ns, to_next_bar=True)
        return bars

    def next_ns(self) -> int:
        """When the open bar closes; only while rolling."""
        return self._transport.time_of(self._line()) + GRACE_NS

    # Notes -----------------------------------------------------------------------------------

    def take(self, t_ns: int, beats: float, data: bytes) -> None:
        """Take a channel message and its position."""
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind == NOTE_ON and data[2] > 0:
            key = (channel, data[1])
            if self._rolling:
                self._end(key, beats)
                self._begin(beats, key, data[2])
            else:
                self._waiting.append(_Waiting(t_ns, key, data[2]))
        elif kind in (NOTE_OFF, NOTE_ON):
            self._release(t_ns, beats, (channel, data[1]))
        elif kind == CONTROL and (data[1] == ALL_SOUND_OFF or data[1] >= ALL_NOTES_OFF):
            for key in [key for key in self._held if key[0] == channel]:
                self._end(key, beats)

    # Inside ----------------------------------------------------------------------------------

    def _line(self) -> float:
        """End of the open bar."""
        return (self._bar + 1) * self._beats_per_bar

    def _on_line(self, beats: float) -> bool:
        return abs(beats / self._beats_per_bar - round(beats / self._beats_per_bar)) < EPSILON_BEATS

    def _open(self, beats: float) -> None:
        self._rolling = True
        self._beats_per_bar = self._transport.beats_per_bar
        self._grace_beats = GRACE_NS / self._transport.beat_ns
        self._bar = math.floor(beats / self._beats_per_bar + EPSILON_BEATS)
        self._first_whole_bar = math.ceil(beats / self._beats_per_bar - EPSILON_BEATS)

    def _begin(self, beats: float, key: Key, velocity: int) -> None:
        bar = math.floor((beats + HALF_STEP_BEATS - EPSILON_BEATS) / self._beats_per_bar)
        self._add(_Note(max(bar, self._bar), beats, key, velocity))

    def _add(self, note: _Note) -> None:
        self._notes.setdefault(note.bar, []).append(note)
        self._held[(note.channel, note.pitch)] = note

    def _release(self, t_ns: int, beats: float, key: Key) -> None:
        if self._rolling:
            self._end(key, beats)
            return
        for note in self._waiting:
            if note.key == key and note.off_ns is None:
                note.off_ns = t_ns

    def _end(self, key: Key, beats: float) -> None:
        """Let a note go; past a bar line it is cut there, and goes on tied if it was held on."""
        note = self._held.pop(key, None)
        if note is None:
            return
        if note.tied and beats - note.start_beats <= self._grace_beats:
            self._notes[note.bar].remove(note)
            return
        line = (note.bar + 1) * self._beats_per_bar
        note.end_beats = max(min(beats, line), note.start_beats + SHORTEST_BEATS)
        if beats > line + self._grace_beats:
            self._add(_Note(note.bar + 1, line, key, note.velocity, tied=True))
            self._end(key, beats)

    def _early(self, beats: float) -> list[_Note]:
        """Notes that began less than half a step before a position, oldest first."""
        return [
            note
            for notes in self._notes.values()
            for note in notes
            if note.start_beats > beats - HALF_STEP_BEATS and not note.tied
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
        return beats > self._line() - HALF_STEP_BEATS

    def _close(self, ended_ns: int, *, to_next_bar: bool) -> list[BarCaptured]:
        """Cut held notes at the line and tell the bar if it was whole."""
        bar, line = self._bar, self._line()
        for key, note in list(self._held.items()):
            if note.bar > bar:
                continue
            note.end_beats = max(line, note.start_beats + SHORTEST_BEATS)
            del self._held[key]
            if to_next_bar:
                self._add(_Note(bar + 1, line, key, note.velocity, tied=True))
        notes = self._notes.pop(bar, [])
        self._bar += 1
        return [self._told(bar, notes, ended_ns)] if bar >= self._first_whole_bar else []

    def _told(self, bar: int, notes: list[_Note], ended_ns: int) -> BarCaptured:
        start = bar * self._beats_per_bar
        notes.sort(key=lambda note: (note.start_beats, note.pitch))
        told = tuple(
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
        return BarCaptured(bar, told, tied, self._transport.bpm, self._beats_per_bar, ended_ns)
