"""How well a phrase comes back from its latent: the same terms for every categorical and groove model.

Shape legend: B batch, T steps, S streams.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.corpus.dataset import Corpus
from training.models.losses import own_outputs
from training.models.vae import DRUM_CLASSES, VAE
from training.tasks import heard_of

ACTIVE_VARIANCE = 0.01
"""A latent dimension is active where the variance of mu over the data is at least this (Burda et al.)."""


@torch.no_grad()
def evaluate_reconstruction(
    model: VAE, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256, *, unseen: bool = False
) -> dict[str, Any]:
    """Reconstruct up to `windows` windows of `split`, greedily from mu.

    Returns:
        `teacher_forced` and `free_running` step accuracy (never mixed; per stream under
        `<name>_<stream>` where there are several), `free_running_events` (steps that hold an event in
        truth or output), `note_f1` (onset and pitch, free running), `exact` (whole windows), `kl_bits`,
        `active_units`, `mutual_information_bits` (of z and the window, estimated on the windows seen),
        `cross_entropy_nats` (teacher-forced, a step) and `windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split, unseen=unseen), windows)
    totals, mus, sigmas = _Totals(), [], []
    for start in range(0, len(ids), batch):
        target = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        posterior = model.encode(heard_of(target, model.config))
        condition, truth = model.condition(posterior.mu), model.rows(target)
        forced = own_outputs(model, condition, truth).reshape(target.shape)
        totals.add(target, forced, model.generate(posterior.mu), model)
        mus.append(posterior.mu.double().cpu())
        sigmas.append(posterior.sigma.double().cpu())
    return {"windows": len(ids), **totals.result(), **_latent_terms(torch.cat(mus), torch.cat(sigmas))}


def spread(ids: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Take `count` ids spread evenly over a split, so that every work counts."""
    if len(ids) <= count:
        return ids
    return ids[np.linspace(0, len(ids) - 1, count).astype(np.int64)]


class _Totals:
    """Counts over batches; each measure is a ratio of two sums."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def _count(self, name: str, part: Tensor, whole: Tensor | int) -> None:
        sums = self.sums.setdefault(name, [0.0, 0.0])
        sums[0] += float(part)
        sums[1] += float(whole)

    def add(self, target: Tensor, forced: Tensor, free: Tensor, model: VAE) -> None:
        """Count one batch, each `[B, T, S or W]`."""
        if model.streams:
            events, onsets = lambda x: x != 0, _categorical_onsets(model.streams)
            wrong = None
        else:
            target, forced, free, wrong = _split_frames(target, forced, free)
            events = onsets = lambda x: x != 0
        for name, output in (("teacher_forced", forced), ("free_running", free)):
            right = (output == target).all(-1) if wrong else output == target
            self._count(name, right.sum(), right.numel())
        if target.shape[-1] > 1 and model.streams:
            for s in range(target.shape[-1]):
                self._count(f"free_running_{s}", (free == target)[..., s].sum(), target[..., s].numel())
                self._count(f"teacher_forced_{s}", (forced == target)[..., s].sum(), target[..., s].numel())
        either = events(target) | events(free)
        self._count("free_running_events", ((free == target) & either).sum(), either.sum())
        hit = (onsets(free) & onsets(target) & (free == target)).sum()
        self._count("note_f1", 2 * hit, onsets(free).sum() + onsets(target).sum())
        self._count("exact", (free == target).flatten(1).all(1).sum(), target.shape[0])
        for name, (part, whole) in (wrong or {}).items():
            self._count(name, part, whole)

    def result(self) -> dict[str, float]:
        """Return the ratios."""
        return {name: part / max(whole, 1.0) for name, (part, whole) in self.sums.items()}


def _categorical_onsets(streams: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Onsets: tokens above note-off in pitched streams, any hit in a drum stream."""
    lowest = torch.tensor([1 if size == 2**DRUM_CLASSES else 2 for size in streams])
    return lambda x: x >= lowest.to(x.device)


def _split_frames(
    target: Tensor, forced: Tensor, free: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
    """Compare hits as hits; velocity and offset errors where both hit, in their own units."""
    hits = target[..., :DRUM_CLASSES]
    both = hits * free[..., :DRUM_CLASSES]
    errors = {}
    for name, lane in (("velocity_mae", 1), ("offset_mae", 2)):
        part = slice(lane * DRUM_CLASSES, (lane + 1) * DRUM_CLASSES)
        errors[name] = ((both * (free[..., part] - target[..., part]).abs()).sum(), both.sum())
    return hits, forced[..., :DRUM_CLASSES], free[..., :DRUM_CLASSES], errors


def _latent_terms(mu: Tensor, sigma: Tensor) -> dict[str, float]:
    """KL, active units, and mutual information by the aggregate posterior over the windows seen."""
    kl = (0.5 * (mu.square() + sigma.square() - 1) - sigma.log()).sum(1).mean()
    active = int((mu.var(0) >= ACTIVE_VARIANCE).sum())
    return {
        "kl_bits": float(kl) / math.log(2),
        "active_units": active,
        "mutual_information_bits": _mutual_information_bits(mu[:1024], sigma[:1024]),
    }


def _mutual_information_bits(mu: Tensor, sigma: Tensor) -> float:
    """Estimate I(x; z) by E[log q(z|x) - log mean_x' q(z|x')] (Hoffman and Johnson 2016).

    The estimate cannot exceed log2 of the number of windows.
    """
    generator = torch.Generator().manual_seed(0)
    z = mu + sigma * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    precision = sigma.pow(-2)  # [M, Z]
    # log q(z_i | x_j) = const_j - 0.5 sum_d (z_id - mu_jd)^2 / sigma_jd^2, expanded into matrix products.
    quadratic = z.square() @ precision.T - 2 * z @ (mu * precision).T + (mu.square() * precision).sum(1)
    log_q = -0.5 * quadratic - sigma.log().sum(1)
    own = log_q.diagonal()
    aggregate = torch.logsumexp(log_q, dim=1) - math.log(len(mu))
    return float((own - aggregate).mean()) / math.log(2)
