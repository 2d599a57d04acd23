"""Between the key of what is played and the one key, C major or A minor, that some models know.

Shape legend: T steps, V width of a melody's perturbation.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inference.latent_space import Floats
from engine.inference.perturbation import FORBIDDEN
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE, headroom, transpose


def semitones_home(tokens: npt.NDArray[np.integer[Any]], key: Key | None) -> int:
    """Return the semitones that move a melody in a key to C major or A minor.

    It is the shortest way that leaves every note on the piano, an octave further where the shortest does
    not; 0 where the key is unknown, or where no way is left.
    """
    if key is None:
        return 0
    nearest, (down, up) = key.semitones_to_reference, headroom(tokens)
    ways = sorted((nearest, nearest - 12, nearest + 12), key=abs)
    return next((way for way in ways if down <= way <= up), 0)


def moved_tokens(tokens: npt.NDArray[Any], semitones: int) -> npt.NDArray[np.int64]:
    """Return melody tokens `[T, 1]` moved by semitones."""
    return transpose(tokens, semitones).astype(np.int64)


def moved_voices(tokens: npt.NDArray[Any], semitones: int) -> npt.NDArray[np.int64]:
    """Return tokens `[T, 3]` of an accompaniment moved by semitones; drums stay."""
    moved = tokens.astype(np.int64)
    moved[:, :2] = transpose(moved[:, :2], semitones)
    return moved


def moved_bias(bias: Floats, semitones: int) -> Floats:
    """Return a melody's perturbation `[T, V]` for the same notes, moved by semitones.

    What comes in from beyond the piano is forbidden, so that all that is written can be moved back.
    """
    if semitones == 0:
        return bias
    moved = np.full_like(bias, FORBIDDEN)
    moved[:, :FIRST_NOTE] = bias[:, :FIRST_NOTE]
    keys, size = bias[:, FIRST_NOTE:], bias.shape[1] - FIRST_NOTE
    first, end = max(0, semitones), min(size, size + semitones)
    moved[:, FIRST_NOTE + first : FIRST_NOTE + end] = keys[:, first - semitones : end - semitones]
    return moved
