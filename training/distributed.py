"""One process or many: what torchrun sets, and averaging across ranks.

`torchrun --nproc_per_node 2 -m training.cli run CONFIG` starts the same command on every rank; gloo
carries gradients between CPUs, nccl between GPUs. With `--max-restarts`, a job whose rank was killed
goes on by itself.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from training.errors import ConfigError
from training.models.losses import Terms

TIMEOUT = timedelta(minutes=30)
"""Ranks wait for the first one while it evaluates; a rank that dies is noticed at once all the same."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among its peers."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this rank writes files and speaks."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Return this rank's rows of a global batch."""
        each = batch // self.world_size
        return slice(self.rank * each, (self.rank + 1) * each)

    def most(self, number: int) -> int:
        """Return the largest of all ranks' numbers, on every rank."""
        if self.world_size == 1:
            return number
        value = torch.tensor(number, device=self.device)
        torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
        return int(value)

    def mean(self, terms: Terms) -> Terms:
        """Return the mean of all ranks' loss terms, on every rank."""
        if self.world_size == 1:
            return terms
        values = torch.stack([term.float() for term in terms])
        torch.distributed.all_reduce(values, torch.distributed.ReduceOp.SUM)
        return Terms(*(values / self.world_size))

    def wrap(self, module: nn.Module) -> nn.Module:
        """Average gradients across ranks where there are several."""
        return DistributedDataParallel(module) if self.world_size > 1 else module


@contextmanager
def ranks(device_name: str) -> Iterator[Ranks]:
    """Join the process group that torchrun describes, if it does, and leave it at the end.

    Raises:
        ConfigError: CUDA is asked for, and there is no card for it.
    """
    if device_name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device = 'cuda': this PyTorch sees no CUDA card; set device=cpu, or auto")
    wants_cuda = device_name == "cuda" or (device_name == "auto" and torch.cuda.is_available())
    world_size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if wants_cuda else torch.device("cpu")
    if world_size == 1:
        yield Ranks(0, 1, device)
        return
    store, rank, world_size = next(rendezvous("env://", timeout=TIMEOUT))
    # torchrun keeps one store over its restarts, with the addresses of the dead in it.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    torch.distributed.init_process_group(
        "nccl" if wants_cuda else "gloo",
        store=torch.distributed.PrefixStore(f"attempt_{attempt}", store),  # type: ignore[attr-defined]
        rank=rank,
        world_size=world_size,
        timeout=TIMEOUT,
    )
    try:
        yield Ranks(rank, world_size, device)
        torch.distributed.barrier()  # the first to be done waits: a connection that breaks ends the others
    finally:
        gc.collect()  # what averages gradients holds the group's threads, and must let go before the exit
        torch.distributed.destroy_process_group()
