"""The corpus build from end to end: list, read in parallel, merge."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.corpus.build.executors import Advance, run_shards
from training.corpus.build.merge import MergeOptions, merge
from training.corpus.build.shards import is_done, plan_shards
from training.corpus.corpus_kinds import kind_named
from training.corpus.sources import find_sources
from training.errors import CorpusError

WORK_FOLDER = "shards"
"""Where finished shards stay inside the corpus, so that a second run reads nothing again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What `corpus build` was asked for."""

    kind: str
    bars: tuple[int, ...] = ()
    """Window lengths; empty for the kind's own."""
    executor: str = "pool"
    workers: int = 0
    """0 means one for each CPU of this process."""
    files_per_shard: int = 256
    file_timeout_s: float = 60.0
    """A file whose reading takes longer is quarantined (pool and ray)."""
    seed: int = 0
    shippable_only: bool | None = None
    """None means: where a manifest tells the rights."""


def build_corpus(
    folders: Sequence[Path],
    corpus: Path,
    options: BuildOptions,
    started: Callable[[int, int], None] = lambda total, done: None,
    advance: Advance = lambda files: None,
) -> dict[str, Any]:
    """Build a corpus and return the content of its `corpus.json`.

    Shards that are already there, with the same files and kind, are not built again.

    Args:
        folders: folders with MIDI files.
        corpus: folder to write to.
        options: kind, window lengths, executor.
        started: called once with the number of files and how many are already done.
        advance: called with each number of newly finished files.

    Raises:
        CorpusError: bad options, missing folders, or nothing usable in them.
    """
    _check(options)
    sources = find_sources(folders, shippable_only=options.shippable_only)
    shards = plan_shards(sources.files, options.kind, options.files_per_shard)
    work = corpus / WORK_FOLDER
    work.mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in shards if not is_done(shard, work)]
    todo = sum(len(shard.files) for shard in missing)
    started(len(sources.files), len(sources.files) - todo)
    run_shards(
        missing,
        work,
        advance,
        executor=options.executor,
        workers=options.workers or available_cpus(),
        file_timeout_s=options.file_timeout_s,
    )
    bars = options.bars or kind_named(options.kind).default_bars
    merge_options = MergeOptions(options.kind, bars, options.seed)
    return merge(shards, work, corpus, merge_options, sources.rejected)


def available_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: containers and taskset narrow it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(options: BuildOptions) -> None:
    kind_named(options.kind)
    if any(not 1 <= bars <= 64 for bars in options.bars):
        raise CorpusError(f"bars {list(options.bars)}: give window lengths from 1 to 64 bars")
    if options.workers < 0 or options.files_per_shard < 1:
        raise CorpusError("workers and files per shard: give positive numbers")
