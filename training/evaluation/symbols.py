"""Any representation's tensors as token lines, so that distances and n-grams mean the same for all.

A melody is one line, a trio three, drums one; a groove is read by its hits (512 combinations a step,
like drums), because velocity and micro-timing are not symbols.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, VOCABULARY, tokens_of_hits
from engine.music.representation import Representation

Lines = NDArray[np.int64]


def symbol_lines(tensors: NDArray[Any], representation: Representation) -> Lines:
    """Return token lines `[N, T, L]` of a batch `[N, T, ...]`."""
    if representation.name == "groove":
        return tokens_of_hits(tensors[..., :CLASSES] > 0.5)[..., None]
    return tensors.astype(np.int64)


def line_vocabularies(representation: Representation) -> tuple[int, ...]:
    """Return the vocabulary of each line."""
    return (VOCABULARY,) if representation.name == "groove" else tuple(representation.streams)
