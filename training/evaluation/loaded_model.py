"""What is evaluated: a run's folder, or a bundle with the weights it carries for fine-tuning.

A bundle is read here as plain data (`bundle.json`, `weights.safetensors`, `latents.npz`); its graphs
are the exporter's to prove.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from engine.installed_bundles import installed
from engine.music.representation import Representation, representation
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.errors import ConfigError
from training.evaluation.attributes import definitions
from training.loop import load_model
from training.model_files import BUNDLE_MANIFEST, BUNDLE_WEIGHTS, bundle_part, located, read_part
from training.models.build import Trainable, build_model
from training.models.key_chain import KeyChain
from training.models.seq2seq import Continuer
from training.weights import unpacked

Floats = NDArray[np.float64]
LATENTS = "latents.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A mixture of diagonal Gaussians over the latent space, K components."""

    weights: Floats
    """`[K]`."""
    means: Floats
    """`[K, Z]`."""
    deviations: Floats
    """`[K, Z]`, standard deviations."""

    def draw(self, count: int, rng: np.random.Generator) -> torch.Tensor:
        """Return `[count, Z]` float32."""
        chosen = rng.choice(len(self.weights), size=count, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((count, self.means.shape[1]))
        return torch.as_tensor(self.means[chosen] + self.deviations[chosen] * noise, dtype=torch.float32)

    @staticmethod
    def standard_normal(z_size: int) -> "Prior":
        """Return N(0, I)."""
        return Prior(np.ones(1), np.zeros((1, z_size)), np.ones((1, z_size)))


@dataclass(frozen=True, slots=True, eq=False)
class Sliders:
    """A attributes that a player can push a latent along."""

    names: tuple[str, ...]
    directions: Floats
    """`[A, Z]`."""
    percents: tuple[dict[str, float], ...] = ()
    """Of each what it was measured to change, by attribute, in percent of its mean; empty if not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A trained model with all that its evaluation needs."""

    path: Path
    config: RunConfig
    model: Trainable
    """In evaluation mode."""
    is_bundle: bool
    mixture: Prior | None = None
    """A bundle's fitted prior."""
    directions: Floats | None = None
    """A bundle's attribute directions `[A, Z]`, in the order of the representation's definitions."""
    sliders: Sliders | None = None
    """A bundle's attribute sliders, whichever attributes there are today."""
    variation_curve: tuple[float, ...] = ()
    """A bundle's curve of the variation slider; empty for the common one."""
    morph_curve: tuple[float, ...] = ()
    """A bundle's curve of the morph slider."""
    density_curve: tuple[float, ...] = ()
    """A bundle's curve of what keys are favoured by at each temperature."""
    temperature_scale: float = 1.0
    """What a bundle's temperature slider is multiplied by."""

    @property
    def representation(self) -> Representation:
        """Between phrases and the model's tensors, over the length of a window."""
        return representation(
            self.config.model.representation, self.config.model.window_bars, self.config.model.grid
        )

    @property
    def is_continuer(self) -> bool:
        """Whether it writes what follows instead of what it heard."""
        return isinstance(self.model, Continuer | KeyChain)

    def open_corpus(self, path: Path | None) -> Corpus:
        """Open the corpus to measure on: `path`, or the one that the model was trained on."""
        model = self.config.model
        where = path or Path(self.config.corpus)
        return Corpus.open(where, model.window_bars, kind=model.corpus_kind, division=model.division)


def load_subject(path: Path, which: str = "last") -> Subject:
    """Load a run's folder, with the weights called `which`, or a bundle.

    Args:
        path: the folder of a run; a bundle as a folder or a .zip, or the name of an installed one.
        which: of a run: `best`, `last`, numbers of kept steps.

    Raises:
        ConfigError: it is neither, or a part of it cannot be used.
    """
    path = located(path)
    if (path / "config.json").is_file():
        config, model = load_model(path, which)
        return Subject(path, config, model, is_bundle=False)
    if (path / BUNDLE_MANIFEST).is_file() or zipfile.is_zipfile(path):
        return _bundle(path)
    raise ConfigError(
        f"{path}: neither a run nor a bundle; give a folder with config.json or bundle.json, or the "
        f"name of an installed model: {', '.join(installed())}"
    )


def _bundle(path: Path) -> Subject:
    manifest, weights = read_part(path, BUNDLE_MANIFEST), bundle_part(path, BUNDLE_WEIGHTS)
    if manifest is None or weights is None:
        lacking = BUNDLE_MANIFEST if manifest is None else BUNDLE_WEIGHTS
        raise ConfigError(f"{path}: has no {lacking}; export the model again, or give its run")
    try:
        content = json.loads(manifest)
        config = msgspec.convert(content["training"]["config"], RunConfig)
        model = build_model(config.model)
        model.load_state_dict({name: value.float() for name, value in unpacked(weights).items()})
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"{path}: cannot be used ({reason}); export the model again") from error
    model.eval().requires_grad_(False)
    mixture, sliders = _latents(bundle_part(path, LATENTS), content)
    return Subject(
        path,
        config,
        model,
        is_bundle=True,
        mixture=mixture,
        directions=_complete(sliders, config),
        sliders=sliders,
        variation_curve=tuple(content.get("variation_curve", ())),
        morph_curve=tuple(content.get("morph_curve", ())),
        density_curve=tuple(content.get("density_curve", ())),
        temperature_scale=float(content.get("temperature_scale", 1.0)),
    )


def _latents(data: bytes | None, manifest: dict[str, Any]) -> tuple[Prior | None, Sliders | None]:
    """Return the fitted prior and the attribute sliders of a bundle, as far as it has them."""
    if data is None:
        return None, None
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        prior = [arrays[f"prior_{part}"].astype(np.float64) for part in ("weights", "means", "deviations")]
        directions = arrays["directions"].astype(np.float64)
    entries = manifest.get("attributes", [])
    percents = tuple(entry.get("effects_percent", {}) for entry in entries)
    sliders = Sliders(tuple(entry["name"] for entry in entries), directions, percents) if entries else None
    return (Prior(*prior) if len(prior[0]) else None), sliders


def _complete(sliders: Sliders | None, config: RunConfig) -> Floats | None:
    """Return the directions of a bundle, if they are of today's attributes."""
    spoken = representation(config.model.representation, config.model.bars, config.model.grid)
    ours = [definition.name for definition in definitions(spoken)]
    same = sliders is not None and ours == list(sliders.names)
    return sliders.directions if sliders is not None and same else None
