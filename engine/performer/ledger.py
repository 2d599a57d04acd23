"""Which notes sound: no note is switched on twice, every one is switched off.

Two states are kept, because a port may take messages before they are due: what sounds by what
has really left, and what will sound once everything handed over has left.
"""

from collections.abc import Collection

from engine.midi.messages import FIRST_SYSTEM, Key, channel, is_note_off, is_note_on, key, note_off, silence


class Ledger:
    """Notes that sound, by what was planned and by what has left."""

    def __init__(self) -> None:
        self.sounding: set[Key] = set()
        """Notes that sound by what has left the port."""
        self.planned: set[Key] = set()
        """Notes that sound once everything handed over has left."""
        self.channels: set[int] = set()
        """Channels a note or controller was ever sent on."""

    def plan(self, data: bytes) -> None:
        """Take notice that a message is handed over."""
        self._apply(self.planned, data)

    def left(self, data: bytes) -> None:
        """Take notice that a message has left."""
        self._apply(self.sounding, data)

    def rollback(self) -> None:
        """Forget what was handed over and has not left: it is cancelled."""
        self.planned = set(self.sounding)

    def note_offs(self, but: Collection[Key] = ()) -> list[bytes]:
        """Return a note-off for every note that sounds or is planned to, but for some keys."""
        return [note_off(*key) for key in sorted(self.sounding | self.planned) if key not in but]

    def panic(self) -> list[bytes]:
        """Return everything that can silence an instrument on the channels in use."""
        return [*self.note_offs(), *silence(self.channels)]

    def _apply(self, notes: set[Key], data: bytes) -> None:
        if data[0] >= FIRST_SYSTEM:
            return
        self.channels.add(channel(data))
        if is_note_on(data):
            notes.add(key(data))
        elif is_note_off(data):
            notes.discard(key(data))
