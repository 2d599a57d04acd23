"""What the player plays goes on to the output where wished, and is not sent round in circles."""

from collections import deque
from collections.abc import Callable

from engine.midi.messages import (
    CONTROL,
    PEDAL_DOWN,
    PEDALS,
    RESET_CONTROLLERS,
    channel,
    control_change,
    ends_all_notes,
    is_note_off,
    is_note_on,
    kind,
)

CIRCLE_NS = 250_000_000
"""A controller message that equals one sent on so shortly before has come back round a loop."""

SHORT_CIRCLE_NS = 60_000_000
"""A pedal that moves again within this time has come back; a foot may be as quick as twice in 250 ms."""
HOLDING_PEDALS = (*PEDALS, 69)
"""Sustain, sostenuto and hold 2: what they hold sounds until they come up."""


class Thru:
    """Decides which incoming channel messages are sent on.

    Args:
        send: sends a message on; it knows which note-offs are of notes that were sent on.
        end_notes: ends the notes of a channel that were sent on.
    """

    def __init__(self, send: Callable[[bytes], None], end_notes: Callable[[int], None]) -> None:
        self.notes = False
        self.controllers = True
        self.pedal = False
        """Whether the pedals that lengthen notes go on too."""
        self._send, self._end_notes = send, end_notes
        self._down: set[tuple[int, int]] = set()
        """Channel and controller of the pedals that were sent on and hold notes."""
        self._sent: deque[tuple[int, bytes]] = deque(maxlen=512)

    def take(self, t_ns: int, data: bytes, *, looped: bool) -> None:
        """Send a message on if it is to be.

        Args:
            t_ns: when it came.
            data: the message.
            looped: whether our output comes back to our input: then nothing but note-offs is sent on.
        """
        if is_note_off(data):
            self._send(data)
        elif ends_all_notes(data):
            self._end_notes(channel(data))
        elif is_note_on(data):
            if self.notes and not looped:
                self._send(data)
        elif (self._lifts(data) or self._is_wished(data, looped)) and not self._comes_back(t_ns, data):
            self._sent.append((t_ns, data))
            self._follow_pedal(data)
            self._send(data)

    def lift(self) -> None:
        """Send up the pedals that were sent on as they went down: nobody else will."""
        for number, controller in sorted(self._down):
            self._send(control_change(number, controller, 0))
        self._down.clear()

    def _lifts(self, data: bytes) -> bool:
        """Return whether a pedal comes up that was sent on as it went down."""
        pedal = (channel(data), data[1])
        return kind(data) == CONTROL and pedal in self._down and data[2] < PEDAL_DOWN

    def _follow_pedal(self, data: bytes) -> None:
        pedal = (channel(data), data[1])
        if kind(data) != CONTROL:
            return
        if data[1] == RESET_CONTROLLERS:
            self._down = {down for down in self._down if down[0] != channel(data)}
        elif data[1] in HOLDING_PEDALS:
            (self._down.add if data[2] >= PEDAL_DOWN else self._down.discard)(pedal)

    def _is_wished(self, data: bytes, looped: bool) -> bool:
        """Return whether a message that begins and ends no notes is to be sent on."""
        wished = self.pedal if kind(data) == CONTROL and data[1] in PEDALS else True
        return wished and self.controllers and not looped

    def _comes_back(self, t_ns: int, data: bytes) -> bool:
        reach_ns = SHORT_CIRCLE_NS if self._moves_pedal(data) else CIRCLE_NS
        while self._sent and t_ns - self._sent[0][0] > CIRCLE_NS:
            self._sent.popleft()
        for index, (sent_ns, sent) in enumerate(self._sent):
            if sent == data and t_ns - sent_ns <= reach_ns:
                del self._sent[index]
                return True
        return False

    def _moves_pedal(self, data: bytes) -> bool:
        """Return whether a pedal goes down that is up, or comes up; what comes back has done so already."""
        pedal = (channel(data), data[1])
        is_pedal = kind(data) == CONTROL and data[1] in HOLDING_PEDALS
        return is_pedal and (data[2] >= PEDAL_DOWN) != (pedal in self._down)
