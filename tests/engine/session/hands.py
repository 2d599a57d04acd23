"""A session and what a player does to it, with clients that stand in for the performer's."""

import threading
from collections.abc import Sequence
from typing import Any

from engine.errors import PerformerError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase
from engine.parameter import Value
from engine.performer.messages import BarCaptured, Command, Event, NoteData, SetPattern, Shutdown
from engine.performer.offline import OfflinePerformer
from engine.session.document import Document
from engine.session.session import Client, Session

PlayedBar = Sequence[tuple[float, int, float, int]]
"""Of each note start in beats, pitch, length in beats and velocity."""
TUNE = ((0.02, 60, 0.9, 90), (1.0, 64, 0.5, 70), (2.0, 67, 1.0, 100), (3.01, 65, 0.8, 60))
OTHER = ((0.0, 72, 0.5, 90), (0.5, 71, 0.5, 70), (1.0, 69, 2.0, 100))


class RecordingClient:
    """Keeps what is sent, and returns the events it was given."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.events: list[Event] = []
        self.closed = 0
        self.broken = False
        self.threads: set[str] = set()

    def send(self, command: Command) -> None:
        """Keep a command, and the thread it came from."""
        if self.broken:
            raise PerformerError("the performer does not answer; it is being started again")
        self.threads.add(threading.current_thread().name)
        self.sent.append(command)

    def poll(self) -> list[Event]:
        """Return the events that were given."""
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        """Count how often it is closed."""
        self.closed += 1

    @property
    def patterns(self) -> list[SetPattern]:
        """The answers that were sent."""
        return [command for command in self.sent if isinstance(command, SetPattern)]


class OfflineClient:
    """A whole performer without a process, on time moved by hand."""

    def __init__(self) -> None:
        self.offline = OfflinePerformer(lead_ns=30_000_000)
        self.taken = 0

    def send(self, command: Command) -> None:
        """Give the performer a command."""
        self.offline.handle(command)

    def poll(self) -> list[Event]:
        """Return the events since the last time."""
        events = self.offline.events[self.taken :]
        self.taken += len(events)
        return events

    def close(self) -> None:
        """End the performer."""
        self.offline.handle(Shutdown())


CLIENTS: tuple[type[Client], ...] = (RecordingClient, OfflineClient)


class Hands:
    """A session and what a player does to it."""

    def __init__(
        self,
        model: Model | None,
        controls: Controls | None = None,
        document: Document | None = None,
        **options: Any,
    ) -> None:
        self.client = RecordingClient()
        self.now_ns = 1_000_000_000
        document = document or Document(controls=controls or Controls())
        self.session = Session(self.client, document=document, now_ns=lambda: self.now_ns, **options)
        self.session.start(model)

    def hear(self, *events: Event) -> None:
        """Let the performer report events, and wait for what they lead to."""
        self.client.events += events
        self.session.poll()
        assert self.session.wait_idle()

    def play_bars(self, first: int, *bars: PlayedBar) -> None:
        """Play bars of 4/4, the first of this number."""
        self.hear(*(captured(first + index, notes) for index, notes in enumerate(bars)))

    def set(self, **changes: Value) -> None:
        """Set parameters one after the other, and wait for the answer."""
        for name, value in changes.items():
            self.session.set(name, value)
        assert self.session.wait_idle()

    def later(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)

    @property
    def last(self) -> SetPattern:
        """The answer that was sent last."""
        return self.client.patterns[-1]


def captured(number: int, notes: PlayedBar, metre: Metre = FOUR_FOUR) -> BarCaptured:
    """Return a bar as the performer reports it."""
    return BarCaptured(number, tuple(NoteData(*note, 0) for note in notes), (), 120.0, metre, 0)


def phrase(*bars: PlayedBar) -> Phrase:
    """Return bars of 4/4 as a phrase."""
    notes = [
        Note(start_beats + 4 * index, pitch, duration_beats, velocity)
        for index, bar in enumerate(bars)
        for start_beats, pitch, duration_beats, velocity in bar
    ]
    return Phrase.of(notes, len(bars))


def wire(music: Phrase) -> tuple[NoteData, ...]:
    """Return a phrase's notes as they are sent."""
    return tuple(
        NoteData(n.start_beats, n.pitch, n.duration_beats, n.velocity, n.channel) for n in music.notes
    )
