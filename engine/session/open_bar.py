"""The notes of the bar that is being played: what was heard and has not been captured as a bar yet."""

import math

import msgspec
from msgspec.structs import replace

from engine.midi.messages import (
    FIRST_SYSTEM,
    SOSTENUTO,
    SUSTAIN,
    Key,
    channel,
    ends_all_notes,
    is_note_off,
    is_note_on,
    pedals_moved,
)
from engine.music.notes import Note
from engine.performer.looped_pattern import HALF_STEP_BEATS
from engine.performer.messages import BarCaptured, Heard

SHORTEST_BEATS = 1 / 64
LONGEST_HELD_BEATS = 64.0
"""A key whose note-off never came is forgotten after so long."""


class OpenNote(msgspec.Struct, frozen=True):
    """A note that began."""

    start_beats: float
    """Song position."""
    pitch: int
    velocity: int
    channel: int
    end_beats: float | None = None
    """None while it sounds."""
    released: bool = False
    """Whether its key is up and a pedal holds it."""


class OpenBar(msgspec.Struct, frozen=True):
    """Notes that reach beyond the last bar line that was captured; frozen, each message makes another."""

    notes: tuple[OpenNote, ...] = ()
    """Oldest first."""
    pedals: frozenset[tuple[int, int]] = frozenset()
    """Channel and controller of the pedals that are down."""
    caught: frozenset[Key] = frozenset()
    """Keys that were down as the sostenuto pedal of their channel was pressed."""

    @property
    def sounding(self) -> bool:
        """Whether a note is held, by its key or a pedal."""
        return any(note.end_beats is None for note in self.notes)

    @property
    def last_end_beats(self) -> float | None:
        """Song position at which the last note ended; None where there is none or one sounds."""
        ends = [note.end_beats for note in self.notes]
        return None if not ends or None in ends else max(end for end in ends if end is not None)

    def with_message(self, heard: Heard) -> "OpenBar":
        """Return the bar after a note, a pedal or All Notes Off; other messages change nothing."""
        data = heard.data
        if len(data) != 3 or data[0] >= FIRST_SYSTEM:
            return self
        beats = heard.position_beats
        if is_note_on(data):
            return replace(self, notes=(*self.notes, OpenNote(beats, data[1], data[2], channel(data))))
        if is_note_off(data):
            return self._released(channel(data), data[1], beats)
        if ends_all_notes(data):
            return self._with_ends(channel(data), beats, held=True)
        bar = self
        for controller, down in pedals_moved(data).items():
            pedal = channel(data), controller
            bar = bar._pressed(pedal) if down else bar._lifted(pedal, beats)
        return bar

    def since(self, line_beats: float) -> "OpenBar":
        """Return the bar without what ended or was let go long before a bar line, or lies far behind it."""
        kept = tuple(
            note
            for note in self.notes
            if (note.start_beats if note.end_beats is None else note.end_beats)
            > line_beats - (LONGEST_HELD_BEATS if note.end_beats is None else HALF_STEP_BEATS)
        )
        return self if len(kept) == len(self.notes) else replace(self, notes=kept)

    def after(self, bar: BarCaptured) -> "OpenBar":
        """Return the bar that is open once another has been captured."""
        return self.since((bar.bar + 1) * bar.beats_per_bar)

    def music(self, from_beats: float, until_beats: float, now_beats: float) -> list[Note]:
        """Return the notes that begin in a span of the song, in beats from the span's start.

        A note up to half a step before a line belongs to what begins there; one that sounds still is as
        long as it has been so far.
        """
        notes = []
        for note in self.notes:
            onset = note.start_beats - from_beats
            if not -HALF_STEP_BEATS < onset < until_beats - from_beats - HALF_STEP_BEATS:
                continue
            end = now_beats if note.end_beats is None else note.end_beats
            length = max(min(end, until_beats) - note.start_beats, SHORTEST_BEATS)
            notes.append(Note(onset, note.pitch, length, note.velocity, note.channel))
        return notes

    def first_bar(self, beats_per_bar: float) -> int | None:
        """Return the number of the bar that the first of the notes belongs to; None for no note."""
        if not self.notes:
            return None
        return math.floor((self.notes[0].start_beats + HALF_STEP_BEATS) / beats_per_bar)

    def _pressed(self, pedal: tuple[int, int]) -> "OpenBar":
        """Press a pedal; sostenuto catches the keys that are down."""
        if pedal in self.pedals:
            return self
        down = {
            (note.channel, note.pitch)
            for note in self.notes
            if note.channel == pedal[0] and note.end_beats is None and not note.released
        }
        caught = self.caught | down if pedal[1] == SOSTENUTO else self.caught
        return replace(self, pedals=self.pedals | {pedal}, caught=caught)

    def _lifted(self, pedal: tuple[int, int], beats: float) -> "OpenBar":
        """Lift a pedal, and end what it alone held."""
        left = frozenset(key for key in self.caught if key[0] != pedal[0])
        caught = left if pedal[1] == SOSTENUTO else self.caught
        lifted = replace(self, pedals=self.pedals - {pedal}, caught=caught)
        return lifted._with_ends(pedal[0], beats, held=False)

    def _is_held(self, key: Key) -> bool:
        """Return whether a pedal holds what is let go at a key."""
        return (key[0], SUSTAIN) in self.pedals or key in self.caught

    def _released(self, channel: int, pitch: int, beats: float) -> "OpenBar":
        """Let go of the oldest note of a key; a pedal may hold it."""
        for place, note in enumerate(self.notes):
            if (note.channel, note.pitch, note.end_beats, note.released) == (channel, pitch, None, False):
                held = self._is_held((channel, pitch))
                after = replace(note, released=True, end_beats=None if held else beats)
                return replace(self, notes=(*self.notes[:place], after, *self.notes[place + 1 :]))
        return self

    def _with_ends(self, channel: int, beats: float, *, held: bool) -> "OpenBar":
        """End the notes of a channel that sound: those that no key or pedal holds, or with `held` all."""
        notes = tuple(
            replace(note, end_beats=beats)
            if note.channel == channel and note.end_beats is None and (held or self._is_over(note))
            else note
            for note in self.notes
        )
        return replace(self, notes=notes)

    def _is_over(self, note: OpenNote) -> bool:
        """Return whether neither its key nor a pedal holds a note."""
        return note.released and not self._is_held((note.channel, note.pitch))
