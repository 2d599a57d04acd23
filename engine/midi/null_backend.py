"""A back end that hears nothing and swallows everything: what the performer plays on while the
real ports are away, so that clock and pattern go on and are right when the ports come back."""

from engine.midi.ports import NO_CHANGE, InputEvent, WiringChange


class SilentInput:
    """An input on which nothing arrives."""

    name = "(no input)"
    dropped = 0

    def drain(self) -> list[InputEvent]:
        """Return nothing."""
        return []

    def close(self) -> None:
        """Nothing to close."""


class SilentOutput:
    """An output that forgets what it is given; nothing counts as sent."""

    name = "(no output)"
    lead_ns = 0

    def send(self, due_ns: int, data: bytes) -> None:
        """Forget the message."""

    def cancel(self) -> None:
        """Nothing waits."""

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Return nothing: nothing left."""
        return []

    def close(self) -> None:
        """Nothing to close."""


class SilentBackend:
    """Ports to nowhere."""

    name = client_name = "none"
    lost_reason = ""

    def __init__(self) -> None:
        self.input = SilentInput()
        self.output = SilentOutput()

    def alive(self) -> bool:
        """Return True: what leads nowhere cannot be lost."""
        return True

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return none."""
        return (), ()

    def take_wiring_change(self) -> WiringChange:
        """Return none."""
        return NO_CHANGE

    def close(self) -> None:
        """Nothing to close."""
