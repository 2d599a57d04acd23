"""From stored blocks to what a model is given, transposed. `[n, T, W]` and shifts `[n]` in."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.melody import FIRST_NOTE, VOCABULARY
from training.corpus.extract.drumming import restored_groove
from training.corpus.extract.words import BEFORE, CHORD, TOKEN, TONIC

Block = NDArray[Any]
Shifts = NDArray[np.int64]


def present_tokens(heads: int) -> Callable[[Block, Shifts], NDArray[np.int64]]:
    """Return the function to `int64 [n, T, W]` that shifts notes in the first `heads` columns."""

    def present(block: Block, shifts: Shifts) -> NDArray[np.int64]:
        tokens = block.astype(np.int64)
        notes = tokens[:, :, :heads]
        if heads and shifts.any():
            notes += np.where(notes >= FIRST_NOTE, shifts[:, None, None], 0)
        return tokens

    return present


def present_groove(block: Block, shifts: Shifts) -> NDArray[np.float32]:
    """Return `float32 [n, T, 27]`; drums are not transposed."""
    return restored_groove(block)


def present_words(block: Block, shifts: Shifts) -> NDArray[np.int64]:
    """Return windows in C major or A minor, `int64 [n, T, 3]`: token, chord bits, token a bar before.

    The key is the one in the middle of the window; -1 stands for no bar before. `shifts` are added to
    the move into the key.
    """
    stored = block.astype(np.int64)
    tonic = stored[:, stored.shape[1] // 2, TONIC]
    move = ((6 - tonic) % 12 - 6 + shifts)[:, None]  # -6 to 5 without a shift
    tokens, before = _moved(stored[..., TOKEN], move), _moved(stored[..., BEFORE] - 1, move)
    return np.stack([tokens, _turned(stored[..., CHORD], move % 12), before], axis=-1)


def _moved(tokens: NDArray[np.int64], move: NDArray[np.int64]) -> NDArray[np.int64]:
    """Transpose note tokens; one that leaves the piano comes back an octave nearer."""
    moved = tokens + move
    moved += np.where(moved < FIRST_NOTE, 12, np.where(moved >= VOCABULARY, -12, 0))
    return np.where(tokens >= FIRST_NOTE, moved, tokens)


def _turned(bits: NDArray[np.int64], up: NDArray[np.int64]) -> NDArray[np.int64]:
    """Transpose chords of 12 bits by 0 to 11 semitones."""
    return (bits << up | bits >> (12 - up)) & 0xFFF
