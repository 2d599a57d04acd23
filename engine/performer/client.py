"""The controller's end: starts the performer's process, watches it, replaces it when it fails.

The owner calls `send` and `poll`; two threads per process carry the frames, one more keeps the
heartbeat. A new performer gets the state of the old one, and first silences what the old one may
have left sounding.
"""

import contextlib
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence

from engine.errors import PerformerError, PortError
from engine.midi.ports import now_ns
from engine.performer.messages import (
    Bye,
    Command,
    Event,
    Fault,
    MessageError,
    Ping,
    Pong,
    PortBack,
    PortLost,
    Ready,
    Shutdown,
    decode_event,
    encode,
    encode_command,
)
from engine.performer.restore import Memory
from engine.process.child import child_command, child_environment, creation_flags
from engine.process.pipe import Receiver, Sender

PERFORMER_FLAG = "--antiphon-performer"
"""First argument by which a frozen program is asked to be the performer."""
HEARTBEAT_S = 0.4
"""Time between Pings; the performer gives up after 2 s without one."""
ANSWER_S = 2.0
"""Without a Pong for so long the performer counts as hung."""
START_S = 10.0
"""How long a performer may take to say that its ports are open, or why not."""
CLOSE_S = 2.0
"""How long a performer may take to silence everything and exit."""
EVENTS_KEPT = 100_000
"""Events kept for an owner who does not poll."""
RESTARTS_ALLOWED, RESTART_WINDOW_S = 5, 20.0
"""More deaths than that in that time, and the next performer is started only after a pause."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 30.0
"""The pause doubles from death to death."""
SILENCE_S = 3.0
"""How long a process that only silences may take."""


def performer_command() -> list[str]:
    """Return the command line that starts a performer, its options left out."""
    return child_command("engine.performer.process", PERFORMER_FLAG)


class _Child:
    """One performer process with its two pipe threads."""

    def __init__(
        self, command: Sequence[str], on_event: Callable[["_Child", Event], None], on_end: Callable[[], None]
    ) -> None:
        self._on_event = on_event
        self.ended = threading.Event()
        self.answered_ns = now_ns()
        self.ready = threading.Event()
        self.came_up = False
        """Whether it spoke; one that dies after that is the watch's business, not the start's."""
        self.refused = ""
        self.retired = False
        """Whether another process has taken over; what this one still says is not heard."""
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(),
            # Ctrl-C is the controller's business: the performer follows when its pipe closes.
            start_new_session=sys.platform != "win32",
            creationflags=creation_flags(own_group=True),
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._on_end = on_end
        self._sender = Sender(self.process.stdin.fileno(), "performer-commands")
        self._receiver = Receiver(
            self.process.stdout.fileno(), "performer-events", self._on_frame, self._on_stream_end
        )

    def _on_frame(self, frame: bytes) -> None:
        try:
            event = decode_event(frame)
        except MessageError as error:
            event = Fault(f"An event of the performer was not understood: {error}")
        if isinstance(event, Pong | Ready | PortLost):
            self.answered_ns = now_ns()
        if isinstance(event, PortLost) and not self.ready.is_set():
            self.refused = "; ".join(filter(None, (event.reason, event.remedy)))
        self._on_event(self, event)
        if isinstance(event, Ready | PortLost):
            self.came_up = True
            self.ready.set()

    def _on_stream_end(self) -> None:
        self.ended.set()
        self.ready.set()
        self._on_end()

    def failure(self) -> str:
        """Return why it did not come up, empty if it did."""
        if not self.ready.is_set():
            return f"said nothing for {START_S:.0f} s"
        if self.came_up or not self.ended.is_set():
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(CLOSE_S)
        return f"ended with status {self.process.returncode}"

    def send(self, command: Command) -> None:
        """Queue a command; never blocks."""
        self.put(encode(command))

    def put(self, frame: bytes) -> None:
        """Queue an encoded command; never blocks."""
        self._sender.put(frame)

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(OSError):
            self.process.kill()
        self._reap(CLOSE_S)

    def shut_down(self) -> None:
        """Ask it to silence everything and exit; kill it if it does not."""
        self.send(Shutdown())
        if not self._reap(CLOSE_S):
            self.kill()

    def _reap(self, timeout_s: float) -> bool:
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._receiver.join(1.0)
        self._sender.close(0.2)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return True


class PerformerClient:
    """The performer as the controller sees it: one object over all the processes that may come and go."""

    def __init__(
        self,
        backend: str = "auto",
        *,
        client_name: str = "Antiphon",
        connect_in: Sequence[str] = (),
        connect_out: Sequence[str] = (),
        active_sensing: bool = False,
        command: Sequence[str] | None = None,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            backend: `auto`, `jack`, `alsa`, `coremidi` or `winmm`.
            client_name: Name of our client in the MIDI system.
            connect_in: Ports to hear, by name or part of it.
            connect_out: Ports to play to, by name or part of it.
            active_sensing: Send what lets a receiver silence itself should the performer die.
            command: Another program in place of the performer's, for tests.
        """
        self._command = list(command) if command is not None else performer_command()
        self._options = ["--backend", backend, "--client-name", client_name]
        self._options += ["--active-sensing"] if active_sensing else []
        self._memory = Memory(tuple(connect_in), tuple(connect_out))
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._child: _Child | None = None
        self._lost_by: _Child | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._look = threading.Event()
        self._deaths_ns: deque[int] = deque(maxlen=RESTARTS_ALLOWED + 1)
        self._pause_s = FIRST_PAUSE_S
        self._watch = threading.Thread(target=self._run, name="performer-watch", daemon=True)

    # The owner's side ---------------------------------------------------------------------------

    def start(self, *, patient: bool = False) -> None:
        """Start the performer and wait until its ports are open.

        What was sent before holds: it is sent again now. Any thread may call.

        Args:
            patient: Where the ports are refused, go on without and keep trying; `PortLost` says why.
                One that says nothing is replaced, as later on.

        Raises:
            PortError: The ports were refused; the line says why and what to do.
            PerformerError: The process did not start or did not answer.
        """
        if self._child is not None:
            return
        child = self._spawn(patient=patient)
        child.ready.wait(START_S)
        refused = child.refused and not patient
        silent = not child.ready.is_set()
        failure = "" if silent and patient else child.failure()
        if refused or failure:
            child.kill()
            self._events.clear()
            if child.refused:
                raise PortError(child.refused)
            raise PerformerError(f"The performer {failure}; `antiphon doctor` looks for the cause")
        with self._lock:
            if self._closing.is_set():
                child.kill()
                return
            for command in self._memory.restoration(now_ns()):
                child.send(command)
            self._child = child
            self._watch.start()

    @property
    def pid(self) -> int | None:
        """Process number of the performer, None while there is none."""
        return self._child.process.pid if self._child is not None else None

    def send(self, command: Command) -> None:
        """Send a command; never blocks. Any thread may call.

        One with a value out of range is left out, and a `Fault` says so.
        """
        try:
            frame = encode_command(command)
        except MessageError as error:
            self._events.append(Fault(f"A command was left out: {type(command).__name__}: {error}"))
            return
        with self._lock:
            self._memory.remember(command)
            if self._child is not None:
                self._child.put(frame)

    def poll(self) -> list[Event]:
        """Take every event that has arrived, oldest first. Never blocks."""
        events = self._events
        return [events.popleft() for _ in range(len(events))]

    def close(self) -> None:
        """Silence everything and end the performer. Closing twice is harmless."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._look.set()
        if self._watch.is_alive():
            self._watch.join(START_S + CLOSE_S)
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.shut_down()
        elif self._deaths_ns:
            # The last one died, and nobody has silenced what it left on.
            self._silence()

    def __enter__(self) -> "PerformerClient":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # The threads' side --------------------------------------------------------------------------

    def _spawn(self, *, patient: bool) -> _Child:
        options = [*self._options, *self._memory.options(again=patient)]
        try:
            return _Child([*self._command, *options], self._on_event, self._look.set)
        except OSError as error:
            raise PerformerError(f"The performer cannot be started: {error}; reinstall Antiphon") from error

    def _on_event(self, child: _Child, event: Event) -> None:
        if child.retired:
            return
        self._memory.notice(event)
        self._note_ports(child, event)
        if not isinstance(event, Pong | Bye):
            self._events.append(event)

    def _note_ports(self, child: _Child, event: Event) -> None:
        """Report that the ports are back when not the process that lost them but its successor has them."""
        if isinstance(event, PortLost):
            self._lost_by = child
        elif isinstance(event, PortBack):
            self._lost_by = None
        elif isinstance(event, Ready) and self._lost_by not in (None, child):
            self._lost_by = None
            self._events.append(PortBack(event.backend))

    def _run(self) -> None:
        number = 0
        while not self._closing.is_set():
            child = self._child
            if child is not None:
                reason = self._ailing(child)
                if reason:
                    self._replace(child, reason)
                    continue
                number += 1
                child.send(Ping(number))
            self._look.wait(HEARTBEAT_S)
            self._look.clear()

    def _ailing(self, child: _Child) -> str:
        """Return what is wrong with the performer, empty if nothing."""
        if child.ended.is_set():
            return f"ended (status {child.process.poll()})"
        silent_s = (now_ns() - child.answered_ns) * 1e-9
        allowed_s = ANSWER_S if child.ready.is_set() else START_S
        return f"has not answered for {silent_s:.1f} s" if silent_s > allowed_s else ""

    def _replace(self, old: _Child, reason: str) -> None:
        """Put a new performer in the place of one that failed."""
        old.retired = True
        old.kill()
        if self._closing.is_set():
            return
        if self._dies_too_often():
            self._pause(reason)
            if self._closing.is_set():
                return
        else:
            self._pause_s = FIRST_PAUSE_S
        self._events.append(Fault(f"The performer {reason}; a new one takes over"))
        try:
            new = self._spawn(patient=True)
        except PerformerError as error:
            self._events.append(Fault(str(error)))
            self._closing.wait(1.0)
            with self._lock:
                self._child = old  # ailing still, so the watch tries again
            return
        with self._lock:
            for command in self._memory.restoration(now_ns()):
                new.send(command)
            self._child = new

    def _pause(self, reason: str) -> None:
        """Wait before the next performer, with everything silenced meanwhile."""
        with self._lock:
            self._child = None
        self._silence()
        pause_s, self._pause_s = self._pause_s, min(2.0 * self._pause_s, LONGEST_PAUSE_S)
        text = f"The performer {reason}, too often now: it is started again in {pause_s:.0f} s"
        self._events.append(Fault(f"{text}; `antiphon doctor` looks for the cause"))
        self._closing.wait(pause_s)

    def _silence(self) -> None:
        """Let a process without a performer reset whoever listens."""
        options = [*self._options, *self._memory.options(again=True), "--only-silence"]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [*self._command, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                creationflags=creation_flags(own_group=True),
                timeout=SILENCE_S,
            )

    def _dies_too_often(self) -> bool:
        self._deaths_ns.append(now_ns())
        if len(self._deaths_ns) <= RESTARTS_ALLOWED:
            return False
        return self._deaths_ns[-1] - self._deaths_ns[0] < RESTART_WINDOW_S * 1e9
