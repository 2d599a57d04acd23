"""Held-out music to measure against: phrases, the key around each, and lines to teach the critic with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.notes import Phrase
from engine.music.representation import Representation
from training.corpus.dataset import Corpus, spread
from training.corpus.windows import positions
from training.evaluation.musicality.critic import Critic
from training.evaluation.musicality.key_sets import best_set, pitch_class_counts
from training.evaluation.musicality.lines import Line, voices

SURROUNDING_BARS = 16
OWN_WEIGHT = 1000.0
"""More than all notes around a phrase: they only decide between sets that fit it equally well."""
CRITIC_WINDOWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Phrases of a held-out split. N phrases."""

    tensors: NDArray[Any]
    """`[N, T, ...]`."""
    phrases: list[Phrase]
    keys: list[NDArray[np.bool_]]
    """Of each the seven pitch classes that most of its notes are in; of those that are equal in this, the
    ones that most notes of the 16 bars around it are in."""
    pieces: NDArray[np.int64]
    """`[N]` number of the file that each is from."""

    def part(self, chosen: NDArray[np.int64]) -> "HeldOut":
        """Return some of the phrases, by their places."""
        return HeldOut(
            self.tensors[chosen],
            [self.phrases[index] for index in chosen],
            [self.keys[index] for index in chosen],
            self.pieces[chosen],
        )


def held_out(corpus: Corpus, representation: Representation, split: str, count: int) -> HeldOut:
    """Return up to `count` phrases, spread evenly over a split."""
    ids = spread(corpus.window_ids(split), count)
    tensors = played_tensors(corpus, representation, ids)
    phrases = [representation.decode(tensor) for tensor in tensors]
    keys = [
        best_set(OWN_WEIGHT * _own_counts(phrase) + _surrounding_counts(corpus, int(window)))
        for window, phrase in zip(ids, phrases, strict=True)
    ]
    pieces = corpus.segments["file"][corpus.table["segment"][ids]].astype(np.int64)
    return HeldOut(tensors, phrases, keys, pieces)


def played_tensors(corpus: Corpus, representation: Representation, ids: NDArray[np.int64]) -> NDArray[Any]:
    """Return windows as the representation has them; further columns hold what surrounds them."""
    tensors = corpus.batch(ids)
    return tensors[..., : len(representation.streams)] if representation.streams else tensors


def _own_counts(phrase: Phrase) -> NDArray[np.float64]:
    return np.sum([pitch_class_counts(line) for line in voices(phrase).values()] or [np.zeros(12)], axis=0)


def _surrounding_counts(corpus: Corpus, window: int) -> NDArray[np.float64]:
    """Return the pitch classes of the bars around a window, `[12]`; zeros for what is no melody."""
    if corpus.kind.name != "melody":
        return np.zeros(12)
    row = corpus.table[window : window + 1]
    segment = corpus.segments[row["segment"][0]]
    start = int(positions(corpus.segments, row)[0])
    margin = max(SURROUNDING_BARS * 16 - corpus.steps, 0) // 2
    first = max(start - margin, int(segment["first"]))
    end = min(start + corpus.steps + margin, int(segment["first"]) + int(segment["steps"]))
    tokens = np.asarray(corpus.data[first:end]).reshape(end - first, -1)[:, 0].astype(np.int64)
    pitches = tokens[tokens >= FIRST_NOTE] - FIRST_NOTE + LOWEST_PITCH
    return np.bincount(pitches % 12, minlength=12).astype(np.float64)


def teach_critic(corpus: Corpus, representation: Representation, channel: int) -> Critic | None:
    """Return a critic of the training split's voice on a MIDI channel; None without a training split."""
    ids = spread(corpus.window_ids("train"), CRITIC_WINDOWS)
    if not len(ids):
        return None
    lines = [
        Line.of(note for note in representation.decode(tensor).notes if note.channel == channel)
        for tensor in played_tensors(corpus, representation, ids)
    ]
    return Critic.fit(lines)
