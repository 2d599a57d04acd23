"""The connections of a JACK client: made when wanted, learned when a person makes them, watched."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.errors import PortError
from engine.midi.port_names import match_port
from engine.midi.ports import WiringChange


def port_names(client: Any) -> tuple[list[str], list[str]]:
    """Return the full names of all MIDI ports: those one can hear, and those one can play to."""
    sources, sinks = _ports(client)
    return [*sources], [*sinks]


def _ports(client: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names of all MIDI ports, each with what JACK-Client knows it by: sources and sinks."""
    sources = client.get_ports(is_midi=True, is_output=True)
    sinks = client.get_ports(is_midi=True, is_input=True)
    return {str(port.name): port.name for port in sources}, {str(port.name): port.name for port in sinks}


class Wires:
    """The connections of our two ports: made when wanted, and made again when a port comes back."""

    def __init__(self, client: Any, input_name: str, output_name: str, jack_error: type[Exception]) -> None:
        self._client, self._jack_error = client, jack_error
        self._input_name, self._output_name = input_name, output_name
        self._sources: dict[str, bool] = {}
        self._sinks: dict[str, bool] = {}
        self._seen: dict[bool, set[str]] = {True: set(), False: set()}
        """Ports that were connected when we last looked: those we hear, and those we play to."""
        self._receiver_joined = self._sender_left = False

    def take_change(self) -> WiringChange:
        """Return what was seen to change since the last call; a program that died reports nothing."""
        change = WiringChange(self._receiver_joined, self._sender_left)
        self._receiver_joined = self._sender_left = False
        return change

    def want(self, connect_in: Sequence[str], connect_out: Sequence[str], *, patient: bool) -> None:
        """Connect by name.

        Raises:
            PortError: A name fits no port or several, unless `patient`; or our own port is meant.
        """
        sources, sinks = self._others()
        self._sources.update(dict.fromkeys(self._matched(connect_in, sources, patient), False))
        self._sinks.update(dict.fromkeys(self._matched(connect_out, sinks, patient), False))
        self.tend()

    def _others(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the ports of other programs, as `_ports` does."""
        sources, sinks = _ports(self._client)
        sources.pop(self._output_name, None)
        sinks.pop(self._input_name, None)
        return sources, sinks

    @staticmethod
    def _matched(wanted: Sequence[str], names: Collection[str], patient: bool) -> list[str]:
        matched = []
        for name in wanted:
            try:
                matched.append(match_port(name, [*names]))
            except PortError:
                if not patient:
                    raise
                matched.append(name)
        return matched

    def tend(self) -> None:
        """Connect what is wanted and there, learn new connections, forget those a person cut."""
        with contextlib.suppress(self._jack_error):
            sources, sinks = self._others()
            self._tend_one(self._sources, sources, self._input_name, incoming=True)
            self._tend_one(self._sinks, sinks, self._output_name, incoming=False)

    def _tend_one(
        self, wires: dict[str, bool], there: Mapping[str, str], ours: str, *, incoming: bool
    ) -> None:
        port = self._client.get_port_by_name(ours)
        connected = {str(other.name) for other in self._client.get_all_connections(port)}
        for name, was_connected in list(wires.items()):
            if name in connected:
                wires[name] = True
            elif was_connected and name in there:
                del wires[name]
            elif name in there:
                pair = (there[name], ours) if incoming else (ours, there[name])
                self._client.connect(*pair)
                connected.add(name)
                wires[name] = True
            else:
                wires[name] = False
        wires.update(dict.fromkeys(connected & there.keys(), True))
        self._compare(connected, incoming=incoming)

    def _compare(self, connected: set[str], *, incoming: bool) -> None:
        before, self._seen[incoming] = self._seen[incoming], connected
        if incoming:
            self._sender_left = self._sender_left or not before <= connected
        else:
            self._receiver_joined = self._receiver_joined or not connected <= before

    def wanted(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return full names of the sources and sinks to be connected."""
        return tuple(self._sources), tuple(self._sinks)
