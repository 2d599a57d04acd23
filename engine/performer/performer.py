"""The performer: follows the clock, captures bars, plays the pattern, silences every note.

One thread drives it: `handle` for each command, then `step`, which returns when it wants to be
called again. It never blocks and asks nobody for the time.
"""

from collections.abc import Callable

from engine.errors import PortError
from engine.midi.messages import FIRST_SYSTEM, is_note_on, is_whole
from engine.midi.ports import InputEvent, MidiBackend
from engine.performer import messages as m
from engine.performer.ableton_link import open_link
from engine.performer.capture import Capture
from engine.performer.clockout import ClockOut
from engine.performer.demo_input import Feeder
from engine.performer.echo import EchoGuard
from engine.performer.flood_gate import NOTICE as FLOOD_NOTICE
from engine.performer.flood_gate import FloodGate
from engine.performer.input_counter import InputCounter
from engine.performer.ledger import Ledger
from engine.performer.link import LinkFollower, TempoLink
from engine.performer.loop_probe import LoopProbe
from engine.performer.metronome import Metronome
from engine.performer.outbox import Outbox
from engine.performer.scheduler import Scheduler
from engine.performer.thru import Thru
from engine.performer.transport import TEMPO_RANGE_BPM, Jump, Transport

START_DELAY_NS = 5_000_000
"""Our own clock starts this long after Play beyond the port's lead, so that beat 1 is in time."""
STATE_INTERVAL_NS = 33_000_000
POLL_NS = 5_000_000
"""The longest time between steps: the input is looked at this often."""
LATE_NS = 2_000_000
"""A message that leaves later than this after it was due is counted as late."""
OFFSET_RANGE_MS = 500.0
LONGEST_COUNT_IN = 2
"""Bars."""
LOOP_FAULT = (
    "Our output comes back to our input, so echoed notes are left out: "
    "disconnect Antiphon Out from Antiphon In, or switch off the track's monitoring or its way back to us"
)
DOUBLE_CLOCK = (
    "The clock comes twice, as over two cables: each pair of ticks is counted as one. "
    "Send clock to Antiphon In from one port only"
)
JOINED = (
    "Joined a clock that was already running, so where its bars begin is a guess: "
    "stop and start the host, or press Play on a beat 1"
)
FLOOD = "too many came in a second"
ECHO = "it is our own, come back"
PROBE = "it is a click that measures the way back"
BROKEN = "it is no whole MIDI message"
FULL = "the bar keeps no more notes"
CLOCK_UNUSED = "our own clock leads"


class Performer:
    """The real-time half of the instrument, without any driver or clock of its own.

    Args:
        backend: the open ports.
        emit: called with every event, in the thread that calls `step` and `handle`.
        open_link: joins those that share tempo and beat; see `engine.performer.link`.
    """

    def __init__(
        self,
        backend: MidiBackend,
        emit: Callable[[m.Event], None],
        open_link: Callable[[float, bool], TempoLink] = open_link,
    ) -> None:
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
        self._metronome = Metronome(self.transport, self._outbox)
        self._link = LinkFollower(self.transport, open_link)
        self._probe = LoopProbe()
        self._capture = Capture(self.transport)
        self._thru = Thru(self._send_on, self._end_passed_on)
        self._counter = InputCounter()
        self._counter.opened(backend.input.name)
        self._feeder = Feeder(self.transport)
        self._echo = EchoGuard()
        self._flood = FloodGate()
        self._state_ns = 0
        self._state_key: tuple[object, ...] = ()
        self._now_ns = 0
        self._notices: set[str] = set()
        self._handlers: dict[type, Callable[..., None]] = {
            m.SetPattern: self._set_pattern,
            m.ClearPattern: self._clear_pattern,
            m.SetTempo: self._set_tempo,
            m.SetMetre: self._set_metre,
            m.SetClock: self._set_clock,
            m.SetInput: self._set_input,
            m.SetOffset: self._set_offset,
            m.SetMetronome: self._set_metronome,
            m.SetLink: self._set_link,
            m.MeasureLoop: self._measure_loop,
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
        self._report()

    def step(self, now_ns: int) -> int:
        """Do everything that is due. Returns when to call again at the latest."""
        self._now_ns = now_ns
        try:
            self._outbox.poll(now_ns)
            self._report()
            self._listen(now_ns)
            self._follow(now_ns, self.transport.step(now_ns))
            self._follow(now_ns, self._link.step(now_ns, self._start_ns(now_ns)))
            if self.transport.rolling:
                self._emit_bars(self._capture.close_bars(now_ns))
            self._plan(now_ns)
        except PortError as error:
            self._mute(error)
        self._report()
        self._emit_state(now_ns)
        return self._next_ns(now_ns)

    def attach(self, backend: MidiBackend, now_ns: int | None = None) -> None:
        """Go on with other ports, silencing first what may still sound from before.

        The owner watches its ports: it reports a loss and of the return, and
        attaches ports to nowhere (`engine.midi.null_backend`) in between.

        Args:
            backend: the ports to use from now on.
            now_ns: the time; that of the latest step if it is not given.
        """
        now_ns = self._now_ns if now_ns is None else now_ns
        here = self.transport.beats_at(now_ns)
        self.let_go(now_ns)
        jump = self.transport.lose(now_ns)
        self._backend = backend
        self._counter.opened(backend.input.name)
        try:
            self._outbox.replace(backend.output, now_ns, here)
            self._scheduler.resume(now_ns)
            self._follow(now_ns, jump)
        except PortError as error:
            self._mute(error)

    def let_go(self, now_ns: int) -> None:
        """Let go every key that is held on the way in: a cable was pulled, or the port is gone."""
        beats = self.transport.beats_at(now_ns)
        for data in self._capture.let_go(now_ns, beats):  # the session counts what is down as well
            self._emit(m.Heard(now_ns, beats, data))
        self._outbox.let_go(now_ns, self.transport.beats_at(now_ns))
        self._thru.lift()

    def panic(self, now_ns: int) -> None:
        """Silence everything; for the owner's exit paths. A broken port does not raise here."""
        try:
            self._scheduler.silence(now_ns, panic=True)
        except PortError as error:
            self._mute(error)
        self._report()

    # Commands --------------------------------------------------------------------------------

    def _set_pattern(self, command: m.SetPattern, now_ns: int) -> None:
        if self._playable(f"Pattern {command.pattern_id}", command.notes, command.bars):
            self._scheduler.set_pattern(command)

    def _playable(self, name: str, notes: tuple[m.NoteData, ...], bars: int) -> bool:
        """Return whether a phrase can be sent as MIDI; if not, report why."""
        if bars < 1:
            self._emit(m.Fault(f"{name}: {bars} bars; send 1 or more"))
            return False
        for note in notes:
            if not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 and 0 <= note.channel <= 15):
                self._emit(m.Fault(f"{name}: {note} is out of range; send pitch 0-127, velocity 1-127"))
                return False
        return True

    def _clear_pattern(self, _command: m.ClearPattern, now_ns: int) -> None:
        self._scheduler.clear(now_ns)

    def _set_tempo(self, command: m.SetTempo, now_ns: int) -> None:
        low, high = TEMPO_RANGE_BPM
        if low <= command.bpm <= high:
            self._link.set_tempo(now_ns, command.bpm)
            self.transport.set_tempo(now_ns, command.bpm)
        else:
            self._emit(m.Fault(f"Tempo {command.bpm:g}: choose {low:g} to {high:g} BPM"))

    def _set_metre(self, command: m.SetMetre, now_ns: int) -> None:
        if not command.metre.is_playable:
            self._emit(m.Fault(f"Metre {command.metre}: choose another, such as 4/4 or 6/8"))
            return
        if command.metre == self.transport.metre:
            return
        here = self.transport.beats_at(now_ns)
        if self.transport.rolling:
            self._emit_bars(self._capture.stop(now_ns, here))
        self.transport.metre = command.metre
        if self.transport.rolling:
            self._capture.start(now_ns, here)
        self._scheduler.set_metre(now_ns)
        for data in self._feeder.rewind(here):
            self._hear(now_ns, data)

    def _set_clock(self, command: m.SetClock, now_ns: int) -> None:
        self.transport.spp_in_clocks = command.spp_in_clocks
        self._follow(now_ns, self.transport.choose(now_ns, command.source))
        self._clock_out.enable(now_ns, command.send_clock)

    def _set_input(self, command: m.SetInput, now_ns: int) -> None:
        beats = self.transport.beats_at(now_ns)
        self._thru.notes, self._thru.controllers = command.thru_notes, command.thru_controllers
        self._thru.pedal = not command.sustain_lengthens
        self._capture.set_sustain(command.sustain_lengthens, now_ns, beats)

    def _set_offset(self, command: m.SetOffset, now_ns: int) -> None:
        if abs(command.offset_ms) > OFFSET_RANGE_MS:
            limit = f"{-OFFSET_RANGE_MS:g} to {OFFSET_RANGE_MS:g} ms"
            self._emit(m.Fault(f"Output offset {command.offset_ms:g} ms: choose {limit}"))
            return
        self._scheduler.offset_ns = self._metronome.offset_ns = round(command.offset_ms * 1e6)

    def _set_metronome(self, command: m.SetMetronome, now_ns: int) -> None:
        note = m.NoteData(0.0, command.pitch, 1.0, 1, command.channel)
        if self._playable("Metronome", (note,), 1):
            self._metronome.set(command, now_ns)

    def _set_link(self, command: m.SetLink, now_ns: int) -> None:
        self._link.set(command, now_ns)

    def _measure_loop(self, command: m.MeasureLoop, now_ns: int) -> None:
        note = m.NoteData(0.0, command.pitch, 1.0, 1, command.channel)
        if command.clicks > 0 and self._playable("Click", (note,), 1):
            self._probe.begin(command, now_ns)

    def _play(self, command: m.Play, now_ns: int) -> None:
        position_beats, start_ns = max(0.0, command.position_beats), self._start_ns(now_ns)
        if not self.transport.waits_for_host(now_ns):
            bars = min(max(command.count_in_bars, 0), LONGEST_COUNT_IN)
            self._metronome.count_in_bars = bars
            start_ns += round(bars * self.transport.beats_per_bar * 60e9 / self.transport.internal_bpm)
            start_ns = self._link.start_ns(position_beats, start_ns)
        self._follow(now_ns, self.transport.play(now_ns, position_beats, start_ns))

    def _start_ns(self, now_ns: int) -> int:
        """Return when a start of our own clock can be in time for its first beat."""
        return now_ns + self._outbox.port.lead_ns + START_DELAY_NS

    def _stop(self, _command: m.Stop, now_ns: int) -> None:
        self._link.stopped(now_ns)
        self._follow(now_ns, self.transport.stop(now_ns))

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
        self._link.close()
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
        if self._flood.watch(self._backend.input.dropped, now_ns):
            self.let_go(now_ns)
        self._notify(FLOOD_NOTICE, self._flood.closed)

    def _hear_fed(self, until_ns: int) -> None:
        if self._feeder.active:
            for event in self._feeder.due(until_ns):
                self._hear(event.t_ns, event.data)

    def _take(self, event: InputEvent, now_ns: int) -> None:
        if not is_whole(event.data):
            self._ignore(event, BROKEN)
        elif event.data[0] >= FIRST_SYSTEM:
            self._take_clock(event, now_ns)
        elif not self._flood.take(event.t_ns):
            self._counter.ignored(FLOOD)
        elif self._probe.take(event.t_ns, event.data):
            self._ignore(event, PROBE)
        elif self._is_echo(event):
            self._ignore(event, ECHO)
        else:
            self._counter.heard(event.data)
            self._hear(event.t_ns, event.data)
            self._thru.take(event.t_ns, event.data, looped=self._echo.looped)

    def _take_clock(self, event: InputEvent, now_ns: int) -> None:
        self.transport.deaf = self._clock_out.leads
        if self.transport.deaf or self.transport.choice == "internal":
            self._counter.ignored(CLOCK_UNUSED)
        else:
            self._counter.clock += 1
        self._follow(now_ns, self.transport.receive(event.t_ns, event.data))
        self._notify(DOUBLE_CLOCK, self.transport.clock.doubled)

    def _hear(self, t_ns: int, data: bytes) -> None:
        if is_note_on(data):
            jump = self.transport.note_heard(t_ns)
            self._follow(self._now_ns, jump)
            self._notify(JOINED, jump is not None)
        beats = self.transport.beats_at(t_ns)
        kept = self._capture.take(t_ns, beats, data)
        if not kept:
            self._counter.ignored(FULL)
        self._emit(m.Heard(t_ns, beats, data, "" if kept else FULL))

    def _send_on(self, data: bytes) -> None:
        self._outbox.pass_on(self._now_ns, self.transport.beats_at(self._now_ns), data)

    def _end_passed_on(self, channel: int) -> None:
        self._outbox.let_go(self._now_ns, self.transport.beats_at(self._now_ns), channel)

    def _ignore(self, event: InputEvent, reason: str) -> None:
        self._counter.ignored(reason)
        self._emit(m.Heard(event.t_ns, self.transport.beats_at(event.t_ns), event.data, reason))

    def _is_echo(self, event: InputEvent) -> bool:
        echo = self._echo.is_echo(event.t_ns, event.data)
        self._notify(LOOP_FAULT, self._echo.looped)
        return echo

    def _notify(self, text: str, holds: bool) -> None:
        """Send a notice to the controller once, as long as it holds."""
        if holds and text not in self._notices:
            self._emit(m.Fault(text))
        (self._notices.add if holds else self._notices.discard)(text)

    # Time ------------------------------------------------------------------------------------

    def _follow(self, now_ns: int, jump: Jump | None) -> None:
        """Bring all along where the transport jumped, started or stopped."""
        if jump is None:
            return
        if jump.was_rolling and jump.rolling:
            self._emit_bars(self._capture.jump(jump.t_ns, jump.from_beats, jump.to_beats))
        elif jump.was_rolling:
            self._emit_bars(self._capture.stop(jump.t_ns, jump.from_beats))
        elif jump.rolling:
            self._capture.start(jump.t_ns, jump.to_beats)
        for data in self._feeder.rewind(jump.to_beats):
            self._hear(jump.t_ns, data)
        self._scheduler.jump(now_ns, jump)
        self._clock_out.jump(now_ns, jump)
        self._metronome.jump(now_ns, jump)
        self._state_ns = 0

    def _plan(self, now_ns: int) -> None:
        self._scheduler.plan(now_ns)
        self._clock_out.plan(now_ns)
        self._metronome.plan(now_ns)
        for data in self._echo.probe(now_ns):
            self._outbox.send(now_ns, self.transport.beats_at(now_ns), data)
        for data in self._probe.due(now_ns):
            self._outbox.send(now_ns, self.transport.beats_at(now_ns), data)
        measured = self._probe.take_result()
        if measured is not None:
            self._emit(measured)
        if self._outbox.port.lead_ns == 0:
            self._outbox.poll(now_ns)
        for started in self._scheduler.started:
            self._emit(started)
        self._scheduler.started.clear()

    def _next_ns(self, now_ns: int) -> int:
        times: list[int | None] = [now_ns + POLL_NS]
        times += [each.next_ns() for each in (self._scheduler, self._clock_out, self._metronome)]
        if self.transport.rolling:
            times += [self._capture.next_ns(), self._feeder.next_ns()]
        return max(now_ns, min(t_ns for t_ns in times if t_ns is not None))

    # Events ----------------------------------------------------------------------------------

    def _emit_bars(self, bars: list[m.BarCaptured]) -> None:
        for bar in bars:
            self._emit(bar)

    def _report(self) -> None:
        """Report what has left the output."""
        for message in self._outbox.take_left():
            lateness_ns = message.sent_ns - message.due_ns
            self.worst_lateness_ns = max(self.worst_lateness_ns, lateness_ns)
            self.late_sends += lateness_ns > LATE_NS
            self._probe.left(message.sent_ns, message.data)
            self._echo.sent(message.sent_ns, message.data)
            if message.data[0] < FIRST_SYSTEM:
                self._emit(m.Played(message.due_ns, message.sent_ns, message.beats, message.data))

    def _emit_state(self, now_ns: int) -> None:
        shared = self._link.take_state()
        if shared is not None:
            self._emit(shared)
        transport = self.transport
        source: m.ClockLeader = "external" if transport.external else "internal"
        doubled = transport.external and transport.clock.doubled
        key = (transport.status, source, transport.metre, transport.bar_phase_known, doubled)
        if key == self._state_key and now_ns - self._state_ns < STATE_INTERVAL_NS:
            return
        self._state_key, self._state_ns = key, now_ns
        counts = self._counter.changed()
        if counts is not None:
            self._emit(counts)
        self._emit(
            m.ClockState(
                status=transport.status,
                source=source,
                bpm=transport.bpm,
                position_beats=transport.beats_at(now_ns),
                metre=transport.metre,
                t_ns=now_ns,
                jitter_ms=transport.clock.jitter_ms if transport.external else 0.0,
                bar_phase_known=transport.bar_phase_known,
                missed_ticks=transport.clock.missed,
                duplicate_ticks=transport.clock.duplicates,
                doubled=doubled,
            )
        )

    def _mute(self, error: PortError) -> None:
        """Send nothing to a port that refuses, until `attach` brings another."""
        if not self._outbox.muted:
            self._outbox.mute()
            self._emit(m.Fault(str(error)))
