"""A whole performer on time moved by hand: for tests, rendering without a driver, and the demo."""

from collections.abc import Callable, Iterable

from engine.midi.messages import FIRST_SYSTEM, Key, is_note_off, is_note_on, key
from engine.midi.recording_ports import RecordingBackend
from engine.performer import messages as m
from engine.performer.ableton_link import open_link
from engine.performer.link import TempoLink
from engine.performer.performer import Performer


class OfflinePerformer:
    """A performer on recording ports whose clock stands still until `run_until` moves it.

    Args:
        lead_ns: lead of the output port.
        start_ns: the time it begins at.
        open_link: joins those that share tempo and beat.
        wake_late_ns: how late each step comes after the time the performer asked for.
    """

    def __init__(
        self,
        *,
        lead_ns: int = 0,
        start_ns: int = 1_000_000_000,
        wake_late_ns: int = 0,
        open_link: Callable[[float, bool], TempoLink] = open_link,
    ) -> None:
        self.now_ns = start_ns
        self.events: list[m.Event] = []
        self._wake_late_ns = wake_late_ns
        self.backend = self.new_backend(lead_ns)
        self.performer = Performer(self.backend, self.events.append, open_link)

    def new_backend(self, lead_ns: int = 0) -> RecordingBackend:
        """Make another pair of ports on the same clock."""
        return RecordingBackend(lambda: self.now_ns, lead_ns)

    def attach(self, backend: RecordingBackend) -> None:
        """Let the performer go on with other ports."""
        self.backend = backend
        self.performer.attach(backend, self.now_ns)

    def play(self, messages: Iterable[tuple[int, bytes]]) -> None:
        """Let `(t_ns, data)` arrive at the input, each at its time."""
        for t_ns, data in messages:
            self.backend.input.play(t_ns, data)

    def handle(self, command: m.Command) -> None:
        """Give a command now."""
        self.performer.handle(command, self.now_ns)

    def run_until(self, t_ns: int) -> None:
        """Step the performer whenever it asks for it or input arrives, up to a time."""
        while True:
            wake_ns = self.performer.step(self.now_ns)
            arrival_ns = self.backend.input.next_ns()
            if arrival_ns is not None:
                wake_ns = min(wake_ns, arrival_ns)
            wake_ns = max(wake_ns, self.now_ns + 1) + self._wake_late_ns
            if wake_ns > t_ns:
                break
            self.now_ns = wake_ns
        self.now_ns = t_ns
        self.performer.step(self.now_ns)

    def run_for(self, duration_ns: int) -> None:
        """Run for some time from now on; see `run_until`."""
        self.run_until(self.now_ns + duration_ns)

    def of(self, kind: type[m.Message]) -> list[m.Event]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def sounding(self) -> set[Key]:
        """Return channel and pitch of every note that was switched on at the output and not off."""
        on: set[Key] = set()
        for _, _, data in self.backend.output.log:
            if data[0] >= FIRST_SYSTEM:
                continue
            if is_note_on(data):
                on.add(key(data))
            elif is_note_off(data):
                on.discard(key(data))
        return on
