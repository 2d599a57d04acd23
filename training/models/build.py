"""From a config to a model and what trains it."""

from torch import nn

from engine.music.representation import representation
from training.config import LossConfig, ModelConfig
from training.models.losses import ContinuationObjective, Objective
from training.models.seq2seq import Continuer
from training.models.vae import VAE

Trainable = VAE | Continuer


def build_model(config: ModelConfig) -> Trainable:
    """Return the model that `config` describes, with fresh weights."""
    spec = representation(config.representation, config.bars)
    if config.task == "continue":
        return Continuer(config, spec.width)
    return VAE(config, spec.streams, spec.grid.steps_per_bar)


def build_objective(model: Trainable, config: LossConfig) -> nn.Module:
    """Return the loss of `model`, a module with the signature of `Objective.forward`."""
    return ContinuationObjective(model, config) if isinstance(model, Continuer) else Objective(model, config)
