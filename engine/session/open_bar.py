"""The notes of the bar that is being played: what was heard and has not been captured as a bar yet."""

import math
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from engine.midi.messages import FIRST_SYSTEM, channel, ends_all_notes, is_note, is_note_on, key, pedals_moved
from engine.music.notes import Note
from engine.performer.held_keys import HeldKey, HeldKeys
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
    """None while its key or a pedal holds it."""
    id: int = 0
    """By which its key knows it."""


class OpenBar(msgspec.Struct, frozen=True, eq=False):
    """Notes that reach beyond the last bar line that was captured; frozen, each message makes another."""

    notes: tuple[OpenNote, ...] = ()
    """Oldest first."""
    held: HeldKeys[int] = msgspec.field(default_factory=HeldKeys)
    """Keys that are down and the pedals, as the captured bars have them; never changed."""
    next_id: int = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenBar) and self.notes == other.notes

    @property
    def sounding(self) -> bool:
        """Whether a note is held, by its key or a pedal."""
        return any(note.end_beats is None for note in self.notes)

    @property
    def last_end_beats(self) -> float | None:
        """Song position at which the last note ended; None where there is none or one sounds."""
        ends = [note.end_beats for note in self.notes]
        return None if not ends or None in ends else max(end for end in ends if end is not None)

    def with_message(self, heard: Heard, *, sustains: bool = True) -> "OpenBar":
        """Return the bar after a note, a pedal or All Notes Off; other messages change nothing.

        Args:
            heard: the message and its place in the song.
            sustains: whether the pedals lengthen notes.
        """
        data = heard.data
        if len(data) != 3 or data[0] >= FIRST_SYSTEM:
            return self
        if not (is_note(data) or ends_all_notes(data) or (sustains and pedals_moved(data))):
            return self
        held = self.held.copy()
        held.sustains = sustains
        if not is_note_on(data):
            return self._with_ends(held, held.released_by(data, heard.t_ns), heard.position_beats)
        bar = self._with_ends(held, held.struck_again(key(data)), heard.position_beats)
        held.press(key(data), self.next_id, heard.t_ns)
        note = OpenNote(heard.position_beats, data[1], data[2], channel(data), id=self.next_id)
        return replace(bar, notes=(*bar.notes, note), next_id=self.next_id + 1)

    def since(self, line_beats: float) -> "OpenBar":
        """Return the bar without notes that ended half a step before a line, or are held too long there."""
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

    def _with_ends(self, held: HeldKeys[int], ended: Sequence[HeldKey[int]], beats: float) -> "OpenBar":
        """Return the bar with other keys down, and with the ends of the notes that have ended."""
        ids = {each.note for each in ended}
        for each in ended:
            if not each.ended:
                each.note = None
        notes = tuple(replace(note, end_beats=beats) if note.id in ids else note for note in self.notes)
        return replace(self, notes=notes, held=held)
