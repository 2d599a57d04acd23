"""The measures every run is watched by, for either kind of model."""

from typing import Any

from training.corpus.dataset import Corpus
from training.evaluation.accompaniment import evaluate_accompaniment
from training.evaluation.continuation import evaluate_continuation, evaluate_key_chain
from training.evaluation.reconstruction import evaluate_reconstruction
from training.evaluation.sentences import evaluate_sentences
from training.evaluation.words import coarse_nats_a_hit, coarse_nats_a_stroke, evaluate_words
from training.models.accompaniment import Accompaniment
from training.models.build import Trainable
from training.models.drum_words import DrumWords
from training.models.key_chain import KeyChain
from training.models.piano_words import PianoWords
from training.models.sentences import Sentences
from training.models.seq2seq import Continuer
from training.models.words import Words


def core_metrics(
    model: Trainable, corpus: Corpus, split: str, windows: int = 2048, *, unseen: bool = False
) -> dict[str, Any]:
    """Measure `model` on up to `windows` windows of `split`.

    `unseen` leaves out held-out windows known from training.
    """
    if isinstance(model, Continuer):
        return evaluate_continuation(model, corpus, split, windows, unseen=unseen)
    if isinstance(model, KeyChain):
        return evaluate_key_chain(model, corpus, split, windows, unseen=unseen)
    if isinstance(model, Accompaniment):
        return evaluate_accompaniment(model, corpus, split, windows)
    if isinstance(model, Sentences):
        return evaluate_sentences(model, corpus, split, windows)
    if isinstance(model, Words):
        return evaluate_words(model, corpus, split, windows)
    found = evaluate_reconstruction(model, corpus, split, windows, unseen=unseen)
    if isinstance(model, DrumWords):
        found |= coarse_nats_a_hit(model, corpus, split, windows)
    if isinstance(model, PianoWords):
        found |= coarse_nats_a_stroke(model, corpus, split, windows)
    return found
