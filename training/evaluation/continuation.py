"""How well the bars that follow are foreseen, and how dense what is written is.

Shape legend: B batch, T steps given, U steps written, K keys.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from training.corpus.dataset import Corpus, spread
from training.encoder_input import heard_and_target
from training.models.key_chain import KeyChain, laid_in_sixteens, past_of
from training.models.seq2seq import Continuer

SAMPLED_WINDOWS = 64
"""Windows that a model whose frames take long is let write."""


@torch.no_grad()
def evaluate_continuation(
    model: Continuer,
    corpus: Corpus,
    split: str,
    windows: int = 1024,
    batch: int = 128,
    *,
    unseen: bool = False,
) -> dict[str, Any]:
    """Continue up to `windows` windows of `split`.

    Returns:
        `bce_nats` (teacher-forced, a step over all keys), `teacher_forced_f1` of sounding keys,
        `free_running_f1` (greedy; there is no single right continuation, so read it beside a repeat of
        the given bars, `repeat_f1`), `density` of the truth (sounding keys a step), `density_teacher_forced`,
        `density_greedy` and `density_sampled` (temperature 1), and `windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split, unseen=unseen), windows)
    sums: dict[str, torch.Tensor] = {}
    generator = torch.Generator().manual_seed(0)
    for window in _batches(corpus, ids, batch, device):
        given, truth = heard_and_target(window, model.config)
        for name, value in _batch_sums(model, given, truth, generator).items():
            sums[name] = sums.get(name, torch.zeros(())) + value.double().cpu()
    steps = sums.pop("steps")
    out = {name: float(value / steps) for name, value in sums.items() if not name.endswith(("_hit", "_all"))}
    for name in ("teacher_forced", "free_running", "repeat"):
        out[f"{name}_f1"] = float(2 * sums[f"{name}_hit"] / sums[f"{name}_all"].clamp_min(1))
    return {"windows": len(ids), **out}


def _batch_sums(
    model: Continuer, given: torch.Tensor, truth: torch.Tensor, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    z = model.encode(given)
    logits = model.logits(z, functional.pad(truth[:, :-1], (0, 0, 1, 0)))
    noise = logistic_noise(truth, generator)
    written = {
        "teacher_forced": (logits > 0).float(),
        "free_running": model.generate(z, torch.zeros_like(noise)),
        "repeat": given,
    }
    sums = {
        "steps": torch.tensor(truth.shape[0] * truth.shape[1]),
        "bce_nats": functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum"),
        "density": truth.sum(),
        "density_teacher_forced": written["teacher_forced"].sum(),
        "density_greedy": written["free_running"].sum(),
        "density_sampled": model.generate(z, noise).sum(),
    }
    for name, roll in written.items():
        sums[f"{name}_hit"] = (roll * truth).sum()
        sums[f"{name}_all"] = roll.sum() + truth.sum()
    return sums


@torch.no_grad()
def evaluate_key_chain(
    model: KeyChain,
    corpus: Corpus,
    split: str,
    windows: int = 1024,
    batch: int = 64,
    *,
    unseen: bool = False,
) -> dict[str, Any]:
    """Continue up to `windows` windows of `split`.

    Returns:
        `bce_nats` (teacher-forced, a step over all keys), `density` of the truth (sounding keys a step) and,
        of the first `SAMPLED_WINDOWS`, `density_sampled` (temperature 1); and `windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split, unseen=unseen), windows)
    nats, sounding = [], []
    for window in _batches(corpus, ids, batch, device):
        frames = laid_in_sixteens(window, 2 * model.bars)
        past = past_of(frames)
        nats.append(model.log_loss(frames, model.states(past), past).chunk(2, dim=1)[1].mean(1))
        sounding.append(frames.chunk(2, dim=1)[1].sum(-1).mean(1))
    few = torch.as_tensor(corpus.batch(spread(ids, SAMPLED_WINDOWS)), device=device)
    given, following = laid_in_sixteens(few, 2 * model.bars).chunk(2, dim=1)
    noise = logistic_noise(following, torch.Generator().manual_seed(0))
    written = model.generate(model.encode(given), noise, given)
    return {
        "windows": len(ids),
        "bce_nats": float(torch.cat(nats).mean()),
        "density": float(torch.cat(sounding).mean()),
        "density_sampled": float(written.sum(-1).mean()),
    }


def _batches(
    corpus: Corpus, ids: NDArray[np.int64], batch: int, device: torch.device
) -> Iterator[torch.Tensor]:
    """Yield windows `[B, T, K]`, `batch` at a time."""
    for start in range(0, len(ids), batch):
        yield torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)


def logistic_noise(frames: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the noise `[U, B, K]` that draws each key of frames `[B, U, K]` by its probability."""
    uniform = torch.rand(frames.transpose(0, 1).shape, generator=generator)
    return torch.logit(uniform.clamp(1e-6, 1 - 1e-6)).to(frames.device)
