"""The life around a performer: commands in, ports watched and reopened, an end without a hung note.

`Host.turn(now_ns)` is a plain function of injected time, ports and performer; the process
(`engine/performer/main.py`) only calls it and sleeps in between.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from engine.errors import PortError
from engine.midi.backends import NoPortsError
from engine.midi.messages import (
    ACTIVE_SENSING,
    CHANNELS,
    FIRST_SYSTEM,
    Key,
    channel,
    every_note_off,
    is_note_off,
    is_note_on,
    key,
    panic,
    silence,
)
from engine.midi.null_backend import SilentBackend
from engine.midi.ports import MidiBackend
from engine.performer.messages import (
    Bye,
    ClockState,
    Command,
    Connections,
    Event,
    Fault,
    MessageError,
    Ping,
    Played,
    PortBack,
    PortLost,
    Ready,
    Shutdown,
    decode_command,
)
from engine.performer.receiver_reset import ReceiverReset

CONTROLLER_SILENT_NS = 2_000_000_000
"""Without a Ping for so long the controller counts as gone."""
LAST_BAR_NS = 1_700_000_000
"""How long the music may go on to finish its bar once the controller is gone."""
LOOK_EVERY_NS = 250_000_000
"""How often the ports and their wiring are looked at."""
RETRY_EVERY_NS = 1_000_000_000
"""How often lost ports are tried again."""
LONGEST_SLEEP_NS = 10_000_000
"""The loop looks around at least so often."""
RESETS_PER_TURN, SLOW_RESETS_PER_TURN = 128, 16
"""Messages of a reset handed over at once; fewer to a port that sends at once, which may be a slow cable."""
SENSE_EVERY_NS = 250_000_000
"""A receiver of active sensing waits 300 ms before it silences everything."""
AFTERWORD_NS = 20_000_000
"""When the last resets are said a second time."""
MAX_COMMANDS_PER_TURN = 64
_REMEDY = "Plug the device in or start its program again; Antiphon comes back by itself"
_JACK_REMEDY = "Start the JACK or PipeWire server again; Antiphon comes back by itself"


class PerformerLike(Protocol):
    """What the host needs of `engine.performer.performer.Performer`."""

    def handle(self, command: Command, now_ns: int) -> None:
        """Obey a command."""
        ...

    def step(self, now_ns: int) -> int:
        """Do what is due; return when to be called again."""
        ...

    def attach(self, backend: MidiBackend, now_ns: int | None = None) -> None:
        """Go on with other ports, silencing first what may still sound from before."""
        ...

    def let_go(self, now_ns: int) -> None:
        """Let go every key that is held on the way in."""
        ...


class Host:
    """Runs one performer until its controller, a signal or a fault ends it."""

    def __init__(
        self,
        *,
        open_backend: Callable[[], MidiBackend],
        make_performer: Callable[[MidiBackend, Callable[[Event], None]], PerformerLike],
        send: Callable[[Event], None],
        realtime: bool = False,
        silence_channels: Collection[int] = (),
        active_sensing: bool = False,
    ) -> None:
        """Set up; nothing is opened before `start`.

        Args:
            open_backend: Opens the ports; raises `PortError`.
            make_performer: Builds the performer on the ports, with where its events go.
            send: Takes an event on its way to the controller.
            realtime: Whether the system granted real-time scheduling; reported in `Ready`.
            silence_channels: Channels on which a performer before this one has left notes on.
            active_sensing: Send what lets a receiver silence itself should we die.
        """
        self._open_backend, self._make_performer = open_backend, make_performer
        self._send, self._realtime = send, realtime
        self._channels = set(silence_channels)
        self._sounding: set[Key] = set()
        self._reset = ReceiverReset()
        self._sense_ns = 0 if active_sensing else None
        self._inbox: deque[bytes] = deque()
        self._backend: MidiBackend = SilentBackend()
        self._performer: PerformerLike
        self._clock: ClockState | None = None
        self._connections = Connections((), ())
        self._without_ports = False
        self._controller_gone = False
        self._end_ns: int | None = None
        self._last_ping_ns: int | None = None
        self._look_ns = 0
        self.done = False
        """Whether everything is silenced and the process may exit."""

    # From other threads -------------------------------------------------------------------------

    def receive(self, frame: bytes) -> None:
        """Take a command's bytes. Called by the pipe's thread."""
        self._inbox.append(frame)

    def controller_gone(self) -> None:
        """Note that the pipe has closed. Called by the pipe's thread."""
        self._controller_gone = True

    # The loop -----------------------------------------------------------------------------------

    def start(self, now_ns: int, *, patient: bool) -> bool:
        """Open the ports and build the performer.

        Args:
            now_ns: The time.
            patient: Go on without ports and retry, instead of giving up.

        Returns:
            False when the ports were refused and the process should exit.
        """
        try:
            self._backend = self._open_backend()
        except PortError as error:
            remedy = "Antiphon tries again every second" if patient else ""
            tried = error.tried if isinstance(error, NoPortsError) else ()
            self._send(PortLost(str(error), remedy, tried))
            if not patient:
                self.done = True
                return False
            self._without_ports = True
            self._look_ns = now_ns + RETRY_EVERY_NS
        self._performer = self._make_performer(self._backend, self.emit)
        if not self._without_ports:
            self._silence_channels(now_ns)
            self._send(self._ready())
        return True

    def turn(self, now_ns: int) -> int:
        """Do everything that is due and return when to be called again at the latest."""
        self._take_commands(now_ns)
        self._watch_controller(now_ns)
        wake_ns = self._performer.step(now_ns)
        self._watch_ports(now_ns)
        self._tend_receivers(now_ns)
        if self._end_ns is not None and now_ns >= self._end_ns:
            self.finish(now_ns)
        return min(wake_ns, now_ns + LONGEST_SLEEP_NS)

    def emit(self, event: Event) -> None:
        """Pass an event on, keeping what the host itself must know. Called by the performer."""
        if isinstance(event, ClockState):
            self._clock = event
        elif isinstance(event, Played):
            self._keep(event.data)
        elif isinstance(event, Bye):
            # The last word is the host's, once the ports are closed.
            return
        self._send(event)

    def _keep(self, data: bytes) -> None:
        """Keep which notes sound and on which channels."""
        if data[0] >= FIRST_SYSTEM:
            return
        self._channels.add(channel(data))
        if is_note_on(data):
            self._sounding.add(key(data))
        elif is_note_off(data):
            self._sounding.discard(key(data))

    def _take_commands(self, now_ns: int) -> None:
        for _ in range(min(len(self._inbox), MAX_COMMANDS_PER_TURN)):
            try:
                command = decode_command(self._inbox.popleft())
            except MessageError as error:
                self._send(Fault(f"A command was not understood and left out: {error}"))
                continue
            self._obey(command, now_ns)

    def _obey(self, command: Command, now_ns: int) -> None:
        if isinstance(command, Shutdown):
            self._end_ns = now_ns
            return
        if isinstance(command, Ping):
            self._last_ping_ns = now_ns
        try:
            self._performer.handle(command, now_ns)
        except (ArithmeticError, ValueError, LookupError) as error:
            name = type(command).__name__
            self._send(Fault(f"A command failed and was left out: {name}{_place(error)}: {error}"))

    # The controller -----------------------------------------------------------------------------

    def _watch_controller(self, now_ns: int) -> None:
        if self._last_ping_ns is None:  # nobody was heard while the ports were opened, which may take long
            self._last_ping_ns = now_ns
        silent = now_ns - self._last_ping_ns > CONTROLLER_SILENT_NS
        if self._end_ns is None and (silent or self._controller_gone):
            self._end_ns = min(self._bar_end_ns(now_ns), now_ns + LAST_BAR_NS)

    def _bar_end_ns(self, now_ns: int) -> int:
        """Return when the bar that plays now ends; now if nothing plays."""
        clock = self._clock
        if clock is None or clock.status not in ("rolling", "flywheel") or clock.bpm <= 0:
            return now_ns
        beat_ns = 60e9 / clock.bpm
        position_beats = clock.position_beats + (now_ns - clock.t_ns) / beat_ns
        left_beats = clock.beats_per_bar - position_beats % clock.beats_per_bar
        return now_ns + round(left_beats * beat_ns)

    # The ports ----------------------------------------------------------------------------------

    def _watch_ports(self, now_ns: int) -> None:
        if now_ns < self._look_ns:
            return
        if self._without_ports:
            self._look_ns = now_ns + RETRY_EVERY_NS
            self._try_again(now_ns)
        elif self._backend.alive():
            self._look_ns = now_ns + LOOK_EVERY_NS
            self._report_connections()
        else:
            self._look_ns = now_ns + RETRY_EVERY_NS
            self._lose(now_ns)

    def _lose(self, now_ns: int) -> None:
        dead, self._backend = self._backend, SilentBackend()
        self._without_ports = True
        self._performer.attach(self._backend, now_ns)
        reason = dead.lost_reason or "they have disappeared"
        remedy = _JACK_REMEDY if dead.name == "jack" else _REMEDY
        self._send(PortLost(f"MIDI ports lost ({dead.name}): {reason}", remedy))
        dead.close()

    def _try_again(self, now_ns: int) -> None:
        try:
            self._backend = self._open_backend()
        except PortError:
            return
        self._without_ports = False
        self._silence_channels(now_ns)
        self._performer.attach(self._backend, now_ns)
        self._send(self._ready())
        self._send(PortBack(self._backend.name))

    def _ready(self) -> Ready:
        backend = self._backend
        names = (backend.input.name, backend.output.name)
        return Ready(backend.name, *names, self._realtime, backend.client_name)

    def _silence_channels(self, now_ns: int) -> None:
        """Silence what may still sound from before these ports were open."""
        others = [number for number in CHANNELS if number not in self._channels]
        for message in panic(self._channels) + silence(others):
            self._backend.output.send(now_ns, message)
        self._sounding.clear()
        self._reset.begin(now_ns)

    def _tend_receivers(self, now_ns: int) -> None:
        """Reset whoever was connected lately; let go what came over a cable that was pulled."""
        change = self._backend.take_wiring_change()
        if change.sender_left:
            self._performer.let_go(now_ns)
        if change.receiver_joined:
            self._reset.begin(now_ns)
            # Should this process die now, its successor must know whom to silence.
            self._look_ns = now_ns
        output = self._backend.output
        batch = RESETS_PER_TURN if output.lead_ns else SLOW_RESETS_PER_TURN
        messages = self._reset.take(now_ns, self._sounding, batch)
        if self._sense_ns is not None and now_ns >= self._sense_ns:
            self._sense_ns = now_ns + SENSE_EVERY_NS
            messages.append(bytes((ACTIVE_SENSING,)))
        with contextlib.suppress(PortError):  # a port that is gone is noticed elsewhere
            for message in messages:
                output.send(now_ns, message)

    @property
    def connections(self) -> Connections:
        """What our ports were last wired to."""
        return self._connections

    def _report_connections(self) -> None:
        found = Connections(*self._backend.connections())
        if found != self._connections:
            self._connections = found
            self._send(found)

    # The end ------------------------------------------------------------------------------------

    def finish(self, now_ns: int) -> None:
        """Silence everything, close the ports and say goodbye. Twice is harmless."""
        if self.done:
            return
        self.done = True
        try:
            self._performer.handle(Shutdown(), now_ns)
        finally:
            # Should a cycle of the server be lost just now, this still arrives.
            for message in every_note_off(self._channels):
                self._backend.output.send(now_ns + AFTERWORD_NS, message)
            self._backend.close()
            self._send(Bye())

    def fail(self, error: BaseException, now_ns: int) -> None:
        """End after a fault of the performer: silence without its help."""
        self.done = True
        self._send(Fault(f"The performer failed{_place(error)}: {type(error).__name__}: {error}"))
        self._backend.output.cancel()
        self._silence_channels(now_ns)
        self._backend.close()
        self._send(Bye())


def _place(error: BaseException) -> str:
    """Return where an exception was raised, for a report that has room for one line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
