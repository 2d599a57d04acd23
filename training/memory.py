"""Refuses before the first step a batch that this machine has no memory for.

Linux ends a process that takes more than there is without a word; elsewhere the allocation itself fails,
which is reported when it happens. What a window needs is measured, by steps of a few windows that change
nothing.
"""

import ctypes
import gc
import os
from pathlib import Path

import torch

from training import schedules
from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.corpus.labels import conditions_of
from training.encoder_input import heard_and_target
from training.errors import ConfigError
from training.models.build import Trainable, build_objective, latent_size
from training.models.losses import Noise, choices_of

ROWS = 32
"""Windows that are tried; a batch that is no larger than a few times this many is not."""
SHARE_TO_TRY = 0.8
"""Of the free memory, for the batch that is named instead: estimates are up to a fifth too low."""
COPIES_OF_WEIGHTS = 5
"""The weights, their average, their gradients and AdamW's two moments."""
STATUS, CLEAR, MEMINFO = Path("/proc/self/status"), Path("/proc/self/clear_refs"), Path("/proc/meminfo")
CLEAR_PEAK = "5"
GB = 1e9


def check_memory(model: Trainable, config: RunConfig, corpus: Corpus, processes: int) -> None:
    """Refuse a batch of which one step needs more memory than is free.

    Args:
        model: as it will be trained.
        config: the run.
        corpus: which windows are tried.
        processes: among which the batch is shared out; as many of them as torchrun says are on this machine.

    Raises:
        ConfigError: names the batch, what it needs, and one to try.
    """
    rows, free = config.data.batch // processes, free_bytes()
    if free is None or rows <= 4 * ROWS or next(model.parameters()).device.type != "cpu":
        return
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    weights = sum(p.numel() * p.element_size() for p in model.parameters()) * COPIES_OF_WEIGHTS
    window = bytes_of_window(model, config, corpus)
    needed = here * (weights + window * rows)
    if needed > free:
        fitting = max(1, int((SHARE_TO_TRY * free / here - weights) / max(window, 1))) * processes
        raise ConfigError(
            f"data.batch={config.data.batch}: a step needs {needed / GB:.0f} GB of memory or more, and "
            f"{free / GB:.0f} GB are free; try data.batch={fitting}, or a smaller model"
        )


def bytes_of_window(model: Trainable, config: RunConfig, corpus: Corpus) -> int:
    """Return the bytes that a step takes for each window more; 0 where the system does not say."""
    some, more = (_peak_bytes(model, config, corpus, rows) for rows in (ROWS, 3 * ROWS))
    return max(more - some, 0) // (2 * ROWS) if some and more else 0


def _peak_bytes(model: Trainable, config: RunConfig, corpus: Corpus, rows: int) -> int:
    """Return the most memory this process has during a step of `rows` windows; 0 where that is not known."""
    gc.collect()
    _return_what_is_free()
    try:
        CLEAR.write_text(CLEAR_PEAK, encoding="ascii")
    except OSError:
        return 0
    _try_step(model, config, corpus, rows)
    return 1024 * numbers_of(STATUS).get("VmHWM", 0)


def _return_what_is_free() -> None:
    """Let the C library give free memory back, which a step would else fill first, where it can (glibc's)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _try_step(model: Trainable, config: RunConfig, corpus: Corpus, rows: int) -> None:
    """Compute loss and gradients of some windows, and forget them."""
    ids = corpus.spread_ids("train", rows)
    ids = ids.repeat(-(-rows // len(ids)))[:rows]
    conditioning = (torch.as_tensor(conditions_of(corpus, ids)),) if config.model.told else ()
    heard, target = heard_and_target(torch.as_tensor(corpus.batch(ids)), config.model)
    z_size = latent_size(model, config.model, target.shape[1])
    own = schedules.own_share(config.optim.steps, config.loss, config.optim)
    choices = choices_of(model) if own > 0 else 0
    noise = Noise.draw(torch.Generator(), rows, z_size, target.shape[1], choices)
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        terms = build_objective(model, config.loss)(
            heard, target, noise, config.loss.beta, own, *conditioning
        )
    terms.loss.backward()
    model.zero_grad(set_to_none=True)


def free_bytes() -> int | None:
    """Return the memory that can still be taken, swap included; None where the system does not say."""
    kib = numbers_of(MEMINFO)
    return (
        1024 * (kib["MemAvailable"] + kib["SwapFree"]) if {"MemAvailable", "SwapFree"} <= kib.keys() else None
    )


def numbers_of(file: Path) -> dict[str, int]:
    """Return the numbers of a file of `name: number unit` lines; none where it cannot be read."""
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    parts = [line.split() for line in lines]
    return {part[0].rstrip(":"): int(part[1]) for part in parts if len(part) > 1 and part[1].isdecimal()}
