"""A tiny but genuine training run: random weights large enough that tokens depend on everything."""

import json
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from engine.music.representation import representation
from training.config import ConditioningConfig, DecoderConfig, EncoderConfig, ModelConfig, RunConfig
from training.models.vae import VAE

DATA_HASH = "0" * 64


def model_config(
    name="melody", bars=2, z_size=8, kind="mixer", layers=1, encoder="mixer", joint=False, conditioned=False
) -> ModelConfig:
    decoder = DecoderConfig(
        kind=kind,
        channels=8,
        bar_channels=16,
        step_depth=1,
        bar_depth=1,
        conductor_layers=2,
        hidden=12,
        layers=layers,
        joint=joint,
        fed_back=not conditioned,
    )
    encoding = EncoderConfig(
        kind=encoder, channels=8, bar_channels=16, step_depth=1, bar_depth=1, hidden=12, layers=1
    )
    return ModelConfig(
        representation=name,
        bars=bars,
        z_size=z_size,
        task="humanize" if conditioned else "autoencode",
        encoder=encoding,
        decoder=decoder,
        told=ConditioningConfig(channels=4) if conditioned else None,
    )


def model(config: ModelConfig, seed: int = 1) -> VAE:
    """A model whose weights are exact in float16."""
    torch.manual_seed(seed)
    spoken = representation(config.representation, config.bars)
    made = VAE(config, spoken.streams, spoken.grid.steps_per_bar)
    weights = {name: (2 * value).half().float() for name, value in made.state_dict().items()}
    made.load_state_dict(weights)
    return made.eval().requires_grad_(False)


def write(folder: Path, config: ModelConfig, trained: nn.Module | None = None) -> Path:
    """Write a run's folder as the training loop does; without `trained` of a `model` of the config."""
    folder.mkdir(parents=True)
    run = RunConfig(name=f"tiny_{config.representation}", corpus="nowhere/corpus", model=config)
    (folder / "config.json").write_bytes(msgspec.json.encode(run))
    (folder / "metrics.json").write_text('{"split": "valid", "note_f1": 0.5, "step": 10}')
    record = {
        "steps": 10,
        "hours": 0.5,
        "hardware": "cpu",
        "torch": "2",
        "data_sha256": DATA_HASH,
        "data": [{"set": "songs", "licence": "CC0-1.0", "rights": "ok", "files": 3, "windows": {"2": 9}}],
    }
    (folder / "run.json").write_text(json.dumps(record))
    save_file((trained or model(config)).state_dict(), folder / "ema.safetensors")
    return folder


class FakeCorpus:
    """Stands for an opened corpus: seeded random melodies, another part of them for each split."""

    def __init__(self, bars: int = 2, count: int = 200, name: str = "melody"):
        rng = np.random.default_rng(5)
        spec = representation(name, bars)
        shape = (2 * count, spec.steps)
        if spec.streams:
            lines = [rng.integers(min(30, size // 2), min(60, size), shape) for size in spec.streams]
            tokens = np.stack(lines, axis=-1)
            self.tokens = np.where(rng.random(tokens.shape) < 0.6, 0, tokens).astype(np.int64)
        else:
            hits = (rng.random((*shape, 9)) < 0.2).astype(np.float32)
            feel = rng.random((*shape, 9)).astype(np.float32)
            self.tokens = np.concatenate([hits, hits * feel, hits * (2 * feel - 1)], axis=-1)
        self.path, self.bars, self.count = Path("songs"), bars, count

    def window_ids(self, split: str):
        return np.arange(self.count) + (self.count if split == "valid" else 0)

    def batch(self, ids, rng=None, transpose=0):
        return self.tokens[ids]


class RandomChords(FakeCorpus):
    """Stands for a corpus of rolls of a piano: two bars that are given, and the two that follow."""

    def __init__(self):
        super().__init__(bars=4, count=60)
        rng = np.random.default_rng(6)
        self.tokens = (rng.random((120, 64, 88)) < 0.05).astype(np.float32)
