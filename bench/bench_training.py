"""Sequences a second of a training step, against the straightforward way and the machine's own limit.

Straightforward: the same flat autoencoder (BiLSTM encoder, LSTM decoder, equal sizes) as one would
first write it, its decoder an LSTMCell in a Python loop with scheduled sampling step by step. Ours
runs the same decoder as one whole-sequence LSTM with parallel scheduled sampling. The shipped model
(mixer conductor, LSTM within bars) stands in the third row. All in one run, one after the other in
turns, so that a noisy machine is noisy for all.
"""

import argparse
import json
import statistics
import time

import msgspec
import torch
from torch import nn
from torch.nn import functional

from training.config import LossConfig, ModelConfig
from training.models.build import build_model
from training.models.losses import Noise, Objective

CLASSES, STEPS, Z = 90, 32, 128
HIDDEN, LAYERS, CHANNELS = 256, 2, 64


class Straightforward(nn.Module):
    """The flat autoencoder with its decoder unrolled by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(CLASSES, CHANNELS)
        self.encoder = nn.LSTM(CHANNELS, HIDDEN, batch_first=True, bidirectional=True)
        self.to_mu, self.to_sigma = nn.Linear(2 * HIDDEN, Z), nn.Linear(2 * HIDDEN, Z)
        self.feed = nn.Embedding(CLASSES + 1, CHANNELS)
        self.start = nn.Linear(Z, 2 * LAYERS * HIDDEN)
        sizes = [CHANNELS + Z, *[HIDDEN] * (LAYERS - 1)]
        self.cells = nn.ModuleList(nn.LSTMCell(size, HIDDEN) for size in sizes)
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: torch.Tensor, own_share: float) -> torch.Tensor:
        """Return the loss of tokens `[B, T]`, feeding its own samples step by step."""
        _, (h, _) = self.encoder(self.embed(x))
        e = torch.cat([h[0], h[1]], -1)
        mu, sigma = self.to_mu(e), functional.softplus(self.to_sigma(e)) + 1e-4
        z = mu + sigma * torch.randn_like(mu)
        first = torch.tanh(self.start(z)).chunk(2 * LAYERS, -1)
        states = [(first[2 * i], first[2 * i + 1]) for i in range(LAYERS)]
        previous, loss = torch.full_like(x[:, 0], CLASSES), x.new_zeros((), dtype=torch.float32)
        for t in range(x.shape[1]):
            out = torch.cat([self.feed(previous), z], -1)
            for i, cell in enumerate(self.cells):
                states[i] = cell(out, states[i])
                out = states[i][0]
            logits = self.head(out)
            loss = loss + functional.cross_entropy(logits, x[:, t])
            own = torch.rand(len(x), device=x.device) < own_share
            previous = torch.where(own, torch.distributions.Categorical(logits=logits).sample(), x[:, t])
        kl = (0.5 * (mu.square() + sigma.square() - 1) - sigma.log()).sum(1).mean()
        return loss + 0.2 * kl


class Ours(nn.Module):
    """A model of a config, with the loss it is trained by."""

    def __init__(self, tables: dict[str, object], own_share: float) -> None:
        super().__init__()
        model = build_model(msgspec.convert(tables, ModelConfig))
        self.objective, self.own_share = Objective(model, LossConfig(withhold=0.2)), own_share

    def forward(self, x: torch.Tensor, _: float) -> torch.Tensor:
        """Return the loss of tokens `[B, T]`."""
        noise = Noise.draw(torch.Generator().manual_seed(0), len(x), Z, x.shape[1], 1)
        noise = Noise(*(part.to(x.device) for part in noise))
        return self.objective(x.unsqueeze(-1), x.unsqueeze(-1), noise, 0.2, self.own_share).loss


FLAT = {
    "z_size": Z,
    "encoder": {"kind": "bilstm", "channels": CHANNELS, "hidden": HIDDEN},
    "decoder": {"kind": "flat", "hidden": HIDDEN, "layers": LAYERS},
}
MIXER = {"channels": 64, "bar_channels": 384, "step_depth": 1, "bar_depth": 1, "hidden": 128}
SHIPPED = {"z_size": Z, "encoder": MIXER, "decoder": MIXER}


def step_seconds(model: nn.Module, x: torch.Tensor) -> float:
    """Time one forward and backward pass."""
    started = time.perf_counter()
    model(x, 0.4).backward()
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def matrix_gflops(device: torch.device, size: int = 1024) -> float:
    """Return the machine's rate of float32 matrix products, the best of five."""
    a = torch.randn(size, size, device=device)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Sequences a second of a training step.")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves torch's choice")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    x = torch.randint(0, CLASSES, (options.batch, STEPS), device=device)
    models = {
        "straightforward LSTMCell loop": Straightforward(),
        "same sizes, whole sequences": Ours(FLAT, own_share=0.4),
        "shipped melody_2bar": Ours(SHIPPED, own_share=0.0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(options.rounds + 1):
        for name, model in models.items():
            seconds[name].append(step_seconds(model.to(device), x))
    rates = {name: options.batch / statistics.median(times[1:]) for name, times in seconds.items()}
    base = rates["straightforward LSTMCell loop"]
    result = {
        "device": str(device),
        "threads": torch.get_num_threads(),
        "batch": options.batch,
        "rounds": options.rounds,
        "matrix_gflops": matrix_gflops(device),
        "sequences_per_second": rates,
        "times_the_straightforward": {name: rate / base for name, rate in rates.items()},
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{device}, {result['threads']} threads, {result['matrix_gflops']:.0f} GFLOP/s in matrix products")
    for name, rate in rates.items():
        print(f"{name:32} {rate:8.0f} sequences/s  {rate / base:5.2f} x")


if __name__ == "__main__":
    main()
