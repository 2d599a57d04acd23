"""A run's folder: config, checkpoint to go on from, averaged weights to export, history.

`config.json` the RunConfig; `checkpoint.pt` everything that resuming needs (torch's own format,
loaded with `weights_only=True`); `ema.safetensors` the averaged weights, the last ones or, where a run
stopped early, the best; `best.safetensors` and `best.json` those of the lowest validation loss with what was
measured on them; `weights/step_0001000.safetensors` those that `keep_every_steps` asked for; `run.json` what
was trained on, how long and why it ended; `metrics.json` what was measured on `ema.safetensors`;
`weights/metrics_800+1000.json` what `evaluate --record` measured on other weights, or the mean of several;
`history.jsonl` one line an evaluation.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from engine.errors import reason_of
from engine.staging import staging_folder
from engine.text import json_bytes, json_value
from training.command_line import FULL_DISK
from training.config import RunConfig
from training.errors import ConfigError, TrainingError
from training.model_files import load_checkpoint_file
from training.models.build import Trainable
from training.weights import packed, unpacked

CHECKPOINT, LAST, BEST = "checkpoint.pt", "ema.safetensors", "best.safetensors"
CONFIG, RECORD, METRICS, BEST_METRICS = "config.json", "run.json", "metrics.json", "best.json"
AND = "+"
"""Between weights that are to be averaged."""
STATE = ("model", "ema", "optimizer", "sampler", "counters", "data_sha256")
"""What a checkpoint holds, in every form that it has had."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Reads and writes the files of one run; every write is atomic, a failed one leaves nothing behind."""

    path: Path

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to resume."""
        return (self.path / CHECKPOINT).is_file()

    def write(self, name: str, data: bytes) -> None:
        """Write a file beside its place and move it there.

        Raises:
            TrainingError: the disk is full or the folder cannot be written.
        """
        file = self.path / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with staging_folder(self.path) as folder:
                staged = folder / file.name
                staged.write_bytes(data)
                staged.replace(file)
        except OSError as error:
            reason = reason_of(error)
            full = error.errno in FULL_DISK
            if self.has_checkpoint:
                mend = "make room" if full else "let it be written"
                remedy = f"what was written before is whole, so {mend} and go on with --resume"
            else:
                remedy = f"{'make room or ' if full else ''}choose another place with -o"
            raise TrainingError(f"{file}: cannot be written ({reason}); {remedy}") from error

    def write_json(self, name: str, value: Any) -> None:
        """Write `value` as JSON under `name`."""
        self.write(name, json_bytes(value, indent=2))

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON object; ConfigError if it is not there or damaged."""
        try:
            value = json_value((self.path / name).read_bytes())
        except OSError as error:
            raise ConfigError(f"{self.path}: no {name} there; give the folder of a training run") from error
        except ValueError as error:
            raise ConfigError(f"{self.path / name}: is damaged ({error}); {self.remedy(name)}") from error
        if not isinstance(value, dict):
            raise ConfigError(f"{self.path / name}: is damaged (no JSON object); {self.remedy(name)}")
        return value

    def remedy(self, name: str) -> str:
        """Return what brings a damaged JSON file of the run back, or goes on without it."""
        anew = "the training command with --resume writes it anew" if self.has_checkpoint else ""
        if name == METRICS and anew:
            return f"remove it: its figures alone are lost, and {anew}"
        if name in (METRICS, BEST_METRICS):
            return "remove it: its figures alone are lost"
        if anew:
            return f"remove it, and {anew}"
        return "train again"

    def config(self) -> RunConfig:
        """Return the run's config; ConfigError if it is not there, damaged or of another version."""
        try:
            return msgspec.convert(self.read_json(CONFIG), RunConfig)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.path / CONFIG}: {error}; it is of another version") from error

    def holds(self, name: str) -> bool:
        """Return whether a file of the run is there, whole or not."""
        return (self.path / name).is_file()

    def append_history(self, entry: dict[str, Any]) -> None:
        """Add one line to `history.jsonl`."""
        history = self.path / "history.jsonl"
        before = history.read_bytes() if history.is_file() else b""
        self.write("history.jsonl", before + json_bytes(entry) + b"\n")

    def save(self, checkpoint: dict[str, Any], ema: Trainable) -> None:
        """Write the checkpoint and the averaged weights."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        self.write(CHECKPOINT, buffer.getvalue())
        self.save_weights(LAST, ema)

    def save_weights(self, name: str, model: Trainable) -> None:
        """Write a model's weights."""
        self.write(name, packed(model.state_dict()))

    def keep(self, step: int, ema: Trainable) -> None:
        """Write the averaged weights of a step to stay."""
        self.save_weights(kept_name(step), ema)

    def take_best(self) -> None:
        """Let the best weights, and what was measured on them, be the run's own; ConfigError if damaged."""
        self.read_weights("best")
        self.write(LAST, (self.path / BEST).read_bytes())
        self.write_json(METRICS, self.read_json(BEST_METRICS))

    def load_checkpoint(self, device: torch.device) -> dict[str, Any] | None:
        """Return the last checkpoint, or None where there is none.

        Raises:
            ConfigError: it is damaged, or no checkpoint of a run.
        """
        if not self.has_checkpoint:
            return None
        file = self.path / CHECKPOINT
        averaged = f"begin from {self.path / LAST} with --finetune and another -o"
        anew = "remove it and give the command without --resume to begin anew"
        remedy = f"{averaged}, or {anew}" if (self.path / LAST).is_file() else anew
        state = load_checkpoint_file(file, device, remedy)
        lacking = [name for name in STATE if name not in state]
        if lacking:
            raise ConfigError(f"{file}: lacks {', '.join(lacking)}; {remedy}")
        return upgraded(state)

    def weights_file(self, which: str = "last") -> Path:
        """Return the file of the weights called `last`, `best` or by a step that was kept.

        Of weights that are to be averaged, as `800+1000+1200`, it is the first one's.

        Raises:
            ConfigError: there is none; the message lists those that are there.
        """
        which = which.split(AND)[0]
        names = {"last": LAST, "best": BEST}
        name = names.get(which) or (kept_name(int(which)) if which.isdecimal() else which)
        file = self.path / name
        if file.is_file():
            return file
        if not (self.path / LAST).is_file():
            raise ConfigError(f"{self.path}: no averaged weights yet; let the run reach its first checkpoint")
        kept = [
            str(int(path.stem.split("_")[1])) for path in sorted(self.path.glob("weights/step_*.safetensors"))
        ]
        there = ["last", *(["best"] if (self.path / BEST).is_file() else []), *kept]
        raise ConfigError(f"{self.path}: no weights '{which}'; there are {', '.join(there)}")

    def load_ema(self, model: Trainable, which: str = "last") -> Trainable:
        """Fill `model` with the run's averaged weights; see `weights_file`.

        Raises:
            ConfigError: they are not there, damaged, or of another config.
        """
        try:
            model.load_state_dict(self.read_weights(which))
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:160]
            raise ConfigError(
                f"{self.weights_file(which)}: is of another config ({reason}); train again"
            ) from error
        return model

    def read_weights(self, which: str = "last") -> dict[str, Tensor]:
        """Return the run's averaged weights; see `weights_file`.

        The mean of several steps (`800+1000+1200`) is often a little better on what was not trained on
        (stochastic weight averaging, Izmailov et al. 2018, arXiv 1803.05407).

        Raises:
            ConfigError: they are not there, damaged, or of different sizes.
        """
        first, *others = (self._read_weights(name) for name in which.split(AND))
        if any(_sizes(first) != _sizes(other) for other in others):
            raise ConfigError(
                f"{self.path}: weights {which} are of different sizes; average those of one run"
            )
        if not others:
            return first
        return {
            name: torch.stack([value, *(other[name] for other in others)]).double().mean(0).to(value.dtype)
            for name, value in first.items()
        }

    def _read_weights(self, which: str) -> dict[str, Tensor]:
        file = self.weights_file(which)
        try:
            return unpacked(file.read_bytes())
        except (OSError, ValueError) as error:
            remedies = ["take --weights last"] if file != self.path / LAST else []
            if file == self.path / LAST and self.has_checkpoint:
                remedies += ["the training command with --resume writes it anew"]
            if file == self.path / LAST and (self.path / BEST).is_file():
                remedies += ["take --weights best"]
            reason = " ".join(str(error).split())[:160]
            raise ConfigError(
                f"{file}: is damaged ({reason}); {', or '.join(remedies) or 'train again'}"
            ) from error

    def mend_weights(self, ema: Trainable) -> None:
        """Write the averaged weights of the checkpoint anew where they are gone or damaged."""
        try:
            unpacked((self.path / LAST).read_bytes())
        except (OSError, ValueError):
            self.save_weights(LAST, ema)


def _sizes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def metrics_name(which: str) -> str:
    """Return the file name of what was measured on the weights called `last`, `best` or otherwise."""
    names = {"last": METRICS, "best": BEST_METRICS}
    return names.get(which, f"weights/metrics_{which.replace('/', '_')}.json")


def kept_name(step: int) -> str:
    """Return the file name of the weights kept at a step."""
    return f"weights/step_{step:07d}.safetensors"


def upgraded(state: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint of an earlier form, whose counters were a list, in today's."""
    if isinstance(state["counters"], dict):
        return state
    step, seconds, *_ = state["counters"]
    return state | {
        "counters": {"step": step, "seconds": seconds},
        "started_from": state.get("started_from", ""),
    }
