"""Vary, Morph and Generate by a model of a piano whose latent has a coarse part and fine ones for every beat.

The left hand, the keys below a split, has the first half of the latent, the right hand the second: the tune
goes first, the harmony below it later, and the kind of phrase last. What `engine.modes.beats` pins is kept
exactly, hand by hand; a note that was begun in a free beat may sound into it.

Such a model knows all keys. A draw is moved into the key and near to the register of the source
before the phrase goes its way, as other draws are (`engine.inference.moved_draws`).

Shape legend: T steps, K 88 keys, Z latent size.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference import keyboard, perturbation
from engine.inference.bundle.manifest import DENSITY_TEMPERATURES
from engine.inference.controls import Controls
from engine.inference.density import density_of
from engine.inference.harmony import key_of_chords
from engine.inference.keyboard import Kept, Touch
from engine.inference.latent_space import Floats, great_circle, prior_draw
from engine.inference.moved_draws import Home, home_of, lacking_of, move_home
from engine.inference.register import in_register
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import set_key
from engine.inference.word_latents import assembled, layout_of
from engine.modes.base import Mix, Plan, chords_of, harmony_of, nearest
from engine.modes.beats import Pace, Pins, blended, coarse_share, latent, pinned_at, pinned_between
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.notes import Phrase

PACE = Pace(gone=0.5, later=0.2, coarse_from=0.4, morph_second=0.4, morph_first=0.4, in_each_bar=False)
"""A harmony passes once in a phrase: two of them in every bar are in no key."""


class Draw(msgspec.Struct, frozen=True, eq=False):
    """A draw from the prior and what it becomes."""

    coarse: Floats
    """`[Z]`; its fine parts are 0."""
    phrase: Phrase


_draws: "WeakKeyDictionary[Any, dict[int, Draw]]" = WeakKeyDictionary()
_moved: "WeakKeyDictionary[Any, dict[tuple[int, Home], Floats]]" = WeakKeyDictionary()


def plan_variations(model: LatentModel, source: Slot, takes: Sequence[Controls]) -> list[Plan]:
    """Prepare variations of one phrase; what their seeds draw is decoded together."""
    going = [take.seed for take in takes if coarse_share(take.variation, PACE) > 0]
    drawn = dict(zip(going, _near(model, home_of(source), going), strict=True)) if going else {}
    plans = []
    for controls in takes:
        coarse = source.mu
        if controls.seed in drawn:
            share = coarse_share(controls.variation, PACE)
            coarse = great_circle(source.mu, drawn[controls.seed], share)
        pins = pinned_at(model, source, controls, PACE)
        plans.append(_plan(model, controls, coarse, (pins,), source, source.key))
    return plans


def plan_morph(model: LatentModel, mix: Mix, controls: Controls) -> Plan:
    """Prepare a blend."""
    pins, (near, _) = pinned_between(model, mix, controls, PACE), nearest(mix)
    return _plan(model, controls, blended(mix), pins, near, near.key)


def plan_draws(model: LatentModel, takes: Sequence[Controls]) -> list[Plan]:
    """Prepare phrases from nothing: in the key that is set or that typed chords have, or in their own."""
    seeds = [controls.seed for controls in takes]
    plans = []
    for controls, draw in zip(takes, _drawn(model, seeds), strict=True):
        chords = chords_of(controls, None, model.representation)
        wanted = set_key(controls.constraints) or key_of_chords(chords)
        coarse, key = draw.coarse, wanted or key_of(draw.phrase)
        if wanted is not None and draw.phrase.notes:
            register = round(float(np.mean([note.pitch for note in draw.phrase.notes])))
            (coarse,) = _near(model, Home(wanted.pitch_classes, register), [controls.seed])
        plans.append(_plan(model, controls, coarse, (), None, key))
    return plans


def _plan(
    model: LatentModel,
    controls: Controls,
    coarse: Floats,
    pins: Sequence[Pins],
    near: Slot | None,
    key: Key | None,
) -> Plan:
    """Return the plan of a coarse part and of what is pinned, in a key."""
    kept, density = [_kept(model, controls, each) for each in pins], density_of(controls)
    touch = _chance(model, controls.seed, _heat(model, controls))
    touch = touch.plus(_bounds(model, controls, near, [slot for slot, _, _ in pins], key))
    for each in kept:
        touch = touch.plus(each.touch(perturbation.HOLD, density))
    touch = touch.plus(keyboard.leaning(kept, len(touch.strike), density)).within_bounds()

    def finish(decoded: npt.NDArray[Any]) -> Phrase:
        for each in kept:
            decoded = each.put_back(decoded, touch)
        if near is not None and controls.constraints.keep_rhythm:
            decoded = keyboard.with_rhythm_of(_own(model, controls, near), decoded)
        phrase = model.representation.decode(decoded)
        return in_register(phrase if near is None else near.feel.restore(phrase), controls, key)

    pinned = pins if density == 0 else [each.without_fine() for each in pins]
    z = latent(model, coarse, pinned, controls)
    return Plan(z, touch.strike, finish, given={"ringing": touch.ring - touch.strike})


def _bounds(
    model: LatentModel, controls: Controls, near: Slot | None, heard: Sequence[Slot], key: Key | None
) -> Touch:
    """Return the bias of constraints, key and chords, and of bars that end in a rest."""
    representation, constraints = model.representation, controls.constraints
    allowed = perturbation.allowed_pitches(constraints)
    own = None if near is None else _own(model, controls, near)
    touch = keyboard.limits(constraints, allowed, own, representation.steps)
    chords = chords_of(controls, near, representation)
    strike = harmony_of(representation, constraints, key, chords, heard)
    if near is not None and near.rest is not None:
        strike = strike + perturbation.rest(representation, near.rest)
    return touch.plus(Touch.strikes(strike))


def _own(model: LatentModel, controls: Controls, slot: Slot) -> npt.NDArray[Any]:
    """Return a slot's roll `[T, K]` on the keys that are allowed."""
    return perturbation.snap(model.representation, controls.constraints, slot.tensor)


def _kept(model: LatentModel, controls: Controls, pins: Pins) -> Kept:
    """Return the cells of pinned beats."""
    steps = model.representation.grid.steps_per_beat
    cells = keyboard.of_hands(np.repeat(pins.first, steps), np.repeat(pins.second, steps))
    return Kept(_own(model, controls, pins.slot), cells)


def _heat(model: LatentModel, controls: Controls) -> float:
    return min(2.0, controls.temperature * model.bundle.manifest.temperature_scale)


def _chance(model: LatentModel, seed: int, heat: float) -> Touch:
    """Return the noise of a seed, and what strokes are favoured by at that heat to be as many as in music."""
    noise = np.float32(heat) * perturbation.noise(model.representation, seed)
    curve = model.bundle.manifest.density_curve
    nats = np.interp(heat, DENSITY_TEMPERATURES, curve) if curve else 0.0
    return Touch(noise + np.float32(nats), noise)


def _drawn(model: LatentModel, seeds: Sequence[int]) -> list[Draw]:
    """Return the draws of seeds; those that are not remembered are decoded together.

    What they become is drawn too, at the temperature that is usual: the likeliest keys of a step are none.
    """
    kept = _draws.setdefault(model, {})
    lacking = lacking_of(kept, seeds, seeds)
    if lacking:
        layout, representation = layout_of(model), model.representation
        coarse = [assembled(layout, prior_draw(model.bundle.latents, seed), ()) for seed in lacking]
        chance = [_chance(model, seed, _heat(model, Controls())) for seed in lacking]
        ringing = np.stack([each.ring - each.strike for each in chance])
        decoded = model.decode(
            np.stack(coarse), np.stack([each.strike for each in chance], axis=1), ringing=ringing
        )
        for row, seed in enumerate(lacking):
            kept[seed] = Draw(coarse[row], representation.decode(decoded[:, row]))
    return [kept[seed] for seed in seeds]


def _near(model: LatentModel, home: Home | None, seeds: Sequence[int]) -> list[Floats]:
    """Return the latents `[Z]` of draws moved to a key and register, of which the coarse parts count."""
    if home is None:
        return [draw.coarse for draw in _drawn(model, seeds)]
    kept = _moved.setdefault(model, {})
    lacking = lacking_of(kept, [(seed, home) for seed in seeds], seeds)
    if lacking:
        found = _drawn(model, lacking)
        moved = [move_home(draw.phrase, home) for draw in found]
        mu, _ = model.encode(np.stack([model.representation.encode(phrase) for phrase in moved]))
        for row, seed in enumerate(lacking):
            kept[seed, home] = mu[row] if moved[row].notes else found[row].coarse
    return [kept[seed, home] for seed in seeds]
