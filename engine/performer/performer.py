"""The performer: follows the clock, captures bars, plays the pattern, silences every note.

One thread drives it: `handle` for each command, then `step`, which returns when it wants to be
called again. It never blocks and asks nobody for the time.
"""

from collections.abc import Callable

from engine.errors import PortError
from engine.midi.ports import InputEvent, MidiBackend
from engine.performer import messages as m
from engine.performer.capture import Capture
from engine.performer.clockout import ClockOut
from engine.performer.demo_input import Feeder
from engine.performer.echo import EchoGuard
from engine.performer.ledger import Ledger
from engine.performer.outbox import Left, Outbox
from engine.performer.scheduler import Scheduler
from engine.performer.transport import TEMPO_RANGE_BPM, Transport

START_DELAY_NS = 5_000_000
"""Our own clock starts this long after Play beyond the port's lead, so that beat 1 is in time."""
STATE_INTERVAL_NS = 33_000_000
POLL_NS = 5_000_000
"""The longest time between steps: the input is looked at this often."""
LATE_NS = 2_000_000
"""A message that leaves later than this after it was due is counted as late."""
CHANNEL_MESSAGE_LENGTHS = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
"""Bytes of each channel message; anything else from a driver is left out."""
OFFSET_RANGE_MS = 500.0
METRE_RANGE_BEATS = (0.25, 32.0)
LOOP_FAULT = (
    "Our output comes back to our input, so echoed notes are left out: "
    "disconnect Antiphon Out from Antiphon In, or switch off the track's monitoring or its way back to us"
)


class Performer:
    """The real-time half of the instrument, without any driver or clock of its own.

    Args:
        backend: the open ports.
        emit: called with every event, in the thread that calls `step` and `handle`.
    """

    def __init__(self, backend: MidiBackend, emit: Callable[[m.Event], None]) -> None:
        self.finished = False
        """Set by `Shutdown`: everything is silenced, the owner may exit once that has left."""
        self.late_sends = 0
        self.worst_lateness_ns = 0
        self.transport = Transport()
        self._backend = backend
        self._emit = emit
        self._outbox = Outbox(backend.output, Ledger())
        self._scheduler = Scheduler(self.transport, self._outbox)
        self._clock_out = ClockOut(self.transport, self._outbox)
        self._capture = Capture(self.transport)
        self._feeder = Feeder(self.transport)
        self._echo = EchoGuard()
        self._epoch = self.transport.epoch
        self._was_rolling = False
        self._state_ns = 0
        self._state_key: tuple[object, ...] = ()
        self._now_ns = 0
        self._loop_told = False
        self._handlers: dict[type, Callable[..., None]] = {
            m.SetPattern: self._set_pattern,
            m.ClearPattern: self._clear_pattern,
            m.SetTempo: self._set_tempo,
            m.SetMetre: self._set_metre,
            m.SetClock: self._set_clock,
            m.SetOffset: self._set_offset,
            m.Play: self._play,
            m.Stop: self._stop,
            m.Feed: self._feed,
            m.Panic: self._panic,
            m.Ping: self._ping,
            m.Shutdown: self._shutdown,
        }

    # What the owner calls --------------------------------------------------------------------

    def handle(self, command: m.Command, now_ns: int) -> None:
        """Apply one command."""
        self._now_ns = now_ns
        try:
            self._handlers[type(command)](command, now_ns)
        except PortError as error:
            self._mute(error)

    def step(self, now_ns: int) -> int:
        """Do everything that is due. Returns when to call again at the latest."""
        self._now_ns = now_ns
        try:
            self._report(self._outbox.poll(now_ns))
            self._listen(now_ns)
            self.transport.step(now_ns)
            self._follow(now_ns, self.transport.beats_at(now_ns))
            self._tell_bars(now_ns)
            self._plan(now_ns)
        except PortError as error:
            self._mute(error)
        self._tell_state(now_ns)
        return self._next_ns(now_ns)

    def attach(self, backend: MidiBackend, now_ns: int | None = None) -> None:
        """Go on with other ports, silencing first what may still sound from before.

        The owner watches its ports: it tells the controller of a loss and of the return, and
        attaches ports to nowhere (`engine.midi.null_backend`) in between.

        Args:
            backend: the ports to use from now on.
            now_ns: the time; that of the latest step if it is not given.
        """
        now_ns = self._now_ns if now_ns is None else now_ns
        here = self.transport.beats_at(now_ns)
        self.transport.lose(now_ns)
        self._backend = backend
        try:
            self._outbox.replace(backend.output, now_ns, here)
            self._scheduler.resume(now_ns)
            self._follow(now_ns, here)
        except PortError as error:
            self._mute(error)

    def panic(self, now_ns: int) -> None:
        """Silence everything; for the owner's exit paths. A broken port does not raise here."""
        try:
            self._report(self._scheduler.silence(now_ns, panic=True))
        except PortError as error:
            self._mute(error)

    # Commands --------------------------------------------------------------------------------

    def _set_pattern(self, command: m.SetPattern, now_ns: int) -> None:
        if self._playable(f"Pattern {command.pattern_id}", command.notes, command.bars):
            self._scheduler.set_pattern(command)

    def _playable(self, name: str, notes: tuple[m.NoteData, ...], bars: int) -> bool:
        """Whether a phrase can be sent as MIDI; if not, say why."""
        if bars < 1:
            self._emit(m.Fault(f"{name}: {bars} bars; send 1 or more"))
            return False
        for note in notes:
            if not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 and 0 <= note.channel <= 15):
                self._emit(m.Fault(f"{name}: {note} is out of range; send pitch 0-127, velocity 1-127"))
                return False
        return True

    def _clear_pattern(self, _command: m.ClearPattern, now_ns: int) -> None:
        self._report(self._scheduler.clear(now_ns))

    def _set_tempo(self, command: m.SetTempo, now_ns: int) -> None:
        low, high = TEMPO_RANGE_BPM
        if low <= command.bpm <= high:
            self.transport.set_tempo(now_ns, command.bpm)
        else:
            self._emit(m.Fault(f"Tempo {command.bpm:g}: choose {low:g} to {high:g} BPM"))

    def _set_metre(self, command: m.SetMetre, now_ns: int) -> None:
        low, high = METRE_RANGE_BEATS
        if not low <= command.beats_per_bar <= high:
            self._emit(m.Fault(f"Bar of {command.beats_per_bar:g} beats: choose {low:g} to {high:g}"))
            return
        if command.beats_per_bar == self.transport.beats_per_bar:
            return
        here = self.transport.beats_at(now_ns)
        if self.transport.rolling:
            self._tell(self._capture.stop(now_ns, here))
        self.transport.beats_per_bar = command.beats_per_bar
        if self.transport.rolling:
            self._capture.start(now_ns, here)
        self._report(self._scheduler.set_metre(now_ns))
        for data in self._feeder.rewind(here):
            self._hear(now_ns, data)

    def _set_clock(self, command: m.SetClock, now_ns: int) -> None:
        here = self.transport.beats_at(now_ns)
        self.transport.spp_in_clocks = command.spp_in_clocks
        self.transport.choose(now_ns, command.source)
        self._follow(now_ns, here)
        self._clock_out.enable(now_ns, command.send_clock)

    def _set_offset(self, command: m.SetOffset, now_ns: int) -> None:
        if abs(command.offset_ms) > OFFSET_RANGE_MS:
            limit = f"{-OFFSET_RANGE_MS:g} to {OFFSET_RANGE_MS:g} ms"
            self._emit(m.Fault(f"Output offset {command.offset_ms:g} ms: choose {limit}"))
            return
        self._scheduler.offset_ns = round(command.offset_ms * 1e6)

    def _play(self, command: m.Play, now_ns: int) -> None:
        here = self.transport.beats_at(now_ns)
        start_ns = now_ns + self._outbox.port.lead_ns + START_DELAY_NS
        self.transport.play(now_ns, max(0.0, command.position_beats), start_ns)
        self._follow(now_ns, here)

    def _stop(self, _command: m.Stop, now_ns: int) -> None:
        here = self.transport.beats_at(now_ns)
        self.transport.stop(now_ns)
        self._follow(now_ns, here)

    def _feed(self, command: m.Feed, now_ns: int) -> None:
        if command.notes and not self._playable("Demo phrase", command.notes, command.bars):
            return
        for data in self._feeder.set_phrase(command.notes, command.bars, now_ns):
            self._hear(now_ns, data)

    def _panic(self, _command: m.Panic, now_ns: int) -> None:
        self.panic(now_ns)

    def _ping(self, command: m.Ping, now_ns: int) -> None:
        self._emit(m.Pong(command.number, self._backend.input.dropped, self.late_sends))

    def _shutdown(self, _command: m.Shutdown, now_ns: int) -> None:
        self._scheduler.clear(now_ns)
        self._clock_out.enable(now_ns, False)
        self.transport.stop(now_ns)
        self.panic(now_ns)
        self.finished = True
        self._emit(m.Bye())

    # Input -----------------------------------------------------------------------------------

    def _listen(self, now_ns: int) -> None:
        """Take what came in, and what the feeder plays in between, in the order of time."""
        for event in self._backend.input.drain():
            self._hear_fed(event.t_ns)
            self._take(event, now_ns)
        self._hear_fed(now_ns)

    def _hear_fed(self, until_ns: int) -> None:
        if self._feeder.active:
            for event in self._feeder.due(until_ns):
                self._hear(event.t_ns, event.data)

    def _take(self, event: InputEvent, now_ns: int) -> None:
        status = event.data[0] if event.data else 0
        if status >= 0xF0:
            here = self.transport.beats_at(event.t_ns)
            self.transport.deaf = self._clock_out.leads
            self.transport.receive(event.t_ns, event.data)
            self._follow(now_ns, here)
        elif len(event.data) == CHANNEL_MESSAGE_LENGTHS.get(status & 0xF0) and not self._is_echo(event):
            self._hear(event.t_ns, event.data)

    def _hear(self, t_ns: int, data: bytes) -> None:
        if data[0] & 0xF0 == 0x90 and data[2] > 0:
            self.transport.note_heard()
        beats = self.transport.beats_at(t_ns)
        self._capture.take(t_ns, beats, data)
        self._emit(m.Heard(t_ns, beats, data))

    def _is_echo(self, event: InputEvent) -> bool:
        echo = self._echo.is_echo(event.t_ns, event.data)
        if self._echo.looped and not self._loop_told:
            self._emit(m.Fault(LOOP_FAULT))
        self._loop_told = self._echo.looped
        return echo

    # Time ------------------------------------------------------------------------------------

    def _follow(self, now_ns: int, here_beats: float) -> None:
        """If the transport jumped from `here_beats`, started or stopped, bring all along."""
        transport = self.transport
        if transport.epoch == self._epoch:
            return
        self._epoch = transport.epoch
        if self._was_rolling and transport.rolling:
            self._tell(self._capture.jump(transport.jump_ns, here_beats, transport.jump_beats))
        elif self._was_rolling:
            self._tell(self._capture.stop(transport.jump_ns, here_beats))
        elif transport.rolling:
            self._capture.start(transport.jump_ns, transport.jump_beats)
        self._was_rolling = transport.rolling
        for data in self._feeder.rewind(transport.jump_beats):
            self._hear(transport.jump_ns, data)
        self._report(self._scheduler.jump(now_ns))
        self._clock_out.jump(now_ns)
        self._state_ns = 0

    def _plan(self, now_ns: int) -> None:
        self._report(self._scheduler.plan(now_ns))
        self._clock_out.plan(now_ns)
        for data in self._echo.probe(now_ns):
            self._outbox.send(now_ns, self.transport.beats_at(now_ns), data)
        if self._outbox.port.lead_ns == 0:
            self._report(self._outbox.poll(now_ns))
        for started in self._scheduler.started:
            self._emit(started)
        self._scheduler.started.clear()

    def _next_ns(self, now_ns: int) -> int:
        times = [now_ns + POLL_NS, self._scheduler.next_ns(), self._clock_out.next_ns()]
        if self.transport.rolling:
            times += [self._capture.next_ns(), self._feeder.next_ns()]
        return max(now_ns, min(t_ns for t_ns in times if t_ns is not None))

    # Telling ---------------------------------------------------------------------------------

    def _tell(self, bars: list[m.BarCaptured]) -> None:
        for bar in bars:
            self._emit(bar)

    def _tell_bars(self, now_ns: int) -> None:
        if self.transport.rolling:
            self._tell(self._capture.close_bars(now_ns))

    def _report(self, left: list[Left]) -> None:
        for message in left:
            lateness_ns = message.sent_ns - message.due_ns
            self.worst_lateness_ns = max(self.worst_lateness_ns, lateness_ns)
            self.late_sends += lateness_ns > LATE_NS
            self._echo.sent(message.sent_ns, message.data)
            if message.data[0] < 0xF0:
                self._emit(m.Played(message.due_ns, message.sent_ns, message.beats, message.data))

    def _tell_state(self, now_ns: int) -> None:
        transport = self.transport
        source = "external" if transport.external else "internal"
        key = (transport.status, source, transport.beats_per_bar, transport.bar_phase_known)
        if key == self._state_key and now_ns - self._state_ns < STATE_INTERVAL_NS:
            return
        self._state_key, self._state_ns = key, now_ns
        self._emit(
            m.ClockState(
                status=transport.status,
                source="external" if transport.external else "internal",
                bpm=transport.bpm,
                position_beats=transport.beats_at(now_ns),
                beats_per_bar=transport.beats_per_bar,
                t_ns=now_ns,
                jitter_ms=transport.clock.jitter_ms if transport.external else 0.0,
                bar_phase_known=transport.bar_phase_known,
                missed_ticks=transport.clock.missed,
                duplicate_ticks=transport.clock.duplicates,
            )
        )

    def _mute(self, error: PortError) -> None:
        """The port refuses: send nothing until `attach` brings another."""
        if not self._outbox.muted:
            self._outbox.mute()
            self._emit(m.Fault(str(error)))
