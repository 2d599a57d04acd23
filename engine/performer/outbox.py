"""The way out: hands messages to the port, remembers which have left, takes back the others."""

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from engine.midi.messages import (
    FIRST_SYSTEM,
    KEY_PRESSURE,
    Key,
    is_note_off,
    is_note_on,
    key,
    note_off,
    note_on,
)
from engine.midi.ports import OutputPort
from engine.performer.ledger import Ledger

UNREPORTED_NS = 1_000_000_000
"""A message not reported for so long after it was due never will be."""


class Planned(NamedTuple):
    """A message handed to the port, not known to have left."""

    due_ns: int
    beats: float
    data: bytes


class Left(NamedTuple):
    """A message that has left."""

    due_ns: int
    sent_ns: int
    beats: float
    data: bytes


class Outbox:
    """An output port with a ledger in front of it; what has left it collects until somebody takes it."""

    def __init__(self, port: OutputPort, ledger: Ledger) -> None:
        self.port = port
        self.ledger = ledger
        self.muted = False
        """Whether the port is broken, and nothing is handed to it."""
        self.cuts = 0
        """How often everything that had not left was taken back for good."""
        self._player_keys: set[Key] = set()
        """Keys that sound because the player holds them."""
        self._pending: deque[Planned] = deque()
        self._left: list[Left] = []

    @property
    def pending(self) -> deque[Planned]:
        """What was handed over and is not known to have left, in that order."""
        return self._pending

    def send(self, due_ns: int, beats: float, data: bytes) -> None:
        """Hand over a message as it is."""
        if self.muted:
            return
        self.port.send(due_ns, data)
        self.ledger.plan(data)
        self._pending.append(Planned(due_ns, beats, data))

    def note_on(self, due_ns: int, beats: float, channel: int, pitch: int, velocity: int) -> None:
        """Switch a note on; one that sounds already is switched off first."""
        self._player_keys.discard((channel, pitch))
        self.note_off(due_ns, beats, channel, pitch)
        self.send(due_ns, beats, note_on(channel, pitch, velocity))

    def note_off(self, due_ns: int, beats: float, channel: int, pitch: int) -> None:
        """Switch a note off if it sounds."""
        if (channel, pitch) in self.ledger.planned:
            self.send(due_ns, beats, note_off(channel, pitch))

    def pass_on(self, now_ns: int, beats: float, data: bytes) -> None:
        """Send a message of the player's on; a note only where that key does not sound already."""
        if is_note_on(data):
            if key(data) in self.ledger.planned:
                return
            self._player_keys.add(key(data))
        elif is_note_off(data):
            if key(data) not in self._player_keys:
                return
            self._player_keys.discard(key(data))
        self.send(now_ns, beats, data)

    def let_go(self, now_ns: int, beats: float, of_channel: int | None = None) -> None:
        """Switch off the player's notes, of one channel or of all: nobody else will."""
        keys = [key for key in sorted(self._player_keys) if of_channel in (None, key[0])]
        for channel, pitch in keys:
            self.note_off(now_ns, beats, channel, pitch)
        self._player_keys.difference_update(keys)

    def poll(self, now_ns: int) -> None:
        """Ask the port what has left."""
        if self.muted:
            return
        for due_ns, sent_ns, data in self.port.take_sent():
            self._settle(due_ns, sent_ns, data)
        while self._pending and now_ns - self._pending[0].due_ns > UNREPORTED_NS:
            self._count_as_left(self._pending.popleft().data)

    def take_left(self) -> list[Left]:
        """Take what has left since the last call."""
        left, self._left = self._left, []
        return left

    def replace(self, port: OutputPort, now_ns: int, beats: float) -> None:
        """Go on with another port, on which first everything is silenced that may sound.

        Nobody knows what the old port still sent, so every note handed over counts as sounding
        until its note-off is known to have left.
        """
        for planned in self._pending:
            self._count_as_left(planned.data)
        self.cuts += 1
        self._pending.clear()
        self._player_keys.clear()
        self.ledger.rollback()
        self.port = port
        self.muted = False
        for data in self.ledger.panic():
            self.send(now_ns, beats, data)

    def mute(self) -> None:
        """Send nothing any more, until the port is replaced."""
        self.muted = True

    def recall(self, now_ns: int) -> list[Planned]:
        """Take back what has not left, in the order it was handed over.

        Some of it may be overdue, when a port was just about to send it.
        """
        if self.muted:
            return []
        self.port.cancel()
        self.poll(now_ns)
        taken_back = list(self._pending)
        self._pending.clear()
        self.ledger.rollback()
        return taken_back

    def silence(
        self, now_ns: int, beats: float, *, keep_clock: bool = True, but: Collection[Key] = ()
    ) -> set[Key]:
        """Take back what has not left and switch off every note that sounds, but for the player's.

        Args:
            now_ns: the time.
            beats: the position.
            keep_clock: send clock ticks of ours again that were taken back, also those still to come.
            but: keys that go on if they sound already.

        Returns:
            Those of them that do.
        """
        taken_back = self._cut(now_ns)
        kept = self.ledger.sounding.intersection(but)
        for data in self.ledger.note_offs(but=kept | self._player_keys):
            self.send(now_ns, beats, data)
        self._resend(taken_back, now_ns, keep_clock=keep_clock)
        return kept

    def panic(self, now_ns: int, beats: float) -> None:
        """Silence everything as `silence` does, with every controller that may help."""
        taken_back = self._cut(now_ns)
        self._player_keys.clear()
        for data in self.ledger.panic():
            self.send(now_ns, beats, data)
        self._resend(taken_back, now_ns, keep_clock=True)

    def _cut(self, now_ns: int) -> list[Planned]:
        """Recall for good. An overdue note-on may be on its way: a note-off too many does no harm."""
        self.cuts += 1
        taken_back = self.recall(now_ns)
        for planned in taken_back:
            if planned.due_ns <= now_ns:
                self._count_as_left(planned.data)
        return taken_back

    def _resend(self, planned: list[Planned], now_ns: int, *, keep_clock: bool) -> None:
        """Send again what was taken back beside our notes: controllers, and clock unless it is void."""
        for message in planned:
            system = message.data[0] >= FIRST_SYSTEM
            ours = message.data[0] < KEY_PRESSURE and key(message.data) not in self._player_keys
            if not ours and (keep_clock or not system or message.due_ns <= now_ns):
                self.send(*message)

    def _count_as_left(self, data: bytes) -> None:
        """Count a message as sent that nobody reports: a note may sound, and none is known to be off."""
        if is_note_on(data):
            self.ledger.left(data)

    def _settle(self, due_ns: int, sent_ns: int, data: bytes) -> None:
        """Collect a message that has left; one that did not come from here only changes what sounds."""
        self.ledger.left(data)
        for index, planned in enumerate(self._pending):
            if planned.due_ns == due_ns and planned.data == data:
                del self._pending[index]
                self._left.append(Left(due_ns, sent_ns, planned.beats, data))
                return
