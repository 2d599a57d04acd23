"""Ways to run shards: one after another, in a pool of processes, or on a Ray cluster.

Every executor writes the same bytes: a shard's output depends on the shard alone.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from engine.text import counted
from training.corpus.build.ray_cluster import Advance, Remark, ray_library, run_ray
from training.corpus.build.shards import Shard, build_shard
from training.corpus.build.supervisor import run_supervised
from training.errors import CorpusError

EXECUTORS = ("serial", "pool", "ray")
FEW_FILES = 5_000
"""One process reads so many melodies in the processor time that Ray takes to start."""


def run_shards(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    executor: str = "pool",
    workers: int = 1,
    file_timeout_s: float = 60.0,
    ray_address: str = "",
    remark: Remark = lambda text: None,
) -> None:
    """Build shards into `work` by the executor of that name.

    Raises:
        CorpusError: unknown executor, Ray missing, or a shard that cannot be written.
    """
    check_executor(executor)
    if not shards:
        return
    if executor == "serial":
        run_serial(shards, work, advance)
    elif executor == "pool":
        run_supervised(shards, work, advance, workers=workers, file_timeout_s=file_timeout_s)
    else:
        run_ray(
            shards,
            work,
            advance,
            workers=workers,
            file_timeout_s=file_timeout_s,
            address=ray_address,
            remark=remark,
        )


def check_executor(name: str) -> None:
    """Refuse an executor that is unknown or not installed; CorpusError."""
    if name not in EXECUTORS:
        raise CorpusError(f"executor '{name}': unknown; choose one of {', '.join(EXECUTORS)}")
    if name == "ray":
        ray_library()


def why_ray_is_slower(files: int, shards: int, address: str) -> str:
    """Return why a pool of processes would be faster than Ray; empty where it may not be."""
    if not (address or os.environ.get("RAY_ADDRESS")):
        reason = "on one machine Ray runs the same processes as a pool, and starts slower"
    elif files < FEW_FILES:
        reason = f"{counted(files, 'file')} can be read in less time than Ray takes to start"
    elif shards == 1:
        return "--executor ray: all files are one unit of work, for one worker; lower --files-per-shard"
    else:
        return ""
    return f"--executor ray: {reason}; --executor pool is faster here"


def run_serial(shards: Sequence[Shard], work: Path, advance: Advance) -> None:
    """Build the shards in this process. A file that crashes the reader ends it: for debugging."""
    for shard in shards:
        build_shard(shard, work, progress=lambda source: advance(1) if source else None)
