"""What the player sets: frozen values with their ranges, checked where they come in."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from engine.errors import RenderError
from engine.music.key import KEYS as KEYS
from engine.music.key import SCALES as SCALES

Mode = Literal["vary", "morph", "generate", "groove", "drumify", "continue"]
Start = Literal["guided", "random", "zero"]

TASK_MODES: dict[str, tuple[Mode, ...]] = {
    "autoencode": ("vary", "morph", "generate"),
    "humanize": ("groove",),
    "drumify": ("drumify",),
    "continue": ("continue",),
}
"""What a model can be asked for, by its bundle's task; the first is the usual one."""
VARIATION_MODES: tuple[Mode, ...] = ("vary", "groove", "drumify")
"""Modes in which `variation` counts."""
CONSTRAINED_MODES: tuple[Mode, ...] = ("vary", "morph", "generate", "drumify", "continue")
"""Modes in which constraints count at all."""
RHYTHM_MODES: tuple[Mode, ...] = ("vary", "morph", "drumify")
"""Modes in which `keep_rhythm` counts: there is a phrase to keep it from."""
PITCHES_MODES: tuple[Mode, ...] = ("vary", "morph")
"""Modes in which `keep_pitches` counts; a kit to keep is not in a tap."""
ATTRIBUTE_MODES: tuple[Mode, ...] = ("vary", "morph", "generate", "drumify")
"""Modes in which `attributes` count."""
LONGEST_BARS = 64

HEARD = "heard"
"""The slot that follows what was played last."""
STORED = ("A", "B", "C", "D")
"""The slots a phrase can be stored in."""
SLOT_NAMES = (HEARD, *STORED)

LARGEST_SEED = 2**32 - 1


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RenderError(f"{name} {value!r} is not a number from {low:g} to {high:g}")


def _check_whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RenderError(f"{name} {value!r} is not a whole number from {low} to {high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What the answer may not do. Hard ones hold even at variation 0; `density` only leans."""

    key: str | None = None
    """One of `KEYS`, or None for any note."""
    scale: str = "major"
    """One of `SCALES`; counts only with a key."""
    lowest_pitch: int = 0
    """MIDI pitch, 0 to 127."""
    highest_pitch: int = 127
    """MIDI pitch, 0 to 127, not below `lowest_pitch`."""
    keep_rhythm: bool = False
    """Onsets and releases stay where the source has them; only pitches change."""
    keep_pitches: bool = False
    """Only pitches the source uses; onsets may move."""
    density: float = 0.0
    """-1 (sparser) to 1 (busier)."""

    def __post_init__(self) -> None:
        if self.key is not None and self.key not in KEYS:
            raise RenderError(f"key {self.key!r} is unknown; choose one of {', '.join(KEYS)}")
        if self.scale not in SCALES:
            raise RenderError(f"scale {self.scale!r} is unknown; choose one of {', '.join(SCALES)}")
        _check_whole("lowest_pitch", self.lowest_pitch, 0, 127)
        _check_whole("highest_pitch", self.highest_pitch, self.lowest_pitch, 127)
        _check_range("density", self.density, -1.0, 1.0)

    def allows(self, pitch: int) -> bool:
        """Tell whether key, scale and range admit a MIDI pitch."""
        if not self.lowest_pitch <= pitch <= self.highest_pitch:
            return False
        return self.key is None or (pitch - KEYS.index(self.key)) % 12 in SCALES[self.scale]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Everything that decides a rendering besides the model and the slots."""

    mode: Mode = "vary"
    """`vary`: one source; `morph`: between two slots; `generate`: from the prior; `groove`: the source's
    drums with a drummer's feel; `drumify`: drums to a tapped rhythm; `continue`: what follows."""
    variation: float = 0.3
    """0 (the source itself) to 1 (a free draw from the prior) in `vary`; the share of the drummer's feel
    in `groove`; how freely the drums leave the taps in `drumify`."""
    morph: float = 0.5
    """0 (the first slot itself) to 1 (the second); counts in `morph`."""
    temperature: float = 0.5
    """0 (the likeliest choice at every step) to 2."""
    seed: int = 0
    """0 to 4294967295: which take."""
    source: str = HEARD
    """Slot that every mode but `morph` and `generate` starts from."""
    morph_from: str = "A"
    """Slot at morph 0."""
    morph_to: str = "B"
    """Slot at morph 1."""
    start: Start = "guided"
    """What a continuation goes on from: the source, any state or nothing; counts in `continue`."""
    bars: int = 0
    """Bars a continuation writes, up to 64; 0 for as many as the model hears."""
    attributes: tuple[tuple[str, float], ...] = ()
    """Steps along the bundle's attribute directions, -3 to 3 each, by name."""
    constraints: Constraints = Constraints()

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise RenderError(f"mode {self.mode!r} is unknown; choose one of {', '.join(get_args(Mode))}")
        if self.start not in get_args(Start):
            raise RenderError(f"start {self.start!r} is unknown; choose one of {', '.join(get_args(Start))}")
        _check_whole("bars", self.bars, 0, LONGEST_BARS)
        _check_range("variation", self.variation, 0.0, 1.0)
        _check_range("morph", self.morph, 0.0, 1.0)
        _check_range("temperature", self.temperature, 0.0, 2.0)
        _check_whole("seed", self.seed, 0, LARGEST_SEED)
        for name in ("source", "morph_from", "morph_to"):
            if getattr(self, name) not in SLOT_NAMES:
                raise RenderError(f"{name} {getattr(self, name)!r} is no slot; use {', '.join(SLOT_NAMES)}")
        for name, amount in self.attributes:
            _check_range(f"attribute {name!r}", amount, -3.0, 3.0)

    @property
    def needed_slots(self) -> tuple[str, ...]:
        """Names of the slots a rendering with these controls starts from."""
        if self.mode == "morph":
            return (self.morph_from, self.morph_to)
        free = self.mode == "generate" or (self.mode == "continue" and self.start != "guided")
        return () if free else (self.source,)


def applicable(controls: Controls, attributes: Collection[str]) -> Controls:
    """Return what counts of controls in their mode, with a model that has certain attributes.

    A player's setting outlives modes and models that it says nothing to; rendering refuses it there.
    """
    had = tuple((name, amount) for name, amount in controls.attributes if name in attributes)
    kept = controls.constraints
    return changed(
        controls,
        attributes=had,
        keep_rhythm=kept.keep_rhythm and controls.mode in RHYTHM_MODES,
        keep_pitches=kept.keep_pitches and controls.mode in PITCHES_MODES,
    )


def changed(controls: Controls, **changes: Any) -> Controls:
    """Return controls with some fields changed.

    Fields of `Constraints` may be given by their own names.

    Raises:
        RenderError: a name is unknown or a value out of range.
    """
    own = {field.name for field in fields(Controls)}
    inner = {field.name for field in fields(Constraints)}
    for name in changes:
        if name not in own | inner:
            raise RenderError(
                f"control {name!r} is unknown; the controls are {', '.join(sorted(own | inner))}"
            )
    constraints = changes.get("constraints", controls.constraints)
    constraints = _replaced(constraints, {name: changes[name] for name in changes if name in inner})
    plain = {name: changes[name] for name in changes if name in own}
    result: Controls = _replaced(controls, {**plain, "constraints": constraints})
    return result


def _replaced(value: Any, changes: dict[str, Any]) -> Any:
    """`dataclasses.replace` with a wrong type told as a `RenderError`."""
    current = {field.name: getattr(value, field.name) for field in fields(value)}
    return type(value)(**{**current, **changes})
