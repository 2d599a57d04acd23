"""Which MIDI system is used, and why not the others: each refusal is one line with its remedy."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import msgspec

from engine.errors import PortError
from engine.midi.port_names import UnknownPortError
from engine.midi.ports import MidiBackend
from engine.midi.system_thread import OPEN_S, Call, UnansweredError, system_thread
from engine.text import counted

BackendName = Literal["jack", "alsa", "coremidi", "winmm"]
BACKENDS: tuple[BackendName, ...] = ("jack", "alsa", "coremidi", "winmm")


class PortInfo(msgspec.Struct, frozen=True):
    """A port of another program or device."""

    backend: str
    """`jack`, `alsa`, `coremidi` or `winmm`."""
    direction: Literal["source", "sink"]
    """`source`: one can hear it; `sink`: one can play to it."""
    name: str
    """Whole name, as `--connect-in` and `--connect-out` take it."""


class BackendStatus(msgspec.Struct, frozen=True):
    """Whether a back end could be used now."""

    name: str
    """`jack`, `alsa`, `coremidi` or `winmm`."""
    available: bool
    """Whether its system answers."""
    reason: str
    """What is there, or why it cannot be used with its remedy; one line."""
    chosen: bool
    """Whether `auto` would take it now."""


def candidates(platform: str = sys.platform) -> tuple[BackendName, ...]:
    """Return the back ends of a platform, best first."""
    if platform == "win32":
        return ("winmm",)
    if platform == "darwin":
        return ("coremidi", "jack")
    return ("jack", "alsa")


class NoPortsError(PortError):
    """No back end of this system answers; the line is about the one that comes first."""

    def __init__(self, tried: Sequence[str]) -> None:
        super().__init__(f"No MIDI ports can be opened. {tried[0]}")
        self.tried = tuple(tried)
        """Why not, a line for each back end."""


def open_backend(
    choice: str = "auto",
    *,
    client_name: str = "Antiphon",
    connect_in: Sequence[str] = (),
    connect_out: Sequence[str] = (),
    patient: bool = False,
    on_input: Callable[[], None] = lambda: None,
    platform: str = sys.platform,
    wait_s: float = OPEN_S,
) -> MidiBackend:
    """Open our ports on the MIDI system that was chosen, or on the best one that answers.

    Args:
        choice: `auto`, `jack`, `alsa`, `coremidi` or `winmm`.
        client_name: Our name in the system.
        connect_in: Ports to hear, by name or part of it.
        connect_out: Ports to play to, by name or part of it.
        patient: Where the system can, wait for such a port to appear instead of refusing.
        on_input: Called from a driver's thread whenever messages have arrived.
        platform: As `sys.platform`.
        wait_s: How long a system may take. What it opens after that is what the next call returns.

    Raises:
        PortError: Nothing could be opened; a `NoPortsError` where several back ends were tried.
    """
    tried: list[str] = []
    for name in _wanted(choice, platform):
        try:
            opening = partial(_open_one, name, client_name, connect_in, connect_out, patient, on_input)
            backend = _open_in_time(name, opening, wait_s)
            _close_late_ones()
            return backend
        except UnknownPortError:
            raise
        except PortError as error:
            tried.append(str(error))
    raise PortError(tried[0]) if len(tried) == 1 else NoPortsError(tried)


def _wanted(choice: str, platform: str) -> tuple[BackendName, ...]:
    if choice == "auto":
        return candidates(platform)
    for name in BACKENDS:
        if name == choice:
            break
    else:
        raise PortError(f'MIDI back end "{choice}" is unknown; choose auto, {", ".join(BACKENDS)}')
    if name not in candidates(platform) and name != "jack":
        raise PortError(f"{name}: not on this system; choose {', '.join(candidates(platform))}")
    return (name,)


_late: dict[BackendName, Call[MidiBackend]] = {}
"""Ports that a system was still opening when nobody waited any longer."""


def _open_in_time(name: BackendName, opening: Callable[[], MidiBackend], wait_s: float) -> MidiBackend:
    """Open ports, or take those that were asked for before and have come meanwhile."""
    thread = system_thread(name)
    call = _late.pop(name, None) or thread.begin(opening)
    try:
        return thread.answer(call, wait_s)
    except UnansweredError:
        _late[name] = call
        raise


def _close_late_ones() -> None:
    """See to it that ports which open only now, beside those of another system, are closed again."""
    while _late:
        name, call = _late.popitem()
        system_thread(name).begin(partial(_close_late, call))


def _close_late(call: Call[MidiBackend]) -> None:
    with contextlib.suppress(PortError):
        call.answer().close()


def _open_one(
    name: BackendName,
    client_name: str,
    connect_in: Sequence[str],
    connect_out: Sequence[str],
    patient: bool,
    on_input: Callable[[], None],
) -> MidiBackend:
    if name == "jack" and _has_jack_client():
        from engine.midi.jack import JackBackend

        return JackBackend(
            client_name=client_name,
            connect_in=connect_in,
            connect_out=connect_out,
            patient=patient,
            on_input=on_input,
        )
    from engine.midi.rtmidi import RtMidiBackend

    return RtMidiBackend(
        name, client_name=client_name, connect_in=connect_in, connect_out=connect_out, on_input=on_input
    )


def _has_jack_client() -> bool:
    from engine.midi.jack import has_package

    return has_package()


def list_ports(platform: str = sys.platform) -> list[PortInfo]:
    """Return the ports of other programs on every back end that answers."""
    found: list[PortInfo] = []
    for name in candidates(platform):
        try:
            sources, sinks = system_thread(name).ask(partial(_names, name), OPEN_S)
        except PortError:
            continue
        found += [PortInfo(name, "source", port) for port in sources]
        found += [PortInfo(name, "sink", port) for port in sinks]
    return found


def probe(platform: str = sys.platform) -> list[BackendStatus]:
    """Return for each back end of this platform whether it answers, and if not why and what to do."""
    found: list[BackendStatus] = []
    for name in candidates(platform):
        try:
            sources, sinks = system_thread(name).ask(partial(_names, name), OPEN_S)
        except PortError as error:
            found.append(BackendStatus(name, False, str(error), chosen=False))
            continue
        first = not any(status.available for status in found)
        text = f"{counted(len(sources), 'port')} to hear, {len(sinks)} to play to"
        found.append(BackendStatus(name, True, text, chosen=first))
    return found


def _names(name: BackendName) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of sources and sinks; raises `PortError` when the system cannot be used."""
    if name == "jack" and _has_jack_client():
        from engine.midi.jack import list_jack_ports

        return list_jack_ports()
    from engine.midi import rtmidi

    listing = rtmidi.lister(rtmidi.load(), name).list()
    return listing.sources, listing.sinks
