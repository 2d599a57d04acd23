"""Sentences: which word comes next, written by a model that reads the words so far.

A model of sentences reads of each word its coarse latent and its relation to earlier ones (see
`engine.music.words`), and says what the next word may be.

Shape legend: N words, K beats of a word, Zc size of the coarse part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.inference.latent_space import Floats
from engine.music.words import FARTHEST_BACK, Relation

COARSE_SPREAD = 0.6
"""Share of the deviations that a new word's coarse latent is drawn with. At 1 words follow with leaps
of 2.2 semitones more at their seams than inside (music .85), at .7 .9, at .5 .5."""

_FORM_STREAM = 4


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


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A word of a sentence that was decided on."""

    relation: Relation
    coarse: Floats
    """`[Zc]`; of a related word that of the word it is from."""


def write_sentence(model: SentenceModel, heard: list[Written], words: int, seed: int) -> list[Written]:
    """Decide on the words that follow; the same for the same seed.

    Args:
        model: a model of sentences.
        heard: the words so far.
        words: how many to add.
        seed: decides what is drawn.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _FORM_STREAM))))
    sentence = list(heard)
    for _ in range(words):
        rows = [features(word.relation, word.coarse) for word in sentence]
        sentence.append(_drawn(model.next_word(np.array(rows, np.float32)), sentence, rng))
    return sentence[len(heard) :]


def _drawn(next_word: Mapping[str, Floats], sentence: list[Written], rng: np.random.Generator) -> Written:
    odds = next_word["back"][: min(len(sentence), FARTHEST_BACK) + 1]
    back = int((odds + rng.gumbel(size=len(odds))).argmax())
    beats = next_word["kept"].shape[1] // 2
    uniform = rng.random()  # one for all beats: a word is mostly repeated as a whole or loosely throughout
    component = int((next_word["weights"] + rng.gumbel(size=len(next_word["weights"]))).argmax())
    normal = rng.standard_normal(next_word["means"].shape[1])
    if back == 0:
        spread = COARSE_SPREAD * next_word["deviations"][component]
        coarse = next_word["means"][component] + spread * normal
        return Written(Relation.none(beats), coarse.astype(np.float32))
    kept = uniform < 1 / (1 + np.exp(-next_word["kept"][back]))
    rhythm, pitch = kept[:beats], kept[beats:]
    return Written(Relation(back, rhythm, pitch & rhythm), sentence[-back].coarse)
