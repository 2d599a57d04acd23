"""From slots and controls to a phrase: the one function everything audible comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.errors import RenderError
from engine.inference.controls import LOCKED, Controls
from engine.inference.latent_space import Floats
from engine.inference.locks import lock_bias, with_locked
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan
from engine.modes.catalogue import TOOLS, check_mode, slots_of
from engine.music.notes import Phrase


def render(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Phrase:
    """Render one phrase. The same inputs give the same phrase, note for note.

    Args:
        model: a loaded model.
        slots: encoded phrases by name; those that the controls' mode uses must be there.
        controls: everything else.

    Returns:
        A phrase of the model's length (a continuation: of the controls' `bars`). At variation 0 it
        is the source, at morph 0 and 1 the one slot and the other, unless constraints forbid it.

    Raises:
        RenderError: the model does not do the mode, a slot is empty, the constraints leave nothing,
            or the model failed.
    """
    return render_batch(model, slots, (controls,))[0]


def render_batch(
    model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]
) -> tuple[Phrase, ...]:
    """Render several controls in one decoder call; each phrase is the same as when rendered alone."""
    if len({controls.bars for controls in takes}) > 1:
        return tuple(render(model, slots, controls) for controls in takes)
    if not takes:
        return ()
    for controls in takes:
        _check(model, slots, controls)
    for mode in {controls.mode for controls in takes}:
        TOOLS[mode].prepare(model, slots, [controls for controls in takes if controls.mode == mode])
    plans = [_planned(model, slots, controls) for controls in takes]
    z = np.stack([plan.z for plan in plans]).astype(np.float32)
    bias = np.stack([plan.perturbation for plan in plans], axis=1)
    given = _chords(model, plans)
    decoded = model.decode(z, bias) if given is None else model.decode(z, bias, given)
    return tuple(plan.finish(decoded[:, row]) for row, plan in enumerate(plans))


def _chords(model: LatentModel, plans: Sequence[Plan]) -> Floats | None:
    """Return the chords of all plans `[B, beats, 12]`; None for a model that takes none."""
    if "chords" not in model.bundle.manifest.conditions:
        return None
    beats = model.representation.bars * model.representation.grid.beats_per_bar
    none = np.zeros((beats, 12), np.float32)
    return np.stack([none if plan.chords is None else plan.chords for plan in plans])


def _planned(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
    """Prepare a rendering, held to what is locked."""
    planned = plan(model, slots, controls)
    if not controls.locks:
        return planned
    if LOCKED not in slots:
        raise RenderError("nothing is there that the locks are parts of; unlock, or play first")
    held, finish = slots[LOCKED], planned.finish
    bias = planned.perturbation
    if len(bias) == len(held.tensor):  # a continuation writes other bars than those that are locked
        bias = bias + lock_bias(model.representation, held, controls.locks)
    return replace(
        planned,
        perturbation=bias,
        finish=lambda decoded: with_locked(finish(decoded), held.phrase, controls.locks),
    )


def plan(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
    """Prepare a rendering up to the decoder.

    Raises:
        RenderError: the model does not do the mode, or a slot is empty.
    """
    _check(model, slots, controls)
    return TOOLS[controls.mode].plan(model, slots, controls)


def _check(model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> None:
    check_mode(model.bundle, controls.mode)
    for name in slots_of(controls):
        if name not in slots:
            raise RenderError(f"slot {name} is empty; store a phrase in it first")
