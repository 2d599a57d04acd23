"""Refuses before the first step a batch that this machine has no memory for.

Linux ends a process that takes more than there is without a word; elsewhere the allocation itself fails,
which is told when it happens.
"""

from pathlib import Path

import torch
from torch.autograd.graph import saved_tensors_hooks

from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.corpus.labels import told_of
from training.encoder_input import heard_and_target
from training.errors import ConfigError
from training.models.build import Trainable, build_objective, latent_size
from training.models.losses import Noise

ROWS = 32
"""Windows that are tried; a batch that is no larger than a few times this many is not."""
TOUCHED = 0.5
"""The least share of what is kept for gradients that memory is really taken for: LSTMs reserve more than they
fill (0.56 was measured, 1.1 of other models). A batch that may fit is let through."""
COPIES_OF_WEIGHTS = 5
"""The weights, their average, their gradients and AdamW's two moments."""
MEMINFO = Path("/proc/meminfo")
GB = 1e9


def check_memory(model: Trainable, config: RunConfig, corpus: Corpus, processes: int) -> None:
    """Refuse a batch of which one step needs more memory than is free.

    Raises:
        ConfigError: names the batch, what it needs, and one to try.
    """
    rows, free = config.data.batch // processes, free_bytes()
    if free is None or rows <= 4 * ROWS or next(model.parameters()).device.type != "cpu":
        return
    weights = sum(p.numel() * p.element_size() for p in model.parameters()) * COPIES_OF_WEIGHTS
    needed = weights + bytes_of_window(model, config, corpus) * rows
    if needed > free:
        fitting = max(1, int(0.25 * rows * max(free - weights, 0) / (needed - weights))) * processes
        raise ConfigError(
            f"data.batch={config.data.batch}: a step needs {needed / GB:.0f} GB of memory or more, and "
            f"{free / GB:.0f} GB are free; try data.batch={fitting}, or a smaller model"
        )


def bytes_of_window(model: Trainable, config: RunConfig, corpus: Corpus) -> int:
    """Return the least bytes that a step takes for each window more in the batch."""
    some, twice = (_bytes_kept(model, config, corpus, rows) for rows in (ROWS, 2 * ROWS))
    return int(TOUCHED * max(twice - some, 0) / ROWS)


def _bytes_kept(model: Trainable, config: RunConfig, corpus: Corpus, rows: int) -> int:
    ids = corpus.spread_ids("train", rows)
    ids = ids.repeat(-(-rows // len(ids)))[:rows]
    told = (torch.as_tensor(told_of(corpus, ids)),) if config.model.told else ()
    heard, target = heard_and_target(torch.as_tensor(corpus.batch(ids)), config.model)
    z_size = latent_size(model, config.model, target.shape[1])
    noise = Noise.draw(torch.Generator(), rows, z_size, target.shape[1])
    kept = dict[int, int]()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=config.bf16),
    ):
        terms = build_objective(model, config.loss)(heard, target, noise, config.loss.beta, 0.0, *told)
    assert terms.loss.requires_grad
    return sum(kept.values())


def free_bytes() -> int | None:
    """Return the memory that can still be taken, swap included; None where the system does not say."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        kib = {name: int(value.split()[0]) for name, value in (line.split(":", 1) for line in lines)}
        return 1024 * (kib["MemAvailable"] + kib["SwapFree"])
    except (OSError, ValueError, KeyError, IndexError):
        return None
