"""Reads a training run: its config, its weights as they will be shipped, and its records.

The weights are rounded to float16 before anything else happens, so that torch, the ONNX graphs and
`weights.safetensors` hold the same numbers.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from engine.music.grid import Grid
from engine.music.metre import Metre
from engine.music.representation import Representation, representation
from engine.text import json_value
from export.errors import ExportError
from training.checkpoint import CONFIG, RECORD, RunFolder, metrics_name
from training.config import ModelConfig, RunConfig
from training.corpus.dataset import Corpus
from training.corpus.joined import JoinedCorpora
from training.corpus.metres import FOUR_FOUR, metre_named
from training.errors import ConfigError, CorpusError
from training.models.build import Trainable
from training.models.build import build_model as build


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished training run, ready to export."""

    path: Path
    config: RunConfig
    weights: dict[str, Tensor]
    """Float16, by the names of the model's `state_dict`."""
    model: Trainable
    """Float32 in evaluation mode, with exactly those weights."""
    representation: Representation
    metrics: dict[str, float]
    """Held-out metrics of these weights, flattened; empty where they were never evaluated."""
    record: dict[str, Any]
    """The content of `run.json`: steps, hours, hardware, data hash, corpus sources."""


def load_run(path: Path, metre: str = FOUR_FOUR.name, which: str = "last") -> Run:
    """Read a run folder.

    Args:
        path: the folder.
        metre: the one of the bundle to be, of those a model of words was trained in.
        which: of the run's weights: `last`, `best`, a step that was kept, or their mean (`800+1000`).

    Raises:
        ConfigError: the run has no such weights, or they are damaged.
        ExportError: a file is missing or unreadable, or the weights do not fit the config.
    """
    if not path.is_dir():
        raise ExportError(f"{path}: no such run; give the folder that 'antiphon-train run' wrote")
    config = read_config(path / CONFIG)
    file = RunFolder(path).weights_file(which)
    weights = rounded(RunFolder(path).read_weights(which), file)
    representation = representation_of(config.model, metre)
    record = read_json(path / RECORD)
    measured = path / metrics_name(which)
    metrics = flat_metrics(read_json(measured)) if measured.is_file() else {}
    model = build_model(config.model, weights, file)
    return Run(path, config, weights, model, representation, metrics, record)


def read_config(path: Path) -> RunConfig:
    """Read `config.json`; ExportError if it is not there or of another version."""
    try:
        return msgspec.convert(json_value(path.read_bytes()), RunConfig)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror}; the folder holds no finished run") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise ExportError(f"{path}: {error}; it was written by another version, train again") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; ExportError if it is not there or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror}; the folder holds no finished run") from error
    except ValueError as error:
        raise ExportError(f"{path}: is not JSON ({error}); {remedy(path)}") from error
    if not isinstance(content, dict):
        raise ExportError(f"{path}: is not a JSON object; {remedy(path)}")
    return content


def remedy(file: Path) -> str:
    """Return what to do about a damaged file of a run."""
    return RunFolder(file.parent).remedy(file.name)


def rounded(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the weights in float16.

    Raises:
        ExportError: one is not finite in float16.
    """
    halves = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    for name, tensor in halves.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ExportError(f"{path}: {name} is not finite in float16; the training diverged")
    return halves


def representation_of(config: ModelConfig, metre: str = FOUR_FOUR.name) -> Representation:
    """Return the representation a model speaks in a metre.

    Raises:
        ExportError: it does not know the metre.
        CorpusError: there is no such metre.
    """
    grid = config.grid if metre == FOUR_FOUR.name else Grid.of(Metre.named(metre_named(metre).name))
    if metre != FOUR_FOUR.name and config.words is None:
        raise ExportError(f"metre {metre}: this model knows 4/4 alone; leave --metre out")
    try:
        return representation(config.representation, config.bars, grid)
    except ValueError as error:
        raise ExportError(f"{CONFIG}: {error}") from error


def build_model(config: ModelConfig, weights: dict[str, Tensor], path: Path) -> Trainable:
    """Return the float32 model of float16 weights, in evaluation mode.

    Raises:
        ExportError: names or shapes do not fit the config.
    """
    try:
        model = build(config)
    except ConfigError as error:
        raise ExportError(f"{path.parent}: {error}") from error
    try:
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"{path}: does not fit the run's config ({reason})") from error
    return model.eval().requires_grad_(False)


def open_corpus(run: Run, path: Path | None, metre: str = FOUR_FOUR.name) -> Corpus:
    """Open a run's corpus, of several the one in a metre.

    Args:
        run: the run.
        path: where it is (of several the first); None for where the run's config has it.
        metre: of the corpus to return.

    Raises:
        ExportError: it is not there, or not the one the run was trained on.
    """
    path = Path(run.config.corpus) if path is None else path
    try:
        model = run.config.model
        paths: tuple[Path | str, ...] = (path, *run.config.further_corpora)
        corpora = JoinedCorpora.open(
            paths, model.window_bars, kind=model.corpus_kind, division=model.division
        )
    except CorpusError as error:
        raise ExportError(f"{error}; or name it with --corpus, or leave it out with --no-latents") from error
    trained_on = run.record.get("data_sha256")
    if corpora.sha256 != trained_on:
        raise ExportError(
            f"{path}: is not the corpus the run was trained on ({str(trained_on)[:12]}); name that one "
            "with --corpus, or leave it out with --no-latents"
        )
    if not run.config.further_corpora:
        return corpora.first
    found = [part for part in corpora.parts if part.metre.name == metre]
    if not found:
        raise ExportError(f"{run.path}: was not trained in {metre}; choose a metre of its corpora")
    return found[0]


def flat_metrics(content: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Return every number of nested metrics by its dotted name."""
    flat: dict[str, float] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat.update(flat_metrics(value, f"{prefix}{name}."))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[f"{prefix}{name}"] = float(value)
    return flat
