"""MIDI 1.0 messages: the one table of status bytes, and what is made of them.

Channels are 0 to 15, pitches, velocities and values 0 to 127. A message is its bytes, status first.
"""

from collections.abc import Collection

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PROGRAM, PRESSURE, BEND = range(0x80, 0xF0, 0x10)
"""Upper half of a channel message's status; the lower half is the channel."""
FIRST_SYSTEM = 0xF0
SYSEX, SONG_POSITION, SYSEX_END = 0xF0, 0xF2, 0xF7
TICK, START, CONTINUE, STOP, ACTIVE_SENSING = 0xF8, 0xFA, 0xFB, 0xFC, 0xFE
"""Realtime messages; 24 ticks are a quarter note."""
SUSTAIN, SOSTENUTO, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 66, 120, 121, 123
"""Controllers."""
PEDALS = (SUSTAIN, SOSTENUTO)
"""They lengthen notes: sustain all that is let go, sostenuto the keys that were down as it was pressed."""
FIRST_MODE = ALL_SOUND_OFF
"""Controllers from here on are channel mode messages: commands, not values."""
PEDAL_DOWN = 64
"""A pedal's controller from this value on holds."""
CHANNELS = range(16)
Key = tuple[int, int]
"""Channel and pitch."""

_LENGTHS = {NOTE_OFF: 3, NOTE_ON: 3, KEY_PRESSURE: 3, CONTROL: 3, PROGRAM: 2, PRESSURE: 2, BEND: 3}
_SYSTEM_LENGTHS = {0xF1: 2, SONG_POSITION: 3, 0xF3: 2}
"""Every other system message but SysEx is its status alone."""


def kind(data: bytes) -> int:
    """Return the upper half of a channel message's status."""
    return data[0] & 0xF0


def channel(data: bytes) -> int:
    """Return a channel message's channel."""
    return data[0] & 0x0F


def key(data: bytes) -> Key:
    """Return the channel and pitch of a note message."""
    return data[0] & 0x0F, data[1]


def is_note(data: bytes) -> bool:
    """Return whether a channel message begins or ends a note."""
    return data[0] & 0xF0 in (NOTE_ON, NOTE_OFF)


def is_note_on(data: bytes) -> bool:
    """Return whether a channel message begins a note; a note-on of velocity 0 does not."""
    return data[0] & 0xF0 == NOTE_ON and data[2] > 0


def is_note_off(data: bytes) -> bool:
    """Return whether a channel message ends a note, also as a note-on of velocity 0."""
    return data[0] & 0xF0 == NOTE_OFF or (data[0] & 0xF0 == NOTE_ON and data[2] == 0)


def ends_all_notes(data: bytes) -> bool:
    """Return whether a channel message is All Sound Off, All Notes Off or a mode change that implies it."""
    return data[0] & 0xF0 == CONTROL and (data[1] == ALL_SOUND_OFF or data[1] >= ALL_NOTES_OFF)


def pedals_moved(data: bytes) -> dict[int, bool]:
    """Return which of `PEDALS` a channel message presses (True) or lifts; none for any other message.

    Reset All Controllers lifts both.
    """
    if data[0] & 0xF0 != CONTROL:
        return {}
    if data[1] == RESET_CONTROLLERS:
        return dict.fromkeys(PEDALS, False)
    return {data[1]: data[2] >= PEDAL_DOWN} if data[1] in PEDALS else {}


def is_whole(data: bytes) -> bool:
    """Return whether bytes are one whole channel or system message, SysEx aside: data bytes below 128."""
    if not data or data[0] < NOTE_OFF:
        return False
    system = data[0] >= FIRST_SYSTEM
    length = _SYSTEM_LENGTHS.get(data[0], 1) if system else _LENGTHS[data[0] & 0xF0]
    return len(data) == length and max(data[1:], default=0) < 0x80


def note_on(channel: int, pitch: int, velocity: int) -> bytes:
    """Return a note-on; velocity 1 to 127."""
    return bytes((NOTE_ON | channel, pitch, velocity))


def note_off(channel: int, pitch: int) -> bytes:
    """Return a note-off."""
    return bytes((NOTE_OFF | channel, pitch, 0))


def control_change(channel: int, controller: int, value: int) -> bytes:
    """Return a control change."""
    return bytes((CONTROL | channel, controller, value))


def song_position(sixteenths: int) -> bytes:
    """Return a song position; 0 to 16,383 sixteenths."""
    return bytes((SONG_POSITION, sixteenths & 0x7F, sixteenths >> 7))


def silence(channels: Collection[int]) -> list[bytes]:
    """Return pedal up, all notes off, all sound off and bend to the centre, on each channel.

    Some instruments ignore one or the other, so all are sent.
    """
    messages = []
    for number in sorted(channels):
        controllers = (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF)
        messages += [control_change(number, controller, 0) for controller in controllers]
        messages.append(bytes((BEND | number, 0, 64)))
    return messages


def every_note_off(channels: Collection[int], but: Collection[Key] = ()) -> list[bytes]:
    """Return note-offs for all pitches of these channels, but for some keys."""
    keys = [(number, pitch) for number in sorted(channels) for pitch in range(128)]
    return [note_off(*key) for key in keys if key not in but]


def panic(channels: Collection[int]) -> list[bytes]:
    """Return everything that silences these channels, whatever sounds there."""
    return silence(channels) + every_note_off(channels)
