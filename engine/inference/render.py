"""From slots and controls to a phrase: the one function everything audible comes from."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import LOCKED, Controls
from engine.inference.latent_space import Floats
from engine.inference.locks import lock_bias, with_locked
from engine.inference.nudges import nudged
from engine.inference.slots import LatentModel, Slot
from engine.inference.windows import AnySlot, LongSlot, laid_back, put_together, spread_out
from engine.modes.base import Plan, typed_chords
from engine.modes.catalogue import check_mode, slots_of
from engine.modes.planners import PLANNERS
from engine.music.notes import Phrase


def render(model: LatentModel, slots: Mapping[str, AnySlot], controls: Controls) -> Phrase:
    """Render one phrase. The same inputs give the same phrase, note for note.

    Args:
        model: a loaded model.
        slots: encoded phrases by name; those that the controls' mode uses must be there.
        controls: everything else.

    Returns:
        A phrase of the model's length (a continuation: of the controls' `bars`; from a `LongSlot`: of its
        length and metre). At variation 0 it is the source, at morph 0 and 1 the one slot and the other,
        unless constraints forbid it.

    Raises:
        RenderError: the model does not do the mode, a slot is empty, the constraints leave nothing,
            or the model failed.
    """
    return render_batch(model, slots, (controls,))[0]


def render_batch(
    model: LatentModel, slots: Mapping[str, AnySlot], takes: Sequence[Controls]
) -> tuple[Phrase, ...]:
    """Render several controls in one decoder call; each phrase is the same as when rendered alone."""
    return render_each(model, [(slots, controls) for controls in takes])


def render_each(
    model: LatentModel, asked: Sequence[tuple[Mapping[str, AnySlot], Controls]]
) -> tuple[Phrase, ...]:
    """Render controls, each of slots of its own, in one decoder call, as `render_batch` does those of one."""
    if len({controls.bars for _, controls in asked}) > 1:
        return tuple(render(model, slots, controls) for slots, controls in asked)
    rows = [_windows(model, slots, controls) for slots, controls in asked]
    decoded = iter(_decoded(model, [part for row in rows for part in row]))
    return tuple(
        _whole([next(decoded) for _ in row], slots, controls)
        for (slots, controls), row in zip(asked, rows, strict=True)
    )


def _whole(parts: Sequence[Phrase], slots: Mapping[str, AnySlot], controls: Controls) -> Phrase:
    """Return the phrase of the windows that were rendered of slots."""
    long, whole = _shaping(slots, controls), parts[0]
    if long is not None and controls.mode == "continue":
        whole = laid_back(whole, long.fit)
    elif long is not None:
        whole = put_together(long, parts)
        if controls.locks:
            whole = with_locked(whole, slots[LOCKED].phrase, controls.locks)
    source_key = next((slots[name].key for name in slots_of(controls, slots)), None)
    return nudged(whole, controls, source_key)


Part = tuple[Mapping[str, Slot], Controls]
"""Slots and controls of one window."""


def _windows(model: LatentModel, slots: Mapping[str, AnySlot], controls: Controls) -> list[Part]:
    """Return what is rendered for some controls, window by window."""
    _check(model, slots, controls)
    names = slots_of(controls, slots)
    if controls.locks and LOCKED in slots:
        names = (*names, LOCKED)
    needed = {name: slots[name] for name in names}
    long = _shaping(slots, controls)
    if long is None:
        # Beside a source that needs no windows, a longer slot counts with its first one.
        single = {
            name: slot.windows[0] if isinstance(slot, LongSlot) else slot for name, slot in needed.items()
        }
        return [(single, controls)]
    rows = spread_out(needed, typed_chords(controls, long.phrase.bars, long.phrase.metre))
    if controls.mode == "continue":  # what follows hangs on what was played last
        bars = long.fit.model_bars_for(controls.bars)  # 0, as many as were played, stays
        return [(rows[-1], replace(controls, chords="", locks=(), bars=bars))]
    return [
        (row, replace(controls, chords="", locks=long.locks_in(number, controls.locks)))
        for number, row in enumerate(rows)
    ]


def _shaping(slots: Mapping[str, AnySlot], controls: Controls) -> LongSlot | None:
    """Return the slot in windows that decides length and metre: the longest; None where there is none."""
    long = [slots[name] for name in slots_of(controls, slots)]
    return max(
        (slot for slot in long if isinstance(slot, LongSlot)),
        key=lambda slot: len(slot.windows),
        default=None,
    )


def _decoded(model: LatentModel, parts: Sequence[Part]) -> tuple[Phrase, ...]:
    """Render windows in one decoder call."""
    plans = _plans(model, parts)
    finished = iter(_finished(model, [plan for plan in plans if plan.written is None]))
    return tuple(next(finished) if plan.written is None else plan.written for plan in plans)


def _finished(model: LatentModel, plans: Sequence[Plan]) -> Sequence[Phrase]:
    """Decode plans that are not written yet in one call, and finish them."""
    if not plans:
        return ()
    z = np.array([plan.z for plan in plans], np.float32)
    bias = np.array([plan.perturbation for plan in plans]).swapaxes(0, 1)
    chords = _chords(model, plans)
    given = {name: np.array([plan.given[name] for plan in plans]) for name in plans[0].given}
    decoded = model.decode(z, bias, **given) if chords is None else model.decode(z, bias, chords, **given)
    return [plan.finish(decoded[:, row]) for row, plan in enumerate(plans)]


def _chords(model: LatentModel, plans: Sequence[Plan]) -> Floats | None:
    """Return the chords of all plans `[B, beats, 12]`; None for a model that takes none."""
    if "chords" not in model.bundle.manifest.conditions:
        return None
    beats = model.representation.bars * model.representation.grid.beats_per_bar
    none = np.zeros((beats, 12), np.float32)
    return np.stack([none if plan.chords is None else plan.chords for plan in plans])


def _plans(model: LatentModel, parts: Sequence[Part]) -> list[Plan]:
    """Prepare windows; those that start from the same slots in one mode are prepared together."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for place, (slots, controls) in enumerate(parts):
        groups[controls.mode, *((name, id(slot)) for name, slot in slots.items())].append(place)
    plans: dict[int, Plan] = {}
    for places in groups.values():
        slots, takes = parts[places[0]][0], [parts[place][1] for place in places]
        found = PLANNERS[takes[0].mode].plans(model, slots, takes)
        for place, each, controls in zip(places, found, takes, strict=True):
            plans[place] = _with_locks(model, slots, controls, each)
    return [plans[place] for place in range(len(parts))]


def _with_locks(model: LatentModel, slots: Mapping[str, Slot], controls: Controls, planned: Plan) -> Plan:
    """Return a plan held to what is locked."""
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
        written=planned.written and with_locked(planned.written, held.phrase, controls.locks),
    )


def _check(model: LatentModel, slots: Mapping[str, AnySlot], controls: Controls) -> None:
    check_mode(model.bundle, controls.mode)
    for name in slots_of(controls, slots):
        if name not in slots:
            raise RenderError(f"slot {name} is empty; store a phrase in it first")
