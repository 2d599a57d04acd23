"""Measures a trained model's latent space on its corpus: prior, attribute directions, their effects.

Shape legend: N phrases, Z latent size.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.bundle import Attribute, Latents
from engine.inference.model import Model
from export.errors import ExportError
from export.prior import Mixture, best_mixture, standard_normal_nats
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.evaluation.attributes import (
    Definition,
    Effects,
    definitions,
    directions,
    measure_all,
    measure_effects,
)
from training.models.vae import VAE
from training.tasks import heard_of

TRAIN_WINDOWS = 20_000
VALID_WINDOWS = 4_000
EFFECT_LATENTS = 256
"""Phrases that are moved along each direction, as in the paper."""
BATCH = 256
SEED = 1

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LatentSpace:
    """What was measured."""

    latents: Latents
    attributes: tuple[Attribute, ...]
    metrics: dict[str, float]
    """Mean log density of held-out latents under the mixture and under N(0, I)."""
    drawn: Tensor | None = None
    """`[N, Z]` samples of the posteriors of held-out phrases, to prove decoders on."""
    heard: Tensor | None = None
    """Held-out phrases as the encoder hears them, to prove encoders on."""

    @staticmethod
    def empty(z_size: int) -> "LatentSpace":
        """Return the space of a model about which nothing was measured."""
        return LatentSpace(Latents.standard_normal(z_size), (), {})


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """Phrases with their posteriors."""

    phrases: npt.NDArray[Any]
    """The tensors the decoder should write."""
    heard: Tensor
    mu: Tensor
    """`[N, Z]`."""
    drawn: Tensor
    """`[N, Z]`, one sample of each posterior."""


def measure_latents(model: VAE, graphs: Model, config: RunConfig, corpus: Corpus) -> LatentSpace:
    """Fit the prior and find the attribute directions on the training split; judge on the validation split.

    Args:
        model: the trained model.
        graphs: its float graphs, which decode.
        config: its run.
        corpus: its corpus, opened for windows of the model's length.

    Raises:
        ExportError: the corpus has no windows in a split.
    """
    train = _encoded(model, config, corpus, "train", TRAIN_WINDOWS, config.data.transpose)
    valid = _encoded(model, config, corpus, "valid", VALID_WINDOWS, 0)
    held_out = valid.drawn.double().numpy()
    mixture, nats = best_mixture(train.drawn.double().numpy(), held_out, SEED)
    metrics = {"prior_mixture_nats": nats, "prior_normal_nats": standard_normal_nats(held_out)}
    named = definitions(graphs.representation)
    mu = train.mu.double().numpy()
    found = directions(mu, measure_all(named, train.phrases)) if named else np.zeros((0, mu.shape[1]))
    moved = held_out[_spread(len(held_out), EFFECT_LATENTS)]
    attributes: tuple[Attribute, ...] = ()
    if named:
        effects = measure_effects(named, found, moved, lambda z: _decoded(graphs, z))
        attributes = tuple(_attribute(named, index, effects) for index in range(len(named)))
    return LatentSpace(_latents(mixture, found), attributes, metrics, valid.drawn, valid.heard)


def _encoded(
    model: VAE, config: RunConfig, corpus: Corpus, split: str, windows: int, transpose: int
) -> _Encoded:
    """Encode up to `windows` windows spread over a split, transposed as in training."""
    ids = corpus.window_ids(split)
    if not len(ids):
        raise ExportError(
            f"{corpus.path}: no {split} windows of {corpus.bars} bars; build it from more files"
        )
    ids = ids[_spread(len(ids), windows)]
    rng = np.random.default_rng(SEED)
    phrases = corpus.batch(ids, rng, transpose)
    generator = torch.Generator().manual_seed(SEED)
    heard = heard_of(torch.as_tensor(phrases), config.model, generator)
    with torch.no_grad():
        posteriors = [model.encode(heard[start : start + BATCH]) for start in range(0, len(heard), BATCH)]
    mu = torch.cat([posterior.mu for posterior in posteriors])
    sigma = torch.cat([posterior.sigma for posterior in posteriors])
    return _Encoded(phrases, heard, mu, mu + sigma * torch.randn(mu.shape, generator=generator))


def _spread(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Return up to `wanted` places spread evenly over `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


def _decoded(graphs: Model, z: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Decode `[N, Z]` greedily to tensors `[N, T, ...]`."""
    steps, width = graphs.representation.steps, graphs.representation.width
    return graphs.decode(z, np.zeros((steps, len(z), width), np.float32)).swapaxes(0, 1)


def _latents(mixture: Mixture, found: Floats) -> Latents:
    return Latents(
        prior_weights=mixture.weights.astype(np.float32),
        prior_means=mixture.means.astype(np.float32),
        prior_deviations=np.sqrt(mixture.variances).astype(np.float32),
        directions=found.astype(np.float32),
    )


def _attribute(named: tuple[Definition, ...], index: int, effects: Effects) -> Attribute:
    names = [definition.name for definition in named]
    percent = dict(zip(names, effects.percent[index].tolist(), strict=True))
    return Attribute(
        name=named[index].name,
        unit=named[index].unit,
        effects=dict(zip(names, effects.change[index].tolist(), strict=True)),
        effects_percent={name: value for name, value in percent.items() if math.isfinite(value)},
    )
