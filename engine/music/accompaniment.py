"""Chords, bass and drums that accompany a melody: three token streams, one a channel.

Of chords the highest note is a token; the notes under it follow from the chord that sounds, see `voiced`.
"""

from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from engine.music.chords import Chord, Harmony
from engine.music.lines_and_drums import LinesAndDrums
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL, Note, Phrase

CHORDS_CHANNEL = 2
PITCHED_CHANNELS = (CHORDS_CHANNEL, BASS_CHANNEL)
VOICES = ("chords", "bass", "drums")
CHORD_NOTES = 4
"""Most notes of a chord that is struck."""
CHORD_SPAN = 11
"""Semitones that the notes of a chord lie within."""
LOWEST_CHORD_NOTE = 48
"""Notes of a chord go no deeper: the bass is there."""
RANGES = {CHORDS_CHANNEL: 55, BASS_CHANNEL: 28}
"""Lowest pitch of the line of chords and of the bass: G3, and the E of a bass guitar."""
VOICE_LEVELS = {CHORDS_CHANNEL: 0.75, BASS_CHANNEL: 0.95, DRUM_CHANNEL: 1.0}
"""How loud each voice is beside what is heard."""
USUAL_VELOCITY = 80


class AccompanimentRepresentation(LinesAndDrums, frozen=True):
    """`int64 [T, 3]`: highest note of the chords (channel 2), bass (channel 1), drums (channel 9).

    Notes on other channels are left out: they are what is accompanied. Chords are decoded to one note.
    """

    name = "accompaniment"
    voices = VOICES
    line_channels = PITCHED_CHANNELS


def melody_of(phrase: Phrase) -> Phrase:
    """Return what of a phrase is accompanied: notes on other channels, else all that are no drums."""
    pitched = [note for note in phrase.notes if note.channel != DRUM_CHANNEL]
    others = [note for note in pitched if note.channel not in PITCHED_CHANNELS]
    return Phrase.of(others or pitched, phrase.bars, phrase.metre)


def played_back(
    phrase: Phrase, semitones: int, harmony: Harmony, heard: Phrase, off: frozenset[str] = frozenset()
) -> Phrase:
    """Return a decoded accompaniment as it is played.

    Args:
        phrase: as it was decoded, in the model's key.
        semitones: that move it to its own key; bass and chords stay in their range.
        harmony: chord of each beat in its own key, which is put under the highest notes of chords.
        heard: what is accompanied, which says how loud it is played.
        off: voices that are left out.
    """
    names = dict(zip((*PITCHED_CHANNELS, DRUM_CHANNEL), VOICES, strict=True))
    kept = [note for note in phrase.notes if names[note.channel] not in off]
    moved = [note if note.channel == DRUM_CHANNEL else _within(note, note.pitch + semitones) for note in kept]
    level = float(np.mean([note.velocity for note in heard.notes] or [USUAL_VELOCITY]))
    loud = [replace(note, velocity=_velocity(note, level)) for note in voiced(moved, harmony)]
    return Phrase.of(loud, phrase.bars, phrase.metre)


def _within(note: Note, pitch: int) -> Note:
    """Return a note at a pitch, moved by octaves into the range of its voice."""
    lowest = RANGES[note.channel]
    return replace(note, pitch=lowest + (pitch - lowest) % 12 if pitch < lowest else pitch)


def _velocity(note: Note, level: float) -> int:
    """Return how loud a note is played, `level` for drums on beats: softer between beats and in chords."""
    quarters = round(note.start_beats * 4) % 4
    place = (1.0, 0.72, 0.86, 0.72)[quarters]
    share = VOICE_LEVELS[note.channel] * (1.0 if note.channel == BASS_CHANNEL else place)
    return int(np.clip(round(level * share), 1, 127))


def voiced(notes: Iterable[Note], harmony: Harmony) -> list[Note]:
    """Return notes with chords put under those on the channel of chords.

    A chord is its highest note and the next tones of the chord that sounds at its onset below it, close
    together. Where no chord is known the note stays alone.
    """
    found: list[Note] = []
    for note in notes:
        found.append(note)
        beat = int(note.start_beats + 1e-6)
        chord = harmony[beat] if 0 <= beat < len(harmony) else None
        if note.channel == CHORDS_CHANNEL and chord is not None:
            found += [replace(note, pitch=pitch) for pitch in tones_below(note.pitch, chord)]
    return found


def tones_below(top: int, chord: Chord) -> list[int]:
    """Return the pitches of a chord's tones close under its highest note, three at most, from the top."""
    tones = Chord(chord.root, chord.quality).pitch_classes
    lowest = max(LOWEST_CHORD_NOTE, top - CHORD_SPAN)
    return [pitch for pitch in range(top - 2, lowest - 1, -1) if pitch % 12 in tones][: CHORD_NOTES - 1]
