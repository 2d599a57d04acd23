"""Adds the main numbers of an evaluation to what a run, or a bundle, knows of itself."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.staging import staging_folder
from training.checkpoint import RunFolder, metrics_name
from training.errors import ConfigError
from training.model_files import BUNDLE_MANIFEST

SECTIONS = ("music", "continuation", "sliders", "seeds")
"""Those with rows of numbers."""


def record(path: Path, weights: str, metrics: Mapping[str, Any]) -> None:
    """Add the main numbers to what a run knows of the weights, or to the metrics of a bundle's `bundle.json`.

    Each stands under its split's name (`test_note_f1`, `test_music_vary_0.4_critic`). The exporter puts
    what a run knows into the bundle.
    """
    numbers = {f"{metrics['split']}_{name}": value for name, value in numbers_of(metrics).items()}
    numbers = known_numbers(path, weights) | numbers
    manifest = path / BUNDLE_MANIFEST
    if manifest.is_file():
        content = json.loads(manifest.read_bytes()) | {"metrics": numbers}
        with staging_folder(path) as folder:
            written = folder / BUNDLE_MANIFEST
            written.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            written.replace(manifest)
        return
    RunFolder(path).write_json(metrics_name(weights), numbers)


def known_numbers(path: Path, weights: str) -> dict[str, Any]:
    """Return what a run, or a bundle, knows already, so that what cannot be added to is refused early.

    Raises:
        ConfigError: it is damaged.
    """
    manifest = path / BUNDLE_MANIFEST
    if manifest.is_file():
        known = json.loads(manifest.read_bytes()).get("metrics", {})
        if not isinstance(known, dict):
            raise ConfigError(f"{manifest}: is damaged (metrics is no JSON object); export the model again")
        return known
    name = metrics_name(weights)
    try:
        return RunFolder(path).read_json(name) if (path / name).is_file() else {}
    except ConfigError as error:
        fault = str(error).rpartition(";")[0]
        raise ConfigError(f"{fault}; move it away, or leave --record out") from error


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return what is worth knowing of a model beside its weights, flat; what is undefined is left out."""
    flat = {name: value for name, value in metrics["core"].items() if isinstance(value, int | float)}
    flat |= metrics.get("humanising", {}).get("model", {})
    for section in ("chords", "real_chords"):
        flat |= {f"{section}_{row}": value for row, value in metrics.get(section, {}).items()}
    for section in SECTIONS:
        for row, values in metrics.get(section, {}).items():
            flat |= {f"{section}_{row}_{name}": value for name, value in values.items() if name != "moved"}
    named = {"_".join(name.replace(",", "").split()): value for name, value in flat.items()}
    return {name: value for name, value in named.items() if np.isfinite(value)}
