"""Finished shards into one corpus: windows judged, duplicates removed, works split."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.staging import staging_folder
from engine.text import counted, json_bytes
from training.corpus.build import shards as shard_files
from training.corpus.build.sections import CROSSING, SECTIONS, WORKS, held_out_sections
from training.corpus.build.shards import NO_BAR, NO_TRACK, Shard, ShardOutput
from training.corpus.build.splits import assign_splits, work_groups
from training.corpus.corpus_kinds import Kind, kind_named
from training.corpus.metres import FOUR_FOUR, Metre, metre_named, metres_among
from training.corpus.report.statistics import FileStatistics
from training.corpus.sources import SPLITS, Rejected, SourceFile
from training.corpus.windows import (
    REASONS,
    SEEN_IN_TRAIN,
    SEGMENT_DTYPE,
    Prints,
    Streams,
    candidate_windows,
    describe,
    duplicate_counts,
    judge,
    unique_windows,
)
from training.errors import CorpusError

SCHEMA = 1
"""Version of `corpus.json` and the arrays beside it."""


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """What decides the corpus beyond its shards."""

    kind: str
    bars: tuple[int, ...]
    """Window lengths, the first one also used to find versions of one work."""
    seed: int = 0
    """Salt of the split of files for which no manifest fixes it."""
    metre: str = FOUR_FOUR.name


@dataclass(frozen=True, slots=True)
class Merged:
    """All shards side by side; file numbers count over the whole corpus."""

    files: tuple[SourceFile, ...]
    statistics: tuple[FileStatistics, ...]
    streams: Streams
    rejected: tuple[Rejected, ...]


def merge(
    shards: Sequence[Shard],
    work: Path,
    corpus: Path,
    options: MergeOptions,
    early: Sequence[Rejected],
    advance: Callable[[int], None] = lambda stages: None,
) -> dict[str, Any]:
    """Write the corpus of finished shards and return the content of its `corpus.json`.

    All is written beside first and then moved in, `corpus.json` last: a training run that has
    the former corpus open goes on with it, and a half-written corpus is never seen.

    Raises:
        CorpusError: not one usable window came out.
    """
    corpus.mkdir(parents=True, exist_ok=True)
    with staging_folder(corpus) as staged:
        content = _write(shards, work, staged, options, early, advance)
        rejects = staged / "rejects.csv"
        if not any(sum(entry[split] for split in SPLITS) for entry in content["windows"].values()):
            rejects.replace(corpus / rejects.name)
            raise CorpusError(_nothing(content, corpus))
        for path in sorted(staged.iterdir(), key=lambda path: path.name == "corpus.json"):
            path.replace(corpus / path.name)
    return content


def _write(
    shards: Sequence[Shard],
    work: Path,
    corpus: Path,
    options: MergeOptions,
    early: Sequence[Rejected],
    advance: Callable[[int], None],
) -> dict[str, Any]:
    """Write every file of the corpus; the memory-mapped steps are closed when this returns."""
    kind = kind_named(options.kind)
    merged = _concatenate(shards, work, corpus, kind, metre_named(options.metre))
    advance(1)
    rejected = sorted([*early, *merged.rejected], key=lambda entry: (entry.name, entry.reason))
    _write_rejects(corpus / "rejects.csv", rejected)
    cut = _cut_windows(merged, options, kind, advance)
    tables, splits, groups = cut.tables, cut.splits, cut.groups
    names = [SPLITS[split] for split in splits] if cut.held_out == WORKS else [""] * len(splits)
    for bars, table in tables.items():
        np.save(corpus / f"windows_{bars}.npy", table)
    np.save(corpus / "segments.npy", merged.streams.segments)
    _write_files(corpus / "files.csv", merged, groups, names)
    _write_labels(corpus / "labels.csv", merged.files)
    content = {
        "schema": SCHEMA,
        "config": {**asdict(options), "bars": list(options.bars)},
        "steps_dtype": kind.dtype,
        "width": kind.width,
        "heads": kind.heads,
        "sha256": content_hash(corpus, options.bars),
        "files": len(merged.files),
        "rejected": dict(Counter(entry.reason for entry in rejected).most_common()),
        "other_metres": _other_metres(rejected),
        "segments": len(merged.streams.segments),
        "steps": len(merged.streams.steps),
        "windows": cut.counts,
        "sources": _sources(merged, splits, tables),
    }
    (corpus / "corpus.json").write_bytes(json_bytes(content, indent=1) + b"\n")
    return content


def _concatenate(shards: Sequence[Shard], work: Path, corpus: Path, kind: Kind, metre: Metre) -> Merged:
    """Put the shards' arrays one after another; the steps go straight to the corpus's file."""
    outputs = [shard_files.load_shard(shard, work) for shard in shards]
    _write_steps(corpus / "steps.npy", [output.steps for output in outputs], kind)
    steps = np.load(corpus / "steps.npy", mmap_mode="r")
    files: list[SourceFile] = []
    statistics: list[FileStatistics] = []
    tables = []
    row = 0
    for shard, output in zip(shards, outputs, strict=True):
        numbers = _file_numbers(output, len(files))
        table = np.array(output.segments)
        table["file"] = numbers[table["file"]]
        table["first"] += np.uint64(row)
        tables.append(table)
        row += len(output.steps)
        for source, entry in zip(shard.files, output.statistics, strict=True):
            if entry is not None:
                files.append(source)
                statistics.append(entry)
    streams = Streams(
        steps=steps,
        marks=_joined([output.marks for output in outputs], (), "uint8"),
        held=_joined([output.held for output in outputs], (kind.heads,), "uint8"),
        segments=_joined(tables, (), SEGMENT_DTYPE),
        bar_steps=metre.grid.steps_per_bar,
    )
    rejected = tuple(entry for output in outputs for entry in output.rejected)
    return Merged(tuple(files), tuple(statistics), streams, rejected)


def _write_steps(path: Path, parts: Sequence[NDArray[Any]], kind: Kind) -> None:
    """Write arrays one after another as one; not through a map, where a full disk kills the process.

    Raises:
        OSError: the disk is full.
    """
    dtype = np.dtype(kind.dtype)
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (sum(map(len, parts)), kind.width),
    }
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for part in parts:
            stream.write(np.ascontiguousarray(part, dtype).tobytes())


def _file_numbers(output: ShardOutput, first: int) -> NDArray[np.uint32]:
    """Return the corpus's number of each of the shard's files, rejected ones left out."""
    used = np.array([entry is not None for entry in output.statistics], dtype=np.int64)
    return (first + np.cumsum(used) - 1).astype(np.uint32)


def _joined(parts: Sequence[NDArray[Any]], tail: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros((0, *tail), dtype)


@dataclass(frozen=True, slots=True)
class CutWindows:
    """The windows of every length, with what they were split by."""

    tables: dict[int, NDArray[np.void]]
    """By length in bars, of `WINDOW_DTYPE`."""
    held_out: str
    """`WORKS` or `SECTIONS`."""
    splits: list[int]
    """Of each file, where works are held out."""
    groups: list[int]
    """Of each file the first file of its work."""
    counts: dict[str, Any]
    """By length in bars."""


def _cut_windows(
    merged: Merged, options: MergeOptions, kind: Kind, advance: Callable[[int], None]
) -> CutWindows:
    """Judge, describe, split and deduplicate the windows of every length."""
    judged = {bars: _judged(merged, bars, kind) for bars in options.bars}
    first = judged[options.bars[0]]
    groups = work_groups(merged.files, first.prints.exact, first.owner)
    splits = assign_splits(merged.files, groups, options.seed)
    few_works = not any(file.split for file in merged.files) and not _holds_works_out(first, splits)
    held_out = SECTIONS if few_works else WORKS
    advance(1)
    tables, counts = {}, {}
    for bars, windows in judged.items():
        by_work = np.array(splits, np.uint8)[windows.owner]
        windows.table["split"] = _by_section(windows, merged, bars, options.seed) if few_works else by_work
        tables[bars], counts[str(bars)] = _deduplicated(windows)
        short = int((merged.streams.segments["steps"] < bars * merged.streams.bar_steps).sum())
        counts[str(bars)] |= {"segments too short": short, "held_out": held_out}
        advance(1)
    return CutWindows(tables, held_out, splits, groups, counts)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The windows of one length that are worth training on."""

    table: NDArray[np.void]
    prints: Prints
    owner: NDArray[np.int64]
    """The file of each window."""
    dropped: Counter[str]
    """How many candidates there were, by verdict."""


def _judged(merged: Merged, bars: int, kind: Kind) -> _Judged:
    table = candidate_windows(merged.streams.segments, bars, merged.streams.bar_steps)
    verdict = judge(merged.streams, table, bars, kind)
    table = table[verdict == 0]
    prints = describe(merged.streams, table, bars, kind)
    owner = merged.streams.segments["file"][table["segment"]].astype(np.int64)
    return _Judged(table, prints, owner, Counter(REASONS[number] for number in verdict.tolist()))


def _holds_works_out(windows: _Judged, splits: Sequence[int]) -> bool:
    """Return whether valid and test keep windows of whole works once what train has too is taken out."""
    by_window = np.array(splits, np.uint8)[windows.owner]
    kept = by_window[unique_windows(by_window, windows.prints.exact)]
    return {0, 1, 2} <= set(kept.tolist())


def _by_section(windows: _Judged, merged: Merged, bars: int, seed: int) -> NDArray[np.uint8]:
    """Return the split of each window where sections are held out. `[n]`

    Sections are sought among the first of equal windows, and the others follow: a tune that returns, in the
    piece or in another version of it, is held out or trained on wherever it comes.
    """
    _, first, like = np.unique(windows.prints.exact, return_index=True, return_inverse=True)
    order = np.sort(first)
    split = held_out_sections(
        merged.streams.segments,
        windows.table[order],
        bars,
        merged.files,
        seed,
        merged.streams.bar_steps,
    )
    found: NDArray[np.uint8] = split[np.searchsorted(order, first)][like]
    return found


def _deduplicated(windows: _Judged) -> tuple[NDArray[np.void], dict[str, Any]]:
    """Return the windows that stay, and their counts. What train has too is taken out of valid and test."""
    table, prints = windows.table, windows.prints
    inside = table["split"] != CROSSING
    keep = np.zeros(len(table), np.bool_)
    keep[inside] = unique_windows(table["split"][inside], prints.exact[inside])
    repeated = duplicate_counts(table["split"][inside], prints.exact[inside], keep[inside])
    if not inside.all():
        repeated["crossing a held-out section"] = int((~inside).sum())
    if prints.loose is not None:
        known = np.isin(prints.loose, prints.loose[table["split"] == 0])
        table["flags"] |= np.where(known & (table["split"] > 0), SEEN_IN_TRAIN, 0).astype(np.uint8)
    return table[keep], _counts(table[keep], windows.dropped, repeated)


def _counts(table: NDArray[np.void], dropped: Counter[str], repeated: Counter[str]) -> dict[str, Any]:
    return {
        "candidates": sum(dropped.values()),
        "dropped": {reason: dropped[reason] for reason in REASONS[1:]},
        "duplicates": dict(repeated),
        **{name: int((table["split"] == number).sum()) for number, name in enumerate(SPLITS)},
        "flagged": int((table["flags"] & SEEN_IN_TRAIN > 0).sum()),
    }


def _sources(
    merged: Merged, splits: Sequence[int], tables: Mapping[int, NDArray[np.void]]
) -> list[dict[str, Any]]:
    """Count files and windows by set, licence and rights."""
    files: Counter[tuple[str, str, str]] = Counter((f.set, f.licence, f.rights) for f in merged.files)
    windows: dict[tuple[str, str, str], Counter[str]] = {key: Counter() for key in files}
    for bars, table in tables.items():
        owners = merged.streams.segments["file"][table["segment"]]
        for number, count in enumerate(np.bincount(owners, minlength=len(merged.files)).tolist()):
            file = merged.files[number]
            windows[file.set, file.licence, file.rights][str(bars)] += count
    return [
        {
            "set": key[0],
            "licence": key[1],
            "rights": key[2],
            "files": files[key],
            "windows": dict(windows[key]),
        }
        for key in sorted(files)
    ]


def _write_rejects(path: Path, rejected: Sequence[Rejected]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "reason", "detail"])
        writer.writerows((entry.name, entry.reason, entry.detail) for entry in rejected)


def _other_metres(rejected: Sequence[Rejected]) -> dict[str, int]:
    """Count the files that were left out for their metre by that metre, the commonest first."""
    return dict(Counter(entry.detail for entry in rejected if entry.reason.startswith(NO_BAR)).most_common())


def _write_files(path: Path, merged: Merged, groups: Sequence[int], splits: Sequence[str]) -> None:
    """Write what is known about each file; its split is empty where sections of it are held out."""
    columns = ["file", "path", "sha256", "set", "licence", "rights", "work", "group", "split"]
    columns += ["notes", "tracks", "beats", "bpm", "key", "metres"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for number, (file, entry) in enumerate(zip(merged.files, merged.statistics, strict=True)):
            row = [number, file.name, file.sha256, file.set, file.licence, file.rights, file.work]
            row += [merged.files[groups[number]].name, splits[number]]
            row += [entry.notes, entry.tracks, entry.beats, entry.bpm, entry.key, json.dumps(entry.metres)]
            writer.writerow(row)


def _write_labels(path: Path, files: Sequence[SourceFile]) -> None:
    """Write what is known about players and styles, outside the content hash: no tensor depends on it."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "style", "player"])
        writer.writerows((number, file.style, file.player) for number, file in enumerate(files))


def content_hash(corpus: Path, bars: Sequence[int]) -> str:
    """Return the sha256 over the corpus's arrays and file list, in a fixed order."""
    digest = hashlib.sha256()
    names = ["steps.npy", "segments.npy", "files.csv", *(f"windows_{count}.npy" for count in bars)]
    for name in names:
        with (corpus / name).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _remedy(reason: str, other_metres: Mapping[str, int]) -> str:
    """Return what gives windows of files that were rejected, most of them for a reason."""
    if reason.startswith(NO_BAR):
        known = [f"--metre {metre.name}" for metre in metres_among(other_metres)]
        return f"try {' or '.join(known)}" if known else "give files in other metres"
    if reason == NO_TRACK:
        return "try other --tracks or --programs"
    if reason.endswith(" part"):
        return "try another --kind"
    return "give other files"


def _nothing(content: Mapping[str, Any], corpus: Path) -> str:
    """Return why there is no window at all."""
    rejected: dict[str, int] = content["rejected"]
    if not content["files"]:  # else it is not for those that were rejected
        reason, count = next(iter(rejected.items()))
        most = f"{counted(sum(rejected.values()), 'file')} rejected, most for '{reason}' ({count})"
        remedy = f"see rejects.csv; {_remedy(reason, content['other_metres'])}"
    else:
        drops = [
            f"{count} for '{reason}'"
            for entry in content["windows"].values()
            for reason, count in {
                **entry["dropped"],
                "segment too short": entry["segments too short"],
            }.items()
            if count
        ]
        most, remedy = "windows dropped: " + ", ".join(drops), "give longer files, or fewer --bars"
    return f"{corpus}: no usable window; {most}; {remedy}"
