"""Beats of a phrase that are let go half by half along a slider, for models with fine latents of each beat.

A latent has two halves: kick and snare and all other drums, or the left hand and the right. The
second half of single beats goes first, the first half later, and the kind of phrase last; of a
morph, the first half passes from phrase to phrase, and the second is of one of them or written anew.

Shape legend: Z latent size, K beats.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.bundle.latent_places import coarse_places
from engine.inference.controls import Controls
from engine.inference.latent_space import Floats, attribute_shift, spherical_mean
from engine.inference.slots import LatentModel, Slot
from engine.inference.word_latents import Bools, Pinned, assembled, layout_of
from engine.modes.base import Mix

_ORDER_STREAM = 3


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How soon beats are let go."""

    gone: float
    """Variation at which no beat's second half is pinned any more."""
    later: float
    """How much further a beat keeps its first half."""
    coarse_from: float
    """Variation from which the kind of phrase changes too."""
    morph_second: float
    """Share of a morph, at either end, in which the second half of beats of that end is still pinned."""
    morph_first: float
    """Width of the middle of a morph in which the first half passes from one to the other, beat by beat."""
    in_each_bar: bool
    """Whether it passes in all bars at once, or in one after the other."""


class Pins(NamedTuple):
    """What is kept of a slot."""

    slot: Slot
    first: Bools
    """`[K]` beats whose first half is the slot's."""
    second: Bools

    def without_fine(self) -> "Pins":
        """Return pins that the latent has nothing of."""
        return Pins(self.slot, np.zeros_like(self.first), np.zeros_like(self.second))


def pinned_at(model: LatentModel, source: Slot, controls: Controls, pace: Pace) -> Pins:
    """Return what a variation keeps of its source: beats are let go in an order that belongs to the seed."""
    gone = pace.gone * _places(model, controls.seed)
    return Pins(source, controls.variation <= gone + pace.later, controls.variation <= gone)


def coarse_share(variation: float, pace: Pace) -> float:
    """Return how far the kind of phrase has gone to that of the draw, 0 to 1."""
    return max(0.0, variation - pace.coarse_from) / (1 - pace.coarse_from)


def pinned_between(model: LatentModel, mix: Mix, controls: Controls, pace: Pace) -> list[Pins]:
    """Return what a blend keeps of its slots: a beat has the first half of one of them.

    Early beats have that of the last slot sooner. Its second half is that of a slot whose share is large
    enough for that beat, or is of none.
    """
    place = _places(model, controls.seed)
    beats = model.representation.grid.beats_per_bar if pace.in_each_bar else len(place)
    early = 0.5 - (np.arange(len(place)) % beats + 0.5) / beats
    favoured = np.linspace(-1.0, 1.0, len(mix))[:, None] * pace.morph_first * early
    owner = np.argmax(np.array([share for _, share in mix])[:, None] + favoured, axis=0)
    return [
        Pins(slot, owner == at, 1 - share <= pace.morph_second * place)
        for at, (slot, share) in enumerate(mix)
    ]


def blended(mix: Mix) -> Floats:
    """Return the latent `[Z]` whose coarse part is between those of slots."""
    return spherical_mean([(slot.mu, share) for slot, share in mix])


def latent(model: LatentModel, coarse: Floats, pins: Sequence[Pins], controls: Controls) -> Floats:
    """Return a latent `[Z]` of a coarse part and what is pinned, moved as the attribute sliders ask."""
    layout = layout_of(model)
    z = assembled(layout, coarse, [Pinned(slot.mu, first, second) for slot, first, second in pins])
    kept = z != 0  # the fine parts of free beats stay 0
    kept[coarse_places(layout)] = True
    return np.where(kept, z + attribute_shift(model.bundle, controls), z).astype(np.float32)


def _places(model: LatentModel, seed: int) -> npt.NDArray[np.float64]:
    """Return for each beat `[K]` when its turn comes to be let go, between 0 and 1."""
    beats = layout_of(model).beats
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _ORDER_STREAM))))
    return np.asarray((rng.permutation(beats) + 0.5) / beats)
