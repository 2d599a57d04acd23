"""What the controller and the performer say to each other: frozen, tagged msgpack messages.

Commands go to the performer, events come from it. Times: `_ns` monotonic nanoseconds,
`_beats` quarter notes counted from the start of the song (transport position 0).
"""

from typing import Annotated, Literal, TypeVar

import msgspec

from engine.midi.messages import is_whole
from engine.music.metre import FOUR_FOUR, Metre

StartAt = Literal["step", "beat", "bar", "phrase"]
"""A phrase is the pattern that plays, from its beginning to its end."""
ClockSource = Literal["auto", "internal", "external"]
ClockLeader = Literal["internal", "external"]
ClockStatus = Literal["stopped", "armed", "rolling", "flywheel", "lost"]

Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
"""What music has, which is finite; beyond it, places in a beat are no longer told apart."""
DataByte = Annotated[int, msgspec.Meta(ge=0, le=127)]
PortName = Annotated[str, msgspec.Meta(pattern=r"^[^\0]*$")]
"""What can be an option of a process."""


class MessageError(ValueError):
    """Bytes or values that are no message."""


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base of all messages; the class name is the tag."""


class NoteData(msgspec.Struct, frozen=True, array_like=True):
    """A note on the wire; the fields of `engine.music.notes.Note`."""

    start_beats: Number
    pitch: DataByte
    duration_beats: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    velocity: Annotated[int, msgspec.Meta(ge=1, le=127)]
    channel: Annotated[int, msgspec.Meta(ge=0, le=15)]


# Commands -----------------------------------------------------------------------------------


class SetPattern(Message, frozen=True):
    """Play these notes, looped over `bars` bars, from the next step, beat or bar line on."""

    pattern_id: int
    notes: tuple[NoteData, ...]
    bars: int
    starts_at: StartAt = "step"
    anchor_beats: Number | None = None
    """Song position that a repeat's start falls on, as do all whole lengths before and after it: so
    an answer to bars 4 and 5 plays its first bar in bar 6, 8, 10. None leaves it to the scheduler."""
    at_beats: Number | None = None
    """Song position it takes over at; it is silent before. Where that has passed, or None: `starts_at`."""
    until_beats: Number | None = None
    """Song position it falls silent at; None to go on until another pattern comes."""
    once: bool = False
    """Fall silent where the pass ends in which it takes over, instead of beginning again."""


class ClearPattern(Message, frozen=True):
    """Play nothing any more; note-offs first."""


class SetTempo(Message, frozen=True):
    """Tempo of the internal clock."""

    bpm: Number


class SetMetre(Message, frozen=True):
    """The metre of the bars from here on; MIDI clock carries none."""

    metre: Metre


class SetClock(Message, frozen=True):
    """Choose the clock: `auto` follows an external one while it comes, else the internal one."""

    source: ClockSource = "auto"
    send_clock: bool = False
    spp_in_clocks: bool = False
    """Read Song Position as MIDI clocks (Ardour 7) rather than sixteenths (the specification)."""


class SetInput(Message, frozen=True):
    """Choose what becomes of what the player plays, besides that it is captured."""

    thru_notes: bool = False
    """Send the player's notes on to the output."""
    thru_controllers: bool = True
    """Send bend, pressure and controllers on; those of pedals only if they do not lengthen notes."""
    sustain_lengthens: bool = True
    """Let the sustain and sostenuto pedals lengthen the captured notes, instead of leaving them pedals."""


class SetOffset(Message, frozen=True):
    """Output compensation: positive plays later."""

    offset_ms: Number


class SetMetronome(Message, frozen=True):
    """Choose whether clicks are played, on every pulse, and which note they are; a count-in clicks anyway."""

    on: bool = False
    channel: int = 9
    pitch: int = 37


class SetLink(Message, frozen=True):
    """Share tempo and beat with other programs by Ableton Link, or no more."""

    enabled: bool = False
    start_stop: bool = True
    """Start and stop together with those that share that too."""


class MeasureLoop(Message, frozen=True):
    """Send clicks and time their way back to our input; answered by `LoopMeasured`."""

    clicks: int = 10
    channel: int = 9
    pitch: int = 37


class Play(Message, frozen=True):
    """Start the internal clock from `position_beats`."""

    position_beats: Annotated[float, msgspec.Meta(ge=-1e8, le=1e8)] = 0.0
    count_in_bars: int = 0
    """Bars that are counted before."""


class Stop(Message, frozen=True):
    """Stop the internal clock; note-offs first."""


class Feed(Message, frozen=True):
    """Play a phrase into the input as if the DAW had sent it (demo phrase), from the next bar on.

    It loops until an empty `Feed` comes.
    """

    notes: tuple[NoteData, ...]
    bars: int


class Panic(Message, frozen=True):
    """Silence everything now."""


class Ping(Message, frozen=True):
    """Heartbeat; answered by `Pong` with the same number. Silence means the controller is gone."""

    number: int


class Shutdown(Message, frozen=True):
    """Silence everything and exit."""


Command = (
    SetPattern
    | ClearPattern
    | SetTempo
    | SetMetre
    | SetClock
    | SetInput
    | SetOffset
    | SetMetronome
    | SetLink
    | MeasureLoop
    | Play
    | Stop
    | Feed
    | Panic
    | Ping
    | Shutdown
)

# Events -------------------------------------------------------------------------------------


class Ready(Message, frozen=True):
    """Ports are open."""

    backend: str
    input_name: str
    output_name: str
    realtime: bool
    """Whether the system granted real-time scheduling."""
    client_name: str = ""
    """Our name in the MIDI system; of two instances the second has another."""


class BarCaptured(Message, frozen=True):
    """One whole bar that was heard. Note times count from its bar line; an early first note is
    negative; a note held over the line is closed here and `tied` again into the next bar."""

    bar: int
    notes: tuple[NoteData, ...]
    tied: tuple[int, ...]
    """Indices into `notes` of notes that began in the bar before and go on here."""
    bpm: Number
    metre: Metre
    ended_ns: int

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in the bar."""
        return self.metre.beats_per_bar


class ClockState(Message, frozen=True):
    """Where the music is; sent about 30 times a second and at every change."""

    status: ClockStatus
    source: ClockLeader
    bpm: Number
    position_beats: Number
    metre: Metre
    t_ns: int
    """The moment `position_beats` holds for."""
    jitter_ms: Number
    """Measured spread of the external clock's ticks (standard deviation)."""
    bar_phase_known: bool
    """False after joining a clock that already ran, or Continue without a song position."""
    missed_ticks: int
    duplicate_ticks: int
    doubled: bool = False
    """Whether every tick of the external clock comes twice, as over two cables; it is counted once."""

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.metre.beats_per_bar


class LoopMeasured(Message, frozen=True):
    """How long clicks of ours took from our output back to our input."""

    round_trips_ms: tuple[Number, ...]
    """Of those that came back, in the order they were sent."""
    clicks: int
    """How many were sent."""


class LinkState(Message, frozen=True):
    """Who shares tempo and beat; sent when it changes."""

    enabled: bool
    peers: int = 0
    """Other programs that share."""
    bpm: Number = 120.0
    problem: str = ""
    """Why there is none, in one line with a remedy; empty where there is one or none is wanted."""


class Heard(Message, frozen=True):
    """A channel message from the input, with its musical time."""

    t_ns: int
    position_beats: Number
    data: bytes
    ignored: str = ""
    """Why nothing came of it; empty if it was used."""


class InputCounts(Message, frozen=True):
    """What came in since the ports were opened; sent a few times a second while it changes."""

    port: str
    notes: int
    controllers: int
    """Channel messages other than notes."""
    clock: int
    """Ticks and other messages of a clock."""
    ignored: tuple[tuple[str, int], ...]
    """How many messages were not used, by reason."""


class Played(Message, frozen=True):
    """A message that left the output."""

    due_ns: int
    sent_ns: int
    position_beats: Number
    data: bytes


class PatternStarted(Message, frozen=True):
    """A pattern began to sound."""

    pattern_id: int
    at_beats: Number
    t_ns: int
    anchor_beats: Number = 0.0
    """Song position that the pattern's first beat is counted from."""


class PortLost(Message, frozen=True):
    """A port or the MIDI server went away; everything is silenced and we keep trying."""

    reason: str
    remedy: str
    tried: tuple[str, ...] = ()
    """Why each back end cannot be used, where several were tried."""


class PortBack(Message, frozen=True):
    """The ports are open again."""

    backend: str


class Connections(Message, frozen=True):
    """Which ports of other programs ours are wired to; sent when it changes.

    A new performer is given them, so that the DAW stays connected.
    """

    sources: tuple[PortName, ...]
    sinks: tuple[PortName, ...]


class Fault(Message, frozen=True):
    """Something went wrong that the user should know; the music goes on."""

    text: str


class Pong(Message, frozen=True):
    """Answer to `Ping`."""

    number: int
    dropped_input: int
    late_sends: int


class Bye(Message, frozen=True):
    """The performer has silenced everything and exits."""


Event = (
    Ready
    | BarCaptured
    | ClockState
    | LinkState
    | LoopMeasured
    | Heard
    | InputCounts
    | Played
    | PatternStarted
    | PortLost
    | PortBack
    | Connections
    | Fault
    | Pong
    | Bye
)

_MessageT = TypeVar("_MessageT", bound=Message)
_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(message: Message) -> bytes:
    """Encode a command or event."""
    return _encoder.encode(message)


def decode_command(data: bytes) -> Command:
    """Decode a command.

    Raises:
        MessageError: it is none, or has a value out of range.
    """
    return _decode(_commands, data)


def decode_event(data: bytes) -> Event:
    """Decode an event.

    Raises:
        MessageError: it is none, or has a value out of range.
    """
    return _decode(_events, data)


def encode_command(command: Command) -> bytes:
    """Encode a command that the performer understands.

    Raises:
        MessageError: it has a value out of range, or a number that is not finite.
    """
    try:
        frame = encode(command)
    except OverflowError as error:
        raise MessageError(str(error)) from error
    decode_command(frame)
    return frame


def _decode(decoder: "msgspec.msgpack.Decoder[_MessageT]", data: bytes) -> _MessageT:
    try:
        message = decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise MessageError(str(error)) from error
    if not getattr(message, "metre", FOUR_FOUR).is_playable:
        raise MessageError("a metre that no bar has")
    unused = isinstance(message, Heard) and message.ignored
    if isinstance(message, Heard | Played) and not (unused or is_whole(message.data)):
        raise MessageError("no whole MIDI message")
    return message
