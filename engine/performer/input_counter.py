"""Counts what comes in, and what is not used by why not."""

from engine.midi.messages import is_note_off, is_note_on
from engine.performer.messages import InputCounts


class InputCounter:
    """Counts for one input port since it was opened."""

    def __init__(self) -> None:
        self._port = ""
        self.clock = 0
        """Clock messages."""
        self._notes = 0
        self._controllers = 0
        self._ignored: dict[str, int] = {}
        self._reported = self._counts()

    def opened(self, port: str) -> None:
        """Begin anew for a port of this name."""
        self._port = port
        self.clock = self._notes = self._controllers = 0
        self._ignored = {}
        self._reported = self._counts()

    def heard(self, data: bytes) -> None:
        """Count a channel message that is used."""
        if is_note_on(data) or is_note_off(data):
            self._notes += 1
        else:
            self._controllers += 1

    def ignored(self, reason: str) -> None:
        """Count a message that is not used."""
        self._ignored[reason] = self._ignored.get(reason, 0) + 1

    def changed(self) -> InputCounts | None:
        """Return the counts if they are others than last time."""
        counts = self._counts()
        if counts == self._reported:
            return None
        self._reported = counts
        return counts

    def _counts(self) -> InputCounts:
        ignored = tuple(sorted(self._ignored.items()))
        return InputCounts(self._port, self._notes, self._controllers, self.clock, ignored)
