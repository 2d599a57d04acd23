"""MIDI clock of our own: Start, Continue, song position, Stop and 24 ticks a beat."""

import math

from engine.midi.messages import CONTINUE, START, STOP, TICK, song_position
from engine.performer.clock import TICKS_PER_BEAT
from engine.performer.outbox import Outbox
from engine.performer.transport import Jump, Transport

HEAD_START_NS = 500_000
"""Start goes out this long before its first tick, as masters do; less than what makes us time anew."""
BEATS_PER_SIXTEENTH = 0.25
LAST_SONG_POSITION = 0x3FFF


class ClockOut:
    """Sends the transport as MIDI clock while `enabled`."""

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self.enabled = False
        self.transport = transport
        self.outbox = outbox
        self._running = False
        self._next_tick = 0

    @property
    def leads(self) -> bool:
        """Whether others follow us now: then a clock that comes in is an echo or a mistake."""
        return self._running and not self.transport.external

    def jump(self, now_ns: int, jump: Jump) -> None:
        """Follow a transport that started, stopped or went elsewhere. Call after the outbox was silenced."""
        beats = jump.to_beats
        if self._running:
            self.outbox.send(now_ns, beats, bytes((STOP,)))
        self._running = self.enabled and self.transport.rolling
        if self._running:
            self._start(now_ns, beats)

    def enable(self, now_ns: int, enabled: bool) -> None:
        """Switch the clock on or off; on while rolling, it continues at the next sixteenth."""
        if enabled == self.enabled:
            return
        self.enabled = enabled
        if self._running and not enabled:
            self.outbox.send(now_ns, self.transport.beats_at(now_ns), bytes((STOP,)))
            self._running = False
        elif enabled and self.transport.rolling:
            self._running = True
            self._start(now_ns, self.transport.beats_at(now_ns + self.outbox.port.lead_ns))

    def plan(self, now_ns: int) -> None:
        """Hand over the ticks due within the port's lead."""
        if not self._running:
            return
        horizon = self.transport.beats_at(now_ns + self.outbox.port.lead_ns) * TICKS_PER_BEAT
        here = self.transport.beats_at(now_ns) * TICKS_PER_BEAT
        self._next_tick = max(self._next_tick, math.floor(here) - TICKS_PER_BEAT)
        while self._next_tick <= horizon:
            beats = self._next_tick / TICKS_PER_BEAT
            self.outbox.send(self.transport.time_of(beats), beats, bytes((TICK,)))
            self._next_tick += 1

    def next_ns(self) -> int | None:
        """Return when the next tick has to be handed over."""
        if not self._running:
            return None
        return self.transport.time_of(self._next_tick / TICKS_PER_BEAT) - self.outbox.port.lead_ns

    def _start(self, now_ns: int, beats: float) -> None:
        """Send where we start: the next sixteenth, which is all that song position can name."""
        sixteenth = max(0, math.ceil(beats / BEATS_PER_SIXTEENTH - 1e-6))
        at_beats = sixteenth * BEATS_PER_SIXTEENTH
        self._next_tick = round(at_beats * TICKS_PER_BEAT)
        due_ns = max(now_ns, self.transport.time_of(at_beats) - HEAD_START_NS)
        if sixteenth == 0:
            self.outbox.send(due_ns, at_beats, bytes((START,)))
        elif sixteenth <= LAST_SONG_POSITION:
            self.outbox.send(due_ns, at_beats, song_position(sixteenth))
            self.outbox.send(due_ns, at_beats, bytes((CONTINUE,)))
