"""Which files a corpus is made of, and what is known about each: licence, work, split."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.text import printable
from training.errors import CorpusError

SPLITS = ("train", "valid", "test")
MIDI_SUFFIXES = {".mid", ".midi", ".smf", ".rmi", ".kar"}
MANIFEST_NAME = "manifest.csv"
CLEARED_RIGHTS = {"ok", "pd", "pd_us_only", "pd_life70_only", "songs third-party"}
"""Values of the manifest's `rights` column under which a trained model may be shipped."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One MIDI file and what the manifest says about it."""

    path: str
    """Absolute path, for reading."""
    name: str
    """Path relative to the manifest's or the given folder, for people: bytes that are no UTF-8 escaped."""
    sha256: str
    """Of the bytes."""
    set: str = ""
    """Name of the collection."""
    licence: str = "unknown"
    rights: str = "unknown"
    work: str = ""
    """Group of files that must stay in one split; empty where a file stands alone."""
    split: str = ""
    """`train`, `valid` or `test` where the manifest fixes it, else empty."""
    parts: tuple[str, ...] = ()
    """Names of the melodic tracks where the manifest gives them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file left out, with the reason."""

    name: str
    reason: str
    """The kind of fault; equal ones are counted together."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to read, in order of content hash, and those left out before reading."""

    files: tuple[SourceFile, ...]
    rejected: tuple[Rejected, ...]


def find_sources(folders: Sequence[Path], *, shippable_only: bool | None = None) -> Sources:
    """List the MIDI files below `folders` with what a `manifest.csv` beside or above says.

    Args:
        folders: folders or single files.
        shippable_only: leave out files whose rights do not allow shipping a model; by default
            only where a manifest tells the rights.

    Raises:
        CorpusError: a folder is missing, or there is no MIDI file at all.
    """
    kept: dict[str, SourceFile] = {}
    rejected: list[Rejected] = []
    for folder in folders:
        if not folder.exists():
            raise CorpusError(f"{folder}: no such file or folder; give folders that hold MIDI files")
        manifest = find_manifest(folder)
        rows = read_manifest(manifest) if manifest else {}
        root = manifest.parent if manifest else folder.resolve().parent
        only = bool(manifest) if shippable_only is None else shippable_only
        for path in _midi_files(folder.resolve()):
            try:
                source = _source(path, root, rows)
            except OSError as error:
                rejected.append(Rejected(printable(str(path)), f"cannot be opened: {error.strerror}"))
                continue
            refusal = _refusal(source, kept, only)
            if refusal:
                twin = kept.get(source.sha256)
                rejected.append(Rejected(source.name, refusal, twin.name if twin else ""))
            else:
                kept[source.sha256] = source
    if not kept and not rejected:
        raise CorpusError(f"{', '.join(map(str, folders))}: no MIDI files there; give other folders")
    return Sources(tuple(kept[key] for key in sorted(kept)), tuple(rejected))


def find_manifest(folder: Path) -> Path | None:
    """Return the `manifest.csv` in the folder or up to three folders above, if it lists MIDI files."""
    here = folder.resolve()
    for place in (here, *here.parents[:3]):
        candidate = place / MANIFEST_NAME
        if candidate.is_file():
            with candidate.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
                if {"path", "licence", "rights"} <= set(next(csv.reader(stream), ())):
                    return candidate
    return None


def read_manifest(path: Path) -> dict[str, dict[str, str]]:
    """Return the manifest's rows by the path of their file, whose bytes need not be UTF-8."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def _midi_files(folder: Path) -> Iterable[Path]:
    if folder.is_file():
        return [folder]
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()
    )


def _source(path: Path, root: Path, rows: dict[str, dict[str, str]]) -> SourceFile:
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    row = rows.get(name)
    if row is None:
        return SourceFile(str(path), printable(name), sha256)
    split = row.get("split", "")
    return SourceFile(
        path=str(path),
        name=printable(name),
        sha256=sha256,
        set=printable(row.get("set", "")),
        licence=printable(row["licence"]) or "unknown",
        rights=printable(row["rights"]) or "unknown",
        work=printable(row.get("split_group") or row.get("work_id") or ""),
        split=split if split in SPLITS else "",
        parts=_vocal_names(row.get("vocal_tracks", "")),
    )


def _vocal_names(column: str) -> tuple[str, ...]:
    """Read `index:name|index:name`; a name may contain colons."""
    return tuple(entry.split(":", 1)[1] for entry in column.split("|") if ":" in entry)


def _refusal(source: SourceFile, kept: dict[str, SourceFile], shippable_only: bool) -> str:
    if source.sha256 in kept:
        return "same bytes as another file"
    if shippable_only and source.rights not in CLEARED_RIGHTS:
        return f"rights '{source.rights}' not cleared for shipping a model"
    return ""
