"""The small protocol every MIDI back end speaks: true times on input, due times on output.

All times are nanoseconds of one monotonic clock, `now_ns()` (`t_ns`, `due_ns`).
"""

import time
from typing import NamedTuple, Protocol

import msgspec

now_ns = time.perf_counter_ns
"""The one clock. On Linux and macOS it is the clock of `time.monotonic_ns()`; on Windows, where
that one moves in steps of 15 ms, it is the performance counter."""


class InputEvent(msgspec.Struct, frozen=True):
    """One complete MIDI message and the moment it really happened."""

    t_ns: int
    """Monotonic time of arrival, corrected to the true time where the back end knows it."""
    data: bytes
    """The whole message, status byte first; never running status."""


class InputPort(Protocol):
    """A source of stamped messages. The driver's thread appends; the performer drains."""

    name: str
    """Name as other programs see it."""

    @property
    def dropped(self) -> int:
        """Messages lost since opening because the bounded ring was full."""
        ...

    def drain(self) -> list[InputEvent]:
        """Take every message that has arrived, oldest first. Never blocks."""
        ...

    def close(self) -> None:
        """Cancel the callback, then close. Closing twice is harmless."""
        ...


class OutputPort(Protocol):
    """A sink for messages with due times."""

    name: str
    """Name as other programs see it."""
    lead_ns: int
    """How early a message may be handed over: about 30 ms for a port that schedules by itself,
    0 for one that sends at once, in which case the performer waits until `due_ns`."""

    def send(self, due_ns: int, data: bytes) -> None:
        """Hand over one message to sound at `due_ns`; a past time means at once.

        Messages with equal due times leave in the order they were handed over.
        """
        ...

    def cancel(self) -> None:
        """Forget every message handed over that has not left yet."""
        ...

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Return `(due_ns, sent_ns, data)` of what has left since the last call.

        For a port that schedules by itself `sent_ns` is the time of the frame it was written at.
        """
        ...

    def close(self) -> None:
        """Close the port. Closing twice is harmless."""
        ...


class WiringChange(NamedTuple):
    """What happened to the connections of our ports."""

    receiver_joined: bool = False
    """A port was connected to our output, perhaps one that was there before."""
    sender_left: bool = False
    """A port was disconnected from our input."""


NO_CHANGE = WiringChange()


class MidiBackend(Protocol):
    """A connection to one MIDI system with one input and one output port of ours."""

    name: str
    """`jack`, `alsa`, `coremidi`, `winmm` or `recording`."""
    client_name: str
    """Our name as the system knows it, where it may have made it another than was asked for."""

    @property
    def lost_reason(self) -> str:
        """Why the ports are gone; empty while they are there."""
        ...

    @property
    def input(self) -> InputPort:
        """Our input port."""
        ...

    @property
    def output(self) -> OutputPort:
        """Our output port."""
        ...

    def alive(self) -> bool:
        """Return whether the server and both ports are still there. Cheap; called a few times a second."""
        ...

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ports we hear and those we play to, also those that are away just now.

        Empty where the system does not say.
        """
        ...

    def take_wiring_change(self) -> WiringChange:
        """Return what happened to our connections since the last call; nothing where the system is silent."""
        ...

    def close(self) -> None:
        """Close both ports and the connection. Closing twice is harmless."""
        ...
