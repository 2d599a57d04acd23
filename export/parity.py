"""Proof that a graph does what torch does: the same tokens, at several batch sizes and temperatures.

Both sides sum float32 numbers in different orders, so where two choices are nearly equally good they
may part. Such a near tie is allowed, and counted, only where torch's own logits are closer than
`NEAR_TIE`; whatever follows it in its bar is not compared, since it was fed another token.

Shape legend: B batch, R rows, N steps of a row, T = R·N, S streams, V logits, Z latent size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.model import Model
from export.errors import ExportError
from export.layout import condition_of, cores_of, layout_of, rows_of
from training.models.vae import DRUM_CLASSES, VAE

BATCHES = (1, 3, 64)
TEMPERATURES = (0.0, 1.0)
NEAR_TIE = 1e-4
"""Largest margin between the two best logits at which the sides may choose differently."""
LARGEST_TIE_SHARE = 1e-3
"""More near ties than this among all choices are no accident."""
LATENT_TOLERANCE = 1e-4
"""Largest difference of mu or sigma, relative to 1 or to the largest value."""
FRAME_TOLERANCE = 1e-4
"""Largest difference of a groove's velocity or offset."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One batch to compare on."""

    z: Tensor
    """`[B, Z]`."""
    perturbation: Tensor
    """`[T, B, V]`."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two decodings of the same samples compare."""

    choices: int
    """Tokens or frames compared."""
    same: int
    """Those that are equal, whatever went before."""
    same_phrases: float
    """Share of whole phrases that are equal, 0 to 1."""
    near_ties: int
    """First differences of a row that are near ties of torch's logits."""
    faults: int
    """First differences that are not."""
    frame_error: float
    """Largest difference of a velocity or offset in frames whose hits agree."""

    def joined(self, other: "Agreement") -> "Agreement":
        """Return both together."""
        total = self.choices + other.choices
        return Agreement(
            total,
            self.same + other.same,
            (self.same_phrases * self.choices + other.same_phrases * other.choices) / total,
            self.near_ties + other.near_ties,
            self.faults + other.faults,
            max(self.frame_error, other.frame_error),
        )


def samples(
    model: VAE, width: int, latents: Tensor | None = None, seed: int = 1, batches: tuple[int, ...] = BATCHES
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
    steps = layout_of(model).total_steps
    drawn = []
    for batch in batches:
        for temperature in TEMPERATURES:
            z = torch.randn(batch, model.config.z_size, generator=generator)
            if latents is not None:
                z = latents[torch.randint(len(latents), (batch,), generator=generator)]
            uniform = torch.rand(steps, batch, width, generator=generator).clamp(1e-6, 1 - 1e-6)
            noise = -(-uniform.log()).log() if model.streams else uniform.logit()
            drawn.append(Sample(z, temperature * noise))
    return drawn


def prove_decoder(model: VAE, graphs: Model, drawn: list[Sample]) -> Agreement:
    """Compare the decoder of loaded graphs with torch.

    Raises:
        ExportError: they differ by more than near ties.
    """
    total = check_agreement(compare(model, graphs, drawn))
    if total.frame_error > FRAME_TOLERANCE:
        raise ExportError(
            f"decoder: velocities or offsets differ by up to {total.frame_error:.1e} between torch and "
            f"ONNX Runtime (allowed {FRAME_TOLERANCE:.0e}); report it with the run's config"
        )
    return total


def check_agreement(total: Agreement) -> Agreement:
    """Refuse more differences than near ties explain.

    Raises:
        ExportError: there are.
    """
    if total.faults or total.near_ties > LARGEST_TIE_SHARE * total.choices + 1:
        raise ExportError(
            f"decoder: {total.choices - total.same} of {total.choices} choices differ between torch and "
            f"ONNX Runtime ({total.faults} not near ties); report it with the run's config"
        )
    return total


def compare(model: VAE, graphs: Model, drawn: list[Sample]) -> Agreement:
    """Decode every sample on both sides."""
    parts = []
    for sample in drawn:
        ours = model.generate(sample.z, sample.perturbation)  # [B, T, S or W]
        theirs = graphs.decode(sample.z.numpy(), sample.perturbation.numpy())
        parts.append(agreement(model, sample, ours, torch.from_numpy(theirs).transpose(0, 1)))
    return together(parts)


def together(parts: list[Agreement]) -> Agreement:
    """Return the agreement of several samples in one."""
    total = parts[0]
    for part in parts[1:]:
        total = total.joined(part)
    return total


def agreement(model: VAE, sample: Sample, ours: Tensor, theirs: Tensor) -> Agreement:
    """Compare two decodings `[B, T, S]` or `[B, T, W]` of one sample, `ours` being torch's."""
    choice = ours if model.streams else ours[..., :DRUM_CLASSES]
    other = theirs if model.streams else theirs[..., :DRUM_CLASSES]
    differs = choice != other
    margin = margins(model, sample, ours)  # [B, T, S or 9]
    rows = rows_of(model, differs)
    first = (rows.cumsum(1) == 1) & rows if model.streams else _first_frames(rows)
    tie = rows_of(model, margin) < NEAR_TIE
    agree = ~differs.any(-1, keepdim=True) & torch.ones_like(ours, dtype=torch.bool)
    error = 0.0 if model.streams else float(((ours - theirs).abs() * agree).max())
    return Agreement(
        choices=differs.numel(),
        same=int((~differs).sum()),
        same_phrases=float((~differs).flatten(1).all(1).float().mean()),
        near_ties=int((first & tie).sum()),
        faults=int((first & ~tie).sum()),
        frame_error=error,
    )


def _first_frames(rows: Tensor) -> Tensor:
    """Keep the differences `[rows, N, 9]` in the first frame of each row that has any."""
    frames = rows.any(-1, keepdim=True)
    return rows & (frames.cumsum(1) == 1)


def margins(model: VAE, sample: Sample, written: Tensor) -> Tensor:
    """Return by how much torch preferred what it wrote: `[B, T, S]`, or of each hit `[B, T, 9]`."""
    logits = model.logits(condition_of(model, sample.z), rows_of(model, written))
    found = []
    for (_, columns), stream in zip(cores_of(model), logits, strict=True):
        shift = rows_of(model, sample.perturbation[..., columns].transpose(0, 1))
        if model.streams:
            best = (stream + shift).topk(2, dim=-1).values
            found.append(best[..., 0] - best[..., 1])
        else:
            found.append((stream[..., :DRUM_CLASSES] + shift).abs())
    stacked = torch.stack(found, dim=-1) if model.streams else found[0]
    return stacked.reshape(len(written), -1, stacked.shape[-1])


def random_inputs(model: VAE, batch: int, seed: int = 2) -> Tensor:
    """Return encoder inputs: random tokens `[B, T, S]`, or frames `[B, T, 27]` like a groove's."""
    generator = torch.Generator().manual_seed(seed)
    steps = layout_of(model).total_steps
    if model.streams:
        streams = [torch.randint(size, (batch, steps), generator=generator) for size in model.streams]
        return torch.stack(streams, dim=-1)
    uniform = torch.rand(batch, steps, 3 * DRUM_CLASSES, generator=generator)
    hits = (uniform[..., :DRUM_CLASSES] < 0.2).float()
    velocity, offset = uniform[..., DRUM_CLASSES:].chunk(2, dim=-1)
    return torch.cat([hits, hits * velocity, hits * (2 * offset - 1)], dim=-1)


@torch.no_grad()
def prove_encoder(model: VAE, graphs: Model, inputs: Tensor | None = None) -> tuple[float, float]:
    """Compare the encoder with torch at several batch sizes.

    Args:
        model: torch's side.
        graphs: the other.
        inputs: `[M, T, S]` phrases to take batches from; None for random ones.

    Returns:
        The largest differences of mu and of sigma.

    Raises:
        ExportError: one is above `LATENT_TOLERANCE`.
    """
    worst = [0.0, 0.0]
    for batch in BATCHES:
        x = random_inputs(model, batch) if inputs is None else inputs[:batch]
        posterior = model.encode(x)
        for index, (ours, theirs) in enumerate(zip(posterior, graphs.encode(x.numpy()), strict=True)):
            scale = max(1.0, float(ours.abs().max()))
            worst[index] = max(worst[index], _difference(ours, theirs) / scale)
    if max(worst) > LATENT_TOLERANCE:
        raise ExportError(
            f"encoder: mu differs by {worst[0]:.1e} and sigma by {worst[1]:.1e} between torch and ONNX "
            f"Runtime (allowed {LATENT_TOLERANCE:.0e}); report it with the run's config"
        )
    return worst[0], worst[1]


def _difference(ours: Tensor, theirs: npt.NDArray[np.float32]) -> float:
    return float(np.abs(ours.numpy() - theirs).max())


def same_alone(graphs: Model, sample: Sample) -> float:
    """Return the share of a batch's phrases that decode the same alone, 0 to 1."""
    z, noise = sample.z.numpy(), sample.perturbation.numpy()
    together = graphs.decode(z, noise)
    alone = [graphs.decode(z[[row]], noise[:, [row]]) for row in range(len(z))]
    same = [np.array_equal(together[:, [row]], alone[row]) for row in range(len(z))]
    return float(np.mean(same))
