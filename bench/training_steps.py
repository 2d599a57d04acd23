"""Whole training steps (data, loss, gradient, optimiser, average) of every config, part by part.

    python bench/training_steps.py [CONFIG...] [--steps 12] [--threads 1] [--json FILE]

Times are of the processor, so other load on the machine counts little; with several threads they are of
all threads together. Random music stands for a corpus, so any config can be timed without files. The bound
is what the machine's matrix products could do: a step's multiplications, counted by torch (which leaves
recurrent layers out), over the rate measured beside them.
"""

import argparse
import json
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.music.representation import representation
from training import schedules
from training.config import RunConfig
from training.config_file import config_names, load_config
from training.encoder_input import heard_and_target
from training.models.build import build_model, build_objective, latent_size
from training.models.losses import Noise, choices_of

SKIPPED = 2
"""First steps, which allocate."""


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
    spec = representation(config.model.representation, config.model.window_bars)
    rng = np.random.default_rng(0)
    shape = (count, spec.steps)
    if spec.streams:
        streams = [rng.integers(0, size, shape) * (rng.random(shape) < 0.3) for size in spec.streams]
        return torch.as_tensor(np.stack(streams, -1))
    if spec.name == "groove":
        hits = (rng.random((*shape, 9)) < 0.2).astype(np.float32)
        return torch.as_tensor(np.concatenate([hits, hits * 0.5, hits * 0.1], -1))
    return torch.as_tensor((rng.random((*shape, spec.width)) < 0.04).astype(np.float32))


def measure(config: RunConfig, steps: int) -> dict[str, float]:
    """Return seconds a step by part, sequences a second, and multiplications a step."""
    torch.manual_seed(1)
    model = build_model(config.model)
    objective = build_objective(model, config.loss)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data, batch = windows(config, 4 * config.data.batch), config.data.batch
    ema = [parameter.detach().clone() for parameter in model.parameters()]
    rows: list[tuple[float, ...]] = []
    for step in range(steps + SKIPPED):
        marks = [time.process_time()]
        generator = torch.Generator().manual_seed(step)
        chosen = data[torch.randint(len(data), (batch,), generator=generator)]
        heard, target = heard_and_target(chosen, config.model, generator)
        own = schedules.own_share(config.optim.steps, config.loss, config.optim)
        size = latent_size(model, config.model, target.shape[1])
        noise = Noise.draw(generator, batch, size, target.shape[1], choices_of(model) if own > 0 else 0)
        marks.append(time.process_time())
        loss = objective(heard, target, noise, config.loss.beta, own).loss
        marks.append(time.process_time())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        marks.append(time.process_time())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        torch._foreach_lerp_(ema, [parameter.detach() for parameter in model.parameters()], 1e-3)
        marks.append(time.process_time())
        rows.append(tuple(b - a for a, b in pairwise(marks)))
    with FlopCounterMode(display=False) as counter:
        objective(heard, target, noise, config.loss.beta, own).loss.backward()
    parts = [statistics.median(column) for column in zip(*rows[SKIPPED:], strict=True)]
    names = ("data_s", "forward_s", "backward_s", "optimiser_s")
    return {
        **dict(zip(names, parts, strict=True)),
        "step_s": sum(parts),
        "sequences_per_s": batch / sum(parts),
        "gflop": counter.get_total_flops() / 1e9,
        "parameters": float(sum(parameter.numel() for parameter in model.parameters())),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", help="names; all of ours by default")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="instead of the configs' own")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    ours = [name for name, path in config_names().items() if path.parent.name == "configs"]
    rate, found = matrix_rate(), {}
    print(f"{options.threads} threads, {rate:.0f} GFLOP a processor second in matrix products")
    for name in options.configs or ours:
        config = load_config(name)
        if config.model.corpus_kind != config.model.representation:
            continue  # a model of words takes chords and metres, which random music has not
        if options.batch:
            config = msgspec.structs.replace(
                config, data=msgspec.structs.replace(config.data, batch=options.batch)
            )
        found[name] = row = measure(config, options.steps)
        parts = "  ".join(
            f"{part} {100 * row[f'{part}_s'] / row['step_s']:2.0f} %"
            for part in ("data", "forward", "backward", "optimiser")
        )
        bound = row["gflop"] / rate / row["step_s"]
        print(
            f"{name:22} {row['step_s'] * 1000:7.1f} ms a step  {row['sequences_per_s']:6.0f} sequences/s  "
            f"{parts}  {100 * bound:3.0f} % of the matrix rate"
        )
    if options.json:
        options.json.write_text(json.dumps({"matrix_gflops": rate, "configs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
