"""Biases for a piano's keys: to strike one and to let one ring that sounds already are two choices.

What may not begin may still sound on: a chord that is left, a rhythm that is kept, a rest between bars.

Shape legend: T steps, K 88 keys.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.constraints import Constraints
from engine.inference.perturbation import DENSITY_NATS, FORBIDDEN
from engine.music.pianoroll import KEYS, RIGHT_HAND

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

MOST_NATS = np.float32(4096)
"""Beyond it nothing else counts; one bias can be taken from another to a thousandth of a nat."""
_DECIDED = 0.5 * float(MOST_NATS)
MORE_NATS, LESS_NATS = 2.5, 3.5
"""By how much, where the density slider has just left 0, a beat that is kept holds off other strokes, and a
stroke is kept: with neither the decoder changes the density of held-out pianos by about a deviation."""
FREE_NATS = 1.0
"""How much the density slider favours strokes in free beats where it stands at 1."""


class Touch(msgspec.Struct, frozen=True, eq=False):
    """What is added to the logits of a decoder of keys."""

    strike: Floats
    """`[T, K]` of striking each key."""
    ring: Floats
    """`[T, K]` of letting each key sound on."""

    @staticmethod
    def both(bias: Floats) -> "Touch":
        """Return what counts for both choices alike."""
        return Touch(bias, bias)

    @staticmethod
    def strikes(bias: Floats) -> "Touch":
        """Return what counts for strokes alone."""
        return Touch(bias, np.zeros_like(bias))

    def plus(self, other: "Touch") -> "Touch":
        """Return the sum of both."""
        return Touch(self.strike + other.strike, self.ring + other.ring)

    def within_bounds(self) -> "Touch":
        """Return it with nothing beyond `MOST_NATS`."""
        return Touch(*(np.clip(bias, -MOST_NATS, MOST_NATS) for bias in (self.strike, self.ring)))


def leaning(kept: Sequence["Kept"], steps: int, density: float) -> Touch:
    """Return the bias of the density slider in the cells `[T, K]` that nothing is kept of."""
    free = np.ones((steps, KEYS), bool)
    for each in kept:
        free &= ~each.cells
    return Touch.strikes(np.where(free, np.float32(FREE_NATS * density), np.float32(0)))


def struck(roll: npt.NDArray[Any]) -> Bools:
    """Return where keys of a roll `[T, K]` begin to sound."""
    sounding = roll > 0.5
    before = np.vstack([np.zeros_like(sounding[:1]), sounding[:-1]])
    return sounding & ~before


def of_hands(left: Bools, right: Bools) -> Bools:
    """Return `[T, K]` of what is said of each hand at each step `[T]`."""
    return np.where(np.arange(KEYS) < RIGHT_HAND, left[:, None], right[:, None])


def hands_of(steps: Bools) -> Bools:
    """Return where a hand has anything of `[T, K]`, for all its keys."""
    left, right = steps[:, :RIGHT_HAND], steps[:, RIGHT_HAND:]
    return of_hands(np.asarray(left.any(axis=1)), np.asarray(right.any(axis=1)))


class Kept(msgspec.Struct, frozen=True, eq=False):
    """Parts of a roll that an answer is to have as they are."""

    roll: npt.NDArray[Any]
    """`[T, K]`."""
    cells: Bools
    """`[T, K]` which steps of which keys. A note is kept where it begins in them, as far as they reach;
    another that rings into them may end when it likes, but none is struck that was not."""

    @property
    def strokes(self) -> Bools:
        """`[T, K]` where kept notes begin."""
        return struck(self.roll) & self.cells

    def sounding(self, strokes: Bools, allowed: Bools) -> Bools:
        """Return where notes sound `[T, K]` that begin with some strokes, as long as it is allowed."""
        on, found = (self.roll > 0.5) & self.cells, np.zeros_like(strokes)
        for step in range(len(on)):
            held = found[step - 1] & on[step] & allowed[step] if step else False
            found[step] = strokes[step] | held
        return found

    def touch(self, strength: float, density: float = 0.0) -> Touch:
        """Return the bias that keeps them, with so many nats.

        Args:
            strength: above 0.
            density: more than 0 keeps all notes and lets others be struck between them; less than 0 lets
                each note be struck or left out, and no other be struck. What is let go is the decoder's to
                decide at 1 either way, and further on it is leant away from what was played.
        """
        strokes = self.strokes
        sounds = self.sounding(strokes, np.ones_like(strokes))
        own = LESS_NATS * (1 + density) if density < 0 else strength
        foreign = MORE_NATS * (1 - density) if density > 0 else strength
        foreign_nats = np.where(sounds, strength, foreign)  # what sounds is not struck anew
        strike = np.where(strokes, own, np.where(self.cells, -foreign_nats, 0.0))
        after = np.vstack([np.zeros_like(sounds[:1]), sounds[:-1]]) & self.cells & ~sounds
        ring = np.where(sounds, strength, np.where(after, -strength, 0.0))
        before = np.vstack([strokes[1:], np.zeros_like(strokes[:1])])  # released, to be struck again
        for bias in (strike, ring):
            bias[before] = -2 * strength
        return Touch(strike.astype(np.float32), ring.astype(np.float32))

    def put_back(self, roll: npt.NDArray[Any], touch: Touch) -> npt.NDArray[Any]:
        """Return a decoded roll with what a bias decides, however many keys are struck at once."""
        strokes = self.strokes & (touch.strike > _DECIDED)
        sounds = self.sounding(strokes, touch.ring > _DECIDED)
        before = np.vstack([strokes[1:], np.zeros_like(strokes[:1])])
        return np.where(sounds, 1, np.where(before & ~sounds, 0, roll)).astype(roll.dtype)


def limits(constraints: Constraints, allowed: Bools, source: npt.NDArray[Any] | None, steps: int) -> Touch:
    """Return the bias of the constraints.

    Args:
        constraints: what is asked.
        allowed: `[K]` keys that key, scale and range leave.
        source: `[T, K]` that rhythm and notes are kept of; None if there is none.
        steps: T.
    """
    both, strike = np.zeros((steps, KEYS), np.float32), np.zeros((steps, KEYS), np.float32)
    both[:, ~allowed] = FORBIDDEN
    strike += np.float32(DENSITY_NATS * constraints.density)
    if source is not None and constraints.keep_pitches:
        both[:, ~(source > 0.5).any(axis=0)] = FORBIDDEN
    if source is not None and constraints.keep_rhythm:
        strike[~hands_of(struck(source))] = FORBIDDEN
    return Touch.both(both).plus(Touch.strikes(strike))


def with_rhythm_of(source: npt.NDArray[Any], roll: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a roll `[T, K]` in which each hand strikes something whenever it does in a source.

    Where a hand leaves a stroke out, it has the source's own; but no key is struck on two steps in a row.
    """
    result, strokes = roll.copy(), struck(source)
    for keys in (slice(0, RIGHT_HAND), slice(RIGHT_HAND, KEYS)):
        for step in np.flatnonzero(strokes[:, keys].any(axis=1)).tolist():
            if not struck(result)[step, keys].any():
                for key in np.flatnonzero(strokes[step, keys]) + (keys.start or 0):
                    _strike(result, source[:, key] > 0.5, step, int(key))
    return result


def _strike(roll: npt.NDArray[Any], sounds: Bools, step: int, key: int) -> None:
    """Let a key of a roll begin at a step and sound as long as it does in a source, or until it is struck."""
    strokes = np.append(struck(roll)[:, key], False)
    if strokes[step + 1] or (step and strokes[step - 1]):
        return
    length = int(np.argmin(np.append(sounds[step:], False)))
    later = np.flatnonzero(strokes[step + 1 :])  # the step before a stroke is a rest
    length = min(length, int(later[0])) if len(later) else length
    if step:
        roll[step - 1, key] = 0
    roll[step : step + length, key] = 1
