"""What is held on the way in: keys by channel and pitch, first in, first out, and the pedals."""

from collections import deque
from typing import Generic, TypeVar

from engine.midi.messages import (
    SOSTENUTO,
    SUSTAIN,
    Key,
    channel,
    control_change,
    ends_all_notes,
    is_note_off,
    key,
    note_off,
    pedals_moved,
)

NoteT = TypeVar("NoteT")
STRUCK_NS = 60_000_000
"""A note-off this soon after its key was struck again is surely that of the note before."""


class HeldKey(Generic[NoteT]):
    """One key that went down: its note while that goes on, and whether only a pedal holds it."""

    __slots__ = ("down_ns", "ended", "key", "note", "released")

    def __init__(self, key: Key, note: NoteT | None, down_ns: int) -> None:
        self.key = key
        self.note = note
        self.down_ns = down_ns
        self.released = False
        self.ended = False
        """Whether its note was ended by what may have been the note-off of the one before."""

    def copy(self) -> "HeldKey[NoteT]":
        """Return another one with the same note."""
        other = HeldKey(self.key, self.note, self.down_ns)
        other.released, other.ended = self.released, self.ended
        return other


class HeldKeys(Generic[NoteT]):
    """Pairs note-offs with note-ons: of several of one key the first note-off is of the first note-on.

    A key struck again ends the note before. The next note-off is that note's own. If it comes late it may
    also be the only one there is, so that it ends the later note too, until another proves the contrary.
    """

    def __init__(self) -> None:
        self.sustains = True
        """Whether pedals hold notes; else they are left to whoever plays them."""
        self._keys: dict[Key, deque[HeldKey[NoteT]]] = {}
        self._pedals: set[tuple[int, int]] = set()
        """Channel and controller of those that are down."""
        self._caught: set[Key] = set()
        """Keys that were down as sostenuto was pressed: what is struck there is held until it comes up."""

    def copy(self) -> "HeldKeys[NoteT]":
        """Return another one that holds the same."""
        other: HeldKeys[NoteT] = HeldKeys()
        other.sustains = self.sustains
        other._keys = {key: deque(held.copy() for held in keys) for key, keys in self._keys.items()}
        other._pedals, other._caught = set(self._pedals), set(self._caught)
        return other

    def sounding(self) -> list[HeldKey[NoteT]]:
        """Return the held keys whose note goes on."""
        keys = [held for keys in self._keys.values() for held in keys]
        return [held for held in keys if held.note is not None and not held.ended]

    def releases(self) -> list[bytes]:
        """Return the messages that let every key and pedal go that is down."""
        keys = [note_off(*key) for key in sorted(self._keys)]
        return [*keys, *(control_change(*pedal, 0) for pedal in sorted(self._pedals))]

    def press(self, key: Key, note: NoteT | None, t_ns: int) -> None:
        """Put a key down. Call `struck_again` before, and end what it returns."""
        self._keys.setdefault(key, deque()).append(HeldKey(key, note, t_ns))

    def struck_again(self, key: Key) -> list[HeldKey[NoteT]]:
        """Return what ends because a key is struck again; keys that only a pedal held are forgotten."""
        keys = self._keys.get(key, deque())
        self._keep(key, [held for held in keys if not held.released])
        sounding = [held for held in keys if held.note is not None and not held.ended]
        for held in keys:
            held.note = held.note if held in sounding else None
        return sounding

    def released_by(self, data: bytes, t_ns: int) -> list[HeldKey[NoteT]]:
        """Act on a note-off, a pedal or All Notes Off of three bytes; return what ends by it."""
        if is_note_off(data):
            return self.release(key(data), t_ns)
        if ends_all_notes(data):
            return self.release_all(channel(data))
        moved = pedals_moved(data).items()
        return [held for pedal, down in moved for held in self.pedal(channel(data), pedal, down)]

    def release(self, key: Key, t_ns: int) -> list[HeldKey[NoteT]]:
        """Let a key go; return what ends then, nothing while a pedal holds it."""
        down = [held for held in self._keys.get(key, ()) if not held.released]
        if not down:
            return []
        first, last = down[0], down[-1]
        held_by_pedal = self._is_held(key)
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

    def pedal(self, channel: int, controller: int, down: bool) -> list[HeldKey[NoteT]]:
        """Move a pedal of those in `PEDALS`; return what ends because it goes up."""
        pedal = channel, controller
        if down:
            if controller == SOSTENUTO and pedal not in self._pedals:
                self._caught |= {held.key for held in self._all(channel) if not held.released}
            self._pedals.add(pedal)
            return []
        self._pedals.discard(pedal)
        if controller == SOSTENUTO:
            self._caught = {key for key in self._caught if key[0] != channel}
        return self._remove(
            [held for held in self._all(channel) if held.released and not self._is_held(held.key)]
        )

    def lift_pedals(self) -> list[HeldKey[NoteT]]:
        """Let all pedals go; return what ends."""
        return [held for pedal in sorted(self._pedals) for held in self.pedal(*pedal, False)]

    def _is_held(self, key: Key) -> bool:
        """Return whether a pedal holds what is let go at a key."""
        return self.sustains and ((key[0], SUSTAIN) in self._pedals or key in self._caught)

    def release_all(self, channel: int | None = None) -> list[HeldKey[NoteT]]:
        """Let all keys of a channel go, of None those of all with their pedals; return what ends."""
        if channel is None:
            self._pedals.clear()
            self._caught.clear()
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
