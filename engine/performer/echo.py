"""Notices when what we send comes back to our input, and keeps it out of the capture.

Equal notes alone prove nothing: a clip that plays what we play looks the same. So several of our
notes in a row that come back raise a suspicion, and a probe settles it: two values of an
undefined controller go out, and only if both return is there a loop. From then on a note that
equals one we sent within the last 100 ms is dropped, until notes of ours stop coming back.

Limits: until the proof is there (four notes and the probe's way round) echoes are captured; a
loop that changes pitch or velocity, filters controllers or takes longer than 100 ms is not
recognised; with a proven loop, a note played by hand that equals one of ours within its 100 ms
is dropped as well. The channel is not compared, since hosts put a track's own channel.
"""

from collections import deque

from engine.midi.messages import CONTROL, Key, is_note_off, is_note_on, key, kind

WINDOW_NS = 100_000_000
AHEAD_NS = 2_000_000
"""An echo may be stamped this much before our own note was due (stamps have their own jitter)."""
NOTES_TO_SUSPECT = 4
NOTES_TO_CLEAR = 16
"""Notes of ours in a row that do not come back end a proven loop."""
PROBE_CHANNEL, PROBE_CONTROL = 15, 119
PROBE_TIMEOUT_NS = 500_000_000
FIRST_PAUSE_NS = 10_000_000_000
LONGEST_PAUSE_NS = 300_000_000_000


class _Sent:
    """A note of ours and whether it came back."""

    __slots__ = ("due_ns", "note", "returned")

    def __init__(self, due_ns: int, note: bytes) -> None:
        self.due_ns = due_ns
        self.note = note
        self.returned = False


class EchoGuard:
    """Separates echoes of our own notes from what is played."""

    def __init__(self) -> None:
        self.looped = False
        """Whether a loop from our output to our input is proven."""
        self.dropped = 0
        """Echoed notes kept out."""
        self._recent: deque[_Sent] = deque(maxlen=256)
        self._returned_in_row = 0
        self._lost_in_row = 0
        self._held: set[Key] = set()
        self._probe: list[int] = []
        self._probe_ns = 0
        self._not_before_ns = 0
        self._pause_ns = FIRST_PAUSE_NS
        self._nonce = 0

    def sent(self, due_ns: int, data: bytes) -> None:
        """Remember a note-on of ours; no other message is looked for."""
        if is_note_on(data):
            self._recent.append(_Sent(due_ns, data[1:]))

    def is_echo(self, t_ns: int, data: bytes) -> bool:
        """Return whether an incoming channel message is ours and has to be dropped."""
        self._forget(t_ns)
        if kind(data) == CONTROL and self._probe_back(data):
            return True
        if is_note_on(data):
            if not (self._match(t_ns, data[1:]) and self.looped):
                return False
            self.dropped += 1
            self._held.add(key(data))
            return True
        if is_note_off(data) and key(data) in self._held:
            self._held.discard(key(data))
            return True
        return False

    def probe(self, now_ns: int) -> list[bytes]:
        """Return what to send to settle a suspicion; mostly nothing."""
        if self._probe and now_ns - self._probe_ns > PROBE_TIMEOUT_NS:
            self._probe = []
            self._not_before_ns = now_ns + self._pause_ns
            self._pause_ns = min(2 * self._pause_ns, LONGEST_PAUSE_NS)
            self._returned_in_row = 0
        suspicious = self._returned_in_row >= NOTES_TO_SUSPECT and not self.looped
        if not suspicious or self._probe or now_ns < self._not_before_ns:
            return []
        self._nonce = (self._nonce * 5 + 17) % 128
        self._probe = [self._nonce, self._nonce ^ 0x55]
        self._probe_ns = now_ns
        return [bytes((CONTROL | PROBE_CHANNEL, PROBE_CONTROL, value)) for value in self._probe]

    def _forget(self, t_ns: int) -> None:
        """Let go of notes too old to come back; after enough in a row that did not, there is no loop."""
        while self._recent and t_ns - self._recent[0].due_ns > WINDOW_NS:
            if self._recent.popleft().returned:
                self._lost_in_row = 0
                continue
            self._returned_in_row = 0
            self._lost_in_row += 1
            if self._lost_in_row >= NOTES_TO_CLEAR:
                self.looped = False

    def _match(self, t_ns: int, note: bytes) -> bool:
        for sent in self._recent:
            if sent.note == note and not sent.returned and t_ns >= sent.due_ns - AHEAD_NS:
                sent.returned = True
                self._returned_in_row += 1
                return True
        return False

    def _probe_back(self, data: bytes) -> bool:
        if not self._probe or data[1] != PROBE_CONTROL or data[2] not in self._probe:
            return False
        self._probe.remove(data[2])
        if not self._probe:
            self.looped = True
            self._lost_in_row = 0
        return True
