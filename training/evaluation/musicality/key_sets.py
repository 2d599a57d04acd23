"""How many notes are in a key: of the music itself, or of what it was made from.

A key here is one of 24 sets of seven pitch classes: the twelve major scales (and their modes) and the twelve
harmonic minor ones.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.music.key import SCALES, Key
from training.evaluation.musicality.lines import Line

Floats = NDArray[np.float64]

SETS: NDArray[np.bool_] = np.array(
    [
        [Key(tonic, scale).allows(pitch_class) for pitch_class in range(12)]
        for scale in ("major", "harmonic minor")
        for tonic in range(12)
    ]
)
"""`[24, 12]`: pitch classes of each set."""
assert SETS.sum(axis=1).tolist() == [len(SCALES["major"])] * 24


def pitch_class_counts(line: Line) -> Floats:
    """Return how many notes each pitch class has, `[12]`."""
    return np.bincount(line.pitch % 12, minlength=12).astype(np.float64)


def best_set(counts: Floats) -> NDArray[np.bool_]:
    """Return the set, `[12]`, that most of the notes are in."""
    best: NDArray[np.bool_] = SETS[int((SETS @ counts).argmax())]
    return best


def own_key(lines: Sequence[Line]) -> float:
    """Return the share of all notes that are in the best-fitting set of their own line."""
    counts = [pitch_class_counts(line) for line in lines]
    notes = sum(row.sum() for row in counts)
    return float(sum((SETS @ row).max() for row in counts) / max(notes, 1))


def in_sets(lines: Sequence[Line], sets: Sequence[NDArray[np.bool_]]) -> float:
    """Return the share of all notes that are in the set given for their line."""
    counts = [pitch_class_counts(line) for line in lines]
    inside = sum(row[chosen].sum() for row, chosen in zip(counts, sets, strict=True))
    return float(inside / max(sum(row.sum() for row in counts), 1))
