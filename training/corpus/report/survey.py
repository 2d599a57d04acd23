"""The numbers behind the report, counted from a finished corpus."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, hits_of_tokens
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from training.corpus.dataset import Corpus
from training.corpus.extract import accompaniments
from training.corpus.sources import SPLITS

_CHUNK_STEPS = 3 << 16


@dataclass(frozen=True, slots=True)
class Survey:
    """What the report shows beyond `corpus.json`."""

    metre_beats: Counter[str]
    """Beats in each metre over the used files."""
    refused_metres: Counter[str]
    """Main metre of the files without a bar in a kept metre."""
    tempos_bpm: list[float]
    """One a used file."""
    keys: Counter[str]
    """Estimated keys of the used files that have pitches."""
    pitches: NDArray[np.int64]
    """`[128]` note onsets by MIDI pitch; all 0 for drums."""
    drum_classes: NDArray[np.int64]
    """`[9]` hits by drum class; all 0 without drums."""
    bar_steps: int
    """Steps of a bar."""
    onsets_per_bar: NDArray[np.int64]
    """`[bars]` onset steps of every stored bar."""
    velocities: NDArray[np.int64]
    """`[128]` hits by velocity (groove)."""
    offsets: NDArray[np.int64]
    """`[OFFSET_BINS]` hits by offset from half a step late to half a step early (groove)."""
    styles: dict[str, Counter[str]]
    """Files by style in each split, where the catalogue names styles."""
    players: dict[str, Counter[str]]
    """Files by player in each split, where the catalogue names players."""
    works: dict[str, int]
    """Number of works in each split."""
    files: dict[str, int]
    """Number of files in each split."""


OFFSET_BINS = 40
"""3 ticks of 480 a bin, so that no bin gets more tick values than its neighbour."""


def survey(corpus: Corpus) -> Survey:
    """Count everything. Reads the whole corpus once, in pieces."""
    rows = _rows(corpus.path / "files.csv")
    splits = _splits_of(corpus, rows)
    refused = Counter(row["detail"] for row in _rows(corpus.path / "rejects.csv") if "/" in row["detail"])
    metres: Counter[str] = Counter()
    for row in rows:
        metres.update({name: round(beats) for name, beats in json.loads(row["metres"]).items()})
    tally = _Tally.of(corpus)
    return Survey(
        metre_beats=metres,
        refused_metres=Counter({name: count for name, count in refused.items() if _is_metre(name)}),
        tempos_bpm=[float(row["bpm"]) for row in rows],
        keys=Counter(row["key"] for row in rows if row["key"]),
        pitches=tally.pitches,
        drum_classes=tally.drum_classes,
        bar_steps=corpus.metre.grid.steps_per_bar,
        onsets_per_bar=np.concatenate(tally.onsets) if tally.onsets else np.zeros(0, np.int64),
        velocities=tally.velocities,
        offsets=tally.offsets,
        styles=_labels(corpus.path, splits, "style"),
        players=_labels(corpus.path, splits, "player"),
        works={
            split: len({row["group"] for row, own in zip(rows, splits, strict=True) if split in own})
            for split in SPLITS
        },
        files={split: sum(split in own for own in splits) for split in SPLITS},
    )


def _splits_of(corpus: Corpus, rows: list[dict[str, str]]) -> list[set[str]]:
    """Return the splits of each file: its own, or those its windows are in where sections are held out."""
    if not corpus.holds_sections_out:
        return [{row["split"]} for row in rows]
    splits: list[set[str]] = [set() for _ in rows]
    for split in SPLITS:
        for number in np.unique(corpus.files_of(corpus.window_ids(split))).tolist():
            splits[number].add(split)
    return splits


def _labels(corpus: Path, splits: list[set[str]], column: str) -> dict[str, Counter[str]]:
    """Count the files of each split by a column of `labels.csv`, which corpora of before do not have."""
    path = corpus / "labels.csv"
    labels = [row[column] for row in _rows(path)] if path.is_file() else [""] * len(splits)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for own, label in zip(splits, labels, strict=True):
        for split in own if label else ():
            counts[split][label] += 1
    return counts


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _is_metre(text: str) -> bool:
    numerator, _, denominator = text.partition("/")
    return numerator.isdigit() and denominator.isdigit()


class _Tally:
    """Counts over the stored steps, added up piece by piece."""

    def __init__(self) -> None:
        self.pitches = np.zeros(128, np.int64)
        self.drum_classes = np.zeros(CLASSES, np.int64)
        self.velocities = np.zeros(128, np.int64)
        self.offsets = np.zeros(OFFSET_BINS, np.int64)
        self.onsets: list[NDArray[np.int64]] = []

    @staticmethod
    def of(corpus: Corpus) -> "_Tally":
        tally = _Tally()
        add = {
            "melody": tally._add_melody,
            "words": tally._add_melody,
            "drums": tally._add_drums,
            "groove": tally._add_groove,
            "trio": tally._add_trio,
            "accompaniment": tally._add_accompaniment,
            "pianoroll": tally._add_pianoroll,
        }[corpus.kind.name]
        for start in range(0, len(corpus.data), _CHUNK_STEPS):  # a whole number of bars
            steps = np.asarray(corpus.data[start : start + _CHUNK_STEPS])
            struck = add(steps)
            tally.onsets.append(struck.reshape(-1, corpus.metre.grid.steps_per_bar).sum(axis=1))
        return tally

    def _add_melody(self, steps: NDArray[Any]) -> NDArray[Any]:
        tokens = steps[:, 0].astype(np.int64)
        struck = tokens >= FIRST_NOTE
        pitches = tokens[struck] - FIRST_NOTE + LOWEST_PITCH
        self.pitches += np.bincount(pitches, minlength=128)
        return struck

    def _add_drums(self, steps: NDArray[Any]) -> NDArray[Any]:
        hits = hits_of_tokens(steps[:, 0].astype(np.int64))
        self.drum_classes += hits.sum(axis=0)
        return np.asarray(hits.any(axis=1))

    def _add_groove(self, steps: NDArray[Any]) -> NDArray[Any]:
        velocities, offsets = steps[:, :CLASSES], steps[:, CLASSES:]
        hits = velocities > 0
        self.drum_classes += hits.sum(axis=0)
        self.velocities += np.bincount(velocities[hits].astype(np.int64), minlength=128)
        self.offsets += np.histogram(offsets[hits] / 32_768, bins=OFFSET_BINS, range=(-1, 1))[0]
        return np.asarray(hits.any(axis=1))

    def _add_trio(self, steps: NDArray[Any]) -> NDArray[Any]:
        self._add_drums(steps[:, 2:])
        self._add_melody(steps[:, 1:2])
        return self._add_melody(steps[:, :1])

    def _add_accompaniment(self, steps: NDArray[Any]) -> NDArray[Any]:
        pitched = [self._add_melody(steps[:, column : column + 1]) for column in range(accompaniments.DRUMS)]
        drummed = self._add_drums(steps[:, accompaniments.DRUMS :])
        return np.asarray(np.any([*pitched, drummed], axis=0))

    def _add_pianoroll(self, steps: NDArray[Any]) -> NDArray[Any]:
        roll = np.unpackbits(steps, axis=1)
        struck = roll > 0
        struck[1:] &= roll[:-1] == 0
        self.pitches[LOWEST_PITCH : LOWEST_PITCH + roll.shape[1]] += struck.sum(axis=0)
        return np.asarray(struck.any(axis=1))
