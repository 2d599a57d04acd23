"""A session without processes: records every call and answers with the snapshot it was given."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from engine.music.notes import Phrase
from engine.performer.messages import ClockState


@dataclass(frozen=True)
class FakeControls:
    mode: str = "vary"
    variation: float = 0.4
    morph: float = 0.0
    temperature: float = 0.5
    seed: int = 7


@dataclass(frozen=True)
class FakeNotice:
    text: str
    remedy: str = ""
    mood: str = "bad"


@dataclass(frozen=True)
class FakeSnapshot:
    backend: str = "jack"
    input_name: str = "Antiphon In"
    output_name: str = "Antiphon Out"
    realtime: bool | None = True
    model_name: str = "melody_2bar"
    clock: ClockState | None = None
    heard: Phrase | None = None
    playing: Phrase | None = None
    playing_since_beats: float = 0.0
    coming: Phrase | None = None
    controls: FakeControls = FakeControls()
    slots: frozenset[str] = frozenset()
    bypass: bool = False
    demo: bool = False
    can_undo: bool = False
    can_redo: bool = False
    notices: tuple[FakeNotice, ...] = ()
    pattern_ms: float | None = None
    late_sends: int = 0
    dropped_input: int = 0


def clock(**changes: Any) -> ClockState:
    values: dict[str, Any] = {
        "status": "rolling",
        "source": "external",
        "bpm": 120.0,
        "position_beats": 0.0,
        "beats_per_bar": 4.0,
        "t_ns": time.monotonic_ns(),
        "jitter_ms": 0.12,
        "bar_phase_known": True,
        "missed_ticks": 0,
        "duplicate_ticks": 0,
    }
    return ClockState(**{**values, **changes})


@dataclass
class FakeSession:
    state: FakeSnapshot = field(default_factory=FakeSnapshot)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    closed: int = 0

    def poll(self) -> tuple[Any, ...]:
        return ()

    def snapshot(self) -> FakeSnapshot:
        return self.state

    def set_controls(self, **changes: Any) -> None:
        self.calls.append(("set_controls", changes))
        self.state = replace(self.state, controls=replace(self.state.controls, **changes))

    def demo(self, on: bool) -> None:
        self.calls.append(("demo", on))
        self.state = replace(self.state, demo=on)

    def set_bypass(self, on: bool) -> None:
        self.calls.append(("set_bypass", on))
        self.state = replace(self.state, bypass=on)

    def close(self) -> None:
        self.closed += 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values: self.calls.append((name, *values))
