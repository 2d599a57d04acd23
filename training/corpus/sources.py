"""Which files a corpus is made of, each with what its catalogue says."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.text import counted, printable
from training.corpus.catalogues import SPLITS, Catalogue, Entry, find_catalogues, path_key
from training.corpus.chord_tables import chords_beside
from training.errors import CorpusError

MIDI_SUFFIXES = {".mid", ".midi", ".smf", ".rmi", ".kar"}
__all__ = ["SPLITS", "Entry", "Rejected", "SourceFile", "Sources", "find_sources"]
CLEARED_RIGHTS = {"ok", "pd", "pd_us_only", "pd_life70_only", "songs third-party"}
"""Values of the manifest's `rights` column under which a trained model may be shipped."""


@dataclass(frozen=True, slots=True)
class SourceFile(Entry):
    """One MIDI file and what its collection's catalogue says about it."""

    path: str
    """Absolute path, for reading."""
    name: str
    """Path relative to the catalogue's or the given folder, for people: bytes that are no UTF-8 escaped."""
    sha256: str
    """Of the bytes."""
    chords: tuple[tuple[int, str], ...] = ()
    """Tick and name of every chord where a `chords.csv` in its folder gives them."""


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
    remarks: tuple[str, ...] = ()
    """How each collection was read, and where its table and its files differ; one line each."""


def find_sources(
    folders: Sequence[Path], *, shippable_only: bool | None = None, layout: str = "auto"
) -> Sources:
    """List the MIDI files below `folders` with what a catalogue beside or above says.

    Args:
        folders: folders or single files.
        shippable_only: leave out files whose rights do not allow shipping a model; by default
            only where a manifest states the rights.
        layout: see `find_catalogue`.

    Raises:
        CorpusError: a folder is missing, or there is no MIDI file at all.
    """
    kept: dict[str, SourceFile] = {}
    rejected: list[Rejected] = []
    remarks: list[str] = []
    for folder in folders:
        if not folder.exists():
            raise CorpusError(f"{folder}: no such file or folder; give folders that hold MIDI files")
        for catalogue, paths in _by_catalogue(folder.resolve(), layout):
            remarks += _remarks(folder.resolve(), catalogue, paths)
            only = catalogue.tells_rights if shippable_only is None else shippable_only
            for path in paths:
                try:
                    source = _source(path, catalogue)
                except OSError as error:
                    reason = f"cannot be opened: {error.strerror}"
                    rejected.append(Rejected(printable(str(path)), reason))
                    continue
                refusal = _refusal(source, kept, only)
                if refusal:
                    twin = kept.get(source.sha256)
                    rejected.append(Rejected(source.name, refusal, twin.name if twin else ""))
                else:
                    kept[source.sha256] = source
    if not kept and not rejected:
        raise CorpusError(f"{', '.join(map(str, folders))}: no MIDI files there; give other folders")
    return Sources(tuple(kept[key] for key in sorted(kept)), tuple(rejected), tuple(remarks))


def _by_catalogue(folder: Path, layout: str) -> list[tuple[Catalogue, list[Path]]]:
    """Return the MIDI files below a folder, each with the catalogue that speaks of it."""
    plain = Catalogue(layout="plain", folder=folder, root=folder.parent, entry=lambda name: None)
    found = [(catalogue, list[Path]()) for catalogue in (*find_catalogues(folder, layout), plain)]
    for path in _midi_files(folder):
        next(paths for catalogue, paths in found if path.is_relative_to(catalogue.folder)).append(path)
    return found


def _remarks(folder: Path, catalogue: Catalogue, paths: Sequence[Path]) -> list[str]:
    """Return how a collection is read, and what its table and its files do not share."""
    said = [] if catalogue.layout == "plain" else [f"laid out as {catalogue.layout}"]
    if catalogue.listed:
        root = catalogue.root
        there = {path_key(path.relative_to(root).as_posix()) for path in paths}
        below = f"{path_key(folder.relative_to(root).as_posix())}/" if folder.is_relative_to(root) else ""
        listed = {name for name in catalogue.listed if below in ("", "./") or name.startswith(below)}
        if folder.is_dir() and listed - there:
            said.append(f"{_some(listed - there)} in its table, not in the folder")
        if there - listed:
            said.append(f"{_some(there - listed)} in the folder, not in its table")
    return [printable(f"{catalogue.folder}: {'; '.join(said)}")] if said else []


def _some(names: set[str]) -> str:
    return f"{counted(len(names), 'file')} ({min(names)}{' ...' * (len(names) > 1)})"


def _midi_files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in _files(folder) if path.suffix.lower() in MIDI_SUFFIXES and path.is_file())


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, those behind links to folders too; each folder is walked once.

    Links come last, so that a file has the name that a table knows it by, whatever else leads to it.
    """
    walked, links = set[str](), [folder]
    while links:
        for place, folders, files in os.walk(links.pop(0)):
            real = os.path.realpath(place)
            if real in walked:
                folders.clear()
                continue
            walked.add(real)
            links += [path for path in (Path(place, name) for name in sorted(folders)) if path.is_symlink()]
            yield from (Path(place, name) for name in files)


def _source(path: Path, catalogue: Catalogue) -> SourceFile:
    root = catalogue.root
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = catalogue.entry(name) or Entry()
    return SourceFile(str(path), printable(name), sha256, chords=chords_beside(path), **asdict(entry))


def _refusal(source: SourceFile, kept: dict[str, SourceFile], shippable_only: bool) -> str:
    if source.sha256 in kept:
        return "same bytes as another file"
    if shippable_only and source.rights not in CLEARED_RIGHTS:
        return f"rights '{source.rights}' not cleared for shipping a model"
    return ""
