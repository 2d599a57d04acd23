"""Closes the input to notes and controllers while more of them come than can be music."""

MOST_PER_S = 4096
"""Channel messages that are taken in a second: four full cables; a loop in the wiring brings far more."""
OPENS_AT = MOST_PER_S / 2
NOTICE = (
    f"More than {MOST_PER_S} notes and controllers a second come in: none is taken until that is over, and "
    "held keys were let go. Look for a loop in the wiring to Antiphon In"
)


class FloodGate:
    """A bucket from which each message takes one, and which fills by `MOST_PER_S` a second.

    Empty, it closes. It then owes for what goes on coming, up to another `MOST_PER_S`, so that it opens
    about a second and a half after the flood and not each time there is room for a few of its messages.
    """

    def __init__(self) -> None:
        self.closed = False
        self._left = float(MOST_PER_S)
        self._filled_ns: int | None = None
        self._has_lost = False
        """Whether messages were lost that have not been reported."""
        self._port_lost = 0

    def take(self, t_ns: int) -> bool:
        """Return whether a channel message that came at a time is taken."""
        self._fill(t_ns)
        self._left = max(-float(MOST_PER_S), self._left - 1.0)
        if self._left < 0.0 and not self.closed:
            self.closed = self._has_lost = True
        return not self.closed

    def watch(self, port_lost: int, now_ns: int) -> bool:
        """Close where the port has lost messages, open where a flood is over.

        Args:
            port_lost: how many messages the port has lost so far.
            now_ns: the time.

        Returns:
            Whether messages were lost since the last call for the first time in a flood, or by the port:
            nobody knows then which keys are held.
        """
        self._fill(now_ns)
        if port_lost > self._port_lost:
            self._left, self.closed, self._has_lost = -float(MOST_PER_S), True, True
        self._port_lost = port_lost
        self.closed = self.closed and self._left < OPENS_AT
        has_lost, self._has_lost = self._has_lost, False
        return has_lost

    def _fill(self, t_ns: int) -> None:
        filled_ns = t_ns if self._filled_ns is None else max(t_ns, self._filled_ns)
        if self._filled_ns is not None:
            self._left += (filled_ns - self._filled_ns) * 1e-9 * MOST_PER_S
        self._left = min(self._left, float(MOST_PER_S))
        self._filled_ns = filled_ns
