"""From a config to a model and what trains it."""

from torch import Tensor, nn

from engine.music import representation as representations
from training.config import LossConfig, ModelConfig
from training.models.accompaniment import VOICES, Accompaniment
from training.models.accompaniment_loss import AccompanimentObjective
from training.models.drum_words import DrumWords
from training.models.key_chain import KeyChain
from training.models.losses import ContinuationObjective, KeyChainObjective, Objective
from training.models.piano_words import PianoWords
from training.models.sentences import WORD_BEATS, WORD_STEPS, Sentences, SentencesObjective
from training.models.seq2seq import Continuer
from training.models.vae import VAE
from training.models.words import BEAT_STEPS, Words
from training.models.words_loss import DrumWordsObjective, PianoWordsObjective, WordsObjective

Trainable = VAE | DrumWords | PianoWords | Continuer | KeyChain | Words | Sentences | Accompaniment

DRUMS_OF_VOICES = f"writers.{VOICES.index('drums')}."
"""What names of an accompaniment's weights begin with that are of its drums."""


def build_model(config: ModelConfig) -> Trainable:
    """Return the model that `config` describes, with fresh weights."""
    if config.sentences is not None and config.words is not None:
        return Sentences(config.sentences, config.words)
    if config.accompaniment is not None:
        return Accompaniment(config.accompaniment)
    if config.words is not None and config.key_chain is not None:
        return PianoWords(config, config.words, config.key_chain)
    if config.words is not None:
        return DrumWords(config, config.words) if config.representation == "drums" else Words(config.words)
    representation = representations.representation(config.representation, config.bars, config.grid)
    if config.key_chain is not None:
        return KeyChain(config.key_chain, representation.width, config.bars)
    if config.task == "continue":
        return Continuer(config, representation.width)
    return VAE(config, representation.streams, representation.grid.steps_per_bar)


def build_objective(model: Trainable, config: LossConfig) -> nn.Module:
    """Return the loss of `model`, a module with the signature of `Objective.forward`."""
    if isinstance(model, Words):
        return WordsObjective(model, config)
    if isinstance(model, DrumWords):
        return DrumWordsObjective(model, config)
    if isinstance(model, PianoWords):
        return PianoWordsObjective(model, config)
    if isinstance(model, Accompaniment):
        return AccompanimentObjective(model, config)
    if isinstance(model, Sentences):
        return SentencesObjective(model, config)
    if isinstance(model, KeyChain):
        return KeyChainObjective(model, config, model.bars)
    return ContinuationObjective(model, config) if isinstance(model, Continuer) else Objective(model, config)


def latent_size(model: Trainable, config: ModelConfig, steps: int) -> int:
    """Return how many numbers of noise a phrase of so many steps is given; a continuation uses none."""
    if isinstance(model, Accompaniment):
        return sum(model.sizes(steps // BEAT_STEPS))
    if isinstance(model, Sentences):
        return steps // WORD_STEPS * model.words.layout(WORD_BEATS).size
    if isinstance(model, DrumWords | PianoWords):
        return model.layout.size
    return model.layout(steps // BEAT_STEPS).size if isinstance(model, Words) else config.z_size


def whole_start(model: Trainable, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights to begin with, completed where those of another kind of model are a part of them.

    Words begin a model of sentences over them; the writer of an accompaniment's drums begins one of drums,
    and a continuation of piano whose keys are decided together begins the writer of one of piano.
    """
    own = model.state_dict()
    if isinstance(model, Sentences) and not any(name.startswith("words.") for name in weights):
        return own | {f"words.{name}": value for name, value in weights.items()}
    if isinstance(model, DrumWords) and any(name.startswith(DRUMS_OF_VOICES) for name in weights):
        found = {f"writer.{name.removeprefix(DRUMS_OF_VOICES)}": value for name, value in weights.items()}
        fitting = {n: v for n, v in found.items() if n in own and own[n].shape == v.shape}
        return own | fitting
    if isinstance(model, PianoWords) and not any(name.startswith("writer.") for name in weights):
        return own | {f"writer.{name}": value for name, value in weights.items()}
    return weights
