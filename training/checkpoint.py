"""A run's folder: config, checkpoint to go on from, averaged weights to export, history.

`config.json` the RunConfig; `checkpoint.pt` everything that resuming needs (torch's own format,
loaded with `weights_only=True`); `ema.safetensors` the averaged weights; `run.json` what was trained on
and how long; `metrics.json` the last evaluation; `history.jsonl` one line an evaluation.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file

from engine.text import json_bytes, json_value
from training.config import RunConfig
from training.errors import ConfigError
from training.models.build import Trainable


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Reads and writes the files of one run; every write is atomic."""

    path: Path

    def write_json(self, name: str, value: Any) -> None:
        """Write `value` as JSON under `name`."""
        self.path.mkdir(parents=True, exist_ok=True)
        part = self.path / (name + ".part")
        part.write_bytes(json_bytes(value, indent=2))
        part.replace(self.path / name)

    def read_json(self, name: str) -> Any:
        """Read a JSON file; ConfigError if it is not there."""
        try:
            return json_value((self.path / name).read_bytes())
        except OSError as error:
            raise ConfigError(f"{self.path}: no {name} there; give the folder of a training run") from error

    def config(self) -> RunConfig:
        """Return the run's config."""
        return msgspec.convert(self.read_json("config.json"), RunConfig)

    def append_history(self, entry: dict[str, Any]) -> None:
        """Add one line to `history.jsonl`."""
        with (self.path / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def save(self, checkpoint: dict[str, Any], ema: Trainable) -> None:
        """Write the checkpoint and the averaged weights."""
        self.path.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, self.path / "checkpoint.pt.part")
        (self.path / "checkpoint.pt.part").replace(self.path / "checkpoint.pt")
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in ema.state_dict().items()}
        save_file(weights, str(self.path / "ema.safetensors.part"))
        (self.path / "ema.safetensors.part").replace(self.path / "ema.safetensors")

    def load_checkpoint(self, device: torch.device) -> dict[str, Any] | None:
        """Return the last checkpoint, or None where there is none."""
        file = self.path / "checkpoint.pt"
        return torch.load(file, map_location=device, weights_only=True) if file.exists() else None

    def load_ema(self, model: Trainable) -> Trainable:
        """Fill `model` with the run's averaged weights."""
        file = self.path / "ema.safetensors"
        if not file.exists():
            raise ConfigError(f"{self.path}: no averaged weights yet; let the run reach its first evaluation")
        model.load_state_dict(load_file(str(file)))
        return model
