"""A classifier two-sample test: can trees learn to tell one set of music from another?

Cross-validated accuracy of gradient-boosted trees (Lopez-Paz and Oquab, Revisiting Classifier Two-Sample
Tests, 2017): .50 says that they cannot, 1 that they always can. It is the listening test a machine can run.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

Floats = NDArray[np.float64]
FOLDS = 5
MOST_ROWS = 2000
"""Rows of each set that are looked at."""


Ints = NDArray[np.int64]
ONE_A_PIECE_REPEATS = 5


def telling_apart(real: Floats, written: Floats, seed: int = 0) -> float:
    """Return the accuracy with which held-out rows are told apart.

    Args:
        real: `[N, F]` traits of music.
        written: `[M, F]` traits of what is compared; as many of each set as the smaller one has are used.
        seed: decides which rows, and the folds.
    """
    rng = np.random.default_rng(seed)
    size = min(len(real), len(written), MOST_ROWS)
    if size < 2 * FOLDS:
        return float("nan")
    chosen = [side[rng.choice(len(side), size, replace=False)] for side in (real, written)]
    rows, labels = np.concatenate(chosen), np.repeat([0, 1], size)
    right = 0
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels):
        trees = HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.1, max_leaf_nodes=15, random_state=seed
        )
        right += int((trees.fit(rows[train], labels[train]).predict(rows[test]) == labels[test]).sum())
    return right / len(rows)


def telling_apart_by_piece(real: tuple[Floats, Ints], written: tuple[Floats, Ints], seed: int = 0) -> float:
    """Return the mean accuracy where one row of each piece is looked at, other rows in every repeat.

    Many windows of few pieces would be told apart by the pieces: trees know one drummer's from another's.

    Args:
        real: `[N, F]` traits of music, and `[N]` the piece that each is from.
        written: the same of what is compared.
        seed: decides which rows, and the folds.
    """
    rng = np.random.default_rng(seed)
    found = []
    for repeat in range(ONE_A_PIECE_REPEATS):
        music, other = (rows[_one_of_each(pieces, rng)] for rows, pieces in (real, written))
        found.append(telling_apart(music, other, seed + repeat))
    return float(np.mean(found))


def _one_of_each(pieces: Ints, rng: np.random.Generator) -> Ints:
    """Return a random place of each piece in `[N]`."""
    order = rng.permutation(len(pieces))
    return order[np.unique(pieces[order], return_index=True)[1]]
