"""The sizes of a model that graphs and proofs need, with their types."""

from dataclasses import dataclass
from typing import cast

from torch import Tensor

from training.models.decoders import Core, MixerConductor
from training.models.vae import VAE, Autoencoder


@dataclass(frozen=True, slots=True)
class Layout:
    """How the steps of a phrase are laid out for decoding."""

    rows: int
    """R: rows a phrase decodes as, its bars; 1 if flat."""
    steps: int
    """N: steps of a row."""
    steady: bool
    """Whether a row's condition is the same at every step."""


def layout_of(model: VAE) -> Layout:
    """Return a model's layout."""
    conductor = model.conductor
    return Layout(conductor.rows, conductor.steps, not isinstance(conductor, MixerConductor))


def cores_of(model: VAE) -> list[tuple[Core, slice]]:
    """Return the cores, each with its columns of the perturbation."""
    cores, offset = [], 0
    for core in cast(list[Core], list(model.cores)):
        width = core.choices or core.width
        cores.append((core, slice(offset, offset + width)))
        offset += width
    return cores


def condition_of(model: Autoencoder, z: Tensor, conditioning: Tensor | None = None) -> Tensor:
    """Return the conditions `[B·R, N, C]` of latents `[B, Z]` and, if taken, of the playing, `[B, 3]`."""
    if conditioning is None:
        return model.condition(z)
    assert isinstance(model, VAE)
    return model.condition(z, conditioning)


def rows_of(model: Autoencoder, x: Tensor) -> Tensor:
    """Fold `[B, T, …]` to `[B·R, N, …]`."""
    rows: Tensor = model.rows(x)
    return rows
