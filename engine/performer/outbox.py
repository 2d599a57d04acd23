"""The way out: hands messages to the port, remembers which have left, takes back the others."""

from collections import deque
from typing import NamedTuple

from engine.midi.ports import OutputPort
from engine.performer.ledger import CONTROL, NOTE_ON, Ledger, note_off, note_on

FIRST_SYSTEM_STATUS = 0xF0
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
    """An output port with a ledger in front of it."""

    def __init__(self, port: OutputPort, ledger: Ledger) -> None:
        self.port = port
        self.ledger = ledger
        self.muted = False
        """Whether the port is broken, and nothing is handed to it."""
        self._pending: deque[Planned] = deque()

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
        self.note_off(due_ns, beats, channel, pitch)
        self.send(due_ns, beats, note_on(channel, pitch, velocity))

    def note_off(self, due_ns: int, beats: float, channel: int, pitch: int) -> None:
        """Switch a note off if it sounds."""
        if (channel, pitch) in self.ledger.planned:
            self.send(due_ns, beats, note_off(channel, pitch))

    def poll(self, now_ns: int) -> list[Left]:
        """Return what has left since the last call."""
        if self.muted:
            return []
        left = [self._settle(due_ns, sent_ns, data) for due_ns, sent_ns, data in self.port.take_sent()]
        while self._pending and now_ns - self._pending[0].due_ns > UNREPORTED_NS:
            self._count_as_left(self._pending.popleft().data)
        return left

    def replace(self, port: OutputPort, now_ns: int, beats: float) -> None:
        """Go on with another port, on which first everything is silenced that may sound.

        Nobody knows what the old port still sent, so every note handed over counts as sounding
        until its note-off is known to have left.
        """
        for planned in self._pending:
            self._count_as_left(planned.data)
        self._pending.clear()
        self.ledger.rollback()
        self.port = port
        self.muted = False
        for data in self.ledger.panic():
            self.send(now_ns, beats, data)

    def mute(self) -> None:
        """Send nothing any more, until the port is replaced."""
        self.muted = True

    def recall(self, now_ns: int) -> tuple[list[Left], list[Planned]]:
        """Take back what has not left.

        Returns what turned out to have left, and what was taken back, in the order it was handed
        over; some of it may be overdue, when a port was just about to send it.
        """
        if self.muted:
            return [], []
        self.port.cancel()
        left = self.poll(now_ns)
        taken_back = list(self._pending)
        self._pending.clear()
        self.ledger.rollback()
        return left, taken_back

    def silence(self, now_ns: int, beats: float, *, keep_clock: bool = True) -> list[Left]:
        """Take back what has not left and switch off every note that sounds.

        Clock ticks of ours that were taken back go out again, but those still to come only with
        `keep_clock`.
        """
        left, taken_back = self._cut(now_ns)
        for data in self.ledger.note_offs():
            self.send(now_ns, beats, data)
        self._resend(taken_back, now_ns, keep_clock=keep_clock)
        return left

    def panic(self, now_ns: int, beats: float) -> list[Left]:
        """As `silence`, with every controller that may help."""
        left, taken_back = self._cut(now_ns)
        for data in self.ledger.panic():
            self.send(now_ns, beats, data)
        self._resend(taken_back, now_ns, keep_clock=True)
        return left

    def _cut(self, now_ns: int) -> tuple[list[Left], list[Planned]]:
        """Recall for good. An overdue note-on may be on its way: a note-off too many does no harm."""
        left, taken_back = self.recall(now_ns)
        for planned in taken_back:
            if planned.due_ns <= now_ns:
                self._count_as_left(planned.data)
        return left, taken_back

    def _resend(self, planned: list[Planned], now_ns: int, *, keep_clock: bool) -> None:
        """Send again what was taken back beside notes: controllers, and clock unless it is void."""
        for message in planned:
            system = message.data[0] >= FIRST_SYSTEM_STATUS
            note = message.data[0] < CONTROL
            if not note and (keep_clock or not system or message.due_ns <= now_ns):
                self.send(*message)

    def _count_as_left(self, data: bytes) -> None:
        """Nobody says whether a message left: a note may sound, and none is known to be off."""
        if data[0] & 0xF0 == NOTE_ON:
            self.ledger.left(data)

    def _settle(self, due_ns: int, sent_ns: int, data: bytes) -> Left:
        self.ledger.left(data)
        for index, planned in enumerate(self._pending):
            if planned.due_ns == due_ns and planned.data == data:
                del self._pending[index]
                return Left(due_ns, sent_ns, planned.beats, data)
        return Left(due_ns, sent_ns, 0.0, data)
