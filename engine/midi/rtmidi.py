"""ALSA, CoreMIDI, WinMM, and JACK where JACK-Client is missing, through python-rtmidi.

The only door to `rtmidi`. These systems send at once, so the performer waits until a message is
due; input is stamped with our own clock in the callback, because the driver's time deltas are
coarse and cannot be trusted.
"""

import contextlib
import ctypes
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import msgspec

from engine.errors import PortError
from engine.midi.loopback import bare_name, choose_loopbacks, loops
from engine.midi.messages import ACTIVE_SENSING, FIRST_SYSTEM, NOTE_OFF, SYSEX, SYSEX_END
from engine.midi.port_names import match_port
from engine.midi.ports import NO_CHANGE, InputEvent, WiringChange, now_ns
from engine.midi.system_thread import CLOSE_S, LOOK_S, UnansweredError, system_thread

RING_SIZE = 4096
"""Messages the input keeps for the performer."""
CLOCK_ROOM = 1024
"""Clock messages that still find room where that many notes and controllers wait."""
LOOK_EVERY_NS = 1_000_000_000
"""How often the list of ports is read to see whether ours are still there."""
APIS = {
    "alsa": "API_LINUX_ALSA",
    "coremidi": "API_MACOSX_CORE",
    "winmm": "API_WINDOWS_MM",
    "jack": "API_UNIX_JACK",
}
"""Names of python-rtmidi's constants by back end."""
LABELS = {"alsa": "ALSA", "coremidi": "CoreMIDI", "winmm": "WinMM", "jack": "JACK"}
_IGNORED = frozenset({SYSEX, SYSEX_END, ACTIVE_SENSING})
_REMEDIES = {
    "alsa": "load its sequencer (modprobe snd-seq), or start a JACK or PipeWire server",
    "coremidi": "restart the MIDI server (Audio MIDI Setup)",
    "winmm": "close the program that holds the port, or choose another one",
    "jack": "start the JACK or PipeWire server",
}


def load() -> ModuleType:
    """Import python-rtmidi; PortError if it or what it needs is missing."""
    try:
        import rtmidi
    except ImportError as error:
        if "libasound" in str(error):
            raise PortError("ALSA: the library libasound is missing; install libasound2") from error
        raise PortError("MIDI: python-rtmidi is missing; install it (`antiphon doctor` says how)") from error
    _hush_alsa()
    return rtmidi  # type: ignore[no-any-return]


_say_nothing = ctypes.CFUNCTYPE(None)(lambda: None)
"""Stands in for libasound's error printer; what it is given is ignored."""


def _hush_alsa() -> None:
    """Keep libasound from printing: what goes wrong comes as an exception as well."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_say_nothing)


class Listing(msgspec.Struct, frozen=True):
    """The ports of other programs at one moment."""

    sources: tuple[str, ...]
    """Ports one can hear."""
    sinks: tuple[str, ...]
    """Ports one can play to."""

    def shows(self, port: str, backend: str) -> bool:
        """Return whether a port is there.

        Our own virtual ones appear with the client's name around. On Windows the number behind a name
        changes when another device comes or goes.
        """
        names = self.sources + self.sinks
        if backend == "winmm":
            return bare_name(backend, port) in {bare_name(backend, name) for name in names}
        return any(port in name for name in names)


class Lister:
    """One long-lived pair of handles for listing: every new one would leak a client of the system."""

    def __init__(self, module: ModuleType, api_name: str) -> None:
        self._module, self.api_name = module, api_name
        api = _api(module, api_name)
        with _translated(module, api_name):
            # Some systems name the whole program after its first handle.
            self._input = module.MidiIn(api, name="Antiphon")
            self._output = module.MidiOut(api, name="Antiphon")

    def list(self) -> Listing:
        """Read both lists.

        Raises:
            PortError: The system does not answer.
        """
        with _translated(self._module, self.api_name):
            sources = self._input.get_ports(encoding="utf-8")
            sinks = self._output.get_ports(encoding="utf-8")
        return Listing(tuple(sources), tuple(sinks))


_listers: dict[tuple[int, str], Lister] = {}
_listers_lock = threading.Lock()


def lister(module: ModuleType, api_name: str) -> Lister:
    """Return the process's one lister for this system."""
    with _listers_lock:
        key = (id(module), api_name)
        if key not in _listers:
            _listers[key] = Lister(module, api_name)
        return _listers[key]


def _api(module: ModuleType, api_name: str) -> int:
    """Return python-rtmidi's number of a system.

    Raises:
        PortError: The installed python-rtmidi was built without it.
    """
    number = getattr(module, APIS[api_name], None)
    if number is None or number not in module.get_compiled_api():
        raise PortError(
            f"{LABELS[api_name]}: the installed python-rtmidi has no support for it; use another back end"
        )
    return int(number)


@contextlib.contextmanager
def _translated(module: ModuleType, api_name: str) -> Iterator[None]:
    """Turn python-rtmidi's exceptions into one clear line."""
    try:
        yield
    except (module.RtMidiError, NotImplementedError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise PortError(f"{LABELS[api_name]}: {text}; {_REMEDIES[api_name]}") from error


class RtMidiInput:
    """Our input. The callback stamps and appends, nothing else."""

    def __init__(self, handle: Any, name: str, on_input: Callable[[], None]) -> None:
        self.name = name
        self.dropped = 0
        self.failures = 0
        """Messages the callback could not take; python-rtmidi would swallow the exception."""
        self._handle: Any = handle
        self._on_input = on_input
        self._ring: deque[InputEvent] = deque()
        self._generation = 0

    def listen(self) -> None:
        """Register the callback; clock bytes are wanted, which the library filters by default."""
        self._generation += 1
        generation = self._generation

        def receive(event: tuple[Sequence[int], float], _data: object = None) -> None:
            t_ns = now_ns()
            # WinMM still calls back after closing.
            if generation == self._generation:
                self._append(t_ns, event)

        self._handle.ignore_types(sysex=True, timing=False, active_sense=True)
        self._handle.set_callback(receive)

    def _append(self, t_ns: int, event: tuple[Sequence[int], float]) -> None:
        try:
            data = bytes(event[0])
            if not data or data[0] < NOTE_OFF or data[0] in _IGNORED:
                return
            if len(self._ring) >= (RING_SIZE if data[0] < FIRST_SYSTEM else RING_SIZE + CLOCK_ROOM):
                self.dropped += 1
                return
            self._ring.append(InputEvent(t_ns, data))
        except Exception:
            self.failures += 1
            return
        self._on_input()

    def drain(self) -> list[InputEvent]:
        """Take every message that has arrived, oldest first."""
        ring = self._ring
        return [ring.popleft() for _ in range(len(ring))]

    def close(self) -> None:
        """Cancel the callback, then close and free the handle. Closing twice is harmless."""
        self._generation += 1
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(Exception):
                handle.cancel_callback()
            _close(handle)


class RtMidiOutput:
    """Our output: sends at once."""

    lead_ns = 0

    def __init__(self, handle: Any, name: str) -> None:
        self.name = name
        self.failed = ""
        """Why the last message did not leave; empty while all goes well."""
        self._handle: Any = handle
        self._sent: deque[tuple[int, int, bytes]] = deque(maxlen=RING_SIZE)

    def send(self, due_ns: int, data: bytes) -> None:
        """Send now."""
        if self._handle is None:
            return
        try:
            self._handle.send_message(data)
        except Exception as error:
            self.failed = " ".join(str(error).split()) or type(error).__name__
            return
        self._sent.append((due_ns, now_ns(), data))

    def cancel(self) -> None:
        """Nothing ever waits here."""

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Return `(due_ns, sent_ns, data)` of what has left since the last call."""
        sent = list(self._sent)
        self._sent.clear()
        return sent

    def close(self) -> None:
        """Close and free the handle. Closing twice is harmless."""
        handle, self._handle = self._handle, None
        if handle is not None:
            _close(handle)


def _close(handle: Any) -> None:
    """Close and free; using a handle after `delete` crashes, so nobody may keep it."""
    with contextlib.suppress(Exception):
        handle.close_port()
    with contextlib.suppress(Exception):
        handle.delete()


class RtMidiBackend:
    """One input and one output of a system that python-rtmidi knows."""

    def __init__(
        self,
        name: str,
        *,
        module: ModuleType | None = None,
        client_name: str = "Antiphon",
        connect_in: Sequence[str] = (),
        connect_out: Sequence[str] = (),
        on_input: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the ports: virtual ones, or existing ones that were named or, on Windows, found.

        Args:
            name: `alsa`, `coremidi`, `winmm` or `jack`.
            module: python-rtmidi, or what stands in for it in tests.
            client_name: Name of our client where the system has clients.
            connect_in: At most one existing port to hear instead of a virtual one.
            connect_out: At most one existing port to play to instead of a virtual one.
            on_input: Called from the driver's thread when a message has arrived.

        Raises:
            PortError: The system is missing, or a port is not there or in use.
        """
        self.name, self.client_name = name, client_name
        self._module = module or load()
        self._lister = lister(self._module, name)
        listing = self._lister.list()
        source, sink = _choose(name, listing, connect_in, connect_out)
        api = _api(self._module, name)
        with _translated(self._module, name):
            handle_in = self._module.MidiIn(api, name=client_name)
            handle_out = self._module.MidiOut(api, name=client_name)
        self.input = RtMidiInput(handle_in, source or "Antiphon In", on_input)
        self.output = RtMidiOutput(handle_out, sink or "Antiphon Out")
        self.lost_reason = ""
        """Why the ports are gone, empty while they are there."""
        self._looked_ns = now_ns()
        try:
            with _translated(self._module, name):
                _open(handle_in, source, listing.sources, "Antiphon In")
                _open(handle_out, sink, listing.sinks, "Antiphon Out")
                self.input.listen()
        except PortError:
            self.close()
            raise

    def alive(self) -> bool:
        """Return whether sending works and both ports are listed; looks once in `LOOK_EVERY_NS`."""
        if self.output.failed:
            self.lost_reason = f"sending failed ({self.output.failed})"
        elif now_ns() - self._looked_ns >= LOOK_EVERY_NS:
            self._looked_ns = now_ns()
            self._look()
        return not self.lost_reason

    def _look(self) -> None:
        try:
            listing = system_thread(self.name).ask(self._lister.list, LOOK_S)
        except PortError as error:
            self.lost_reason = str(error)
            return
        for port in (self.input.name, self.output.name):
            if not listing.shows(port, self.name):
                self.lost_reason = f'port "{port}" has disappeared'

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return none: python-rtmidi does not say who is connected."""
        return (), ()

    def take_wiring_change(self) -> WiringChange:
        """Return none: python-rtmidi does not say who is connected."""
        return NO_CHANGE

    def close(self) -> None:
        """Close both ports. Closing twice is harmless."""
        with contextlib.suppress(UnansweredError):
            system_thread(self.name).ask(self._close_ports, CLOSE_S)

    def _close_ports(self) -> None:
        self.input.close()
        self.output.close()


def _open(handle: Any, existing: str | None, names: Sequence[str], virtual_name: str) -> None:
    if existing is None:
        handle.open_virtual_port(virtual_name)
    else:
        handle.open_port(names.index(existing), virtual_name)


def _choose(
    name: str, listing: Listing, connect_in: Sequence[str], connect_out: Sequence[str]
) -> tuple[str | None, str | None]:
    """Choose existing ports; None means a virtual one."""
    for asked, option in ((connect_in, "--connect-in"), (connect_out, "--connect-out")):
        if len(asked) > 1:
            raise PortError(f"{LABELS[name]}: {option} was given {len(asked)} ports; this back end takes one")
    bare = partial(bare_name, name)
    source = match_port(connect_in[0], listing.sources, bare) if connect_in else None
    sink = match_port(connect_out[0], listing.sinks, bare) if connect_out else None
    if name == "winmm":
        source, sink = choose_loopbacks(listing.sources, listing.sinks, source, sink)
    if source is not None and sink is not None and loops(name, source, sink):
        raise PortError(
            f'{LABELS[name]}: what is sent to "{sink}" would come back from "{source}" in a loop; '
            "choose another pair"
        )
    return source, sink
