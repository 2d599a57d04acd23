"""What the window and the stream see of a session: one frozen value."""

from dataclasses import dataclass, field
from typing import Literal

from engine.inference.bundle.manifest import Attribute, Voice
from engine.inference.controls import Controls, Mode
from engine.modes.catalogue import modes_of
from engine.music.notes import Phrase
from engine.performer.messages import ClockState

NS_PER_MINUTE = 60e9
LONGEST_GUESS_NS = 500_000_000
"""How long the position runs on past the last word of the clock."""


Mood = Literal["bad", "waiting", "hint"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the player should know, as long as it holds."""

    text: str
    remedy: str = ""
    """What to do about it."""
    mood: Mood = "bad"
    t_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a session at one moment."""

    backend: str = ""
    """Name of the MIDI back end; empty until the ports are open and while they are lost."""
    input_name: str = ""
    output_name: str = ""
    realtime: bool | None = None
    """Whether the performer got real-time scheduling; None before it said so."""
    model_name: str = ""
    """Empty while no model is loaded."""
    model_bars: int = 0
    modes: tuple[Mode, ...] = modes_of("autoencode")
    """What the model can be asked for."""
    attributes: tuple[Attribute, ...] = ()
    """What the model has directions for in its latent space."""
    pitched: bool = True
    """Whether the model writes pitches, so that key, scale and range mean something to it."""
    voices: tuple[Voice, ...] = ()
    """Where each part of what the model writes goes."""
    precision: str = ""
    provider: str = ""
    clock: ClockState | None = None
    """As the performer last said; see `position_beats` for now."""
    heard: Phrase | None = None
    """What was heard last, of up to the model's length; it follows the player unless frozen."""
    playing: Phrase | None = None
    """What sounds now."""
    playing_since_beats: float = 0.0
    """Song position that the playing phrase's start is counted from."""
    coming: Phrase | None = None
    """What was sent and waits for its moment."""
    controls: Controls = field(default_factory=Controls)
    slots: frozenset[str] = frozenset()
    """Names of the slots that hold a phrase, `heard` aside."""
    following: bool = True
    """Whether each new phrase that is heard becomes the source."""
    bypass: bool = False
    demo: bool = False
    can_undo: bool = False
    can_redo: bool = False
    notices: tuple[Notice, ...] = ()
    """Oldest first."""
    pattern_ms: float | None = None
    """From the last change of a control to its pattern on the way to the performer."""
    late_ms: float | None = None
    """99th percentile of how late the last 256 messages left."""
    late_sends: int = 0
    dropped_input: int = 0
    bars_in_history: int = 0

    def position_beats(self, now_ns: int) -> float | None:
        """Return the song position at a monotonic time, or None before the clock has spoken."""
        if self.clock is None:
            return None
        if self.clock.status not in ("rolling", "flywheel"):
            return self.clock.position_beats
        ahead_ns = min(max(now_ns - self.clock.t_ns, 0), LONGEST_GUESS_NS)
        return self.clock.position_beats + ahead_ns * self.clock.bpm / NS_PER_MINUTE
