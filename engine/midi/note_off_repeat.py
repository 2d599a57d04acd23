"""Note-offs that may have been lost: what ended lately and has not begun again."""

from engine.midi.messages import Key, is_note_off, is_note_on, note_off
from engine.midi.messages import key as key_of


class NoteEnds:
    """Remembers the latest note-off of each key, so that it can be said again.

    A receiver ignores a second note-off, but a lost one leaves a note sounding for ever.
    """

    def __init__(self, keep_ns: int) -> None:
        """Remember each note-off for `keep_ns`."""
        self._keep_ns = keep_ns
        self._ended_ns: dict[Key, int] = {}
        """By channel 0-15 and pitch."""

    def note(self, t_ns: int, data: bytes) -> None:
        """Take notice of a message that left at `t_ns`."""
        if not is_note_on(data) and not is_note_off(data):
            return
        key = key_of(data)
        self._ended_ns.pop(key, None)
        if is_note_off(data):
            self._ended_ns[key] = t_ns

    def recent(self, t_ns: int) -> list[bytes]:
        """Return note-offs for the keys that ended within `keep_ns` before `t_ns`, oldest first."""
        recent = {key: at for key, at in self._ended_ns.items() if t_ns - at <= self._keep_ns}
        self._ended_ns = recent
        return [note_off(*key) for key in recent]
