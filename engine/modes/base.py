"""How a mode makes an answer: its way to the decoder and from it.

Shape legend: T steps, S streams, D values of a step, V width of the perturbation, Z latent size.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference import harmony, perturbation
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls, all_but_seed
from engine.inference.latent_space import Floats
from engine.inference.register import in_register
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import set_key, style_bias
from engine.music.chords import Harmony, by_pulse, parse_chords
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.music.representation import Representation

Finish = Callable[[npt.NDArray[Any]], Phrase]
"""From what the decoder returned, `[T, S]`, to notes."""


Mix = Sequence[tuple[Slot, float]]
"""Slots that are blended, each with its share; the shares sum to 1."""


def nearest(mix: Mix) -> tuple[Slot, float]:
    """Return the slot with the largest share, and the share; of equal ones the last."""
    return max(reversed(mix), key=lambda part: part[1])


class Plan(msgspec.Struct, frozen=True, eq=False):
    """One rendering, up to the decoder and from it."""

    z: Floats
    """`[Z]`."""
    perturbation: Floats
    """`[T, V]`."""
    finish: Finish
    chords: Floats | None = None
    """`[beats, 12]` chroma for models that are conditioned on chords; None for none known."""
    given: Mapping[str, npt.NDArray[Any]] = {}
    """Further conditions of a model that takes them, by name, without their batch axis."""
    written: Phrase | None = None
    """What a mode has decoded itself, so that nothing is left to decode; None for all others."""

    @staticmethod
    def done(phrase: Phrase) -> "Plan":
        """Return the plan of a phrase that is written already."""
        nothing = np.zeros((0, 0), np.float32)
        return Plan(nothing, nothing, lambda decoded: phrase, written=phrase)


PlanOfSeed = Callable[[int], Plan]
"""What prepares the rendering of a seed; all that seeds have in common is in it already."""


def plans_of_seeds(takes: Sequence[Controls], prepared: Callable[[Controls], PlanOfSeed]) -> list[Plan]:
    """Return the plans of takes; neighbours that differ in their seed alone are prepared once."""
    plans: list[Plan] = []
    for _, alike in groupby(takes, key=all_but_seed):
        same = list(alike)
        for_seed = prepared(same[0])
        plans += [for_seed(controls.seed) for controls in same]
    return plans


class Planner(ABC):
    """How a tool makes an answer. Subclasses are stateless; `engine.modes.planners` holds one of each."""

    def plans(self, model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]) -> list[Plan]:
        """Prepare renderings as `plan` does one; a subclass may compute once what several of them need."""
        return [self.plan(model, slots, controls) for controls in takes]

    @abstractmethod
    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a rendering.

        Args:
            model: a loaded model with the tool's task.
            slots: encoded phrases by name; those that the tool's `slots` returns are there.
            controls: everything else; what does not count is at rest.
        """


def perturb(
    model: LatentModel,
    controls: Controls,
    source: Slot | None,
    anchors: Sequence[tuple[Slot, float]],
    heard: Sequence[Slot] = (),
    key: Key | None = None,
) -> Floats:
    """Sum noise, constraints, key, chords and anchors.

    Args:
        model: its representation decides the shape.
        controls: temperature, seed, constraints and chords.
        source: what `keep_rhythm` and `keep_pitches` keep to, and whose key and chords count.
        anchors: slots to hold the decoder to, each with the distance from it, 0 (held) to 1 (free).
        heard: slots whose notes are always in key; by default those of the anchors.
        key: where there is no source, the key to stay in; None for any.

    Returns:
        `float32 [T, V]`.
    """
    representation, constraints = model.representation, controls.constraints
    total = np.float32(controls.temperature) * perturbation.noise(representation, controls.seed)
    total = total + perturbation.constrain(
        representation, constraints, None if source is None else source.tensor
    )
    chords = chords_of(controls, source, representation)
    home = key if source is None else source.key
    total += style_bias(representation, controls.style, controls.style_amount, set_key(constraints) or home)
    total += harmony_of(representation, constraints, home, chords, heard or [slot for slot, _ in anchors])
    if source is not None and source.rest is not None:
        total += perturbation.rest(representation, source.rest)
    for slot, distance in anchors:
        allowed = perturbation.snap(representation, constraints, slot.tensor)
        total += perturbation.anchor(representation, allowed, perturbation.anchor_strength(distance))
    return total


def harmony_of(
    representation: Representation,
    constraints: Constraints,
    key: Key | None,
    chords: Harmony,
    heard: Sequence[Slot],
) -> Floats:
    """Return the bias `[T, V]` of key and chords, read-only; notes of what was heard are always in key."""
    strength = constraints.follow_chords
    if not constraints.in_key or constraints.key is not None:
        return harmony.chord_bias(representation, chords, strength)
    own = harmony.own_pitch_classes(note for slot in heard for note in slot.phrase.notes)
    return harmony.key_and_chord_bias(representation, key, chords, strength, own)


def chords_of(controls: Controls, source: Slot | None, representation: Representation) -> Harmony:
    """Return the chord of each pulse: those that were typed, else those of the source.

    Raises:
        RenderError: what was typed is no line of chords.
    """
    if not controls.chords:
        return () if source is None else source.harmony
    return typed_chords(controls, representation.bars, representation.grid.metre)


def typed_chords(controls: Controls, bars: int, metre: Metre) -> Harmony:
    """Return the chord that was typed for each pulse of some bars; none where nothing was.

    Raises:
        RenderError: what was typed is no line of chords.
    """
    if not controls.chords:
        return ()
    try:
        return by_pulse(parse_chords(controls.chords), bars, metre)
    except ValueError as error:
        raise RenderError(str(error)) from None


def with_feel(representation: Representation, near: Slot, distance: float, controls: Controls) -> Finish:
    """Return a finish that gives the decoded notes the feel of the slot they are `distance` (0 to 1) from.

    The register slider moves them on the scale last.
    """

    return partial(_played, representation, near, controls, distance)


def _played(
    representation: Representation, near: Slot, controls: Controls, distance: float, decoded: npt.NDArray[Any]
) -> Phrase:
    return in_register(_felt(representation, near, distance, decoded), controls, near.key)


def _felt(representation: Representation, near: Slot, distance: float, decoded: npt.NDArray[Any]) -> Phrase:
    if decoded.shape[1] == representation.width or representation.streams:
        return near.feel.restore(representation.decode(decoded))
    ours, theirs = decoded[:, : representation.width] > 0.5, near.tensor[:, : representation.width] > 0.5
    if distance == 0 and np.array_equal(ours, theirs):
        return near.phrase
    # Where both have a hit, velocities and offsets ease from the player's to the model's.
    features = decoded.shape[1] // representation.width
    share = np.where(np.tile(ours & theirs, (1, features)), np.float32(distance), np.float32(1))
    return representation.decode((share * decoded + (1 - share) * near.tensor).astype(np.float32))
