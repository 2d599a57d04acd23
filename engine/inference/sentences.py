"""How the words of a longer melody hang together: which are new, which repeat or vary one before.

A word is a few bars with a latent of its own. A word is related to the one so many words back that it
shares most of its beats with, in rhythm and in pitch; where it shares less than half it is new. A model of
sentences reads these relations and the coarse latents of the words so far, and says what the next word is.

Shape legend: N words, T steps of a word, K beats of a word, Zc size of the coarse part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.inference.bundle.manifest import FARTHEST_BACK
from engine.inference.latent_space import Floats
from engine.music.grid import SIXTEENTHS
from engine.music.melody import FIRST_NOTE

Bools = npt.NDArray[np.bool_]

RELATED = 0.5
"""Share of beats in common, rhythm and pitch counted half each, from which words are related."""

COARSE_SPREAD = 0.6
"""Share of the deviations that a new word's coarse latent is drawn with. At 1 words follow with leaps
of 2.2 semitones more at their seams than inside (music .85), at .7 .9, at .5 .5."""

_FORM_STREAM = 4


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """What a word has from an earlier one."""

    back: int
    """How many words back that one is, 1 and more; 0 for a new word."""
    rhythm: Bools
    """`[K]` beats that have its rhythm."""
    pitch: Bools
    """`[K]` beats that have its pitches."""

    @staticmethod
    def none(beats: int) -> "Relation":
        """Return the relation of a new word."""
        return Relation(0, np.zeros(beats, bool), np.zeros(beats, bool))


def relations(words: npt.NDArray[np.integer[Any]]) -> list[Relation]:
    """Return how each of the words `[N, T]`, melody tokens, is related to those before it."""
    rhythm = np.minimum(words, FIRST_NOTE).reshape(len(words), -1, SIXTEENTHS.steps_per_beat)
    pitch = last_pitches(words).reshape(rhythm.shape)
    found = [Relation.none(rhythm.shape[1])]
    for index in range(1, len(words)):
        first = max(0, index - FARTHEST_BACK)
        same_rhythm = (rhythm[first:index] == rhythm[index]).all(axis=2)  # [candidates, K]
        same_pitch = (pitch[first:index] == pitch[index]).all(axis=2) & same_rhythm
        score = (same_rhythm.mean(axis=1) + same_pitch.mean(axis=1)) / 2
        best = len(score) - 1 - int(score[::-1].argmax())  # of equals the nearest
        related = Relation(index - first - best, same_rhythm[best], same_pitch[best])
        found.append(related if score[best] >= RELATED else Relation.none(rhythm.shape[1]))
    return found


def last_pitches(words: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return for each step of `[N, T]` tokens the pitch that sounds or sounded last in its word, else 0."""
    steps = np.where(words >= FIRST_NOTE, np.arange(words.shape[1]), -1)
    last = np.maximum.accumulate(steps, axis=1)
    pitch = np.take_along_axis(words, np.maximum(last, 0), axis=1).astype(np.int64) - (FIRST_NOTE - 1)
    return np.where(last >= 0, pitch, 0)


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


def roots(found: list[Relation]) -> list[int]:
    """Return for each word the first word that it descends from, itself if it is new."""
    first: list[int] = []
    for index, relation in enumerate(found):
        first.append(first[index - relation.back] if relation.back else index)
    return first
