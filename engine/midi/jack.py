"""JACK and PipeWire through JACK-Client: every message at its frame. The only door to `jack`.

The process callback runs in the server's rhythm. It stamps what arrived with the time of its
frame, and writes what is due at the frame of its due time. Messages are handed over up to
`LEAD_NS` early, so a late Python thread costs nothing.
"""

import contextlib
import ctypes
import heapq
import importlib.util
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import PortError
from engine.midi.frametime import FrameTime, believable
from engine.midi.jack_wires import Wires, port_names
from engine.midi.messages import ACTIVE_SENSING, FIRST_SYSTEM, NOTE_OFF, SYSEX, SYSEX_END
from engine.midi.note_off_repeat import NoteEnds
from engine.midi.ports import InputEvent, WiringChange, now_ns
from engine.midi.system_thread import CLOSE_S, UnansweredError, system_thread

LEAD_NS = 30_000_000
"""How early messages may be handed over: more than a period of 1024 frames at 48 kHz."""
RING_SIZE = 4096
"""Messages the input keeps for the performer: a second of the densest stream."""
CLOCK_ROOM = 1024
"""Clock messages that still find room where that many notes and controllers wait."""
SILENT_NS = 1_200_000_000
"""A server that has not called for so long counts as dead."""
FLUSH_NS = 300_000_000
"""How long closing waits for messages that are due or soon will be."""
SOON_NS = 50_000_000
"""What is due within this time still leaves before closing."""
OPEN_AGAIN_S = 0.1
"""Pause before the second and last try to open a client."""
REPEAT_NS = 250_000_000
"""Note-offs that left so shortly before a skipped cycle are said again: it may have swallowed them."""
SETTLING_CYCLES = 3
"""The server wires ports between cycles: what is written before that reaches nobody."""
_IGNORED = frozenset({SYSEX, SYSEX_END, ACTIVE_SENSING})
"""SysEx and active sensing say nothing to us."""


def _library() -> Any:
    """Import JACK-Client, or say what is missing."""
    try:
        import jack
    except ImportError as error:
        raise PortError("JACK: the Python package is missing; pip install JACK-Client") from error
    except OSError as error:
        raise PortError(
            "JACK: its library is not installed; install jackd2 or pipewire-jack if you want it"
        ) from error
    jack._decode = lambda text: _Name.of(jack._ffi.string(text))
    return jack


class _Name(str):
    """A name of any bytes, as the server allows it, as text. JACK-Client fails on what is not UTF-8."""

    _bytes: bytes

    @classmethod
    def of(cls, data: bytes) -> "_Name":
        r"""Return a name whose bytes that are not UTF-8 are shown as escapes: `gr\xfcn`."""
        name = cls(data.decode("utf-8", "backslashreplace"))
        name._bytes = data
        return name

    def encode(self, *_: str) -> bytes:
        """Return the bytes, by which the server knows it."""
        return self._bytes


def has_package() -> bool:
    """Return whether JACK-Client is installed, whatever else may be missing."""
    return importlib.util.find_spec("jack") is not None


def open_client(name: str) -> Any:
    """Open a client on the running server, never starting one.

    Raises:
        PortError: No library, or no server runs.
    """
    jack = _library()
    said: list[str] = []
    jack.set_error_function(said.append)
    jack.set_info_function(lambda _text: None)
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackOpenError:
        # A server that is just taking leave of another client may refuse once.
        time.sleep(OPEN_AGAIN_S)
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackOpenError as error:
        raise PortError(_refusal(error, said)) from error


def _refusal(error: Any, said: Sequence[str]) -> str:
    """Return why the server did not take us, with the remedy."""
    if error.status.server_failed or error.status.server_error:
        return "JACK: no server runs; start one (qjackctl, or PipeWire with pw-jack) or use another back end"
    reason = said[-1] if said else str(error)
    return f"JACK: the server refused us ({reason}); restart it"


def list_jack_ports() -> tuple[list[str], list[str]]:
    """Return the full names of MIDI ports one can hear, and of those one can play to.

    Raises:
        PortError: No library, or no server runs.
    """
    client = open_client("Antiphon list")
    try:
        return port_names(client)
    finally:
        client.close()


class _CycleClock:
    """libjack's cycle times on our clock. JACK-Client does not wrap them, so ctypes does."""

    def __init__(self, client: Any) -> None:
        jack = _library()
        # PyDLL keeps the GIL: giving it up for a call of a microsecond could cost milliseconds.
        library = ctypes.PyDLL(jack._libname)
        self._get_time = library.jack_get_time
        self._get_time.restype = ctypes.c_uint64
        self._get_cycle = library.jack_get_cycle_times
        self._frame, self._now_us = ctypes.c_uint32(), ctypes.c_uint64()
        next_us, period_us = ctypes.c_uint64(), ctypes.c_float()
        pointer = ctypes.c_void_p(int(jack._ffi.cast("uintptr_t", client._ptr)))
        values = (self._frame, self._now_us, next_us, period_us)
        self._arguments = (pointer, *(ctypes.byref(value) for value in values))
        self._offset_ns = min(self._sample() for _ in range(9))[1]

    def _sample(self) -> tuple[int, float]:
        """Return how long one look at both clocks took, and how far ours was ahead."""
        before = now_ns()
        theirs = self._get_time() * 1000
        after = now_ns()
        # Their time is cut to whole microseconds: half of one is lost on average.
        return after - before, (before + after) / 2 - theirs - 500

    def read(self) -> tuple[int, float]:
        """Return frame and time of the current cycle's start. Process callback only."""
        took_ns, offset_ns = self._sample()
        if took_ns < 20_000:
            # JACK counts raw hardware time on Linux, which runs away from ours by up to 0.05 %.
            self._offset_ns += (offset_ns - self._offset_ns) * 0.02
        if self._get_cycle(*self._arguments):
            return self._frame.value, float(now_ns())
        return self._frame.value, believable(self._now_us.value * 1000 + self._offset_ns, now_ns())


class JackInput:
    """The input port's ring: filled by the process callback, drained by the performer."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.name = str(port.name)
        self.dropped = 0
        self._ring: deque[InputEvent] = deque()

    def receive(self, clock: FrameTime) -> bool:
        """Take over the cycle's messages; return whether there were any. Process callback only."""
        heard = False
        for offset, buffer in self._port.incoming_midi_events():
            data = bytes(buffer)
            if not data or data[0] < NOTE_OFF or data[0] in _IGNORED:
                continue
            if len(self._ring) >= (RING_SIZE if data[0] < FIRST_SYSTEM else RING_SIZE + CLOCK_ROOM):
                self.dropped += 1
                continue
            self._ring.append(InputEvent(clock.ns_at(offset), data))
            heard = True
        return heard

    def drain(self) -> list[InputEvent]:
        """Take every message that has arrived. A stamp may lie up to one period ahead of now."""
        ring = self._ring
        return [ring.popleft() for _ in range(len(ring))]

    def close(self) -> None:
        """Nothing to do: the client owns the port."""


class JackOutput:
    """The output port: a heap of messages by due time, emptied by the process callback."""

    lead_ns = LEAD_NS

    def __init__(self, port: Any, jack_error: type[Exception]) -> None:
        self._port = port
        self._jack_error = jack_error
        self.name = str(port.name)
        self.late = 0
        """Messages that left at least one frame after they were due."""
        self._heap: list[tuple[int, int, bytes]] = []
        self._sent: deque[tuple[int, int, bytes]] = deque(maxlen=RING_SIZE)
        self._count = 0
        self._ends = NoteEnds(REPEAT_NS)
        self._disturbed = False
        # Held for microseconds. Without it a note-on could still leave after `cancel` returned.
        self._lock = threading.Lock()

    def send(self, due_ns: int, data: bytes) -> None:
        """Hand over one message to leave at the frame nearest to `due_ns`."""
        with self._lock:
            self._count += 1
            heapq.heappush(self._heap, (due_ns, self._count, data))

    def cancel(self) -> None:
        """Forget every message that has not left yet; none leaves after this returns."""
        with self._lock:
            self._heap.clear()

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Return `(due_ns, time of its frame, data)` of what has left since the last call."""
        with self._lock:
            sent = list(self._sent)
            self._sent.clear()
        return sent

    def disturb(self) -> None:
        """Take notice that the server skipped a cycle, and with it perhaps what was written. Any thread."""
        self._disturbed = True

    def transmit(self, clock: FrameTime, frames: int) -> None:
        """Write what is due in this cycle. Process callback only."""
        self._port.clear_buffer()
        with self._lock:
            if self._disturbed:
                self._disturbed = False  # first: the server may say so again meanwhile
                if not all(self._write(0, off) for off in self._ends.recent(clock.ns_at(0))):
                    self._disturbed = True
            heap = self._heap
            while heap:
                due_ns, _, data = heap[0]
                offset = clock.offset_at(due_ns)
                if offset >= frames or not self._write(max(offset, 0), data):
                    return
                self.late += offset < 0
                heapq.heappop(heap)
                left_ns = clock.ns_at(max(offset, 0))
                self._ends.note(left_ns, data)
                self._sent.append((due_ns, left_ns, data))

    def rest(self) -> None:
        """Write nothing in this cycle. Process callback only."""
        self._port.clear_buffer()

    def _write(self, offset: int, data: bytes) -> bool:
        """Write one message; False when the cycle's buffer is full, so that it waits for the next."""
        try:
            self._port.write_midi_event(offset, data)
        except self._jack_error:
            return False
        return True

    def due_waiting(self, t_ns: int) -> bool:
        """Return whether a message due by `t_ns` has not left yet."""
        with self._lock:
            return bool(self._heap) and self._heap[0][0] <= t_ns

    def close(self) -> None:
        """Forget what waits; the client owns the port."""
        self.cancel()


class JackBackend:
    """A JACK client "Antiphon" with the ports "Antiphon In" and "Antiphon Out"."""

    name = "jack"

    def __init__(
        self,
        *,
        client_name: str = "Antiphon",
        connect_in: Sequence[str] = (),
        connect_out: Sequence[str] = (),
        patient: bool = False,
        on_input: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the client and its ports.

        Args:
            client_name: Name of the client; the server makes it unique.
            connect_in: Ports to hear, by name or a part of it.
            connect_out: Ports to play to, by name or a part of it.
            patient: Wait for such a port to appear instead of refusing.
            on_input: Called from the process callback when messages have arrived.

        Raises:
            PortError: No server, or a port that was asked for is missing.
        """
        self._client = open_client(client_name)
        self.client_name = str(self._client.name)
        self._on_input = on_input
        self._lost = ""
        self._closed = False
        self._receiver_joined = self._sender_left = False
        self._last_cycle_ns = now_ns()
        self._cycles = 0
        jack = _library()
        try:
            self.input = JackInput(self._client.midi_inports.register("Antiphon In"))
            self.output = JackOutput(self._client.midi_outports.register("Antiphon Out"), jack.JackError)
            self._time = FrameTime(self._client.samplerate)
            self._clock = _CycleClock(self._client)
            self._client.set_process_callback(self._process)
            self._client.set_shutdown_callback(self._shut_down)
            self._client.set_xrun_callback(lambda _delay_us: self.output.disturb())
            self._client.set_port_connect_callback(self._rewired)
            self._client.activate()
            self._wires = Wires(self._client, self.input.name, self.output.name, jack.JackError)
            self._wires.want(connect_in, connect_out, patient=patient)
            if connect_in or connect_out:
                self._await_cycles(SETTLING_CYCLES)
        except jack.JackError as error:
            self._client.close()
            raise PortError(f"JACK: the ports cannot be opened ({error}); restart the server") from error
        except PortError:
            self._client.close()
            raise

    def _process(self, frames: int) -> None:
        if self._lost:
            # A server that goes on after a stop makes up for thousands of cycles; what waits is out of date.
            self.output.rest()
            return
        try:
            frame, estimate_ns = self._clock.read()
            self._time.cycle(frame, frames, estimate_ns)
            heard = self.input.receive(self._time)
            self.output.transmit(self._time, frames)
            self._cycles += 1
            self._last_cycle_ns = now_ns()
            if heard:
                self._on_input()
        except Exception as error:
            # Nothing may escape into the driver; `alive` reports it.
            self._lost = f"its callback failed: {error!r}"

    def _shut_down(self, _status: object, reason: str) -> None:
        self._lost = reason or "the server has ended"
        self._on_input()

    def _rewired(self, source: Any, sink: Any, connected: bool) -> None:
        """Take notice of a wire that was made or cut. Called from the server's notification thread."""
        if connected and source is not None and source.name == self.output.name:
            self._receiver_joined = True
        elif not connected and sink is not None and sink.name == self.input.name:
            self._sender_left = True

    def alive(self) -> bool:
        """Return whether the server still calls us; also keeps the connections that were asked for."""
        if not self._lost and now_ns() - self._last_cycle_ns > SILENT_NS:
            self._lost = "the server has stopped answering"
        if self._lost or self._closed:
            return False
        self._wires.tend()
        return True

    @property
    def lost_reason(self) -> str:
        """Why the server is gone, empty while it is there."""
        return self._lost

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ports we hear and those we play to, also the ones that are away just now."""
        return self._wires.wanted()

    def take_wiring_change(self) -> WiringChange:
        """Return what happened to our wires since the last call; the server reports them at once."""
        seen = self._wires.take_change()
        joined, self._receiver_joined = self._receiver_joined or seen.receiver_joined, False
        left, self._sender_left = self._sender_left or seen.sender_left, False
        return WiringChange(joined, left)

    def close(self) -> None:
        """Let what is due leave, then close the client. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if not self._lost:
            self._flush()
        with contextlib.suppress(UnansweredError):
            system_thread("jack").ask(self._client.close, CLOSE_S)

    def _flush(self) -> None:
        """Let what is due leave, and one more cycle pass: receivers run after us in it."""
        end_ns = now_ns() + FLUSH_NS
        while self.output.due_waiting(now_ns() + SOON_NS) and now_ns() < end_ns and not self._lost:
            time.sleep(0.001)
        self._await_cycles(2)
        self.output.close()

    def _await_cycles(self, count: int) -> None:
        """Wait until the server has called so many times more, for a limited time."""
        last, end_ns = self._cycles + count, now_ns() + FLUSH_NS
        while self._cycles < last and now_ns() < end_ns and not self._lost:
            time.sleep(0.001)
