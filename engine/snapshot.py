"""The window's view of a session until its presenter reads `engine.session.snapshot` itself."""

from dataclasses import dataclass, field
from typing import Any

from engine.inference.bundle.manifest import Attribute, Voice
from engine.inference.controls import Controls, Mode
from engine.modes.catalogue import modes_of
from engine.music.notes import Phrase
from engine.performer.messages import ClockState, Event
from engine.session.live import Mood as Mood
from engine.session.live import Notice as Notice
from engine.session.session import Session
from engine.session.settings import METRE_BEATS
from engine.session.snapshot import Snapshot as SessionSnapshot

NS_PER_MINUTE = 60e9
LONGEST_GUESS_NS = 500_000_000
"""How long the position runs on past the last word of the clock."""


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


def flat(shown: SessionSnapshot) -> Snapshot:
    """Return what the window shows of a session."""
    document, live, model = shown.document, shown.live, shown.model
    facts: dict[str, Any] = {}
    if model is not None:
        facts = {
            "model_name": model.name,
            "model_bars": model.bars,
            "attributes": model.attributes,
            "pitched": model.pitched,
            "voices": model.voices,
            "precision": model.precision,
            "provider": model.provider,
        }
    return Snapshot(
        backend=live.ports.backend,
        input_name=live.ports.input_name,
        output_name=live.ports.output_name,
        realtime=live.ports.realtime,
        modes=shown.modes,
        clock=live.clock,
        heard=document.source.phrase if document.source else None,
        playing=live.playing.phrase if live.playing else None,
        playing_since_beats=live.playing.since_beats if live.playing else 0.0,
        coming=live.coming,
        controls=document.controls,
        slots=frozenset(document.slots),
        following=not document.settings.hold,
        bypass=live.switches.bypass,
        demo=live.switches.demo,
        can_undo=bool(live.undo_label),
        can_redo=bool(live.redo_label),
        notices=live.notices,
        pattern_ms=live.health.pattern_ms,
        late_ms=live.health.late_ms,
        late_sends=live.health.late_sends,
        dropped_input=live.health.dropped_input,
        bars_in_history=len(live.captured),
        **facts,
    )


class FlatSession:
    """A session as the window calls it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._of: SessionSnapshot | None = None
        self._flat = Snapshot()

    def poll(self) -> tuple[Event, ...]:
        """Take what happened."""
        return self._session.poll()

    def snapshot(self) -> Snapshot:
        """Return what is to be shown."""
        shown = self._session.snapshot()
        if shown is not self._of:
            self._of, self._flat = shown, flat(shown)
        return self._flat

    def set_controls(self, **changes: Any) -> None:
        """Set controls by name; attributes as pairs."""
        for name, value in changes.items():
            if name == "attributes":
                for attribute, amount in value:
                    self._session.set(f"attribute.{attribute}", amount)
            else:
                self._session.set(name, value)

    def store(self, slot: str) -> None:
        """Keep the source in a slot."""
        self._session.do(f"store.{slot}")

    def set_bypass(self, on: bool) -> None:
        """Hear the source, or the answer."""
        self._session.set("bypass", on)

    def set_following(self, on: bool) -> None:
        """Follow what is heard, or hold."""
        self._session.set("hold", not on)

    def demo(self, on: bool) -> None:
        """Play the demo phrase."""
        self._session.set("demo", on)

    def set_tempo(self, bpm: float) -> None:
        """Set the tempo."""
        self._session.set("tempo_bpm", round(bpm, 1))

    def set_metre(self, beats_per_bar: float) -> None:
        """Set the metre by its length."""
        self._session.set(
            "metre", next(name for name, beats in METRE_BEATS.items() if beats == beats_per_bar)
        )

    def set_model(self, model: Any) -> None:
        """Use a model."""
        self._session.set_model(model)

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def __getattr__(self, name: str) -> Any:
        if name in ("undo", "redo", "panic", "play", "stop", "new_take", "dismiss"):
            return lambda: self._session.do(name)
        raise AttributeError(name)
