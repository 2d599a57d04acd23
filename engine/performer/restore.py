"""What a controller must send to a new performer so that it goes on where the old one ended."""

from engine.midi.messages import FIRST_SYSTEM, channel
from engine.performer.messages import (
    ClearPattern,
    ClockState,
    Command,
    Connections,
    Event,
    Feed,
    Play,
    Played,
    SetClock,
    SetInput,
    SetLink,
    SetMetre,
    SetMetronome,
    SetOffset,
    SetPattern,
    SetTempo,
    Stop,
)

KEPT = (SetMetre, SetTempo, SetLink, SetClock, SetInput, SetOffset, SetMetronome, SetPattern)
"""Commands of which the last holds, in the order in which a new performer is given them."""


class Memory:
    """The last command of each kind that still holds, and what the events reported."""

    def __init__(self, connect_in: tuple[str, ...] = (), connect_out: tuple[str, ...] = ()) -> None:
        self._connect_in, self._connect_out = connect_in, connect_out
        self._settings: dict[type, Command] = {}
        self._play: Play | None = None
        self._clock: ClockState | None = None
        self._channels: set[int] = set()

    def remember(self, command: Command) -> None:
        """Keep a command that a new performer would need."""
        if isinstance(command, KEPT):
            self._settings[type(command)] = command
        elif isinstance(command, ClearPattern):
            self._settings.pop(SetPattern, None)
        elif isinstance(command, Feed):
            self._settings.pop(Feed, None)
            if command.notes:
                self._settings[Feed] = command
        elif isinstance(command, Play):
            # A position from before this Play says nothing about where it will be.
            self._play, self._clock = command, None
        elif isinstance(command, Stop):
            self._play = None
        if isinstance(command, SetPattern | Feed):
            self._channels.update(note.channel for note in command.notes)

    def notice(self, event: Event) -> None:
        """Keep what an event reports of the performer's state."""
        if isinstance(event, ClockState):
            self._clock = event
        elif isinstance(event, Played) and event.data and event.data[0] < FIRST_SYSTEM:
            self._channels.add(channel(event.data))
        elif isinstance(event, Connections):
            self._connect_in, self._connect_out = event.sources, event.sinks

    def options(self, *, again: bool) -> list[str]:
        """Return the performer's options: what to connect, and for a successor what to silence."""
        options = [f"--connect-in={name}" for name in self._connect_in]
        options += [f"--connect-out={name}" for name in self._connect_out]
        if again:
            options.append("--patient")
            options += [f"--silence-channel={channel}" for channel in sorted(self._channels)]
        return options

    def restoration(self, now_ns: int) -> list[Command]:
        """Return the commands that bring a new performer to where the old one would be now."""
        commands = [self._settings[kind] for kind in (*KEPT, Feed) if kind in self._settings]
        if self._play is not None:
            commands.append(Play(self._position_beats(self._play, now_ns)))
        return commands

    def _position_beats(self, play: Play, now_ns: int) -> float:
        clock = self._clock
        if clock is None or clock.source != "internal":
            return play.position_beats
        return clock.position_beats + max(0, now_ns - clock.t_ns) * clock.bpm / 60e9
