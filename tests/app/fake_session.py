"""A session without processes: records every call and answers with the snapshot it was given."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import Controls, changed
from engine.performer.messages import ClockState
from engine.snapshot import Snapshot

READY = Snapshot(
    backend="jack",
    input_name="Antiphon In",
    output_name="Antiphon Out",
    realtime=True,
    model_name="melody_2bar",
    model_bars=2,
    controls=Controls(variation=0.4, seed=7),
)

ATTRIBUTES = (
    Attribute(name="density", unit="onsets per step", effects={"density": 0.144}),
    Attribute(
        name="in_scale", unit="share of onsets", effects={"in_scale": 0.02}, effects_percent={"in_scale": 2.3}
    ),
    Attribute(name="swagger", unit="struts", effects={}),
)


def continuing(**changes: Any) -> Snapshot:
    """What a session shows whose model continues four bars."""
    controls = changed(READY.controls, mode="continue", **changes)
    return replace(READY, model_name="continue", model_bars=4, modes=("continue",), controls=controls)


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
    state: Snapshot = READY
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    closed: int = 0

    def poll(self) -> tuple[Any, ...]:
        return ()

    def snapshot(self) -> Snapshot:
        return self.state

    def set_controls(self, **changes: Any) -> None:
        self.calls.append(("set_controls", changes))
        self.state = replace(self.state, controls=changed(self.state.controls, **changes))

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
