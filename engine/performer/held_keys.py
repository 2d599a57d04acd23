"""What is held on the way in: keys by channel and pitch, first in, first out, and the sustain pedal."""

from collections import deque
from typing import Generic, TypeVar

from engine.midi.messages import SUSTAIN, Key, control_change, note_off

NoteT = TypeVar("NoteT")
STRUCK_NS = 60_000_000
"""A note-off this soon after its key was struck again is surely that of the note before."""


class HeldKey(Generic[NoteT]):
    """One key that went down: its note while that goes on, and whether only the pedal holds it."""

    __slots__ = ("down_ns", "ended", "key", "note", "released")

    def __init__(self, key: Key, note: NoteT | None, down_ns: int) -> None:
        self.key = key
        self.note = note
        self.down_ns = down_ns
        self.released = False
        self.ended = False
        """Whether its note was ended by what may have been the note-off of the one before."""


class HeldKeys(Generic[NoteT]):
    """Pairs note-offs with note-ons: of several of one key the first note-off is of the first note-on.

    A key struck again ends the note before. The next note-off is that note's own. If it comes late it may
    also be the only one there is, so that it ends the later note too, until another proves the contrary.
    """

    def __init__(self) -> None:
        self.sustains = True
        """Whether the pedal holds notes; else it is left to whoever plays them."""
        self._keys: dict[Key, deque[HeldKey[NoteT]]] = {}
        self._pedals: set[int] = set()

    def sounding(self) -> list[HeldKey[NoteT]]:
        """Return the held keys whose note goes on."""
        keys = [held for keys in self._keys.values() for held in keys]
        return [held for held in keys if held.note is not None and not held.ended]

    def releases(self) -> list[bytes]:
        """Return the messages that let every key and pedal go that is down."""
        keys = [note_off(*key) for key in sorted(self._keys)]
        return [*keys, *(control_change(channel, SUSTAIN, 0) for channel in sorted(self._pedals))]

    def press(self, key: Key, note: NoteT | None, t_ns: int) -> None:
        """A key goes down. Call `struck_again` before, and end what it returns."""
        self._keys.setdefault(key, deque()).append(HeldKey(key, note, t_ns))

    def struck_again(self, key: Key) -> list[HeldKey[NoteT]]:
        """Return what ends because a key is struck again; keys that only the pedal held are forgotten."""
        keys = self._keys.get(key, deque())
        self._keep(key, [held for held in keys if not held.released])
        sounding = [held for held in keys if held.note is not None and not held.ended]
        for held in keys:
            held.note = held.note if held in sounding else None
        return sounding

    def release(self, key: Key, t_ns: int) -> list[HeldKey[NoteT]]:
        """A key goes up: return what ends then, nothing while the pedal holds it."""
        down = [held for held in self._keys.get(key, ()) if not held.released]
        if not down:
            return []
        first, last = down[0], down[-1]
        held_by_pedal = self.sustains and key[0] in self._pedals
        if first.note is not None:
            if held_by_pedal:
                first.released = True
                return []
            return self._remove([first])
        self._remove([first])
        if first is last or last.note is None or t_ns - last.down_ns < STRUCK_NS:
            return []
        if held_by_pedal:
            last.released = True
            return []
        last.ended = True
        return [last]

    def pedal(self, channel: int, down: bool) -> list[HeldKey[NoteT]]:
        """The pedal moves: return what ends because it goes up."""
        if down:
            self._pedals.add(channel)
            return []
        self._pedals.discard(channel)
        return self._remove([held for held in self._all(channel) if held.released])

    def release_all(self, channel: int | None = None) -> list[HeldKey[NoteT]]:
        """All keys of a channel, or of all, go up, and the pedal: return what ends."""
        if channel is None:
            self._pedals.clear()
        return self._remove(self._all(channel))

    def _all(self, channel: int | None) -> list[HeldKey[NoteT]]:
        return [held for key, keys in self._keys.items() if channel in (None, key[0]) for held in keys]

    def _remove(self, gone: list[HeldKey[NoteT]]) -> list[HeldKey[NoteT]]:
        for held in gone:
            self._keep(held.key, [kept for kept in self._keys[held.key] if kept is not held])
        return [held for held in gone if held.note is not None]

    def _keep(self, key: Key, keys: list[HeldKey[NoteT]]) -> None:
        if keys:
            self._keys[key] = deque(keys)
        else:
            self._keys.pop(key, None)
