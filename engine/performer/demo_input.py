"""Plays a phrase into the input as if a host had sent it: the demo."""

from collections.abc import Sequence
from heapq import heappop, heappush

from engine.midi.messages import note_off, note_on
from engine.midi.ports import InputEvent
from engine.performer.looped_pattern import SHORTEST_BEATS, Loop
from engine.performer.messages import NoteData
from engine.performer.transport import Transport


class Feeder:
    """A looped phrase that is heard, not played; it starts at the next bar line."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._loop: Loop | None = None
        self._bars = 1
        self._notes: tuple[NoteData, ...] = ()
        self._cursor_beats = 0.0
        self._offs: list[tuple[float, int, int]] = []

    @property
    def active(self) -> bool:
        """Whether there is something to play or to let go."""
        return self._transport.rolling and (self._loop is not None or bool(self._offs))

    def set_phrase(self, notes: Sequence[NoteData], bars: int, now_ns: int) -> list[bytes]:
        """Feed a phrase from the next bar line on, or nothing. Returns note-offs to be heard now."""
        released = self._release()
        self._notes, self._bars = tuple(notes), max(1, bars)
        self._loop = None
        self._place(self._transport.beats_at(now_ns))
        return released

    def rewind(self, beats: float) -> list[bytes]:
        """Go on from where the transport went; return the note-offs to be heard now."""
        released = self._release()
        self._place(beats)
        return released

    def due(self, now_ns: int) -> list[InputEvent]:
        """Return the messages that sound by now, in order."""
        here = self._transport.beats_at(now_ns)
        events: list[InputEvent] = []
        if self._loop:
            for onset, note in self._loop.between(self._cursor_beats, here):
                self._let_go(onset, events)
                data = note_on(note.channel, note.pitch, note.velocity)
                events.append(InputEvent(self._transport.time_of(onset), data))
                off_beats = onset + max(note.duration_beats, SHORTEST_BEATS)
                heappush(self._offs, (off_beats, note.channel, note.pitch))
        self._let_go(here, events)
        self._cursor_beats = max(self._cursor_beats, here)
        return events

    def next_ns(self) -> int | None:
        """Return when the next message sounds."""
        beats = [self._offs[0][0]] if self._offs else []
        onset = self._loop.next_onset(self._cursor_beats) if self._loop else None
        if onset is not None:
            beats.append(onset)
        return self._transport.time_of(min(beats)) if beats else None

    def _place(self, beats: float) -> None:
        """Anchor the phrase at the bar line at or after a position."""
        self._cursor_beats = beats
        if not self._notes:
            self._loop = None
            return
        bar_beats = self._transport.beats_per_bar
        anchor = -(-(beats - 1e-9) // bar_beats) * bar_beats
        self._loop = Loop(self._notes, self._bars * bar_beats, anchor)
        early = min((note.start_beats for note in self._notes), default=0.0)
        self._cursor_beats = max(beats, anchor + min(early, 0.0))

    def _let_go(self, beats: float, events: list[InputEvent]) -> None:
        while self._offs and self._offs[0][0] <= beats:
            off_beats, channel, pitch = heappop(self._offs)
            events.append(InputEvent(self._transport.time_of(off_beats), note_off(channel, pitch)))

    def _release(self) -> list[bytes]:
        released = [note_off(channel, pitch) for _, channel, pitch in sorted(self._offs)]
        self._offs.clear()
        return released
