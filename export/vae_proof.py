"""Proof of a variational autoencoder's graphs: the same latents, and the same phrases out of them.

What is fed another choice is not compared: the rest of its bar, or of the phrase where it is written flat.

Shape legend: B batch, R rows, N steps of a row, T = R·N, S streams, C choices of a frame, V logits, Z latent
size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.model import Model
from engine.music.drum_styles import DRUM_STYLES, DRUMMERS, PLAYING_CONDITIONS
from export.layout import condition_of, rows_of
from export.parity import (
    BATCHES,
    FRAME_TOLERANCE,
    NEAR_TIE,
    TEMPERATURES,
    Agreement,
    LatentError,
    gumbel,
    logistic,
    proven,
    together,
)
from training.models.vae import FEATURES, VAE, Autoencoder


@dataclass(frozen=True, slots=True)
class Sample:
    """One batch to compare on."""

    z: Tensor
    """`[B, Z]`."""
    perturbation: Tensor
    """`[T, B, V]`."""
    conditioning: Tensor | None = None
    """`[B, 3]`, of a model that takes tempo, style and drummer."""

    @property
    def feeds(self) -> dict[str, npt.NDArray[Any]]:
        """What decoders take, by the names of their inputs."""
        return {"z": self.z.numpy(), "perturbation": self.perturbation.numpy(), **self.further}

    @property
    def further(self) -> dict[str, npt.NDArray[Any]]:
        """Conditions by the names of the decoder's inputs."""
        if self.conditioning is None:
            return {}
        bpm, style, drummer = self.conditioning.unbind(1)
        columns = bpm, style.long(), drummer.long()
        return {name: column.numpy() for name, column in zip(PLAYING_CONDITIONS, columns, strict=True)}


@torch.no_grad()
def prove_vae(
    model: Autoencoder, graphs: Model, latents: Tensor | None = None, heard: Tensor | None = None
) -> dict[str, float]:
    """Prove both float graphs against torch at several batch sizes and temperatures.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        latents: `[M, Z]` to decode; None for the standard normal.
        heard: `[M, T, S]` phrases to encode; None for random ones.

    Returns:
        What was measured, by the manifest's names.

    Raises:
        ExportError: they differ by more than near ties.
    """
    errors = []
    for batch in BATCHES:
        x = random_inputs(model, batch) if heard is None else heard[:batch]
        errors.append(LatentError.of(model.encode(x), graphs.encode(x.numpy())))
    return proven(errors, [compare(model, graphs, samples(model, graphs.representation.width, latents))])


def samples(
    model: Autoencoder,
    width: int,
    latents: Tensor | None = None,
    seed: int = 1,
    batches: tuple[int, ...] = BATCHES,
) -> list[Sample]:
    """Draw a sample for each batch size and temperature.

    Args:
        model: whose sizes count.
        width: V of its representation.
        latents: `[M, Z]` to draw from; None for the standard normal.
        seed: of everything drawn.
        batches: batch sizes.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for batch in batches:
        for temperature in TEMPERATURES:
            z = torch.randn(batch, model.z_size, generator=generator)
            if latents is not None:
                z = latents[torch.randint(len(latents), (batch,), generator=generator)]
            draw = gumbel if model.streams else logistic
            shift = temperature * draw((model.steps, batch, width), generator)
            drawn.append(Sample(z, shift, playing_of(model, batch)))
    return drawn


def playing_of(model: Autoencoder, batch: int) -> Tensor | None:
    """Return tempos, styles and drummers `[B, 3]`, no two alike; None for a model that takes none."""
    if not isinstance(model, VAE) or model.told is None:
        return None
    each = torch.arange(batch)
    numbers = each % (len(DRUM_STYLES) + 1), each % (DRUMMERS + 1)
    return torch.stack([each * 240.0 / batch, *(number.float() for number in numbers)], dim=1)


def generated(model: Autoencoder, sample: Sample) -> Tensor:
    """Decode a sample in torch, `[B, T, S or W]`."""
    if sample.conditioning is None:
        return model.generate(sample.z, sample.perturbation)
    assert isinstance(model, VAE)
    return model.generate(sample.z, sample.perturbation, sample.conditioning)


def compare(model: Autoencoder, graphs: Model, drawn: list[Sample]) -> Agreement:
    """Decode every sample on both sides, and return how far they agree."""
    parts = []
    for sample in drawn:
        ours = generated(model, sample)  # [B, T, S or W]
        theirs = graphs.decode(**sample.feeds)
        parts.append(agreement(model, sample, ours, torch.from_numpy(theirs).transpose(0, 1)))
    return together(parts)


def agreement(model: Autoencoder, sample: Sample, ours: Tensor, theirs: Tensor) -> Agreement:
    """Compare two decodings `[B, T, S]` or `[B, T, W]` of one sample, `ours` being torch's."""
    choice = ours if model.streams else ours[..., : model.choices]
    other = theirs if model.streams else theirs[..., : model.choices]
    differs = choice != other
    margin = margins(model, sample, ours)  # [B, T, S or C]
    rows = rows_of(model, differs)
    first = (rows.cumsum(1) == 1) & rows if model.streams else _first_frames(rows)
    tie = rows_of(model, margin) < NEAR_TIE
    agree = ~differs.any(-1, keepdim=True) & torch.ones_like(ours, dtype=torch.bool)
    error = 0.0 if model.streams else float(((ours - theirs).abs() * agree).max())
    return Agreement.of(differs, first, tie, error)


def _first_frames(rows: Tensor) -> Tensor:
    """Keep the differences `[rows, N, C]` in the first frame of each row that has any."""
    frames = rows.any(-1, keepdim=True)
    return rows & (frames.cumsum(1) == 1)


def margins(model: Autoencoder, sample: Sample, written: Tensor) -> Tensor:
    """Return by how much torch preferred what it wrote: `[B, T, S]`, or of each choice `[B, T, C]`."""
    logits = model.logits(condition_of(model, sample.z, sample.conditioning), rows_of(model, written))
    found = []
    sizes = list(model.streams or (model.choices,))
    shifts = torch.split(rows_of(model, sample.perturbation.transpose(0, 1)), sizes, dim=-1)
    for shift, stream in zip(shifts, logits, strict=True):
        if model.streams:
            best = (stream + shift).topk(2, dim=-1).values
            found.append(best[..., 0] - best[..., 1])
        else:
            found.append((stream[..., : model.choices] + shift).abs())
    stacked = torch.stack(found, dim=-1) if model.streams else found[0]
    return stacked.reshape(len(written), -1, stacked.shape[-1])


def random_inputs(model: Autoencoder, batch: int, seed: int = 2) -> Tensor:
    """Return encoder inputs: random tokens `[B, T, S]`, or frames like those of drums or of a piano."""
    generator = torch.Generator().manual_seed(seed)
    if model.streams:
        streams = [torch.randint(size, (batch, model.steps), generator=generator) for size in model.streams]
        return torch.stack(streams, dim=-1)
    features = FEATURES[model.config.representation]
    uniform = torch.rand(batch, model.steps, features * model.choices, generator=generator)
    hits = (uniform[..., : model.choices] < 0.2).float()
    if features == 1:
        return hits
    velocity, offset = uniform[..., model.choices :].chunk(2, dim=-1)
    return torch.cat([hits, hits * velocity, hits * (2 * offset - 1)], dim=-1)


def same_alone(graphs: Model, sample: Sample) -> float:
    """Return the share of a batch's phrases that decode the same alone, 0 to 1.

    Velocities and offsets may differ by what sums of numbers in another order do.
    """
    z, noise, further = sample.z.numpy(), sample.perturbation.numpy(), sample.further
    together = graphs.decode(z, noise, **further)
    rows = [{name: values[[row]] for name, values in further.items()} for row in range(len(z))]
    alone = [graphs.decode(z[[row]], noise[:, [row]], **own) for row, own in enumerate(rows)]
    same = [
        np.allclose(together[:, [row]], own, rtol=0, atol=FRAME_TOLERANCE) for row, own in enumerate(alone)
    ]
    return float(np.mean(same))
