"""An n-gram language model of tokens: how plausible a sequence is, independent of the model under test.

Witten-Bell smoothing in its interpolated form: what a context has not seen backs off to the context
that is one token shorter, with a weight that grows with the number of different tokens that followed it,
    p(w | h) = (c(h w) + d(h) p(w | h')) / (c(h) + d(h)),
c counting, d(h) the number of different tokens seen after h, h' the context without its oldest
token. Below the empty context every token is equally likely, so no cost is infinite.

Shape legend: N sequences, T steps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Tokens = NDArray[np.integer[Any]]
ORDER = 5
"""MusicVAE's own measure is a 5-gram (Roberts et al. 2018)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Sorted packed keys with their counts."""

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]

    @staticmethod
    def of(keys: NDArray[np.int64]) -> "_Counts":
        return _Counts(*np.unique(keys, return_counts=True))

    def __getitem__(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the counts of keys of any shape, 0 for unknown ones."""
        if not len(self.keys):
            return np.zeros(keys.shape, np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.counts[place], 0)


@dataclass(frozen=True, slots=True, eq=False)
class NGram:
    """Counts of all orders up to `order`; sequences start after `order - 1` start marks."""

    vocabulary: int
    order: int
    _levels: tuple[tuple[_Counts, _Counts, _Counts], ...]
    """For each context length 0, 1, ...: counts of context and token, of the context, and d."""

    @staticmethod
    def fit(
        sequences: Tokens, vocabulary: int, order: int = ORDER, counted: NDArray[np.bool_] | None = None
    ) -> "NGram":
        """Count tokens `[N, T]`, each 0 to `vocabulary` - 1.

        Args:
            sequences: tokens; those that do not count may have any value up to `vocabulary`.
            vocabulary: how many different tokens there are.
            order: length of the longest gram.
            counted: `[N, T]` which tokens count; None for all.

        Raises:
            ValueError: keys of that order do not fit 64 bits.
        """
        if (vocabulary + 1) ** order >= 2**63:
            raise ValueError(f"order {order} with {vocabulary} tokens: too large; lower the order")
        levels = []
        for length in range(order):
            contexts, grams = _packed(sequences, vocabulary, length)
            chosen = slice(None) if counted is None else counted
            grams_counted = _Counts.of(grams[chosen].ravel())
            followers = _Counts.of(grams_counted.keys // (vocabulary + 1))
            levels.append((grams_counted, _Counts.of(contexts[chosen].ravel()), followers))
        return NGram(vocabulary, order, tuple(levels))

    def nats(self, sequences: Tokens) -> Floats:
        """Return the cost of each sequence `[N, T]` in nats a step, `[N]`."""
        cost: Floats = self.costs(sequences).mean(axis=1)
        return cost

    def costs(self, sequences: Tokens) -> Floats:
        """Return the cost of every token of `[N, T]` in nats, `[N, T]`."""
        probability = np.full(sequences.shape, 1 / self.vocabulary)
        for length, (grams, contexts, followers) in enumerate(self._levels):
            context, gram = _packed(sequences, self.vocabulary, length)
            seen, different = contexts[context], followers[context]
            known = (grams[gram] + different * probability) / np.maximum(seen + different, 1)
            probability = np.where(seen > 0, known, probability)
        cost: Floats = -np.log(probability)
        return cost


def _packed(sequences: Tokens, vocabulary: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each step's context of `length` tokens, and context and token, as numbers `[N, T]`."""
    base = vocabulary + 1
    padded = np.pad(sequences.astype(np.int64), ((0, 0), (length, 0)), constant_values=vocabulary)
    steps = sequences.shape[1]
    context = np.zeros(sequences.shape, np.int64)
    for place in range(length):
        context = context * base + padded[:, place : place + steps]
    return context, context * base + sequences.astype(np.int64)
