"""Adds the core numbers of an evaluation to what a run knows of itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.checkpoint import RunFolder


def record(run: Path, metrics: Mapping[str, Any]) -> None:
    """Add the core numbers to a run's `metrics.json`, each under its split's name (`test_note_f1`).

    The exporter puts what stands there into the bundle.
    """
    folder = RunFolder(run)
    split = metrics["split"]
    numbers = {
        f"{split}_{name}": value for name, value in metrics["core"].items() if isinstance(value, int | float)
    }
    if "humanising" in metrics:
        numbers |= {f"{split}_{name}": value for name, value in metrics["humanising"]["model"].items()}
    numbers |= {f"{split}_{name}": value for name, value in _control_numbers(metrics).items()}
    folder.write_json("metrics.json", folder.read_json("metrics.json") | numbers)


def _control_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return measures of sliders, seeds and chords of songs, flat; what is undefined is left out."""
    flat = {f"chords_{row}": value for row, value in metrics.get("real_chords", {}).items()}
    for section in ("sliders", "seeds"):
        for row, values in metrics.get(section, {}).items():
            flat |= {f"{section}_{row}_{name}": value for name, value in values.items() if name != "moved"}
    return {"_".join(name.split()): value for name, value in flat.items() if np.isfinite(value)}
