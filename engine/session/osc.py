"""The OSC port: a UDP socket that is asked and never waits. Needs the extra `osc` (python-osc)."""

import contextlib
import logging
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from engine.errors import AntiphonError, reason_of
from engine.session.intents import OscMessage, OscReceived
from engine.session.state import OscPlace

THIS_MACHINE, EVERYONE = "127.0.0.1", "0.0.0.0"
LARGEST_BYTES = 8192
"""A larger packet is no message of a hand."""
PACKETS_AT_ONCE = 128
"""Packets taken in one call; the others wait in the socket."""
NOT_INSTALLED = "OSC needs the package python-osc; install it with: pip install python-osc"
logging.getLogger().addFilter(lambda record: "pythonosc" not in record.pathname)
"""The library writes a line for each value it does not know, and a stranger could send many."""


class OscError(AntiphonError):
    """The OSC port cannot be had; one line says why and what to do."""


class OscPort:
    """Hears messages at a place and sends some; owned by the session's thread."""

    def __init__(self, place: OscPlace) -> None:
        """Open the port.

        Raises:
            OscError: the library is not installed, or the port is taken.
        """
        try:
            import pythonosc.osc_packet  # noqa: F401
        except ImportError:
            raise OscError(NOT_INSTALLED) from None
        self._heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._heard.setblocking(False)
        try:
            self._heard.bind((EVERYONE if place.network else THIS_MACHINE, place.port))
        except OSError as error:
            self._heard.close()
            why = f"OSC cannot be heard on port {place.port} ({reason_of(error)})"
            raise OscError(f"{why}; choose another OSC port, then switch OSC on again") from None
        # A port bound to this machine alone cannot send to others.
        self._sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sent.setblocking(False)
        self.unsent = 0
        """Messages that the system did not take, as where nothing leads to the address."""

    @property
    def number(self) -> int:
        """The port that is heard."""
        return int(self._heard.getsockname()[1])

    def receive(self) -> list[OscReceived]:
        """Take what has come, oldest first. Never waits."""
        found: list[OscReceived] = []
        for _ in range(PACKETS_AT_ONCE):
            try:
                packet, sender = self._heard.recvfrom(LARGEST_BYTES + 1)
            except ConnectionResetError:  # Windows says here that an earlier answer found nobody
                continue
            except OSError:
                break
            found += _messages(packet, sender)
        return found

    def send(self, messages: Sequence[OscMessage], to: tuple[str, int]) -> None:
        """Send messages, one a packet. Never waits, never fails: what is not taken is counted."""
        for message in messages:
            try:
                self._sent.sendto(_packet(message), to)
            except OSError:
                self.unsent += 1

    def close(self) -> None:
        """Close the port. Closing twice is harmless."""
        with contextlib.suppress(OSError):
            self._heard.close()
            self._sent.close()


def _messages(packet: bytes, sender: tuple[str, int]) -> list[OscReceived]:
    """Return the messages of a packet, of a bundle all whatever its time; or why it is refused."""
    if len(packet) > LARGEST_BYTES:
        return [OscReceived(sender, refused=f"a packet of more than {LARGEST_BYTES} bytes")]
    try:
        return [_message(each, sender) for each in _parsed(packet)]
    except Exception:  # the library raises whatever a malformed packet leads it into
        return [OscReceived(sender, refused="a packet that is no OSC message")]


def _parsed(packet: bytes) -> Iterator[Any]:
    from pythonosc.osc_packet import OscPacket

    for timed in OscPacket(packet).messages:
        yield timed.message


def _message(message: Any, sender: tuple[str, int]) -> OscReceived:
    arguments = tuple(message.params)
    if not all(each is None or isinstance(each, bool | int | float | str) for each in arguments):
        return OscReceived(sender, message.address, refused="values are numbers and words")
    return OscReceived(sender, message.address, arguments)


def _packet(message: OscMessage) -> bytes:
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(message.address)
    for argument in message.arguments:
        builder.add_arg(argument)
    return bytes(builder.build().dgram)
