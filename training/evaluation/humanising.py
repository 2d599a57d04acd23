"""How close a humanised groove is to how it was played (GrooVAE, Gillick et al. 2019, arXiv 1905.06118).

Whole performances are measured, each hit once: windows that follow each other without overlap, the last
one filled up with silence. The model is given the hits and asked for their velocities and timing; hits
it would add or leave out are not its to choose here.

- `mae_ms`: mean absolute difference of onset over all hits, in steps times the length of a step at the
  performance's tempo.
- `mse_sixteenths`: mean squared difference of onset in fractions of a 16th.
- `timing_kl_nats`, `velocity_kl_nats`: hits in four groups by their place (on a quarter, on the
  eighth between, on the 16th before a quarter, on the 16th after); in each group truth and output as
  Gaussians, KL(truth || output), averaged over the groups. This is how the paper's text is remembered;
  the direction is inferred from its table, where outputs that regress to the mean score above 7, which
  only this direction can reach.

Shape legend: S steps of a performance, W windows, T steps, 27 values of a frame.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.groove import HITS, OFFSETS, VELOCITIES
from training.corpus.dataset import Corpus
from training.corpus.labels import conditions_by, labels_in
from training.corpus.sources import SPLITS
from training.corpus.windows import positions
from training.encoder_input import heard_of
from training.errors import CorpusError
from training.models.vae import VAE

Frames = NDArray[np.float32]
CERTAIN = 1e4
"""Perturbation that makes a hit certain, either way."""
BATCH = 256
STEPS_PER_BEAT = 4
SAME_GROUP = {0: 0, 2: 1, 3: 2, 1: 3}
"""Step within a beat to group: quarter, eighth, 16th before the quarter, 16th after."""


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """One stretch of playing."""

    frames: Frames
    """`[S, 27]`."""
    bpm: float
    player: str = ""
    """Who plays; empty where the corpus does not know."""
    style: str = ""


def performances(corpus: Corpus, split: str) -> list[Performance]:
    """Return every stretch of a split of a groove corpus, as long as it is, with its tempo.

    Raises:
        CorpusError: it is no corpus of grooves, or there is no such split.
    """
    if corpus.kind.name != "groove":
        raise CorpusError(f"{corpus.path}: holds {corpus.kind.name}; feel is measured on a groove corpus")
    if split not in SPLITS:
        raise CorpusError(f"split '{split}': unknown; choose one of {', '.join(SPLITS)}")
    labels, found = labels_in(corpus.path), []
    for file, first, end in _sections(corpus, split) if corpus.holds_sections_out else _works(corpus, split):
        frames = corpus.kind.present(corpus.data[first:end][None], np.zeros(1, np.int64))[0]
        label = labels[file]
        found.append(Performance(frames, label.bpm, label.player, label.style))
    return found


def _works(corpus: Corpus, split: str) -> Iterator[tuple[int, int, int]]:
    """Yield file, first row and end of every segment of a split's files."""
    labels = labels_in(corpus.path)
    for segment in corpus.segments:
        if labels[int(segment["file"])].split == split:
            first = int(segment["first"])
            yield int(segment["file"]), first, first + int(segment["steps"])


def _sections(corpus: Corpus, split: str) -> Iterator[tuple[int, int, int]]:
    """Yield file, first row and end of every stretch that a split's windows cover."""
    rows = np.sort(corpus.windows(split), order=["segment", "first"])
    begins = positions(corpus.segments, rows)
    breaks = np.flatnonzero((np.diff(begins) > corpus.steps) | (np.diff(rows["segment"]) != 0)) + 1
    for part in np.split(np.arange(len(rows)), breaks) if len(rows) else ():
        file = int(corpus.segments["file"][rows["segment"][part[0]]])
        yield file, int(begins[part[0]]), int(begins[part[-1]]) + corpus.steps


def feel_errors(truth: list[Performance], written: list[Frames]) -> dict[str, float]:
    """Compare frames with how they were played, at every hit that was played; see the module."""
    hits = [performance.frames[:, HITS] > 0.5 for performance in truth]
    played = _at_hits([performance.frames for performance in truth], hits)
    given = _at_hits(written, hits)
    step_ms = np.concatenate(
        [np.full(int(h.sum()), 60_000 / p.bpm / STEPS_PER_BEAT) for h, p in zip(hits, truth, strict=True)]
    )
    groups = np.concatenate([_groups(h) for h in hits])
    # Offsets run from -1 to 1 over a whole step: half of one is a fraction of a 16th.
    apart = (played[:, 1] - given[:, 1]) / 2
    return {
        "hits": len(apart),
        "mae_ms": float((np.abs(apart) * step_ms).mean()),
        "mse_sixteenths": float((apart**2).mean()),
        "timing_kl_nats": _grouped_kl(played[:, 1] / 2, given[:, 1] / 2, groups),
        "velocity_kl_nats": _grouped_kl(played[:, 0], given[:, 0], groups),
        "velocity_mae": float(np.abs(played[:, 0] - given[:, 0]).mean() * 127),
    }


def quantised_baseline(truth: list[Performance]) -> dict[str, float]:
    """Measure what leaving everything on the grid does: no timing at all."""
    flat = []
    for performance in truth:
        frames = performance.frames.copy()
        frames[:, OFFSETS] = 0
        frames[:, VELOCITIES] = 0
        flat.append(frames)
    errors = feel_errors(truth, flat)
    return {name: errors[name] for name in ("hits", "mae_ms", "mse_sixteenths")}


def mean_baseline(truth: list[Performance], training: list[Performance]) -> dict[str, float]:
    """Measure the training set's mean timing and velocity of each drum at each step of the bar."""
    table = _means(training)
    written = []
    for performance in truth:
        places = np.arange(len(performance.frames)) % len(table)
        hits = performance.frames[:, HITS]
        written.append(np.concatenate([hits, table[places] * np.tile(hits, 2)], axis=1))
    return feel_errors(truth, written)


def _means(training: list[Performance], steps_per_bar: int = 16) -> Frames:
    """Return `[16, 18]` mean velocities and offsets; a drum never hit at a place has its overall mean."""
    frames = np.concatenate([performance.frames for performance in training])
    places = np.concatenate([np.arange(len(p.frames)) % steps_per_bar for p in training])
    hits = np.tile(frames[:, HITS], 2)
    values = frames[:, HITS.stop :] * hits
    overall = values.sum(0) / np.maximum(hits.sum(0), 1)
    table = np.zeros((steps_per_bar, values.shape[1]), np.float32)
    for place in range(steps_per_bar):
        here = places == place
        count = hits[here].sum(0)
        table[place] = np.where(count > 0, values[here].sum(0) / np.maximum(count, 1), overall)
    return table


def _at_hits(frames: list[Frames], hits: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Return velocity and offset of every hit, `[H, 2]`."""
    parts = [
        np.stack([frame[:, VELOCITIES][hit], frame[:, OFFSETS][hit]], axis=1)
        for frame, hit in zip(frames, hits, strict=True)
    ]
    return np.concatenate(parts).astype(np.float64)


def _groups(hits: NDArray[np.bool_]) -> NDArray[np.int64]:
    places = np.array([SAME_GROUP[step % STEPS_PER_BEAT] for step in range(len(hits))])
    return np.broadcast_to(places[:, None], hits.shape)[hits]


def _grouped_kl(played: NDArray[np.float64], given: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """Average the KL of Gaussians over the groups that have two hits or more; inf for a constant output."""
    found = []
    for group in np.unique(groups):
        p, q = played[groups == group], given[groups == group]
        if len(p) > 1:
            found.append(gaussian_kl(p.mean(), p.std(), q.mean(), q.std()))
    return float(np.mean(found)) if found else math.nan


def gaussian_kl(mean: float, deviation: float, other_mean: float, other_deviation: float) -> float:
    """Return KL(N(mean, deviation²) || N(other_mean, other_deviation²)) in nats."""
    if deviation == other_deviation and mean == other_mean:
        return 0.0
    if not other_deviation or not deviation:
        return math.inf
    ratio = deviation / other_deviation
    shift = (mean - other_mean) / other_deviation
    return float(0.5 * (ratio**2 + shift**2 - 1) - math.log(ratio))


@torch.no_grad()
def humanise(
    model: VAE, truth: list[Performance], conditions: Collection[str] = PLAYING_CONDITIONS
) -> list[Frames]:
    """Return every performance as a model plays its hits, frames `[S, 27]`, window by window, from mu.

    Args:
        model: a model with this task.
        truth: how it was played.
        conditions: which of `PLAYING_CONDITIONS` are given to a model that takes them.
    """
    steps = model.config.bars * 16
    given = torch.tensor([name in conditions for name in PLAYING_CONDITIONS])
    conditioning = torch.as_tensor(np.concatenate([_conditioning(each, steps) for each in truth])) * given
    windows = np.concatenate([_windows(performance.frames, steps) for performance in truth])
    device = next(model.parameters()).device
    parts = []
    for start in range(0, len(windows), BATCH):
        target = torch.as_tensor(windows[start : start + BATCH], device=device)
        mu = model.encode(heard_of(target, model.config)).mu
        now = conditioning[start : start + BATCH].to(device)
        parts.append(model.generate(mu, given_hits(target), now).cpu().numpy())
    whole, rest = np.concatenate(parts), []
    for performance in truth:
        count = -(-len(performance.frames) // steps)
        mine, whole = whole[:count], whole[count:]
        rest.append(mine.reshape(-1, mine.shape[-1])[: len(performance.frames)])
    return rest


def _conditioning(performance: Performance, steps: int) -> Frames:
    """Return tempo, style and drummer of each window of a performance, `[W, 3]`, 0 where unknown."""
    count = -(-len(performance.frames) // steps)
    known = conditions_by(performance.bpm, performance.style, performance.player)
    return np.tile(np.array(known, np.float32), (count, 1))


def given_hits(target: Tensor) -> Tensor:
    """Return the perturbation `[T, B, 9]` that makes the decoder write just the hits of `[B, T, 27]`."""
    return ((target[..., HITS] > 0.5).to(target.dtype) * 2 - 1).mul(CERTAIN).transpose(0, 1)


def _windows(frames: Frames, steps: int) -> Frames:
    """Cut `[S, 27]` into windows `[W, steps, 27]`, the last filled up with silence."""
    padded = np.pad(frames, ((0, -len(frames) % steps), (0, 0)))
    return padded.reshape(-1, steps, frames.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Humanised:
    """Performances of a split, and what a model made of their hits."""

    played: list[Performance]
    written: list[Frames]
    """By the model, given all the conditions that it takes."""
    training: list[Performance]
    given_less: Mapping[str, list[Frames]] = field(default_factory=dict)
    """By a model that takes conditions, with fewer of them: which it was given, and what it wrote."""


def humanised(model: VAE, corpus: Corpus, split: str) -> Humanised:
    """Let a model play a split.

    Raises:
        CorpusError: there is nothing in it.
    """
    played = performances(corpus, split)
    if not played:
        raise CorpusError(f"{corpus.path}: nothing in the split '{split}'; choose another with --split")
    fewer = ("", "tempo", "tempo, style") if model.told is not None else ()
    given_less = {names or "nothing": humanise(model, played, names.split(", ")) for names in fewer}
    return Humanised(played, humanise(model, played), performances(corpus, "train"), given_less)


def measure_humanising(of: Humanised) -> dict[str, Any]:
    """Return the errors of the model beside two baselines, all on the same hits."""
    return {
        "quantised": quantised_baseline(of.played),
        "mean of each place": mean_baseline(of.played, of.training) if of.training else {},
        **{f"given {names}": feel_errors(of.played, frames) for names, frames in of.given_less.items()},
        "model": feel_errors(of.played, of.written),
    }
