"""Corpora of several metres as one to train on; every batch is of one metre."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from training.config import DataConfig
from training.corpus.dataset import Corpus
from training.corpus.labels import conditions_of
from training.corpus.sampler import Draw, EpochSampler, SamplerState
from training.errors import CorpusError


@dataclass(frozen=True, slots=True)
class JoinedCorpora:
    """One corpus or several of the same kind and window length; what is held out is the first one's."""

    parts: tuple[Corpus, ...]
    train_ids: tuple[NDArray[np.int64], ...]
    """Ids of the training windows of each part."""

    @staticmethod
    def open(
        paths: Sequence[Path | str],
        bars: int,
        *,
        kind: str = "",
        division: int | None = None,
        verify: bool = True,
    ) -> "JoinedCorpora":
        """Open corpora for windows of `bars` bars; see `Corpus.open`.

        Raises:
            CorpusError: one cannot be used.
        """
        parts: list[Corpus] = []
        for path in paths:
            try:
                parts.append(Corpus.open(path, bars, kind=kind, division=division, verify=verify))
            except CorpusError as error:
                if not parts:
                    raise
                alone = "or take the first corpus alone: further_corpora=[] data.shares=[]"
                raise CorpusError(f"{error}; {alone}") from error
        return JoinedCorpora(tuple(parts), tuple(part.window_ids("train") for part in parts))

    @property
    def first(self) -> Corpus:
        """The corpus that is measured on."""
        return self.parts[0]

    @property
    def sha256(self) -> str:
        """Hash of the content of all parts, in their order."""
        if len(self.parts) == 1:
            return self.first.sha256
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Collections with their licences and numbers of files, once for each part they are in."""
        return [dict(source) for part in self.parts for source in part.info["sources"]]

    @property
    def train_counts(self) -> list[int]:
        """Training windows of each part."""
        return [len(ids) for ids in self.train_ids]

    def sampler(
        self, batch: int, shares: Sequence[float], seed: int, *, rank: int, world_size: int
    ) -> "EpochSampler | JoinedSampler":
        """Return what draws a rank's part of every batch of `batch` windows over all ranks."""
        counts, mine = self.train_counts, batch // world_size
        if len(counts) == 1:
            return EpochSampler(counts[0], mine, seed=seed, rank=rank, world_size=world_size)
        return JoinedSampler(counts, shares, mine, seed=seed, rank=rank, world_size=world_size)

    def train_batch(
        self, places: NDArray[np.int64], data: DataConfig, uniforms: NDArray[np.float64]
    ) -> NDArray[Any]:
        """Return training windows of one part as the model's tensor, transposed and changed as `data` says.

        Args:
            places: `[B]` places in the training windows of all parts, one part's after another's.
            data: how far windows are transposed, and what else is changed of them.
            uniforms: `[B]` numbers in [0, 1), which decide for each window what comes of it.
        """
        part, ids = self._part_of(places)
        return part.training_batch(ids, data, uniforms)

    def train_conditions(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return tempo, style and drummer of training windows of one part, `[B, 3]`; see `conditions_of`."""
        return conditions_of(*self._part_of(places))

    def _part_of(self, places: NDArray[np.int64]) -> tuple[Corpus, NDArray[np.int64]]:
        """Return the corpus that places are in, and the ids of its windows there."""
        firsts = _firsts(self.train_counts)
        number = int(np.searchsorted(firsts, places[0], side="right")) - 1
        return self.parts[number], self.train_ids[number][places - firsts[number]]


def _firsts(counts: Sequence[int]) -> NDArray[np.int64]:
    """Return the first place of each part."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)[:-1]])


class JoinedState(TypedDict):
    """What a checkpoint keeps of a `JoinedSampler`."""

    drawn: int
    parts: list[SamplerState]


class JoinedSampler:
    """Draws the part of each batch by its share, and the windows within by an `EpochSampler` of its own."""

    def __init__(
        self,
        counts: Sequence[int],
        shares: Sequence[float],
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        weights = np.array(shares or counts, np.float64)
        if len(weights) != len(counts):
            raise ValueError(f"{len(weights)} shares for {len(counts)} corpora; give one each, or none")
        self.parts = [
            EpochSampler(count, batch_size, seed=seed + number, rank=rank, world_size=world_size)
            for number, count in enumerate(counts)
        ]
        self.firsts, self.shares = _firsts(counts), weights / weights.sum()
        self.seed, self.drawn = seed, 0

    def next(self) -> Draw:
        """Return this rank's share of the next batch."""
        rng = np.random.default_rng([self.seed, self.drawn, 2])
        number = int(rng.choice(len(self.shares), p=self.shares))
        self.drawn += 1
        draw = self.parts[number].next()
        return Draw(draw.items + self.firsts[number], draw.uniforms)

    def state(self) -> JoinedState:
        """Return where the next batch begins."""
        return {"drawn": self.drawn, "parts": [part.state() for part in self.parts]}

    def load_state(self, state: JoinedState) -> None:
        """Go to where a state was taken."""
        self.drawn = state["drawn"]
        for part, entry in zip(self.parts, state["parts"], strict=True):
            part.load_state(entry)
