"""A continuation written two bars at a time, in which what was heard comes back.

A model foresees the next step from those before it, and at the temperature at which it sounds alive it hardly
ever says the same thing twice. Music does: of two-bar units in scores and pop songs 44 % share more than
half of their strokes with an earlier one, mostly two, four or eight bars before, and a unit that does is
mostly followed by another (measured on the training works). So the seed first decides which units recall
which earlier ones, and how firmly; while such a unit is written, the keys of the other are favoured, and the
model adapts them to what it has just written. Each unit is written in several ways, and the one
that keeps the last four bars as busy and as full as what was heard stays.

Shape legend: C ways, T steps of a unit, U steps in all, Z latent size.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.keyboard import MOST_NATS
from engine.inference.latent_space import Floats
from engine.inference.slots import LatentModel
from engine.modes.stretches import Density

UNIT_BARS, BLOCK_BARS = 2, 4
BEGINS, GOES_ON, STAYS = 0.21, 0.70, 0.45
"""Odds that a unit recalls another after one that does not, after one that does, and where it would recall
what this recall has written itself, and so go round."""
DISTANCES = {1: 0.18, 2: 0.24, 4: 0.21, 8: 0.05, 6: 0.03, 3: 0.03}
"""Odds of how many units back a recall goes when it begins; others have `FARTHER` each."""
FARTHER = 0.012
THEME = 0.4
"""Odds that a recall that begins goes to the bars that were heard, as far as there are any."""
FIRMNESS_NATS = (3.0, 8.0)
"""Least and most that the keys of a recalled unit are favoured by."""
SILENCE_SHARE = 0.5
"""Keys that are silent there are disfavoured by so much of it."""
WAYS = ((0.0, 0.0), (0.0, 0.3), (0.0, -0.3), (0.1, 0.0), (0.1, -0.3), (-0.06, 0.2))
"""Temperature added, and nats that every key is favoured by, in each way that is tried, besides what was
found to be needed."""
ROUNDS = 4
"""Times that ways are tried until one is dense enough."""
STEER = (0.3, 0.7)
"""Temperature added for a nat of strokes too few, and nats that keys are favoured by for one of keys too few:
a tenth of temperature makes a fifth more strokes, half a nat two thirds more keys that sound."""
EASE = 0.7
"""Share of what was needed in one unit that is kept for the next."""
NEAR_ENOUGH = 0.25
"""Distance (see `Density`) at which no further ways are tried."""
MOST_KEYS = 10
"""More keys at once than this, and than were heard, are a cluster."""
CLUSTER = 10.0
"""What a cluster adds to a distance."""
REACH_KEYS, BEYOND_NATS = 9, 6.0
"""How far beyond the highest and lowest key that were heard others are disfavoured, and by how much."""
COLDEST, WARMER = 0.9, 0.1
"""Temperature at 0 of the slider, and what 1 adds."""

_FORM_STREAM = 6


class Recall(msgspec.Struct, frozen=True):
    """What a unit has from an earlier one."""

    unit: int
    """Counted from the first that was heard."""
    firmness_nats: float


class Steer(msgspec.Struct, frozen=True):
    """What keeps the density near to the one wanted."""

    warmer: float
    """Temperature added."""
    favoured: float
    """Nats that every key is favoured by."""

    def towards(self, wanted: Density, found: Density) -> "Steer":
        """Return what is to be tried where this led to what was found."""
        strokes, keys = (_nats(wanted.onsets, found.onsets), _nats(wanted.sounding, found.sounding))
        return Steer(self.warmer + STEER[0] * strokes, self.favoured + STEER[1] * keys)


class Start(msgspec.Struct, frozen=True, eq=False):
    """What a continuation goes on from."""

    state: Floats
    """`[Z]`."""
    heard: npt.NDArray[Any]
    """`[T, 88]` what was heard; T is 0 for nothing."""
    wanted: Density | None
    """How full and busy it is to be; None for whatever the first bars become."""


def temperature_of(slider: float) -> float:
    """Return the temperature that a slider of 0 to 2 stands for."""
    return COLDEST + WARMER * slider


def form(heard: int, written: int, seed: int) -> list[Recall | None]:
    """Decide which of `written` units recall an earlier one, of `heard` units or of their own."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _FORM_STREAM))))
    plan: list[Recall | None] = []
    began = 0
    for number in range(heard, heard + written):
        last = plan[-1] if plan else None
        starts, distance, theme = rng.random(3)
        firmness = rng.uniform(*FIRMNESS_NATS)
        began = number if last is None else began
        if starts >= _odds(last, began) or number == 0:
            plan.append(None)
        elif last is None and heard and theme < THEME:
            plan.append(Recall((number - heard) % heard, firmness))
        elif last is not None and last.unit + 1 < number:
            plan.append(Recall(last.unit + 1, last.firmness_nats))
        else:
            plan.append(Recall(number - _drawn_distance(number, distance), firmness))
    return plan


def _odds(last: Recall | None, began: int) -> float:
    """Return the odds that a unit recalls another, given what the unit before it does since unit `began`."""
    if last is None:
        return BEGINS
    return STAYS if last.unit + 1 >= began else GOES_ON


def _drawn_distance(number: int, uniform: float) -> int:
    odds = np.array([DISTANCES.get(back, FARTHER) for back in range(1, number + 1)])
    return int(np.searchsorted(np.cumsum(odds / odds.sum()), uniform, side="right").clip(0, number - 1)) + 1


def write_themes(
    model: LatentModel,
    start: Start,
    bias: Floats,
    noise: Floats,
    temperature: float,
    seed: int,
    strikes: Floats | None = None,
) -> npt.NDArray[Any]:
    """Write `[U, 88]` frames, unit after unit.

    Args:
        model: a continuation of a piano roll that takes what was heard.
        start: what it goes on from.
        bias: `[U, 88]` limits, on all that sounds.
        noise: `[U, 88]` of the seed.
        temperature: see `temperature_of`.
        seed: decides the form.
        strikes: `[U, 88]` key, chords and rests, which say what may begin: what sounds already rings on, with
            a model that keeps the two apart; None for nothing.
    """
    bar, hears = model.representation.grid.steps_per_bar, model.representation.steps
    unit, block = UNIT_BARS * bar, BLOCK_BARS * bar
    frames, state, wanted = start.heard.astype(np.float32), start.state, start.wanted
    before, bias = len(frames), bias + _beyond(frames)
    strikes = np.zeros_like(bias) if strikes is None else np.clip(strikes, -MOST_NATS, MOST_NATS)
    plan = form(before // unit, -(-len(bias) // unit), seed)
    steer, silence = Steer(0.0, 0.0), np.zeros(bias.shape[1], np.float32)
    for first, recall in zip(range(0, len(bias), unit), plan, strict=True):
        part = slice(first, first + unit)
        lean = (
            bias[part] if recall is None else bias[part] + _recalled(frames, recall, unit)[: len(bias[part])]
        )
        if len(frames) > before:
            state = model.encode(frames[None, -hears:])[0][0]
        since = frames[len(frames) - first % block :]
        writer = _Writer(model, state, frames[-hears:], lean, strikes[part], noise[part], temperature)
        before_block = frames[len(frames) - len(since) - 1] if len(frames) > len(since) else silence
        chosen, needed = writer.best(since, before_block, wanted, steer)
        steer = Steer(EASE * needed.warmer, EASE * needed.favoured)
        frames = np.concatenate([frames, chosen])
        if wanted is None and first + unit >= block:
            wanted = Density.of(frames, silence)
    return frames[before : before + len(bias)]


def _beyond(heard: Floats) -> Floats:
    """Return the bias `[88]` against keys that are far from all that were heard."""
    used = np.flatnonzero((heard > 0.5).any(axis=0))
    key = np.arange(heard.shape[1])
    far = (key < used[0] - REACH_KEYS) | (key > used[-1] + REACH_KEYS) if len(used) else key < 0
    return np.where(far, -np.float32(BEYOND_NATS), np.float32(0))


def _recalled(frames: Floats, recall: Recall, unit: int) -> Floats:
    """Return the bias `[T, 88]` towards an earlier unit."""
    keys = frames[recall.unit * unit :][:unit] > 0.5
    firm = np.float32(recall.firmness_nats)
    return np.where(keys, firm, -np.float32(SILENCE_SHARE) * firm)


class _Writer(msgspec.Struct, frozen=True, eq=False):
    """Writes one unit in several ways."""

    model: LatentModel
    state: Floats
    heard: Floats
    lean: Floats
    strikes: Floats
    noise: Floats
    temperature: float

    def best(
        self, since: Floats, before: Floats, wanted: Density | None, steer: Steer
    ) -> tuple[Floats, Steer]:
        """Return the way `[T, 88]` that keeps nearest to a density with what was written `since`.

        Args:
            since: `[S, 88]` the part of the block that stands already.
            before: `[88]` the frame before the block.
            wanted: None for whatever the model writes.
            steer: what was needed in the unit before.

        Returns:
            The frames, and what they needed.
        """
        found: list[tuple[float, Floats, Steer, Density]] = []
        for _ in range(ROUNDS):
            tried = [Steer(steer.warmer + heat, steer.favoured + nats) for heat, nats in WAYS]
            ways = self._ways(tried)
            if wanted is None:
                return ways[:, 0], steer
            for way, needed in enumerate(tried):
                density = Density.of(np.concatenate([since, ways[:, way]]), before)
                found.append((_distance(wanted, density), ways[:, way], needed, density))
            nearest = min(found, key=lambda one: one[0])
            if nearest[0] <= NEAR_ENOUGH:
                break
            steer = nearest[2].towards(wanted, nearest[3])
        return nearest[1], nearest[2]

    def _ways(self, tried: Sequence[Steer]) -> npt.NDArray[Any]:
        """Write the unit in all ways at once, `[T, C, 88]`; each has noise of its own."""
        rows = [
            self.lean
            + self.strikes
            + np.float32(self.temperature + way.warmer) * np.roll(self.noise, 5 * number, axis=1)
            + np.float32(way.favoured)
            for number, way in enumerate(tried)
        ]
        z = np.repeat(self.state[None], len(tried), axis=0).astype(np.float32)
        heard = np.repeat(self.heard[None], len(tried), axis=0).astype(np.float32)
        shift, ringing = np.stack(rows, axis=1).astype(np.float32), None
        if "ringing" in self.model.bundle.manifest.conditions:
            ringing = np.repeat(-self.strikes[None], len(tried), axis=0).astype(np.float32)
        return self.model.decode(z, shift, heard=heard, ringing=ringing)


def _distance(wanted: Density, density: Density) -> float:
    """Return how far a density is from the one wanted: strokes count most, and a cluster is the worst."""
    strokes = abs(_nats(wanted.onsets, density.onsets))
    cluster = density.most > max(MOST_KEYS, wanted.most)
    return 2 * strokes + 0.5 * abs(_nats(wanted.sounding, density.sounding)) + CLUSTER * cluster


def _nats(wanted: float, found: float) -> float:
    """Return by how many nats there are too few; 0 for none of either."""
    return float(np.log((wanted + 0.02) / (found + 0.02)))
