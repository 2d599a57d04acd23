"""From a config to a model."""

from engine.music.representation import representation
from training.config import ModelConfig
from training.models.vae import VAE


def build_model(config: ModelConfig) -> VAE:
    """Return the model that `config` describes, with fresh weights."""
    spec = representation(config.representation, config.bars)
    return VAE(config, spec.streams, spec.grid.steps_per_bar)
