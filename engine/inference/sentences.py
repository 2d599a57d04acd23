"""Sentences: which word comes next, written by a model that reads the words so far.

A model of sentences reads of each word its coarse latent and its relation to earlier ones (see
`engine.music.words`), and says what the next word may be.

Shape legend: N words, K beats of a word, Zc size of the coarse part.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from engine.inference.latent_space import Floats
from engine.music.words import FARTHEST_BACK, Relation


def features(relation: Relation, coarse: Floats) -> Floats:
    """Return what a model of sentences reads of a word: its coarse latent `[Zc]` and its relation."""
    back = np.zeros(FARTHEST_BACK + 1, np.float32)
    back[relation.back] = 1
    return np.concatenate([coarse, back, relation.rhythm, relation.pitch]).astype(np.float32)


class SentenceModel(Protocol):
    """What writing a sentence needs of a model."""

    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Return what comes after words `[N, F]`, N from 0.

        `back` logits `[9]` (0: new), `kept` logits `[9, 2K]` of the rhythm and then of the pitch of each
        beat, and of a new word's coarse latent `weights` logits `[M]`, `means` and `deviations` `[M, Zc]`.
        """


class Written(msgspec.Struct, frozen=True, eq=False):
    """A word of a sentence that was decided on."""

    relation: Relation
    coarse: Floats
    """`[Zc]`; of a related word that of the word it is from."""


def next_words(
    model: SentenceModel,
    words: Sequence[Written],
    drafts: int,
    rng: "np.random.Generator",
    favoured: Sequence[float] = (),
) -> list[Written]:
    """Return drafts of the word that follows: all of them new, or related to an earlier one each.

    Args:
        model: a model of sentences.
        words: those so far.
        drafts: how many; as much is drawn from `rng` whatever comes out.
        rng: what is drawn comes from it.
        favoured: nats by which words from the last word, the one before it and so on are favoured over
            new ones; none where it is left out.
    """
    rows = [features(word.relation, word.coarse) for word in words]
    following = model.next_word(np.array(rows, np.float32))
    odds = following["back"][: min(len(words), FARTHEST_BACK) + 1].astype(np.float64)
    odds[1:] += np.array([*favoured, *[0.0] * FARTHEST_BACK][: len(odds) - 1])
    backs = (odds + rng.gumbel(size=(drafts, FARTHEST_BACK + 1))[:, : len(odds)]).argmax(axis=1)
    beats = following["kept"].shape[1] // 2
    uniform = rng.random()  # one for all beats: a word is mostly repeated as a whole or loosely throughout
    choices = (following["weights"] + rng.gumbel(size=(drafts, len(following["weights"])))).argmax(axis=1)
    normal = rng.standard_normal((drafts, following["means"].shape[1]))
    if backs[0] == 0:
        coarse = (following["means"][choices] + following["deviations"][choices] * normal).astype(np.float32)
        return [Written(Relation.none(beats), each) for each in coarse]
    related = []
    for back in dict.fromkeys(int(each) for each in backs if each):
        kept = uniform < 1 / (1 + np.exp(-following["kept"][back]))
        rhythm, pitch = kept[:beats], kept[beats:]
        related.append(Written(Relation(back, rhythm, pitch & rhythm), words[-back].coarse))
    return related
