"""Density of a melody that keeps its notes: more are written between them, or some are left out.

Shape legend: T steps, V width of a melody's perturbation.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.latent_space import DENSITY, Floats
from engine.music.melody import FIRST_NOTE
from engine.music.representation import Representation

MORE_NATS, LESS_NATS = 5.5, 5.0
"""By how much notes are favoured at 1 and disfavoured at -1: each moves the density of held-out melodies by
about one deviation."""


def density_of(controls: Controls) -> float:
    """Return what the density slider stands at; 0 leaves notes as they are."""
    return dict(controls.attributes).get(DENSITY, 0.0)


def leaning(representation: Representation, amount: float) -> Floats:
    """Return the bias `[T, V]` towards notes, or for less than 0 away from them."""
    bias = np.zeros((representation.steps, representation.width), np.float32)
    bias[:, FIRST_NOTE:] = amount * (MORE_NATS if amount > 0 else LESS_NATS)
    return bias


def held(representation: Representation, tokens: npt.NDArray[np.integer[Any]], amount: float) -> Floats:
    """Return the bias `[T, V]` that holds tokens `[T, 1]` as far as a density leaves them.

    More than 0 holds the notes and lets go of the steps between them; less than 0 lets each note be itself or
    left out, and none begin elsewhere. What is let go is held less and less firmly up to 1.
    """
    bias = perturbation.anchor(representation, tokens, perturbation.HOLD)
    if amount == 0:
        return bias
    eased = perturbation.anchor(representation, tokens, perturbation.anchor_strength(min(1.0, abs(amount))))
    note = tokens[:, 0] >= FIRST_NOTE
    if amount > 0:
        return np.where(note[:, None], bias, eased)
    own = bias > 0
    eased[:, FIRST_NOTE:][~own[:, FIRST_NOTE:]] = perturbation.FORBIDDEN
    return eased
