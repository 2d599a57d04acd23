"""Ports that keep everything in memory: for tests, the demo and rendering without a driver.

They read the time from a callable, so a test moves time by hand and a program may pass
`engine.midi.ports.now_ns`. One thread only.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from engine.errors import PortError
from engine.midi.ports import NO_CHANGE, InputEvent, WiringChange

Now = Callable[[], int]


class RecordingInput:
    """An input that is played by calling `play`."""

    def __init__(self, now: Now, name: str = "Antiphon In") -> None:
        self.name = name
        self.dropped = 0
        self.closed = False
        self._now = now
        self._waiting: list[tuple[int, int, bytes]] = []
        self._order = 0

    def play(self, t_ns: int, data: bytes) -> None:
        """Let a message arrive at `t_ns`, which may lie in the future."""
        self._order += 1
        heappush(self._waiting, (t_ns, self._order, bytes(data)))

    def drain(self) -> list[InputEvent]:
        """Take what has arrived by now, oldest first."""
        events = []
        while self._waiting and self._waiting[0][0] <= self._now():
            t_ns, _, data = heappop(self._waiting)
            events.append(InputEvent(t_ns, data))
        return events

    def next_ns(self) -> int | None:
        """Return when the next message arrives."""
        return self._waiting[0][0] if self._waiting else None

    def close(self) -> None:
        """Close the port; nothing arrives any more."""
        self.closed = True
        self._waiting.clear()


class RecordingOutput:
    """An output that keeps what was sent, as a port with the given lead would have sent it.

    Args:
        now: returns the time in ns.
        lead_ns: how early messages are taken; with 0 they leave when they are handed over.
        name: name of the port.
    """

    def __init__(self, now: Now, lead_ns: int = 0, name: str = "Antiphon Out") -> None:
        self.name = name
        self.lead_ns = lead_ns
        self.closed = False
        self.broken = False
        """Refuse every message, as a port whose server died."""
        self.log: list[tuple[int, int, bytes]] = []
        """`(due_ns, sent_ns, data)` of everything that has left."""
        self._now = now
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._order = 0
        self._reported = 0

    def send(self, due_ns: int, data: bytes) -> None:
        """Keep one message to leave at `due_ns`, at once if that is past or there is no lead.

        Raises:
            PortError: the port is closed, or a test has broken it.
        """
        if self.broken or self.closed:
            raise PortError(f"{self.name}: the port is gone; reconnect it")
        handed_ns = self._now()
        leaves_ns = max(due_ns, handed_ns) if self.lead_ns else handed_ns
        self._order += 1
        heappush(self._waiting, (leaves_ns, self._order, due_ns, bytes(data)))
        self._settle()

    def cancel(self) -> None:
        """Forget what has not left."""
        self._settle()
        self._waiting.clear()

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Report what has left since the last call."""
        self._settle()
        fresh = self.log[self._reported :]
        self._reported = len(self.log)
        return fresh

    def close(self) -> None:
        """Close the port; what has not left is forgotten."""
        if not self.closed:
            self.cancel()
            self.closed = True

    def _settle(self) -> None:
        now_ns = self._now()
        while self._waiting and self._waiting[0][0] <= now_ns:
            leaves_ns, _, due_ns, data = heappop(self._waiting)
            self.log.append((due_ns, leaves_ns, data))


class RecordingBackend:
    """A pair of recording ports.

    Args:
        now: returns the time in ns.
        lead_ns: lead of the output.
    """

    name = "recording"
    client_name = "Antiphon"
    lost_reason = ""

    def __init__(self, now: Now, lead_ns: int = 0) -> None:
        self.input = RecordingInput(now)
        self.output = RecordingOutput(now, lead_ns)
        self.wired: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        """Ports of others that it says it is connected to."""
        self.wiring_change = NO_CHANGE
        """What it will say happened to its connections."""
        self._alive = True

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the peers that the test has set."""
        return self.wired

    def take_wiring_change(self) -> WiringChange:
        """Return the changes that the test has set, once."""
        change, self.wiring_change = self.wiring_change, NO_CHANGE
        return change

    def alive(self) -> bool:
        """Return whether `kill` or `close` has not been called."""
        return self._alive

    def kill(self) -> None:
        """Let the server die: nothing leaves or arrives any more."""
        self._alive = False
        self.output.cancel()
        self.output.broken = True
        self.input.close()

    def close(self) -> None:
        """Close both ports."""
        self._alive = False
        self.input.close()
        self.output.close()
