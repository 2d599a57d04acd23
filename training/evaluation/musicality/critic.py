"""A critic of melodies: nats a note under an n-gram model of steps in pitch and time.

A token is the interval to the next note and the time to its onset, so that neither key nor register nor
tempo counts. Orders 0 to 3 are interpolated (see `training.evaluation.ngram`). Compare with held-out music,
not with zero: what costs less than music is too plain, what costs more is too wild.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.musicality.lines import Ints, Line
from training.evaluation.ngram import NGram

WIDEST = 24
"""Semitones; larger intervals count as this."""
LONGEST = 32
"""Steps; longer times count as this."""
ORDER = 4
"""Tokens in the longest gram: a context of three."""
VOCABULARY = (2 * WIDEST + 1) * LONGEST
PAD = VOCABULARY


def tokens_of(line: Line) -> Ints:
    """Return a token for each step from an onset to the next, of the highest note of each, `[N - 1]`."""
    last = np.flatnonzero(np.diff(line.onset, append=np.iinfo(np.int64).max) > 0)
    pitch, onset = line.pitch[last], line.onset[last]
    interval = np.clip(np.diff(pitch), -WIDEST, WIDEST) + WIDEST
    apart = np.clip(np.diff(onset), 1, LONGEST) - 1
    return interval * LONGEST + apart


def _padded(lines: Sequence[Line]) -> Ints:
    """Return the tokens of lines, `[lines, longest]`, filled up with `PAD`."""
    rows = [tokens_of(line) for line in lines]
    table = np.full((len(rows), max((len(row) for row in rows), default=0)), PAD, np.int64)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return table


@dataclass(frozen=True, slots=True, eq=False)
class Critic:
    """What melodies of the training split sound like."""

    ngram: NGram

    @staticmethod
    def fit(lines: Sequence[Line]) -> "Critic":
        """Return a critic that has counted the moves of lines."""
        table = _padded(lines)
        return Critic(NGram.fit(table, VOCABULARY, ORDER, counted=table != PAD))

    def nats(self, lines: Sequence[Line]) -> NDArray[np.float64]:
        """Return the nats of every note after the first of its line, of all lines."""
        table = _padded(lines)
        costs: NDArray[np.float64] = self.ngram.costs(table)[table != PAD]
        return costs

    def mean_nats(self, lines: Sequence[Line]) -> float:
        """Return nats a note over all lines; not a number where no line has two notes."""
        costs = self.nats(lines)
        return float(costs.mean()) if len(costs) else float("nan")
