"""What a corpus knows of its files besides their notes: tempo, and of drums style and player.

Shape legend: B windows.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.music.drum_styles import drummer_number, style_number
from training.corpus.dataset import Corpus


@dataclass(frozen=True, slots=True)
class Label:
    """Of one file."""

    split: str
    bpm: float
    player: str = ""
    """Empty where the corpus does not know."""
    style: str = ""


@cache
def labels_in(path: Path) -> dict[int, Label]:
    """Return the label of each file of the corpus in a folder, by its number."""
    known = {int(row["file"]): row for row in _rows(path / "labels.csv")}
    return {
        number: Label(row["split"], float(row["bpm"]), label.get("player", ""), label.get("style", ""))
        for row in _rows(path / "files.csv")
        for number in (int(row["file"]),)
        for label in (known.get(number, {}),)
    }


def conditions_by(bpm: float, style: str, player: str) -> tuple[float, int, int]:
    """Return what a decoder is given; see training/models/conditioning.py."""
    return bpm, style_number(style), drummer_number(player)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read a table; empty for corpora of before there was any."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def conditions_of(corpus: Corpus, window_ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what a decoder is given of windows, `[B, 3]`; see training/models/conditioning.py."""
    labels = labels_in(corpus.path)
    found = [labels[int(number)] for number in corpus.files_of(window_ids)]
    return np.array([conditions_by(label.bpm, label.style, label.player) for label in found], np.float32)
