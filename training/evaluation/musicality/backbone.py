"""What holds drums up: the kick on one, the snare on two and four, a second bar that knows the first."""

from collections.abc import Sequence

import numpy as np

from engine.music.drums import CLASSES, VOCABULARY, DrumsRepresentation
from engine.music.grid import SIXTEENTHS, Grid
from engine.music.notes import Phrase
from training.evaluation.ngram import NGram

KICK, SNARE = 0, 1
ORDER = 4
"""Tokens in the longest gram of the critic: a context of three 16ths."""


def hits_of(
    phrases: Sequence[Phrase], grid: Grid = SIXTEENTHS
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return the hits of phrases of one length, `[N, bars, steps of a bar, 9]`."""
    representation = DrumsRepresentation(phrases[0].bars, grid)
    tokens = np.stack([representation.encode(phrase)[:, 0] for phrase in phrases])
    hits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (tokens[..., None] >> np.arange(CLASSES)) & 1 > 0
    return hits.reshape(len(phrases), phrases[0].bars, grid.steps_per_bar, CLASSES)


def backbone(phrases: Sequence[Phrase]) -> dict[str, float]:
    """Measure drums in 4/4.

    Returns:
        `kick_on_1` and `snare_on_2_and_4`, shares of the bars; `hits_a_step`; and `bar_repeated`, the share
        of the hits of two following bars that both have.
    """
    hits = hits_of(phrases)
    beats = hits[:, :, ::4]
    both = (hits[:, 1:] & hits[:, :-1]).sum(axis=(2, 3))
    either = (hits[:, 1:] | hits[:, :-1]).sum(axis=(2, 3))
    return {
        "kick_on_1": float(beats[:, :, 0, KICK].mean()),
        "snare_on_2_and_4": float((beats[:, :, 1, SNARE] & beats[:, :, 3, SNARE]).mean()),
        "hits_a_step": float(hits.sum(axis=3).mean()),
        "bar_repeated": float((both / np.maximum(either, 1))[either > 0].mean()),
    }


class DrumCritic:
    """Nats a step of drums under an n-gram of the combinations of drums that came before."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        """Count the phrases of a training split."""
        self._ngram = NGram.fit(_tokens(phrases), VOCABULARY, ORDER)

    def mean_nats(self, phrases: Sequence[Phrase]) -> float:
        """Return the mean over all steps."""
        return float(self._ngram.costs(_tokens(phrases)).mean())


def _tokens(phrases: Sequence[Phrase]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    hits = hits_of(phrases)
    tokens: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = (hits << np.arange(CLASSES)).sum(axis=-1)
    return tokens.reshape(len(phrases), -1)
