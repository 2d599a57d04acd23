"""How well a phrase comes back from its latent: the same terms for every categorical and groove model.

Shape legend: B batch, T steps, S streams.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.music.melody import FIRST_NOTE
from training.config import LossConfig
from training.corpus.dataset import Corpus, spread
from training.encoder_input import heard_of
from training.models.losses import reconstruction_nats, written
from training.models.vae import DRUM_CLASSES, Autoencoder

Ratios = dict[str, tuple[Tensor, Tensor]]
"""A part and its whole, by the measure's name."""

ACTIVE_VARIANCE = 0.01
"""A latent dimension is active where the variance of mu over the data is at least this (Burda et al.)."""

TOKENS_ALONE = LossConfig(velocity_weight=0.0, offset_weight=0.0)
"""A likelihood: what is discrete. Velocity and offset have errors in their own units instead."""


@torch.no_grad()
def evaluate_reconstruction(
    model: Autoencoder,
    corpus: Corpus,
    split: str,
    windows: int = 2048,
    batch: int = 256,
    *,
    unseen: bool = False,
) -> dict[str, Any]:
    """Reconstruct up to `windows` windows of `split`, greedily from mu.

    Returns:
        `teacher_forced` and `free_running` step accuracy (never mixed; per stream under
        `<name>_<stream>` where there are several), `free_running_events` (steps that hold an event in
        truth or output), `note_f1` (onset and pitch, or drum, free running), `exact` (whole windows),
        `kl_bits`, `active_units`, `mutual_information_bits` (of z and the window, by the windows seen),
        `cross_entropy_nats` (teacher-forced from mu, a step over all streams; of the hits alone for a
        groove) and `windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split, unseen=unseen), windows)
    totals, mus, sigmas = _Totals(), [], []
    for start in range(0, len(ids), batch):
        target = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        posterior = model.encode(heard_of(target, model.config))
        condition, truth = model.condition(posterior.mu), model.rows(target)
        logits = model.logits(condition, truth)
        forced = written(model, logits).reshape(target.shape)
        totals.add(target, forced, model.generate(posterior.mu), model)
        nats = reconstruction_nats(model, logits, truth, TOKENS_ALONE)
        totals.count("cross_entropy_nats", nats, target.shape[0] * target.shape[1])
        mus.append(posterior.mu.double().cpu())
        sigmas.append(posterior.sigma.double().cpu())
    return {"windows": len(ids), **totals.result(), **_latent_terms(torch.cat(mus), torch.cat(sigmas))}


class _Totals:
    """Counts over batches; each measure is a ratio of two sums."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def count(self, name: str, part: Tensor, whole: Tensor | int) -> None:
        """Add to both sums of a ratio."""
        sums = self.sums.setdefault(name, [0.0, 0.0])
        sums[0] += float(part)
        sums[1] += float(whole)

    def add(self, target: Tensor, forced: Tensor, free: Tensor, model: Autoencoder) -> None:
        """Count one batch, each `[B, T, S or W]`."""
        wrong: Ratios = {}
        if model.choices:
            wrong = _feel_errors(target, free, model.choices)
            target, forced, free = (frames[..., : model.choices] for frames in (target, forced, free))
        for name, output in (("teacher_forced", forced), ("free_running", free)):
            right = (output == target).all(-1) if model.choices else output == target
            self.count(name, right.sum(), right.numel())
        if target.shape[-1] > 1 and model.streams:
            for s in range(target.shape[-1]):
                self.count(f"free_running_{s}", (free == target)[..., s].sum(), target[..., s].numel())
                self.count(f"teacher_forced_{s}", (forced == target)[..., s].sum(), target[..., s].numel())
        either = (target != 0) | (free != 0)
        self.count("free_running_events", ((free == target) & either).sum(), either.sum())
        truth, written_notes = target, free
        if model.config.representation == "pianoroll":
            truth, written_notes = struck(target), struck(free)
        for stream, size in enumerate(model.streams or (None,) * target.shape[-1]):
            both, all_notes = notes_in_common(truth[..., stream], written_notes[..., stream], size)
            self.count("note_f1", 2 * both, all_notes)
        self.count("exact", (free == target).flatten(1).all(1).sum(), target.shape[0])
        for name, (part, whole) in wrong.items():
            self.count(name, part, whole)

    def result(self) -> dict[str, float]:
        """Return the ratios."""
        return {name: part / max(whole, 1.0) for name, (part, whole) in self.sums.items()}


def notes_in_common(truth: Tensor, output: Tensor, vocabulary: int | None) -> tuple[Tensor, Tensor]:
    """Return how many notes two streams `[B, T]` share, and how many there are in both together.

    A note is an onset with its pitch in a melody stream, one drum at one step in a drum stream (512 tokens,
    a bit for each drum) and a hit in a stream of hits (no vocabulary).
    """
    if vocabulary == 2**DRUM_CLASSES:
        bits = torch.arange(DRUM_CLASSES, device=truth.device)
        truth, output = ((x.unsqueeze(-1) >> bits) & 1 for x in (truth, output))
        vocabulary = None
    lowest = 1 if vocabulary is None else FIRST_NOTE
    notes, written_notes = truth >= lowest, output >= lowest
    return (notes & written_notes & (truth == output)).sum(), notes.sum() + written_notes.sum()


def struck(roll: Tensor) -> Tensor:
    """Return where the notes of a piano roll `[B, T, 88]` begin, as 0 and 1."""
    return roll * (1 - functional.pad(roll[:, :-1], (0, 0, 1, 0)))


def _feel_errors(target: Tensor, free: Tensor, choices: int) -> Ratios:
    """Return velocity and offset errors where both hit, in their own units; nothing for a piano roll."""
    both = target[..., :choices] * free[..., :choices]
    errors = {}
    for lane, name in enumerate(("velocity_mae", "offset_mae")[: target.shape[-1] // choices - 1], start=1):
        part = slice(lane * choices, (lane + 1) * choices)
        errors[name] = ((both * (free[..., part] - target[..., part]).abs()).sum(), both.sum())
    return errors


def _latent_terms(mu: Tensor, sigma: Tensor) -> dict[str, float]:
    """Return KL, active units, and mutual information by the aggregate posterior over the windows seen."""
    kl = (0.5 * (mu.square() + sigma.square() - 1) - sigma.log()).sum(1).mean()
    active = int((mu.var(0, correction=int(len(mu) > 1)) >= ACTIVE_VARIANCE).sum())
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
