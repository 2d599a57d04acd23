"""The order in which windows are trained on: shuffled anew each epoch, resumable, shared by ranks."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class SamplerState(TypedDict):
    """What a checkpoint keeps of a sampler."""

    epoch: int
    index: int
    seed: int


@dataclass(frozen=True, slots=True)
class Draw:
    """One rank's share of a batch of B examples."""

    items: NDArray[np.int64]
    """`[B]` positions, 0 to count - 1."""
    uniforms: NDArray[np.float64]
    """`[B]` one number in [0, 1) for each example, for its transposition. It does not depend on
    how many ranks share the batch."""


class EpochSampler:
    """Draws every item once an epoch, in an order that only the seed and the epoch decide.

    Two ranks with B examples each draw together what one rank with 2 B draws. The rest of an
    epoch that fills no whole batch is left out; fewer items than one batch are repeated.
    """

    def __init__(
        self, count: int, batch_size: int, *, seed: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        if count < 1 or batch_size < 1:
            raise ValueError(f"{count} items in batches of {batch_size}: both must be 1 or more")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size}: must be 0 to {world_size - 1}")
        self.count, self.batch_size = count, batch_size
        self.seed, self.rank, self.world_size = seed, rank, world_size
        self.epoch, self.index = 0, 0
        self._order: NDArray[np.int64] | None = None

    @property
    def batches_per_epoch(self) -> int:
        """Batches in one epoch, the same for every rank."""
        return max(1, self.count // (self.batch_size * self.world_size))

    def next(self) -> Draw:
        """Return this rank's share of the next batch."""
        if self._order is None:
            generator = np.random.default_rng([self.seed, self.epoch, 0])
            self._order = generator.permutation(self.count)
        whole = self.batch_size * self.world_size
        batch = np.resize(self._order[self.index * whole : (self.index + 1) * whole], whole)
        uniforms = np.random.default_rng([self.seed, self.epoch, self.index, 1]).random(whole)
        mine = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        self.index += 1
        if self.index == self.batches_per_epoch:
            self.epoch, self.index, self._order = self.epoch + 1, 0, None
        return Draw(batch[mine], uniforms[mine])

    def state(self) -> SamplerState:
        """Return where the next batch begins."""
        return {"epoch": self.epoch, "index": self.index, "seed": self.seed}

    def load_state(self, state: SamplerState) -> None:
        """Go to where a state was taken; the seed comes from the state too."""
        self.epoch, self.index, self.seed = state["epoch"], state["index"], state["seed"]
        self._order = None
