"""Which part a note that is heard belongs to: melody, bass or drums, by its channel or by where it lies."""

import msgspec

from engine.midi.messages import FIRST_SYSTEM, channel, is_note
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL, MELODY_CHANNEL
from engine.performer.messages import BarCaptured, Heard, NoteData
from engine.session.settings import Settings

HIGHEST_BASS = 54
"""Where one channel carries melody and bass, lower notes up to this one (F#3) are the bass."""
TRIO = "trio"
"""Representation of the models that hear melody, bass and drums apart."""


def part_channel(settings: Settings, representation: str, channel: int) -> int | None:
    """Return the channel of the part that a channel (0 to 15) feeds; None for a channel that feeds none.

    A channel that no part was given stays as it is, unless the melody has one of its own.
    """
    parts = {
        settings.drum_channel - 1: DRUM_CHANNEL,
        settings.bass_channel - 1: BASS_CHANNEL,
        settings.melody_channel - 1: MELODY_CHANNEL,
    }
    parts.pop(-1, None)  # 0: by itself
    if channel in parts:
        part = parts[channel]
        return None if part == BASS_CHANNEL and representation != TRIO else part
    if channel == DRUM_CHANNEL:
        return DRUM_CHANNEL if settings.drum_channel == 0 else None
    return None if settings.melody_channel else channel


def of_bar(bar: BarCaptured, settings: Settings, representation: str) -> BarCaptured:
    """Return a bar with every note on the channel of its part, without those that belong to none."""
    notes: list[NoteData] = []
    tied: list[int] = []
    for place, note in enumerate(bar.notes):
        part = part_channel(settings, representation, note.channel)
        if part is None:
            continue
        if place in bar.tied:
            tied.append(len(notes))
        notes.append(note if part == note.channel else msgspec.structs.replace(note, channel=part))
    if settings.bass_channel == 0 and representation == TRIO:
        notes = _with_bass(notes)
    if tuple(notes) == bar.notes:
        return bar
    return msgspec.structs.replace(bar, notes=tuple(notes), tied=tuple(tied))


def _with_bass(notes: list[NoteData]) -> list[NoteData]:
    """Give the low notes of the only pitched channel to the bass, where there are high ones too."""
    pitched = [note for note in notes if note.channel != DRUM_CHANNEL]
    low = [note for note in pitched if note.pitch <= HIGHEST_BASS]
    if len({note.channel for note in pitched}) != 1 or not low or len(low) == len(pitched):
        return notes
    return [
        note
        if note.channel == DRUM_CHANNEL
        else msgspec.structs.replace(
            note, channel=BASS_CHANNEL if note.pitch <= HIGHEST_BASS else MELODY_CHANNEL
        )
        for note in notes
    ]


def of_message(heard: Heard, settings: Settings, representation: str) -> Heard | None:
    """Return a message on the channel of its part; None for a note that belongs to none."""
    if len(heard.data) < 2 or heard.data[0] >= FIRST_SYSTEM:
        return heard
    part = part_channel(settings, representation, channel(heard.data))
    if part is None:
        return None if is_note(heard.data) else heard
    return msgspec.structs.replace(heard, data=bytes((heard.data[0] & 0xF0 | part, *heard.data[1:])))
