"""Walks between held-out phrases: how evenly they change, and how plausible what lies between is.

MusicVAE's protocol (Roberts et al. 2018, arXiv 1803.05428, section 4.2.1) on our own grid of shares: pairs
A, B of held-out phrases, the latents between their two mu on a great circle, decoded greedily.

Shape legend: P pairs, K + 1 shares of the way from 0 to 1, T steps, L token lines, Z latent size.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.music.representation import Representation
from training.corpus.dataset import Corpus, spread
from training.encoder_input import heard_of
from training.evaluation.ngram import NGram
from training.evaluation.symbols import Lines, line_vocabularies, symbol_lines
from training.models.vae import VAE

Floats = NDArray[np.float64]
SHARES = np.linspace(0, 1, 11)
NGRAM_WINDOWS = 50_000
"""Training windows that the n-gram model counts."""
BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Ends of walks and what lies between them."""

    first: NDArray[Any]
    """`[P, T, ...]`, A as it was written."""
    second: NDArray[Any]
    """B."""
    path: NDArray[Any]
    """`[P, K + 1, T, ...]` decoded; its ends are A's and B's reconstructions."""


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Return the point a share of the way along the great circle between rows of `[B, Z]`.

    The angle is between directions, the weights act on the vectors themselves, so lengths are
    blended too. Rows that are nearly parallel (equal ones included) are blended in a straight line.
    """
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=1).clamp(-1, 1)
    angle = torch.arccos(cosine)[:, None]
    straight = angle.sin().abs() < 1e-3  # float32 knows an angle near 0 or pi no better
    sine = torch.where(straight, torch.ones_like(angle), angle.sin())
    left = torch.where(straight, torch.full_like(angle, 1 - share), ((1 - share) * angle).sin() / sine)
    right = torch.where(straight, torch.full_like(angle, share), (share * angle).sin() / sine)
    return left * first + right * second


def held_out_pairs(
    corpus: Corpus, split: str, count: int, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return A and B, `[P, T, ...]` each, of different files where the split has several."""
    ids = spread(corpus.window_ids(split), 2 * count)
    order = np.random.default_rng(seed).permutation(len(ids))
    half = len(ids) // 2
    first, second = ids[order[:half]], ids[order[half : 2 * half]]
    same = corpus.files_of(first) == corpus.files_of(second)
    if not same.all():
        first, second = first[~same], second[~same]
    return corpus.batch(first), corpus.batch(second)


@torch.no_grad()
def walk(model: VAE, first: NDArray[Any], second: NDArray[Any], shares: Floats = SHARES) -> Pairs:
    """Decode the way from each A to its B."""
    device = next(model.parameters()).device
    paths = []
    for start in range(0, len(first), BATCH):
        ends = [torch.as_tensor(side[start : start + BATCH], device=device) for side in (first, second)]
        a, b = (model.encode(heard_of(end, model.config)).mu for end in ends)
        steps = [model.generate(slerp(a, b, float(share))).cpu().numpy() for share in shares]
        paths.append(np.stack(steps, axis=1))
    return Pairs(first, second, np.concatenate(paths))


def naive_blend(first: Lines, second: Lines, share: float, rng: np.random.Generator) -> Lines:
    """Return A with each step replaced by B's with probability `share`, `[P, T, L]`."""
    from_second = rng.random(first.shape[:2])[..., None] < share
    return np.where(from_second, second, first)


def fit_ngrams(corpus: Corpus, representation: Representation, transpose: int, windows: int) -> list[NGram]:
    """Return an n-gram model of each token line of the training split.

    Where the model was trained on transpositions, so is the n-gram, one for each window.
    """
    ids = spread(corpus.window_ids("train"), windows)
    lines = symbol_lines(corpus.batch(ids, np.random.default_rng(0), transpose), representation)
    sizes = line_vocabularies(representation)
    return [NGram.fit(lines[..., index], size) for index, size in enumerate(sizes)]


def cost(lines: Lines, ngrams: list[NGram]) -> Floats:
    """Return the cost in nats a step over all lines, `[P]`."""
    costs: Floats = np.sum([ngram.nats(lines[..., i]) for i, ngram in enumerate(ngrams)], axis=0)
    return costs


def measure_walks(
    pairs: Pairs, representation: Representation, ngrams: list[NGram], seed: int = 0
) -> dict[str, Any]:
    """Measure decoded walks.

    Returns:
        Curves over `shares`: `hamming` (share of tokens that differ from A, divided by the share that
        differs between A and B, so a perfect even walk is the diagonal), `cost` and `cost_naive` (under
        the n-gram models, divided by the blend of A's and B's own costs, so 1 is as plausible as the
        music itself; the naive one takes each step of B with the share's probability). Numbers:
        `off_diagonal` (root mean square of hamming minus share), `largest_step` (mean over pairs of the
        largest change between neighbours as a part of all change of the walk; 1/K is even),
        `detour` (all change of the walk over the change from its start to its end; 1 is direct),
        `cost_between` and `cost_naive_between` (means of the curves without their ends), `pairs`.
    """
    first, second = symbol_lines(pairs.first, representation), symbol_lines(pairs.second, representation)
    path = symbol_lines(pairs.path.reshape(-1, *pairs.path.shape[2:]), representation)
    path = path.reshape(*pairs.path.shape[:2], *path.shape[1:])
    rng = np.random.default_rng(seed)
    apart = (first != second).mean()
    hamming = (path != first[:, None]).mean(axis=(0, 2, 3)) / max(apart, 1e-12)
    own = cost(first, ngrams).mean(), cost(second, ngrams).mean()
    base = (1 - SHARES) * own[0] + SHARES * own[1]
    walked = np.array([cost(path[:, k], ngrams).mean() for k in range(len(SHARES))]) / base
    blends = (naive_blend(first, second, float(share), rng) for share in SHARES)
    naive = np.array([cost(blend, ngrams).mean() for blend in blends]) / base
    return {
        "pairs": len(first),
        "shares": SHARES.tolist(),
        "hamming": hamming.tolist(),
        "cost": walked.tolist(),
        "cost_naive": naive.tolist(),
        "off_diagonal": float(np.sqrt(np.mean((hamming - SHARES) ** 2))),
        "cost_between": float(walked[1:-1].mean()),
        "cost_naive_between": float(naive[1:-1].mean()),
        **_evenness(path),
    }


def _evenness(path: Lines) -> dict[str, float]:
    """Measure the changes between neighbours on walks `[P, K + 1, T, L]`."""
    changes = (path[:, 1:] != path[:, :-1]).mean(axis=(2, 3))  # [P, K]
    whole = changes.sum(axis=1)
    moved = whole > 0
    direct = (path[:, -1] != path[:, 0]).mean(axis=(1, 2))
    if not moved.any() or not direct.any():
        return {"largest_step": float("nan"), "detour": float("nan")}
    return {
        "largest_step": float((changes.max(axis=1)[moved] / whole[moved]).mean()),
        "detour": float(whole.sum() / direct.sum()),
    }
