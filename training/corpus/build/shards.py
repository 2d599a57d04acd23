"""Shards: fixed groups of files, and the pure function from a shard to its output folder."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.text import json_bytes, printable
from training.corpus.corpus_kinds import Kind, kind_named
from training.corpus.extract.bars import runs
from training.corpus.extract.reader import Piece, UnusableFileError, read_piece
from training.corpus.extract.selection import EVERYTHING, Selection
from training.corpus.extract.streams import Segment
from training.corpus.metres import FOUR_FOUR, Metre, metre_named
from training.corpus.report.statistics import FileStatistics, metre_beats, statistics_of
from training.corpus.sources import Rejected, SourceFile
from training.corpus.windows import SEGMENT_DTYPE

FORMAT = 4
"""Raised when the stored form or the extraction changes, so that old shards are built anew."""
NO_BAR = "no bar in "
"""How the reason begins why a file gives nothing that is in another metre; its detail is which."""
NO_TRACK = "no track of those asked for"
WORK_FOLDER = "shards"
"""Where finished shards stay inside the corpus, so that a second run reads nothing again."""
DONE = "_DONE"
UNFINISHED = "unfinished-"
"""How folders begin that no shard is known by yet."""

Progress = Callable[[SourceFile | None], None]
"""Called with each file before it is opened, and with None when all are read and writing begins."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some files, and everything that decides what comes out of them."""

    number: int
    kind: str
    files: tuple[SourceFile, ...]
    selection: Selection = EVERYTHING
    metre: str = FOUR_FOUR.name

    @property
    def key(self) -> str:
        """sha256 of what the output depends on."""
        rows = [(file.sha256, file.kit, file.parts, file.chords) for file in self.files]
        decides = [FORMAT, self.kind, self.metre, asdict(self.selection), rows]
        content = json.dumps(decides, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def folder(self, work: Path) -> Path:
        """Return where its output goes."""
        return work / f"shard-{self.number:05d}"


@dataclass(frozen=True, slots=True)
class ShardOutput:
    """What was read from a finished shard. Segments count files and rows from the shard's start."""

    steps: NDArray[np.generic]
    marks: NDArray[np.uint8]
    held: NDArray[np.uint8]
    segments: NDArray[np.void]
    statistics: tuple[FileStatistics | None, ...]
    """One for each file; None where it was rejected."""
    rejected: tuple[Rejected, ...]


def plan_shards(
    files: Sequence[SourceFile],
    kind: str,
    files_per_shard: int,
    selection: Selection = EVERYTHING,
    metre: str = FOUR_FOUR.name,
) -> list[Shard]:
    """Cut the files, already in order of content hash, into shards."""
    starts = range(0, len(files), files_per_shard)
    return [
        Shard(number, kind, tuple(files[start : start + files_per_shard]), selection, metre)
        for number, start in enumerate(starts)
    ]


def is_done(shard: Shard, work: Path) -> bool:
    """Return whether a finished output of exactly this shard is there."""
    marker = shard.folder(work) / DONE
    return marker.is_file() and marker.read_text(encoding="ascii") == shard.key


def build_shard(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None = None, progress: Progress | None = None
) -> None:
    """Read the shard's files and write their streams; the marker file comes last.

    Args:
        shard: what to build.
        work: folder of all shards.
        quarantined: reasons by sha256 of files that must not be opened again.
        progress: see `Progress`.
    """
    folder = _unfinished_folder(shard, work)
    folder.mkdir(parents=True)
    kind, metre = kind_named(shard.kind), metre_named(shard.metre)
    segments: list[tuple[int, Segment]] = []
    records: list[FileStatistics | Unused] = []
    for number, source in enumerate(shard.files):
        if progress:
            progress(source)
        record, found = _read(source, kind, metre, shard.selection, quarantined or {})
        records.append(record)
        segments.extend((number, segment) for segment in found)
    if progress:
        progress(None)
    _write_arrays(folder, kind, segments)
    _write_records(folder, shard.files, records)
    (folder / DONE).write_text(shard.key, encoding="ascii")
    _move_into_place(folder, shard, work)


def _unfinished_folder(shard: Shard, work: Path) -> Path:
    """Return a folder of this attempt alone: one that was given up may still be writing elsewhere."""
    return work / f"{UNFINISHED}{shard.number:05d}-{uuid.uuid4().hex[:12]}"


def _move_into_place(folder: Path, shard: Shard, work: Path) -> None:
    """Let a finished folder be the shard's; of two attempts that end at once either will do."""
    place = shard.folder(work)
    shutil.rmtree(place, ignore_errors=True)
    try:
        folder.rename(place)
    except OSError:
        if not is_done(shard, work):
            raise
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(work: Path) -> None:
    """Remove what attempts that were cut off have left."""
    for folder in work.glob(f"{UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Unused:
    """Why a file gave nothing."""

    error: str
    detail: str = ""


def _read(
    source: SourceFile, kind: Kind, metre: Metre, selection: Selection, quarantined: Mapping[str, str]
) -> tuple[FileStatistics | Unused, list[Segment]]:
    """Return the statistics and segments of a file, or the reason why it gives none."""
    if source.sha256 in quarantined:
        return Unused(quarantined[source.sha256]), []
    try:
        piece = selection.of(read_piece(Path(source.path)))
    except UnusableFileError as error:
        return Unused(str(error)), []
    if not piece.tracks:
        return Unused(NO_TRACK), []
    try:
        segments = kind.extract(piece, source, metre)
    except MemoryError:
        return Unused("needs too much memory"), []
    except Exception as error:  # one file's oddity must not cost the others
        return Unused(f"cannot be extracted: {type(error).__name__}", printable(str(error))), []
    if not segments:
        return _nothing_found(piece, kind, metre), []
    return statistics_of(piece), segments


def _nothing_found(piece: Piece, kind: Kind, metre: Metre) -> Unused:
    if not runs(piece, metre):
        metres = metre_beats(piece)
        wanted = " or ".join(f"{count}/{unit}" for count, unit in sorted(metre.signatures, reverse=True))
        return Unused(f"{NO_BAR}{wanted}", max(metres, key=lambda metre: metres[metre], default=""))
    return Unused(f"no {kind.name} part")


def _write_arrays(folder: Path, kind: Kind, segments: Iterable[tuple[int, Segment]]) -> None:
    rows = list(segments)
    table = np.zeros(len(rows), SEGMENT_DTYPE)
    first, track, last_file = 0, 0, -1
    for index, (file, segment) in enumerate(rows):
        track = track + 1 if file == last_file else 0
        last_file = file
        table[index] = (file, track, first, len(segment.steps), segment.start_ticks)
        first += len(segment.steps)
    np.save(folder / "segments.npy", table)
    np.save(folder / "steps.npy", _stacked([row.steps for _, row in rows], kind.dtype, (kind.width,)))
    np.save(folder / "marks.npy", _stacked([row.marks for _, row in rows], "uint8", ()))
    np.save(folder / "held.npy", _stacked([row.held for _, row in rows], "uint8", (kind.heads,)))


def _stacked(parts: list[NDArray[np.generic]], dtype: str, tail: tuple[int, ...]) -> NDArray[np.generic]:
    if not parts:
        return np.zeros((0, *tail), dtype)
    return np.ascontiguousarray(np.concatenate(parts).astype(dtype, copy=False))


def _write_records(
    folder: Path, files: Sequence[SourceFile], records: Sequence[FileStatistics | Unused]
) -> None:
    with (folder / "files.jsonl").open("wb") as stream:
        for source, record in zip(files, records, strict=True):
            stream.write(json_bytes({"name": source.name, **asdict(record)}) + b"\n")


def load_shard(shard: Shard, work: Path) -> ShardOutput:
    """Read what `build_shard` wrote."""
    folder = shard.folder(work)
    statistics: list[FileStatistics | None] = []
    rejected: list[Rejected] = []
    with (folder / "files.jsonl").open(encoding="utf-8") as stream:
        for line in stream:
            entry = json.loads(line)
            name = entry.pop("name")
            if "error" in entry:
                rejected.append(Rejected(name, entry["error"], entry["detail"]))
                statistics.append(None)
            else:
                statistics.append(FileStatistics(**entry))
    arrays = {
        key: np.load(folder / f"{key}.npy", mmap_mode="r") for key in ("steps", "marks", "held", "segments")
    }
    return ShardOutput(**arrays, statistics=tuple(statistics), rejected=tuple(rejected))
