"""Measures a trained model's latent space on its corpus: prior, attribute directions, their effects.

Shape legend: N phrases, Z latent size.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference import perturbation
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import Attribute
from engine.inference.model import Model
from engine.text import counted
from export.errors import ExportError
from export.prior import Mixture, best_mixture, standard_normal_nats
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.encoder_input import heard_and_target, heard_of
from training.evaluation.attributes import (
    CALIBRATION_LATENTS,
    Definition,
    Effects,
    calibrated,
    definitions,
    deviations_of,
    directions,
    measure_all,
    measure_effects,
)
from training.models.key_chain import KeyChain
from training.models.piano_words import PianoWords
from training.models.seq2seq import Continuer
from training.models.vae import Autoencoder

TRAIN_WINDOWS = 20_000
VALID_WINDOWS = 4_000
EFFECT_LATENTS = 256
"""Phrases that are moved along each direction, as in the paper."""
TRAIN_STATES = 4_000
VALID_STATES = 1_000
"""A continuation's state is four times as wide as a latent, and one Gaussian says most about it."""
HEARD_PHRASES = 16
"""Held-out phrases that are decoded before anything is measured, to hear whether the model writes at all."""
BATCH = 256
SEED = 1

Progress = Callable[[str], None]
"""Takes one line about what is being done."""

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
    drawn: Tensor
    """`[N, Z]`, one sample of each posterior."""


def measure_latents(
    model: Autoencoder,
    graphs: Model,
    config: RunConfig,
    corpus: Corpus,
    progress: Progress = lambda stage: None,
    coarse: npt.NDArray[np.bool_] | None = None,
) -> LatentSpace:
    """Fit the prior and find the attribute directions on the training split; judge on the validation split.

    Args:
        model: the trained model.
        graphs: its float graphs, which decode.
        config: its run.
        corpus: its corpus, opened for windows of the model's length.
        progress: called at each stage.
        coarse: `[Z]` dimensions that a prior is drawn of; None for all.

    Raises:
        ExportError: the model writes silence, whatever is drawn.
    """
    valid = _encoded(model, config, corpus, "valid", VALID_WINDOWS, 0)
    held_out = valid.drawn.double().numpy()
    named = () if isinstance(model, PianoWords) else definitions(graphs.representation)
    if not writes_notes(graphs, held_out) and named:
        named = ()
        progress("no attribute can be moved: the likeliest that the model writes is silence")
    train = _encoded(model, config, corpus, "train", TRAIN_WINDOWS, config.data.transpose)
    drawn = train.drawn.double().numpy()
    progress("measuring the latent space: the prior")
    of = np.ones(drawn.shape[1], bool) if coarse is None else coarse
    mixture, nats = best_mixture(drawn[:, of], held_out[:, of], SEED)
    mixture = mixture.widened(of)
    metrics = {"prior_mixture_nats": nats, "prior_normal_nats": standard_normal_nats(held_out[:, of])}
    found = np.zeros((0, drawn.shape[1]))
    moved = held_out[_spread(len(held_out), EFFECT_LATENTS)]
    attributes: tuple[Attribute, ...] = ()
    if named:
        progress("measuring the latent space: attribute directions")
        values = measure_all(named, train.phrases)
        tried = drawn[_spread(len(drawn), CALIBRATION_LATENTS)]
        found = directions(drawn, values)
        found = calibrated(named, found, deviations_of(values), tried, lambda z: _decoded(graphs, z))
        effects = measure_effects(named, found, moved, lambda z: _decoded(graphs, z))
        works = effective(effects)
        attributes = tuple(_attribute(named, index, effects) for index in works)
        found = found[works]
    return LatentSpace(_latents(mixture, found), attributes, metrics, valid.drawn, valid.heard)


def measure_states(
    model: Continuer | KeyChain, graphs: Model, config: RunConfig, corpus: Corpus
) -> LatentSpace:
    """Fit a mixture to the states after given bars, for continuations from anywhere.

    Raises:
        ExportError: the model writes silence, whatever is drawn.
    """
    given, valid = _states(model, config, corpus, "valid", VALID_STATES, 0)
    held_out = valid.double().numpy()
    writes_notes(graphs, held_out)
    _, train = _states(model, config, corpus, "train", TRAIN_STATES, config.data.transpose)
    mixture, nats = best_mixture(train.double().numpy(), held_out, SEED)
    metrics = {"prior_mixture_nats": nats, "prior_normal_nats": standard_normal_nats(held_out)}
    none = np.zeros((0, valid.shape[1]))
    return LatentSpace(_latents(mixture, none), (), metrics, valid, given)


def check_windows(corpus: Corpus) -> None:
    """Refuse a corpus that lacks windows to measure on.

    Raises:
        ExportError: a split has none.
    """
    for split in ("train", "valid"):
        if not len(corpus.window_ids(split)):
            raise ExportError(
                f"{corpus.path}: no {split} windows of {counted(corpus.bars, 'bar')}; build it from more "
                "files, or "
                "leave the measuring out with --no-latents"
            )


def writes_notes(graphs: Model, latents: Floats) -> bool:
    """Return whether the likeliest that a model writes for some of the latents `[N, Z]` has notes in it.

    Raises:
        ExportError: it writes silence also where it is drawn at temperature 1.
    """
    z = latents[_spread(len(latents), HEARD_PHRASES)].astype(np.float32)
    if _has_notes(graphs, _decoded(graphs, z)):
        return True
    spec = graphs.representation
    noise = np.stack([perturbation.noise(spec, seed) for seed in range(len(z))], axis=1)
    if not _has_notes(graphs, graphs.decode(z, noise).swapaxes(0, 1)):
        raise ExportError(
            f"{graphs.name}: the model writes silence for {len(z)} of {len(z)} held-out phrases, drawn at "
            "temperature 1 too; train it longer, or export it as it is with --no-latents"
        )
    return False


def _has_notes(graphs: Model, tensors: npt.NDArray[Any]) -> bool:
    return any(graphs.representation.decode(tensor).notes for tensor in tensors)


def _states(
    model: Continuer | KeyChain, config: RunConfig, corpus: Corpus, split: str, windows: int, transpose: int
) -> tuple[Tensor, Tensor]:
    """Return given bars `[N, T, K]` and the states `[N, Z]` after them."""
    window = torch.as_tensor(_phrases(corpus, split, windows, transpose), dtype=torch.float32)
    given, _ = heard_and_target(window, config.model)
    with torch.no_grad():
        states = [model.encode(given[start : start + BATCH]) for start in range(0, len(given), BATCH)]
    return given, torch.cat(states)


def _phrases(corpus: Corpus, split: str, windows: int, transpose: int) -> npt.NDArray[Any]:
    """Return up to `windows` windows spread over a split, transposed as in training."""
    ids = corpus.window_ids(split)
    return corpus.batch(ids[_spread(len(ids), windows)], np.random.default_rng(SEED), transpose)


def _encoded(
    model: Autoencoder, config: RunConfig, corpus: Corpus, split: str, windows: int, transpose: int
) -> _Encoded:
    """Encode up to `windows` windows spread over a split, transposed as in training."""
    phrases = _phrases(corpus, split, windows, transpose)
    generator = torch.Generator().manual_seed(SEED)
    heard = heard_of(torch.as_tensor(phrases), config.model, generator)
    with torch.no_grad():
        posteriors = [model.encode(heard[start : start + BATCH]) for start in range(0, len(heard), BATCH)]
    mu = torch.cat([posterior.mu for posterior in posteriors])
    sigma = torch.cat([posterior.sigma for posterior in posteriors])
    return _Encoded(phrases, heard, mu + sigma * torch.randn(mu.shape, generator=generator))


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
        effects=_finite(dict(zip(names, effects.change[index].tolist(), strict=True))),
        effects_percent=_finite(percent),
    )


def effective(effects: Effects) -> list[int]:
    """Return the directions that change their own attribute by something that can be measured.

    A model that writes silence, or nothing that the attribute is defined on, has directions that do nothing;
    a bundle leaves them out.
    """
    own = np.diagonal(effects.change)
    return np.flatnonzero(np.isfinite(own) & (own != 0)).tolist()


def _finite(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
