"""What the player plays goes on to the output where wished, and is not sent round in circles."""

from collections import deque
from collections.abc import Callable

from engine.midi.messages import CONTROL, SUSTAIN, ends_all_notes, is_note_off, is_note_on, kind

CIRCLE_NS = 250_000_000
"""A controller message that equals one sent on so shortly before has come back round a loop."""


class Thru:
    """Decides which incoming channel messages are sent on."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """Send through `send`, which knows which note-offs are of notes that were sent on."""
        self.notes = False
        self.controllers = True
        self.pedal = False
        """Whether the sustain pedal goes on too."""
        self._send = send
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
        elif looped:
            return
        elif is_note_on(data):
            if self.notes:
                self._send(data)
        elif self.controllers and self._is_controller(data) and not self._comes_back(t_ns, data):
            self._sent.append((t_ns, data))
            self._send(data)

    def _is_controller(self, data: bytes) -> bool:
        """Whether a message is one that changes how notes sound, and ends none."""
        if kind(data) == CONTROL and data[1] == SUSTAIN:
            return self.pedal
        return not ends_all_notes(data)

    def _comes_back(self, t_ns: int, data: bytes) -> bool:
        while self._sent and t_ns - self._sent[0][0] > CIRCLE_NS:
            self._sent.popleft()
        for index, (_, sent) in enumerate(self._sent):
            if sent == data:
                del self._sent[index]
                return True
        return False
