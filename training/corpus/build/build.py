"""The corpus build from end to end: list, read in parallel, merge."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.music.kits import ALIASES, KITS, drum_kit
from training.corpus.build.executors import check_executor, run_shards, why_ray_is_slower
from training.corpus.build.merge import MergeOptions, merge
from training.corpus.build.shards import WORK_FOLDER, is_done, plan_shards, remove_unfinished
from training.corpus.corpus_kinds import kind_named
from training.corpus.extract.selection import EVERYTHING, Selection
from training.corpus.metres import FOUR_FOUR, divided, metre_named
from training.corpus.sources import find_sources
from training.errors import CorpusError


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What `corpus build` was asked for."""

    kind: str
    metre: str = "4/4"
    """One of `METRES`; bars in other metres are left out."""
    division: int = 4
    """Steps a beat; only a piano roll may have others than 4."""
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
    """None means: where a manifest states the rights."""
    layout: str = "auto"
    """How the collections are laid out; see `training.corpus.catalogues`."""
    kit: str = "auto"
    """How drum pitches are read; `auto` leaves it to the catalogue, General MIDI where it says nothing."""
    selection: Selection = EVERYTHING
    ray_address: str = ""
    """Of a Ray cluster; empty for RAY_ADDRESS, else a local one."""


class BuildProgress:
    """Receives what a build is doing. This one shows nothing."""

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """Begin a stage of `total` units (None: unknown) of which `done` are there already."""

    def advance(self, units: int) -> None:
        """Count finished units of the stage."""

    def remark(self, text: str) -> None:
        """Take in one line for the person who waits."""


def build_corpus(
    folders: Sequence[Path], corpus: Path, options: BuildOptions, progress: BuildProgress | None = None
) -> dict[str, Any]:
    """Build a corpus and return the content of its `corpus.json`.

    Shards that are already there, with the same files and options, are not built again.

    Args:
        folders: folders with MIDI files.
        corpus: folder to write to.
        options: kind, window lengths, executor.
        progress: called at each stage: listing, reading, cutting windows.

    Raises:
        CorpusError: bad options, missing folders, or nothing usable in them.
    """
    _check(options)
    _check_place(corpus, options.kind)
    progress = progress or BuildProgress()
    progress.stage("listing files")
    sources = find_sources(folders, shippable_only=options.shippable_only, layout=options.layout)
    for remark in sources.remarks:
        progress.remark(remark)
    files = sources.files
    if options.kit != "auto":
        kit = drum_kit(options.kit).name
        files = tuple(replace(file, kit=kit) for file in files)
    metre = divided(options.metre, options.division)
    shards = plan_shards(files, options.kind, options.files_per_shard, options.selection, metre)
    work = corpus / WORK_FOLDER
    missing = [shard for shard in shards if not is_done(shard, work)]
    remove_unfinished(work)
    unread = sum(len(shard.files) for shard in missing)
    if missing and options.executor == "ray":
        progress.remark(why_ray_is_slower(unread, len(missing), options.ray_address))
    progress.stage("reading files", len(files), len(files) - unread)
    run_shards(
        missing,
        work,
        progress.advance,
        executor=options.executor,
        workers=options.workers or available_cpus(),
        file_timeout_s=options.file_timeout_s,
        ray_address=options.ray_address,
        remark=progress.remark,
    )
    bars = options.bars or kind_named(options.kind).default_bars
    progress.stage("cutting windows", len(bars) + 2)
    merge_options = MergeOptions(options.kind, bars, options.seed, metre)
    return merge(shards, work, corpus, merge_options, sources.rejected, progress.advance)


def _check_place(corpus: Path, kind: str) -> None:
    """Refuse a folder with a corpus of another kind, which runs may have been trained on; CorpusError."""
    try:
        held = json.loads((corpus / "corpus.json").read_bytes())["config"]["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # none is there, or it is damaged and written anew
    if held != kind:
        raise CorpusError(f"{corpus}: holds a corpus of {held}; give another -o, or remove it first")


def available_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: containers and taskset narrow it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(options: BuildOptions) -> None:
    kind_named(options.kind)
    metre_named(divided(options.metre, options.division))
    if options.division != FOUR_FOUR.grid.steps_per_beat and options.kind != "pianoroll":
        raise CorpusError(f"division {options.division}: {options.kind} has 4 steps a beat; leave it out")
    if any(not 1 <= bars <= 64 for bars in options.bars):
        raise CorpusError(f"bars {list(options.bars)}: give window lengths from 1 to 64 bars")
    if options.workers < 0:
        raise CorpusError(f"workers {options.workers}: give a number of processes, or 0 for one a CPU")
    if options.files_per_shard < 1 or not options.file_timeout_s > 0:
        raise CorpusError("files per shard and file timeout: give numbers above 0")
    check_executor(options.executor)
    if options.ray_address and options.executor != "ray":
        raise CorpusError(f"ray address {options.ray_address}: add --executor ray, or leave it out")
    kits = "auto", *KITS, *ALIASES
    if options.kit not in kits:
        raise CorpusError(f"kit '{options.kit}': unknown; choose one of {', '.join(kits)}")
