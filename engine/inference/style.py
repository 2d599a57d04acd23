"""A style in a rendering: draws are pulled to the latents of its phrases, the decoder to rhythm and degrees.

Shape legend: T steps, V width of the perturbation, Z latent size, P phrases of the style.
"""

from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.latent_space import Floats, great_circle
from engine.inference.perturbation import pitch_columns
from engine.inference.slots import LatentModel, fit
from engine.music.key import KEYS, Key
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH, VOCABULARY
from engine.music.representation import Representation
from engine.music.style import PHRASE_BARS, Style

ONSET_SHARE, CLASS_SHARE = 0.5, 0.5
"""Nats of the bias at an amount of 1, per nat that the style differs from what is usual."""
MOST_NATS = 2.5
"""No note is pulled at or away more firmly."""
STYLES_KEPT = 8
_STYLE_STREAM = 6


class Pull(NamedTuple):
    """A style and how far, 0 to 1, draws are pulled to it."""

    style: Style
    amount: float


def pull_of(controls: Controls) -> Pull | None:
    """Return the pull that controls ask for; None for none."""
    style, amount = controls.style, controls.style_amount
    return Pull(style, amount) if style.phrases and amount > 0 else None


_latents: "WeakKeyDictionary[Any, dict[Style, Floats]]" = WeakKeyDictionary()


def pulled(model: LatentModel, z: Floats, seed: int, pull: Pull | None) -> Floats:
    """Return a draw pulled to the latent of one of a style's phrases, the one that the seed says.

    The draw is `[Z]`, or of the first word alone of a model of several.
    A model of another metre, or of more than a melody, has no latents of the phrases, and the draw stays.
    """
    mu = None if pull is None else _latents_of(model, pull.style)
    if pull is None or mu is None:
        return z
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _STYLE_STREAM))))
    return great_circle(z, mu[int(rng.integers(len(mu))), : len(z)], pull.amount)


def _latents_of(model: LatentModel, style: Style) -> Floats | None:
    """Return the latents `[P, Z]` of a style's phrases in C major or A minor, remembered; None for none."""
    representation = model.representation
    fits = representation.grid.metre == style.metre and representation.bars % PHRASE_BARS == 0
    if representation.streams != (VOCABULARY,) or not fits:
        return None
    kept = _latents.setdefault(model, {})
    if style not in kept:
        if len(kept) >= STYLES_KEPT:
            kept.clear()
        phrases = [representation.admitted(fit(representation, phrase)) for phrase in style.as_phrases()]
        kept[style] = model.encode(np.stack([representation.encode(phrase) for phrase in phrases]))[0]
    return kept[style]


def set_key(limits: Constraints) -> Key | None:
    """Return the key that the player has chosen; None where none is."""
    return None if limits.key is None else Key(KEYS.index(limits.key), limits.scale)


def style_bias(representation: Representation, style: Style, amount: float, key: Key | None) -> Floats:
    """Return `[T, V]` that pulls the melody, the first voice, towards a style.

    Args:
        representation: of the model.
        style: empty for no pull.
        amount: 0 (none) to 1.
        key: of the answer; None leaves the pitches alone.
    """
    bias = np.zeros((representation.steps, representation.width), np.float32)
    voice = next(pitch_columns(representation), None)
    if voice is None or not representation.streams or not style.bars or amount == 0:
        return bias
    grid = representation.grid
    bias[:, voice] = np.float32(amount) * _nats(
        style, key, representation.steps, grid.steps_per_beat * grid.beats_per_bar
    )
    return bias


@lru_cache(maxsize=32)
def _nats(style: Style, key: Key | None, steps: int, steps_per_bar: int) -> Floats:
    """Return the whole pull `[T, 88]`; read-only."""
    onset = np.array([style.onset_nats(step, steps_per_bar) for step in range(steps_per_bar)])
    pitch = np.zeros(HIGHEST_PITCH - LOWEST_PITCH + 1)
    if key is not None and style.notes:
        pitch = np.array([style.class_nats(each, key) for each in range(LOWEST_PITCH, HIGHEST_PITCH + 1)])
    by_step = ONSET_SHARE * np.clip(np.resize(onset, steps), -MOST_NATS, MOST_NATS)
    nats = by_step[:, None] + CLASS_SHARE * np.clip(pitch, -MOST_NATS, MOST_NATS)[None]
    result: Floats = nats.astype(np.float32)
    result.flags.writeable = False
    return result
