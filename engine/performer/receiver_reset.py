"""Resets whoever listens, on all channels: nobody knows what an earlier process left sounding there."""

from collections import deque
from collections.abc import Collection

from engine.midi.messages import CHANNELS, Key, channel, every_note_off, is_note_off, key, silence

PASSES_NS = (60_000_000, 560_000_000)
"""How long after ports were opened or a receiver was connected it is reset: a server wires ports between
cycles, and what is written before that reaches nobody; and once more, for what comes up slowly."""


class ReceiverReset:
    """Hands out a reset of all channels in small batches, around the notes that sound.

    Note-offs are spelled out because some instruments ignore controllers 120 and 123.
    """

    def __init__(self) -> None:
        self._passes_ns: deque[int] = deque()
        self._queue: deque[bytes] = deque()

    def begin(self, now_ns: int) -> None:
        """Reset soon, and once more later."""
        self._passes_ns.extend(now_ns + after_ns for after_ns in PASSES_NS)

    def take(self, now_ns: int, sounding: Collection[Key], at_most: int) -> list[bytes]:
        """Return what to send now: at most so many messages, none that would end a note that sounds."""
        if self._passes_ns and now_ns >= self._passes_ns[0] and not self._queue:
            while self._passes_ns and now_ns >= self._passes_ns[0]:
                self._passes_ns.popleft()
            self._queue.extend(silence(CHANNELS) + every_note_off(CHANNELS))
        busy = {number for number, _ in sounding}
        taken: list[bytes] = []
        while self._queue and len(taken) < at_most:
            data = self._queue.popleft()
            ends_a_note = key(data) in sounding if is_note_off(data) else channel(data) in busy
            if not ends_a_note:
                taken.append(data)
        return taken
