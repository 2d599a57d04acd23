"""From stored blocks to what a model is given, transposed. `[n, T, W]` and shifts `[n]` in."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.melody import FIRST_NOTE
from training.corpus.extract.drumming import restored_groove

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
