"""Notes and phrases in beats (quarter notes), the values that travel through the whole program."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from engine.music.grid import EARLY_BEATS
from engine.music.metre import FOUR_FOUR, Metre

DRUM_CHANNEL = 9
"""The channel of General MIDI drums, counted from 0."""
MELODY_CHANNEL, BASS_CHANNEL = 0, 1
"""Channels of the pitched parts of a band."""
TOLERANCE_BEATS = 1e-6
"""Times nearer than this are one; the shortest tick there is, 1/32767 beat, is thirty times longer."""
MOST_OVERLAPPING = 0.1
"""Share of notes of a line that may begin while another still sounds."""
_LEGATO_BEATS = 0.25
"""Notes that overlap by less are played legato."""


class Note(msgspec.Struct, frozen=True, order=True):
    """One note. Ordered by start, then pitch."""

    start_beats: float
    """Onset in beats from the start of its phrase; slightly negative when played early."""
    pitch: int
    """MIDI pitch, 0 to 127."""
    duration_beats: float
    """Sounding length in beats, above 0."""
    velocity: int = 80
    """MIDI velocity, 1 to 127."""
    channel: int = 0
    """MIDI channel, 0 to 15; 9 is drums."""

    @property
    def end_beats(self) -> float:
        """Release time in beats from the start of the phrase."""
        return self.start_beats + self.duration_beats


class Phrase(msgspec.Struct, frozen=True):
    """Notes over a whole number of bars."""

    notes: tuple[Note, ...]
    """Sorted by onset, then pitch."""
    bars: int
    """Length in bars, 1 or more."""
    metre: Metre = FOUR_FOUR

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in one bar."""
        return self.metre.beats_per_bar

    @property
    def length_beats(self) -> float:
        """Length in beats."""
        return self.bars * self.beats_per_bar

    @property
    def pulses(self) -> int:
        """Felt beats in all its bars."""
        return self.bars * self.metre.pulses

    @staticmethod
    def of(notes: Iterable[Note], bars: int, metre: Metre = FOUR_FOUR) -> "Phrase":
        """Build a phrase from notes in any order."""
        return Phrase(tuple(sorted(notes)), bars, metre)

    def transposed(self, semitones: int) -> "Phrase":
        """Shift the pitched notes; those that would leave the range of MIDI stay in it, octaves away."""
        if semitones == 0:
            return self
        notes = (
            note if note.channel == DRUM_CHANNEL else replace(note, pitch=_in_range(note.pitch + semitones))
            for note in self.notes
        )
        return Phrase.of(notes, self.bars, self.metre)

    def window(self, first_bar: int, bars: int, *, early_beats: float = float(EARLY_BEATS)) -> "Phrase":
        """Cut `bars` bars out, times counted from the cut.

        A note that already sounds at the cut is kept from there on with what is left of it;
        a note that starts up to `early_beats` before the cut counts as an early first note.
        """
        start, end = first_bar * self.beats_per_bar, (first_bar + bars) * self.beats_per_bar
        kept = []
        for note in self.notes:
            if note.start_beats >= end - early_beats:
                continue
            if note.start_beats >= start - early_beats:
                note = replace(note, start_beats=note.start_beats - start)
            elif note.end_beats > start + TOLERANCE_BEATS:
                note = replace(note, start_beats=0.0, duration_beats=note.end_beats - start)
            else:
                continue
            left = (end - start) - note.start_beats
            kept.append(replace(note, duration_beats=min(note.duration_beats, left)))
        return Phrase.of(kept, bars, self.metre)

    def tiled(self, bars: int) -> "Phrase":
        """Repeat the phrase until it fills `bars` bars, cutting the last repeat."""
        copies = -(-bars // self.bars)
        notes = [
            replace(note, start_beats=note.start_beats + copy * self.length_beats)
            for copy in range(copies)
            for note in self.notes
        ]
        whole = Phrase.of(notes, copies * self.bars, self.metre)
        return whole if whole.bars == bars else whole.window(0, bars)


def _in_range(pitch: int) -> int:
    """Return the nearest MIDI pitch (0 to 127) of the same pitch class."""
    if pitch < 0:
        return pitch % 12
    return pitch if pitch <= 127 else 127 - (127 - pitch) % 12


def is_line(phrase: Phrase) -> bool:
    """Return whether the pitched notes of a phrase are one voice; a few may overlap."""
    notes = [note for note in phrase.notes if note.channel != DRUM_CHANNEL]
    sounding, overlapping = 0.0, 0
    for note in notes:
        overlapping += note.start_beats < sounding - _LEGATO_BEATS
        sounding = max(sounding, note.end_beats)
    return bool(notes) and overlapping <= MOST_OVERLAPPING * len(notes)
