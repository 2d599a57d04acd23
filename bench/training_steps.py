"""Whole training steps (data, loss, gradient, optimiser, average) of every config, part by part.

    python bench/training_steps.py [CONFIG...] [--published] [--steps 12] [--skip 2] [--batch 0] [--alone]
        [--json FILE]

Beside each stands the same step in its straightforward form: every recurrent layer unrolled, one cell a step
as in scheduled sampling by hand, and optimiser, clipping and average one tensor after the other. Both forms
compute the same, and take turns on the same weights, so that a busy machine is busy for both and large models
are in memory once.

Times are of the processor, so other load on the machine counts little; with several threads they are of
all threads together. Random music stands for a corpus, so any config can be timed without files. The bound
is what the machine's matrix products could do: a step's multiplications, counted by torch (those of recurrent
layers too, since they are counted unrolled), over the rate measured beside them.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.music.representation import representation
from training import schedules
from training.config import RunConfig
from training.config_file import config_names, load_config
from training.encoder_input import heard_and_target
from training.models.build import build_model, build_objective, latent_size
from training.models.losses import Noise, choices_of


def matrix_rate(size: int = 1024) -> float:
    """Return GFLOP a processor second of float32 matrix products, the best of five."""
    a, best = torch.randn(size, size), float("inf")
    for _ in range(5):
        began = time.process_time()
        a @ a
        best = min(best, time.process_time() - began)
    return 2 * size**3 / best / 1e9


def windows(config: RunConfig, count: int) -> torch.Tensor:
    """Return random windows of the config's representation, a tenth of whose steps hold something."""
    model = config.model
    spec = representation(model.representation, model.window_bars, model.grid)
    rng = np.random.default_rng(0)
    shape = (count, spec.steps)
    if model.corpus_kind == "words":
        return torch.as_tensor(word_columns(rng, shape))
    if model.accompaniment is not None:
        return torch.as_tensor(accompaniment_columns(rng, shape))
    if spec.streams:
        streams = [rng.integers(0, size, shape) * (rng.random(shape) < 0.3) for size in spec.streams]
        return torch.as_tensor(np.stack(streams, -1))
    if spec.name == "groove":
        hits = (rng.random((*shape, 9)) < 0.2).astype(np.float32)
        return torch.as_tensor(np.concatenate([hits, hits * 0.5, hits * 0.1], -1))
    return torch.as_tensor((rng.random((*shape, spec.width)) < 0.04).astype(np.float32))


def word_columns(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return windows in 4/4 as `training.corpus.to_model_tensor` gives them for words."""
    tokens = rng.integers(0, 90, shape) * (rng.random(shape) < 0.3)
    return np.stack([tokens, rng.integers(0, 4096, shape), tokens, np.zeros(shape, np.int64)], -1)


def accompaniment_columns(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return windows with all voices, as `training.corpus.to_model_tensor` gives them."""
    voices = [rng.integers(0, size, shape) * (rng.random(shape) < 0.3) for size in (90, 90, 90, 512)]
    chords = [rng.integers(1, 4096, shape), rng.integers(1, 13, shape)]
    return np.stack([*voices, *chords, *voices[1:]], -1)


class Stepper:
    """A config's training step in both forms, on the same weights."""

    def __init__(self, config: RunConfig) -> None:
        torch.manual_seed(1)
        self.config = config
        self.model = build_model(config.model)
        self.objective = build_objective(self.model, config.loss)
        self.weights = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(self.weights, lr=1e-3)
        self.ema = [weight.detach().clone() for weight in self.weights]
        self.data = windows(config, 4 * config.data.batch)

    def take(self, step: int, *, straightforward: bool) -> tuple[float, ...]:
        """Take a step and return the processor seconds of its parts: data, forward, backward, optimiser."""
        torch.manual_seed(step)
        with unrolled() if straightforward else nullcontext():
            marks = [time.process_time()]
            inputs = self.draw(step)
            marks.append(time.process_time())
            loss = self.loss(inputs)
            marks.append(time.process_time())
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            marks.append(time.process_time())
            self.learn(foreach=not straightforward)
            marks.append(time.process_time())
        return tuple(b - a for a, b in pairwise(marks))

    def check_same_loss(self) -> None:
        """Compare the two forms before the first step.

        Raises:
            ValueError: they do not compute the same loss.
        """
        if has_dropout(self.model):
            return
        with torch.no_grad():
            ours = float(self.loss(self.draw(0)))
            with unrolled():
                theirs = float(self.loss(self.draw(0)))
        if abs(ours - theirs) > 1e-3 * abs(theirs):
            raise ValueError(f"{self.config.name}: the two forms differ: {ours} and {theirs}")

    def draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor, Noise]:
        """Return what is heard, what is to be written, and the step's noise."""
        config, batch = self.config, self.config.data.batch
        generator = torch.Generator().manual_seed(step)
        chosen = self.data[torch.randint(len(self.data), (batch,), generator=generator)]
        heard, target = heard_and_target(chosen, config.model, generator)
        size = latent_size(self.model, config.model, target.shape[1])
        choices = choices_of(self.model) if self.own > 0 else 0
        return heard, target, Noise.draw(generator, batch, size, target.shape[1], choices)

    @property
    def own(self) -> float:
        """Share of fed-back steps that are the model's own at the end of training."""
        return schedules.own_share(self.config.optim.steps, self.config.loss, self.config.optim)

    def loss(self, inputs: tuple[torch.Tensor, torch.Tensor, Noise]) -> torch.Tensor:
        """Return the loss of a batch."""
        heard, target, noise = inputs
        loss: torch.Tensor = self.objective(heard, target, noise, self.config.loss.beta, self.own).loss
        return loss

    def learn(self, *, foreach: bool) -> None:
        """Clip, move the weights and their average; all tensors at once, or one after the other."""
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0, foreach=foreach)
        self.optimizer.param_groups[0]["foreach"] = foreach
        self.optimizer.step()
        with torch.no_grad():
            if foreach:
                torch._foreach_lerp_(self.ema, self.weights, 1e-3)
            else:
                for average, weight in zip(self.ema, self.weights, strict=True):
                    average.lerp_(weight, 1e-3)


@contextmanager
def unrolled() -> Iterator[None]:
    """Let LSTM and GRU layers go through their steps one cell after another, with the same results."""
    kept = nn.LSTM.forward, nn.GRU.forward
    nn.LSTM.forward = nn.GRU.forward = _unrolled_forward
    try:
        yield
    finally:
        nn.LSTM.forward, nn.GRU.forward = kept


def _unrolled_forward(self: nn.RNNBase, x: torch.Tensor, start: Any = None) -> tuple[torch.Tensor, Any]:
    """Return what the layer returns for `x` `[B, T, D]`, step by step; h and c, or h, `[layers, B, H]`."""
    is_lstm, ways = isinstance(self, nn.LSTM), 2 if self.bidirectional else 1
    shape = (self.num_layers * ways, len(x), self.hidden_size)
    zeros = x.new_zeros(shape)
    states = (zeros, zeros) if start is None else start if is_lstm else (start, zeros)
    ends: list[tuple[torch.Tensor, torch.Tensor]] = []
    for layer in range(self.num_layers):
        outs = []
        for way in range(ways):
            index = layer * ways + way
            suffix = f"l{layer}{'_reverse' if way else ''}"
            weights = [
                getattr(self, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            h, c, steps = states[0][index], states[1][index], []
            for t in reversed(range(x.shape[1])) if way else range(x.shape[1]):
                if is_lstm:
                    h, c = torch.lstm_cell(x[:, t], (h, c), *weights)
                else:
                    h = torch.gru_cell(x[:, t], h, *weights)
                steps.append(h)
            outs.append(torch.stack(steps[::-1] if way else steps, dim=1))
            ends.append((h, c))
        x = torch.cat(outs, dim=-1)
        if self.dropout and layer < self.num_layers - 1:
            x = functional.dropout(x, self.dropout, self.training)
    last = tuple(torch.stack(part) for part in zip(*ends, strict=True))
    return x, last if is_lstm else last[0]


def measure(config: RunConfig, steps: int, skip: int, *, alone: bool) -> dict[str, float]:
    """Return seconds a step by part and in its straightforward form, sequences a second, and GFLOP a step.

    Args:
        config: what is trained.
        steps: measured steps of each form.
        skip: steps before them, at least one, which allocate; in the first the multiplications are counted.
        alone: leave the straightforward form out, and with it the multiplications.

    Raises:
        ValueError: the two forms do not compute the same loss.
    """
    stepper = Stepper(config)
    if not alone:
        stepper.check_same_loss()
    ours, theirs, gflop = list[tuple[float, ...]](), list[tuple[float, ...]](), 0.0
    for step in range(skip + steps):
        ours.append(stepper.take(step, straightforward=False))
        if alone:
            continue
        with FlopCounterMode(display=False) if step == 0 else nullcontext() as counter:
            theirs.append(stepper.take(step, straightforward=True))
        if counter is not None:
            gflop = counter.get_total_flops() / 1e9
    parts = medians(ours[skip:])
    names = ("data_s", "forward_s", "backward_s", "optimiser_s")
    found = {
        **dict(zip(names, parts, strict=True)),
        "step_s": sum(parts),
        "sequences_per_s": config.data.batch / sum(parts),
        "parameters": float(sum(weight.numel() for weight in stepper.weights)),
    }
    return found if alone else found | {"straightforward_s": sum(medians(theirs[skip:])), "gflop": gflop}


def medians(rows: list[tuple[float, ...]]) -> list[float]:
    """Return the median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def compared(row: Mapping[str, float], rate: float) -> str:
    """Say how a step compares with its straightforward form and the matrix rate, where both were taken."""
    if "straightforward_s" not in row:
        return ""
    times = row["straightforward_s"] / row["step_s"]
    bound = row["gflop"] / rate / row["step_s"]
    return f"  {times:4.2f} times the straightforward form  {100 * bound:3.0f} % of the matrix rate"


def has_dropout(model: nn.Module) -> bool:
    """Return whether recurrent layers drop out, which both forms draw differently."""
    return any(isinstance(part, nn.RNNBase) and part.dropout > 0 for part in model.modules())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", help="names; all of ours by default")
    parser.add_argument("--published", action="store_true", help="the published configs instead of ours")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--skip", type=int, default=2, help="steps before those, which allocate; 1 or more")
    parser.add_argument("--alone", action="store_true", help="leave the straightforward form out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="instead of the configs' own")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    folder = "published" if options.published else "configs"
    chosen = [name for name, path in config_names().items() if path.parent.name == folder]
    rate, found = matrix_rate(), {}
    print(f"{options.threads} threads, {rate:.0f} GFLOP a processor second in matrix products")
    for name in options.configs or chosen:
        config = load_config(name)
        if options.batch:
            config = msgspec.structs.replace(
                config, data=msgspec.structs.replace(config.data, batch=options.batch)
            )
        found[name] = row = measure(config, options.steps, options.skip, alone=options.alone)
        parts = "  ".join(
            f"{part} {100 * row[f'{part}_s'] / row['step_s']:2.0f} %"
            for part in ("data", "forward", "backward", "optimiser")
        )
        print(
            f"{name:22} {row['parameters'] / 1e6:6.1f} M  batch {config.data.batch:3}  "
            f"{row['step_s'] * 1000:7.1f} ms a step  {row['sequences_per_s']:6.1f} sequences/s  {parts}"
            f"{compared(row, rate)}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps({"matrix_gflops": rate, "configs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
