"""What only is true now, frozen: ports, clock, what is heard and sounds, health, notices."""

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.inference.bundle.manifest import Voice
from engine.inference.controls import Controls, Mode
from engine.music.key import Key
from engine.music.notes import Phrase
from engine.performer.messages import ClockState, LinkState
from engine.session.captured_bars import CapturedBars
from engine.session.document import Binding, Document, HeardPhrase
from engine.session.free_capture import FreeCapture
from engine.session.settings import Switches

NS_PER_MINUTE = 60e9
LONGEST_GUESS_NS = 500_000_000
"""How long the position runs on past the last word of the clock."""
LATENESS_WINDOW = 256
MESSAGES_KEPT = 10
ROLLING = ("rolling", "flywheel")

NOT_LINKED = LinkState(enabled=False)

Mood = Literal["bad", "waiting", "hint"]


class Notice(msgspec.Struct, frozen=True):
    """Something the player should know, as long as it holds."""

    text: str
    remedy: str = ""
    """What to do about it."""
    mood: Mood = "bad"
    t_ns: int = 0
    about: str = ""
    """Its subject: a newer notice about the same replaces it."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Our ports: the back end, their names, and why there are none."""

    backend: str = ""
    """Name of the MIDI back end; empty until the ports are open and while they are lost."""
    input_name: str = ""
    output_name: str = ""
    realtime: bool | None = None
    """Whether the performer got real-time scheduling; None before it said so."""
    client_name: str = ""
    """Our name in the MIDI system; a second instance has another."""
    tried: tuple[str, ...] = ()
    """Why each back end could not be used, while none can."""


class InputMessage(msgspec.Struct, frozen=True):
    """A message that came in."""

    t_ns: int
    data: bytes
    use: str
    """What became of it: "played", "moves Variation", or why it was ignored."""
    used: bool = True
    """Whether it was used at all."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in, as it comes."""

    sounding: frozenset[tuple[int, int]] = frozenset()
    """Channel (0 to 15) and pitch of the keys that are down."""
    notes: Mapping[int, int] = msgspec.field(default_factory=dict)
    """How many notes came that are no control, by channel (0 to 15)."""
    messages: tuple[InputMessage, ...] = ()
    """The last 10, oldest first."""
    ignored: Mapping[str, int] = msgspec.field(default_factory=dict)
    """How many messages were ignored, by reason."""


class OscActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What came in by OSC."""

    received: int = 0
    """Messages, the refused ones too."""
    refused: Mapping[str, int] = msgspec.field(default_factory=dict)
    """How many were refused, by reason."""
    messages: tuple[str, ...] = ()
    """The last 10 with what became of each, oldest first."""


class Sounding(msgspec.Struct, frozen=True):
    """A pattern of ours that plays."""

    phrase: Phrase
    since_beats: float
    """Song position that its first beat is counted from."""


class Sounded(msgspec.Struct, frozen=True):
    """A rendering that has sounded."""

    number: int
    """Of its pattern; larger ones came later."""
    phrase: Phrase
    at_beats: float
    """Song position at which it began."""
    document: Document
    """What it was made from."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How well the machine keeps up."""

    pattern_ms: float | None = None
    """From the last change of a control to its pattern on the way to the performer."""
    late_ns: tuple[int, ...] = ()
    """How late the last 256 messages left, oldest first."""
    late_sends: int = 0
    dropped_input: int = 0

    @property
    def late_ms(self) -> float | None:
        """99th percentile of the lateness in milliseconds; None before anything left."""
        if not self.late_ns:
            return None
        ordered = sorted(self.late_ns)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1e6


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How the document is saved."""

    path: str = ""
    """File of the document; empty where nothing is saved."""
    saved: bool = True
    """Whether the file has what is shown."""
    recent: tuple[str, ...] = ()
    """Files of the documents opened lately, newest first."""


class Take(msgspec.Struct, frozen=True):
    """A rendering that was computed beside the answer, to hear and keep."""

    controls: Controls
    phrase: Phrase
    fit: float
    """How well it fits, 0 to 1; higher is better."""


class Turn(msgspec.Struct, frozen=True):
    """Whose turn it is, where turns are taken; positions in quarter notes of the song."""

    whose: Literal["player", "answer"] = "player"
    since_beats: float | None = None
    """Bar line it began at; None until the player has played a note."""
    until_beats: float | None = None
    """Bar line where it changes hands; None while that is open."""
    notes: int = 0
    """Notes that the player has played in this turn."""
    bars: int = 0
    """Length of what the player has played, in bars."""
    ended_beats: float | None = None
    """Where the player's last note ended; None while one sounds."""


class Replaying(msgspec.Struct, frozen=True):
    """What was played of this performance and is played again; positions in quarter notes of the song."""

    since_beats: float
    """Bar line at which it begins."""
    bars: int
    until_beats: float

    def bar_at(self, position_beats: float) -> int:
        """Return which of its bars is played at a position, from 1; 0 before it begins."""
        part = (position_beats - self.since_beats) / (self.until_beats - self.since_beats)
        return max(0, min(self.bars, math.floor(part * self.bars + 1e-6) + 1))


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The present moment of a session."""

    ports: Ports = Ports()
    clock: ClockState | None = None
    """As the performer last said; see `Snapshot.position_beats` for now."""
    activity: Activity = Activity()
    osc: OscActivity = OscActivity()
    link: LinkState = NOT_LINKED
    """Who shares tempo and beat with us."""
    captured: CapturedBars = msgspec.field(default_factory=CapturedBars)
    free: FreeCapture = msgspec.field(default_factory=FreeCapture)
    """The passage that is played while nothing rolls."""
    heard: HeardPhrase | None = None
    """What was heard last, of up to the model's length; the document's source unless that is held."""
    playing: Sounding | None = None
    coming: Phrase | None = None
    """What was sent and waits for its moment."""
    key: Key | None = None
    """Of what is heard; None until enough was heard to name one."""
    turn: Turn = Turn()
    replay: Replaying | None = None
    switches: Switches = msgspec.field(default_factory=Switches)
    sounded: tuple[Sounded, ...] = ()
    """The last 256 renderings that sounded for a beat or more, oldest first."""
    takes: tuple[Take, ...] = ()
    """Best first."""
    health: Health = Health()
    notices: tuple[Notice, ...] = ()
    """Oldest first."""
    undo_label: str = ""
    """What undo would take back; empty for nothing."""
    redo_label: str = ""
    learning: str = ""
    """Id of the parameter or action that waits for a MIDI message; empty for none."""
    positions: Mapping[Binding, float] = msgspec.field(default_factory=dict)
    """Where bound controllers stand, 0 to 1."""
    reading_style: str = ""
    """How much of the files for a style has been read, such as `12 of 80 files`; empty while none are."""
    voices: Mapping[str, tuple[Voice, ...]] = msgspec.field(default_factory=dict)
    """Of the models that were loaded, by what they were loaded by: older answers are written with theirs."""
    loading: str = ""
    """Name of the model that is being loaded; empty for none."""
    installed: Mapping[str, tuple[Mode, ...]] = msgspec.field(default_factory=dict)
    """Models that can be loaded: task by name."""
    kept: Kept = Kept()

    @property
    def rolling(self) -> bool:
        """Whether the music runs or is about to."""
        return self.clock is not None and self.clock.status in ("armed", *ROLLING)
