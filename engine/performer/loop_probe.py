"""Times the way of our notes out and back in: clicks that a DAW leads from our output to our input."""

from engine.midi.messages import is_note_off, is_note_on, note_off, note_on
from engine.performer.messages import LoopMeasured, MeasureLoop

APART_NS = 250_000_000
"""From click to click."""
LENGTH_NS = 60_000_000
LATEST_NS = 1_000_000_000
"""A click that is not back by then is lost."""
VELOCITY = 100


class LoopProbe:
    """Sends the clicks of one measurement, one after the other, and waits for each."""

    def __init__(self) -> None:
        self._settings = MeasureLoop(0)
        self._left = 0
        """Clicks still to be sent."""
        self._next_ns = 0
        self._off_ns: int | None = None
        self._sent_ns: int | None = None
        """When the click that is waited for left; None where none is."""
        self._held = 0
        """Clicks that are back and whose ends are not."""
        self._found_ms: list[float] = []
        self._result: LoopMeasured | None = None

    @property
    def active(self) -> bool:
        """Whether a measurement runs."""
        return self._left > 0 or self._sent_ns is not None or self._off_ns is not None

    def begin(self, settings: MeasureLoop, now_ns: int) -> None:
        """Begin a measurement; one that runs begins anew."""
        self._settings, self._left = settings, settings.clicks
        self._next_ns, self._sent_ns = now_ns, None
        self._found_ms = []

    def due(self, now_ns: int) -> list[bytes]:
        """Return what is to be sent now."""
        sent: list[bytes] = []
        if self._off_ns is not None and now_ns >= self._off_ns:
            self._off_ns = None
            sent.append(note_off(self._settings.channel, self._settings.pitch))
        if self._sent_ns is not None and now_ns - self._sent_ns > LATEST_NS:
            self._sent_ns = None
            self._end()
        if self._left and self._sent_ns is None and self._off_ns is None and now_ns >= self._next_ns:
            self._left -= 1
            self._next_ns, self._off_ns, self._sent_ns = now_ns + APART_NS, now_ns + LENGTH_NS, now_ns
            sent.append(note_on(self._settings.channel, self._settings.pitch, VELOCITY))
        return sent

    def left(self, sent_ns: int, data: bytes) -> None:
        """Take notice when a message of ours really left."""
        if self._sent_ns is not None and is_note_on(data) and data[1] == self._settings.pitch:
            self._sent_ns = sent_ns

    def take(self, t_ns: int, data: bytes) -> bool:
        """Take a message that came in; return whether it is a click of ours that is back."""
        if data[1:2] != bytes((self._settings.pitch,)):
            return False
        if is_note_off(data) and self._held:
            self._held -= 1
            return True
        if not is_note_on(data) or not self.active:
            return False
        self._held += 1
        if self._sent_ns is not None:
            self._found_ms.append(max(0.0, (t_ns - self._sent_ns) / 1e6))
            self._sent_ns = None
            self._end()
        return True

    def take_result(self) -> LoopMeasured | None:
        """Return what was found if a measurement has ended since the last call."""
        result, self._result = self._result, None
        return result

    def _end(self) -> None:
        if not self._left:
            self._result = LoopMeasured(tuple(self._found_ms), self._settings.clicks)
