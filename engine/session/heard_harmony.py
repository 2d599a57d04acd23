"""Key and chords of what is heard, bar by bar: which notes are for chords, and what they say."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from engine.midi.messages import is_note, key
from engine.music.chords import LEAST_PITCH_CLASSES, Harmony
from engine.music.key import Key, KeyFollower
from engine.music.metre import Metre
from engine.music.notes import DRUM_CHANNEL, Note
from engine.performer.messages import BarCaptured, NoteData
from engine.session.document import Surroundings
from engine.session.recognition import chords_of_bars, followed
from engine.session.settings import Settings

BARS_OF_CONTEXT = 4
"""Bars of chord notes that a bar's chords are found from, itself included."""


def is_for_chords(settings: Settings, channel: int, pitch: int) -> bool:
    """Return whether a note (channel 0 to 15) is for chords and no part of the music that is answered."""
    if settings.chords_from == "channel":
        return channel == settings.chord_channel - 1
    return settings.chords_from == "below" and channel != DRUM_CHANNEL and pitch < settings.split_pitch


def is_chord_note(settings: Settings, data: bytes) -> bool:
    """Return whether a MIDI message begins or ends a note that is for chords."""
    return is_note(data) and is_for_chords(settings, *key(data))


class Listening(msgspec.Struct, frozen=True):
    """What was heard of key and chords so far; frozen, each bar makes another."""

    follower: KeyFollower = msgspec.field(default_factory=KeyFollower)
    chord_bars: tuple[tuple[NoteData, ...], ...] = ()
    """Notes for chords of the last bars before the next one, oldest first."""

    @property
    def key(self) -> Key | None:
        """The key of what is heard."""
        return self.follower.key

    def heard(self, bar: BarCaptured, settings: Settings) -> tuple["Listening", BarCaptured, Surroundings]:
        """Return what is known after one more bar, its music without chord notes, and its surroundings."""
        follower = followed(self.follower, [_note(data) for data in bar.notes])
        apart = [is_for_chords(settings, note.channel, note.pitch) for note in bar.notes]
        for_chords = _for_chords(bar, settings, apart)
        bars = (*self.chord_bars, for_chords)[-BARS_OF_CONTEXT:]
        # A part of its own for chords goes on with the last one through a silence; a melody proves none.
        known = any(bars) if settings.chords_from in ("channel", "below") else bool(for_chords)
        harmony = _chords_of_last(bars, bar.metre) if known else ()
        after = replace(self, follower=follower, chord_bars=bars)
        return after, _without(bar, apart), Surroundings(follower.key, harmony)


def _for_chords(bar: BarCaptured, settings: Settings, apart: Sequence[bool]) -> tuple[NoteData, ...]:
    if settings.chords_from == "none":
        return ()
    if settings.chords_from == "all":
        pitched = tuple(note for note in bar.notes if note.channel != DRUM_CHANNEL)
        return pitched if _has_chord(pitched) else ()
    return tuple(note for note, chosen in zip(bar.notes, apart, strict=True) if chosen)


def _has_chord(notes: Sequence[NoteData]) -> bool:
    """Return whether three pitch classes sound together at some moment."""
    for note in notes:
        together = {
            other.pitch % 12
            for other in notes
            if other.start_beats <= note.start_beats + 0.05
            and other.start_beats + other.duration_beats > note.start_beats + 0.05
        }
        if len(together | {note.pitch % 12}) >= LEAST_PITCH_CLASSES:
            return True
    return False


def _chords_of_last(bars: Sequence[Sequence[NoteData]], metre: Metre) -> Harmony:
    """Return the chord of each pulse of the last of some bars."""
    notes = [
        msgspec.structs.replace(_note(data), start_beats=data.start_beats + index * metre.beats_per_bar)
        for index, bar in enumerate(bars)
        for data in bar
    ]
    found = chords_of_bars(notes, len(bars), metre)[-metre.pulses :]
    return found if any(found) else ()


def _note(data: NoteData) -> Note:
    return Note(max(0.0, data.start_beats), data.pitch, data.duration_beats, data.velocity, data.channel)


def _without(bar: BarCaptured, apart: Sequence[bool]) -> BarCaptured:
    if not any(apart):
        return bar
    kept = [place for place, chosen in enumerate(apart) if not chosen]
    tied = tuple(index for index, place in enumerate(kept) if place in bar.tied)
    return msgspec.structs.replace(bar, notes=tuple(bar.notes[place] for place in kept), tied=tied)
