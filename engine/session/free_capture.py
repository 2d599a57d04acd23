"""Bars heard while nothing rolls: time turned to beats by the internal tempo, from the first note on."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from engine.midi.messages import (
    channel,
    ends_all_notes,
    is_note,
    is_note_on,
    key,
    pedals_moved,
)
from engine.music.metre import Metre
from engine.performer.capture import EARLIEST_BEATS, NOTES_PER_BAR
from engine.performer.held_keys import HeldKey, HeldKeys
from engine.performer.messages import BarCaptured, NoteData

LONGEST_HELD_BARS = 4
"""A passage in which nothing else sounds than keys held for longer is over: their note-offs were lost."""
LATEST_S = 0.05
"""How long after its end a bar is closed: what was struck before the line may arrive after it."""


class FreeNote(msgspec.Struct, frozen=True, eq=False):
    """A note that began; times in nanoseconds from the first note of the passage."""

    start_ns: int
    pitch: int
    velocity: int
    channel: int
    end_ns: int | None = None
    """None while the key is down, or a pedal holds it."""
    id: int = 0
    """By which its key knows it; two notes that differ in nothing else are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FreeNote) and self._played == other._played

    @property
    def _played(self) -> tuple[object, ...]:
        return self.start_ns, self.pitch, self.velocity, self.channel, self.end_ns


class FreeCapture(msgspec.Struct, frozen=True, eq=False):
    """A passage that is being played without a clock; frozen, each message makes another.

    Two are equal where what was played is, whatever keys are down.
    """

    began_ns: int | None = None
    """When its first note began; None between passages."""
    notes: tuple[FreeNote, ...] = ()
    """Those that reach into the bar that is being played or a later one, oldest first."""
    bars: int = 0
    """Bars closed so far."""
    left_out: int = 0
    """Notes of the bar that is being played beyond those that are kept."""
    held: HeldKeys[int] = msgspec.field(default_factory=HeldKeys)
    """Keys that are down and the pedals, as the captured bars of a rolling song have them; never changed."""
    next_id: int = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FreeCapture) and self._played == other._played

    @property
    def _played(self) -> tuple[object, ...]:
        return self.began_ns, self.notes, self.bars, self.left_out

    @property
    def ended(self) -> "FreeCapture":
        """No passage, with the keys that are down still."""
        return FreeCapture(held=self.held, next_id=self.next_id)

    def with_message(self, t_ns: int, data: bytes, *, sustains: bool = True) -> "FreeCapture":
        """Return the passage with a note-on, note-off or pedal; other messages change nothing.

        Args:
            t_ns: monotonic time of the message.
            data: the message.
            sustains: whether the pedals lengthen notes.
        """
        if len(data) != 3:
            return self
        pedals = pedals_moved(data) if sustains else {}
        if not (is_note(data) or pedals or ends_all_notes(data)):
            return self
        held = self.held.copy()
        held.sustains = sustains
        if is_note_on(data):
            return self._with_note(held, t_ns, data)
        return self._with_ends(held, held.released_by(data, t_ns), t_ns)

    def _with_note(self, held: "HeldKeys[int]", t_ns: int, data: bytes) -> "FreeCapture":
        """Begin a note; one of the same key that sounds still is ended."""
        passage = self._with_ends(held, held.struck_again(key(data)), t_ns)
        if len(self.notes) >= NOTES_PER_BAR:
            held.press(key(data), None, t_ns)
            return replace(passage, left_out=self.left_out + 1)
        began = t_ns if self.began_ns is None else self.began_ns
        held.press(key(data), self.next_id, t_ns)
        note = FreeNote(t_ns - began, data[1], data[2], channel(data), id=self.next_id)
        return replace(
            passage, began_ns=began, notes=(*passage.notes, note), held=held, next_id=self.next_id + 1
        )

    def _with_ends(self, held: "HeldKeys[int]", ended: Sequence[HeldKey[int]], t_ns: int) -> "FreeCapture":
        """End the notes of keys, as far as they are kept still."""
        ids = {each.note for each in ended}
        for each in ended:
            if not each.ended:
                each.note = None
        if not ids:
            return replace(self, held=held)
        end_ns = t_ns - (self.began_ns or 0)
        notes = tuple(replace(note, end_ns=end_ns) if note.id in ids else note for note in self.notes)
        return replace(self, notes=notes, held=held)

    def place(self, now_ns: int, bpm: float, metre: Metre) -> tuple[int, float] | None:
        """Return the bar that is played, from 0, and the beats since its line; None between passages."""
        if self.began_ns is None:
            return None
        beats = max(0, now_ns - self.began_ns) * bpm / 60e9
        bar = int(beats // metre.beats_per_bar)
        return bar, beats - bar * metre.beats_per_bar

    def sounding(self, bar: int, now_beats: float, bpm: float, metre: Metre) -> tuple[NoteData, ...]:
        """Return the notes of a bar, from 0, as far as they have come at a beat of it."""
        beat_ns = 60e9 / bpm
        start_ns = bar * metre.beats_per_bar * beat_ns
        now_ns = start_ns + now_beats * beat_ns
        return tuple(
            _in_bar(note, start_ns, now_ns, beat_ns)
            for note in self.notes
            if note.start_ns <= now_ns and (note.end_ns is None or note.end_ns > start_ns)
        )

    def closed(self, now_ns: int, bpm: float, metre: Metre) -> tuple["FreeCapture", BarCaptured | None]:
        """Close the next bar if its time is over; a note shortly before its end is an early one of the next.

        A bar without a note ends the passage, so that the next note begins another on a line of its own; so
        does a key that is held for longer than anybody holds one.
        """
        if self.began_ns is None:
            return self, None
        beat_ns = 60e9 / bpm
        bar_ns = beat_ns * metre.beats_per_bar
        start_ns, end_ns = self.bars * bar_ns, (self.bars + 1) * bar_ns
        if now_ns - self.began_ns < end_ns + LATEST_S * 1e9:
            return self, None
        early_ns = EARLIEST_BEATS * beat_ns
        inside = [note for note in self.notes if note.start_ns <= end_ns - early_ns]
        forgotten_ns = start_ns - LONGEST_HELD_BARS * bar_ns
        if all(note.start_ns < forgotten_ns for note in inside):
            return self._from(end_ns - early_ns), None
        return replace(
            self,
            notes=tuple(
                note
                for note in self.notes
                if note.end_ns is None or note.end_ns > end_ns or note.start_ns > end_ns - early_ns
            ),
            bars=self.bars + 1,
            left_out=0,
        ), self._bar(inside, bpm, metre)

    def _from(self, line_ns: float) -> "FreeCapture":
        """Return the passage that begins with the first note from a moment on; an empty one without any."""
        later = [note for note in self.notes if note.start_ns > line_ns]
        if not later:
            return self.ended
        first_ns = later[0].start_ns
        moved = (
            replace(
                note,
                start_ns=note.start_ns - first_ns,
                end_ns=None if note.end_ns is None else note.end_ns - first_ns,
            )
            for note in later
        )
        return replace(self.ended, began_ns=(self.began_ns or 0) + first_ns, notes=tuple(moved))

    def cut_off(self, bpm: float, metre: Metre) -> BarCaptured | None:
        """Return the bar that is being played when the music begins to roll; None where no note has ended.

        A note that was struck just as it began is part of the bar that rolls.
        """
        end_ns = (self.bars + 1) * metre.beats_per_bar * 60e9 / bpm
        ended = [note for note in self.notes if note.end_ns is not None and note.start_ns < end_ns]
        return self._bar(ended, bpm, metre) if ended else None

    def _bar(self, inside: Sequence[FreeNote], bpm: float, metre: Metre) -> BarCaptured:
        """Return notes as the bar that is being played."""
        beat_ns = 60e9 / bpm
        bar_ns = beat_ns * metre.beats_per_bar
        start_ns, end_ns = self.bars * bar_ns, (self.bars + 1) * bar_ns
        data = tuple(_in_bar(note, start_ns, end_ns, beat_ns) for note in inside)
        earliest_ns = start_ns - EARLIEST_BEATS * beat_ns
        tied = tuple(place for place, note in enumerate(inside) if note.start_ns <= earliest_ns)
        return BarCaptured(self.bars, data, tied, bpm, metre, round((self.began_ns or 0) + end_ns))


def _in_bar(note: FreeNote, start_ns: float, end_ns: float, beat_ns: float) -> NoteData:
    """Return the part of a note that lies in a bar, in beats from its line; of one early for it, all."""
    begins = note.start_ns if note.start_ns > start_ns - EARLIEST_BEATS * beat_ns else start_ns
    ends = end_ns if note.end_ns is None else min(note.end_ns, end_ns)
    shortest_ns = beat_ns / 64
    return NoteData(
        (begins - start_ns) / beat_ns,
        note.pitch,
        max(ends - begins, shortest_ns) / beat_ns,
        note.velocity,
        note.channel,
    )
