"""What lies beside the files of a collection (works, splits, kits) in the form its publisher uses.

A catalogue is found by its shape and not by a name that somebody gave to the folder:

- `manifest.csv` with path, licence and rights: this project's own form, and the one for your collections;
- `info.csv` of the Groove MIDI Dataset: split, drummer, style, and the Roland kit it was played on;
- `maestro-*.csv` of MAESTRO: composer and title as the work, and the split;
- POP909's folders: `NNN/NNN.mid` with further versions of the song NNN below, one work each;
- Lakh's folders: `TR.../md5.mid` of the matched set as one work each track, `Artist/Title.N.mid` of the
  clean set as one work each artist.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from engine.text import printable
from training.errors import CorpusError

SPLITS = ("train", "valid", "test")
_SPLIT_NAMES = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}
_MANIFEST_COLUMNS = {"path", "licence", "rights"}
_GROOVE_COLUMNS = {"drummer", "session", "style", "beat_type", "midi_filename", "split"}
_MAESTRO_COLUMNS = {"canonical_composer", "canonical_title", "split", "midi_filename"}
_MD5 = re.compile(r"[0-9a-f]{32}")
_LAKH_TRACK = re.compile(r"TR[A-Z0-9]{16}")
_LEVELS_ABOVE = 3
"""A catalogue may lie so many folders above the one that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known about one file. Every text is printable."""

    set: str = ""
    """Name of the collection."""
    licence: str = "unknown"
    rights: str = "unknown"
    work: str = ""
    """Group of files that must stay in one split; empty where a file stands alone."""
    split: str = ""
    """`train`, `valid` or `test` where it is fixed, else empty."""
    parts: tuple[str, ...] = ()
    """Names of the melodic tracks where they are given."""
    kit: str = ""
    """The drum kit its pitches are read by, one of `engine.music.kits.KITS`, or empty for General MIDI."""
    style: str = ""
    player: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The entries of a collection, by the path of the file relative to `root`."""

    layout: str
    root: Path
    """Names are relative to this folder."""
    entry: Callable[[str], Entry | None]
    """From a file's path relative to `root`, with slashes, to what is known about it."""
    tells_rights: bool = False


def find_catalogue(folder: Path, layout: str = "auto") -> Catalogue | None:
    """Return the catalogue of a folder (or of a file's folder), or None where there is none.

    Args:
        folder: what is to be read.
        layout: `auto`, or one of `LAYOUTS` to look for that one only.

    Raises:
        CorpusError: the layout is unknown, or it was asked for and is not there.
    """
    if layout not in ("auto", "plain", *LAYOUTS):
        raise CorpusError(f"layout '{layout}': unknown; choose one of auto, plain, {', '.join(LAYOUTS)}")
    if layout == "plain":
        return None
    here = folder.resolve()
    wanted = LAYOUTS if layout == "auto" else {layout: LAYOUTS[layout]}
    for find in wanted.values():
        found = find(here, layout != "auto")
        if found:
            return found
    if layout != "auto":
        raise CorpusError(f"{folder}: is not laid out as {layout}; try --layout auto, or plain for no layout")
    return None


# Tables -------------------------------------------------------------------------------------


def _places(folder: Path) -> Sequence[Path]:
    return (folder, *folder.parents[:_LEVELS_ABOVE])


def _rows(path: Path, columns: set[str]) -> list[dict[str, str]] | None:
    """Return a CSV file's rows if it has the columns; bytes that are no UTF-8 stay what they are."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        reader = csv.DictReader(stream)
        return list(reader) if columns <= set(reader.fieldnames or ()) else None


def _manifest(folder: Path, asked: bool) -> Catalogue | None:
    for place in _places(folder):
        path = place / "manifest.csv"
        rows = _rows(path, _MANIFEST_COLUMNS) if path.is_file() else None
        if rows is not None:
            entries = {row["path"]: _manifest_entry(row) for row in rows}
            _add_labels(entries, _groove_labels(folder))
            return Catalogue("manifest", place, entries.get, tells_rights=True)
    return None


def _manifest_entry(row: dict[str, str]) -> Entry:
    name = printable(row.get("set") or "")
    return Entry(
        set=name,
        licence=printable(row["licence"]) or "unknown",
        rights=printable(row["rights"]) or "unknown",
        work=printable(row.get("split_group") or row.get("work_id") or ""),
        split=_SPLIT_NAMES.get(row.get("split") or "", ""),
        parts=_vocal_names(row.get("vocal_tracks") or ""),
        kit="roland" if name == "gmd" else "",
    )


def _vocal_names(column: str) -> tuple[str, ...]:
    """Read `index:name|index:name`; a name may contain colons."""
    return tuple(printable(entry.split(":", 1)[1]) for entry in column.split("|") if ":" in entry)


def _groove(folder: Path, asked: bool) -> Catalogue | None:
    for place in _places(folder):
        entries = _groove_entries(place)
        if entries:
            return Catalogue("groove", place, entries.get)
    return None


def _groove_entries(place: Path) -> dict[str, Entry]:
    path = place / "info.csv"
    rows = _rows(path, _GROOVE_COLUMNS) if path.is_file() else None
    licence = _licence(place)
    return {
        row["midi_filename"]: Entry(
            set="gmd",
            licence=licence,
            rights="ok" if licence != "unknown" else "unknown",
            split=_SPLIT_NAMES.get(row["split"], ""),
            kit="roland",
            style=printable(row["style"].split("/")[0]),
            player=printable(row["drummer"]),
        )
        for row in rows or ()
    }


def _groove_labels(folder: Path) -> dict[str, Entry]:
    """Return styles and drummers for a manifest's files by the end of their path, where a table has them."""
    return next(filter(None, map(_groove_entries, _places(folder)[:2])), {})


def _add_labels(entries: dict[str, Entry], labels: dict[str, Entry]) -> None:
    """Give a manifest's entries the styles and players of `labels`, whose paths begin one folder lower."""
    for name, entry in entries.items():
        label = labels.get(name.split("/", 1)[-1])
        if label:
            entries[name] = replace(entry, style=label.style, player=label.player)


def _licence(place: Path) -> str:
    """Return the licence that a LICENSE file beside the table names, if it is one that is known."""
    for path in (place / "LICENSE", place / "LICENSE.txt"):
        if path.is_file() and "Attribution 4.0 International" in path.read_text(errors="replace"):
            return "CC-BY-4.0"
    return "unknown"


def _maestro(folder: Path, asked: bool) -> Catalogue | None:
    for place in _places(folder):
        for path in sorted(place.glob("*.csv")):
            rows = _rows(path, _MAESTRO_COLUMNS)
            if rows is not None:
                entries = {row["midi_filename"]: _maestro_entry(row) for row in rows}
                return Catalogue("maestro", place, entries.get)
    return None


def _maestro_entry(row: dict[str, str]) -> Entry:
    work = f"{row['canonical_composer']}: {row['canonical_title']}"
    split = _SPLIT_NAMES.get(row["split"], "")
    return Entry(set="maestro", work=printable(work), split=split)


# Folders ------------------------------------------------------------------------------------


def _pop909(folder: Path, asked: bool) -> Catalogue | None:
    songs = [place for place in _folders(folder) if re.fullmatch(r"\d{3}", place.name)]
    if not songs or not all((song / f"{song.name}.mid").is_file() for song in songs):
        return None

    def entry(name: str) -> Entry | None:
        song = PurePosixPath(name).parts[1:2]
        return Entry(set="pop909", work=f"pop909/{song[0]}") if song and song[0].isdigit() else None

    return Catalogue("pop909", folder.parent, entry)


def _lakh(folder: Path, asked: bool) -> Catalogue | None:
    """Know Lakh by the names of its files; the clean set only where it is asked for or named so."""
    clean = asked or folder.name == "clean_midi"
    sample = next(_first_files(folder), None)
    if not clean and (sample is None or not _MD5.fullmatch(sample.stem)):
        return None

    def entry(name: str) -> Entry | None:
        path = PurePosixPath(name)
        if _LAKH_TRACK.fullmatch(path.parent.name):
            return Entry(set="lakh", work=f"lakh/{path.parent.name}")
        if _MD5.fullmatch(path.stem):
            return Entry(set="lakh")
        return Entry(set="lakh", work=f"lakh/{printable(path.parts[1])}") if len(path.parts) > 2 else None

    return Catalogue("lakh", folder.parent, entry)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _first_files(folder: Path) -> Iterator[Path]:
    """Go down the first folder of each level and yield the files found there."""
    while folder.is_dir():
        yield from sorted(path for path in folder.glob("*.mid"))[:1]
        below = _folders(folder)
        if not below:
            return
        folder = below[0]


LAYOUTS: dict[str, Callable[[Path, bool], Catalogue | None]] = {
    "manifest": _manifest,
    "groove": _groove,
    "maestro": _maestro,
    "pop909": _pop909,
    "lakh": _lakh,
}
