"""Which notes sound: no note is switched on twice, every one is switched off.

Two states are kept, because a port may take messages before they are due: what sounds by what
has really left, and what will sound once everything handed over has left.
"""

from collections.abc import Iterable

NOTE_OFF, NOTE_ON, CONTROL, BEND = 0x80, 0x90, 0xB0, 0xE0
SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 120, 123
Key = tuple[int, int]
"""Channel 0 to 15 and pitch 0 to 127."""


def note_on(channel: int, pitch: int, velocity: int) -> bytes:
    """A note-on message; velocity 1 to 127."""
    return bytes((NOTE_ON | channel, pitch, velocity))


def note_off(channel: int, pitch: int) -> bytes:
    """A note-off message."""
    return bytes((NOTE_OFF | channel, pitch, 0))


def reset_messages(channels: Iterable[int]) -> list[bytes]:
    """Pedal up, all notes off, all sound off and bend to the centre, on each channel.

    Some instruments ignore one or the other, so all are sent.
    """
    messages = []
    for channel in sorted(channels):
        messages.append(bytes((CONTROL | channel, SUSTAIN, 0)))
        messages.append(bytes((CONTROL | channel, ALL_NOTES_OFF, 0)))
        messages.append(bytes((CONTROL | channel, ALL_SOUND_OFF, 0)))
        messages.append(bytes((BEND | channel, 0, 64)))
    return messages


class Ledger:
    """Notes that sound, by what was planned and by what has left."""

    def __init__(self) -> None:
        self.sounding: set[Key] = set()
        """Notes that sound by what has left the port."""
        self.planned: set[Key] = set()
        """Notes that sound once everything handed over has left."""
        self.channels: set[int] = set()
        """Channels a note was ever sent on."""

    def plan(self, data: bytes) -> None:
        """Note that a message is handed over."""
        self._apply(self.planned, data)

    def left(self, data: bytes) -> None:
        """Note that a message has left."""
        self._apply(self.sounding, data)

    def rollback(self) -> None:
        """What was handed over and has not left is cancelled."""
        self.planned = set(self.sounding)

    def note_offs(self) -> list[bytes]:
        """A note-off for every note that sounds or is planned to."""
        return [note_off(channel, pitch) for channel, pitch in sorted(self.sounding | self.planned)]

    def panic(self) -> list[bytes]:
        """Everything that can silence an instrument on the channels in use."""
        return [*self.note_offs(), *reset_messages(self.channels)]

    def _apply(self, notes: set[Key], data: bytes) -> None:
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind == NOTE_ON and data[2] > 0:
            notes.add((channel, data[1]))
            self.channels.add(channel)
        elif kind in (NOTE_OFF, NOTE_ON):
            notes.discard((channel, data[1]))
