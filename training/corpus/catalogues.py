"""What lies beside the files of a collection (works, splits, kits) in the form its publisher uses.

A catalogue is found by its shape and not by a name that somebody gave to the folder or the table:

- a table with path, licence and rights, as a `manifest.csv`: the form for collections of your own;
- the table of the Groove MIDI Dataset: split, drummer, style, and the Roland kit it was played on;
- the table of MAESTRO: composer and title as the work, and the split;
- POP909's folders: `NNN/NNN.mid` with further versions of the song NNN below, one work each;
- Lakh's folders: `TR.../md5.mid` of the matched set as one work each track, `Artist/Title.N.mid` of the
  clean set as one work each artist.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from engine.text import printable
from training.corpus.csv_tables import read_rows
from training.errors import CorpusError

SPLITS = ("train", "valid", "test")
_SPLIT_NAMES = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}
_MANIFEST_COLUMNS = {"path", "licence", "rights"}
_GROOVE_COLUMNS = {"drummer", "session", "style", "beat_type", "midi_filename", "split"}
_MAESTRO_COLUMNS = {"canonical_composer", "canonical_title", "split", "midi_filename"}
_MD5 = re.compile(r"[0-9a-f]{32}")
_LAKH_TRACK = re.compile(r"TR[A-Z0-9]{16}")
_LEVELS_ABOVE = 3
"""A table may lie so many folders above the one that is read."""
_LEVELS_BELOW = 3
"""A collection may begin so many folders below the one that is read."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The entries of a collection, by the path of the file relative to `root`."""

    layout: str
    folder: Path
    """It speaks of the files below."""
    root: Path
    """Names are relative to this folder."""
    entry: Callable[[str], Entry | None]
    """From a file's path relative to `root`, with slashes, to what is known about it."""
    listed: frozenset[str] = frozenset()
    """Of a table: the files it lists, as `path_key` writes their paths."""
    tells_rights: bool = False


Finder = Callable[[Path, bool], Catalogue | None]
"""From a folder, and whether the layout was asked for by name, to its catalogue."""


def path_key(name: str) -> str:
    """Return a relative path in the one form that tables of all systems are compared in."""
    return unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).as_posix())


def find_catalogues(folder: Path, layout: str = "auto") -> list[Catalogue]:
    """Return the catalogue of a folder (or of a file's folder), else those of the collections in it.

    Args:
        folder: what is to be read.
        layout: `auto`, or one of `LAYOUTS` to look for that one only.

    Raises:
        CorpusError: the layout is unknown, or it was asked for and is not there, or a table is damaged.
    """
    if layout not in ("auto", "plain", *LAYOUTS):
        raise CorpusError(f"layout '{layout}': unknown; choose one of auto, plain, {', '.join(LAYOUTS)}")
    if layout == "plain":
        return []
    here, asked = folder.resolve(), layout != "auto"
    wanted = {layout: LAYOUTS[layout]} if asked else LAYOUTS
    for name, find in wanted.items():
        above = here.parents[:_LEVELS_ABOVE] if name in TABLES else ()
        for place in (here, *above):
            found = find(place, asked)
            if found:
                return [found]
    nested = list(_below(here, wanted.values(), asked, _LEVELS_BELOW))
    if asked and not nested:
        raise CorpusError(f"{folder}: is not laid out as {layout}; try --layout auto, or plain for no layout")
    return nested


def _below(folder: Path, finders: Iterable[Finder], asked: bool, levels: int) -> Iterator[Catalogue]:
    """Yield the catalogues of the collections below a folder that has none itself."""
    for place in _folders(folder) if levels else ():
        found = next(filter(None, (find(place, asked) for find in finders)), None)
        if found:
            yield found
        else:
            yield from _below(place, finders, asked, levels - 1)


# Tables -------------------------------------------------------------------------------------


def _table(place: Path, columns: set[str]) -> list[dict[str, str]]:
    """Return the rows of the first table of a folder that has the columns; none where there is none."""
    tables = (read_rows(path, columns) for path in sorted(place.glob("*.csv")) if path.is_file())
    return next((rows for rows in tables if rows is not None), [])


def _split(row: Mapping[str, str]) -> str:
    return _SPLIT_NAMES.get(row.get("split", "").lower(), "")


def _by_table(
    layout: str,
    place: Path,
    entries: dict[str, Entry],
    others: Entry | None = None,
    *,
    tells_rights: bool = False,
) -> Catalogue | None:
    """Return what a table makes, None of an empty one; `others` is known of files it does not list."""
    if not entries:
        return None
    return Catalogue(
        layout=layout,
        folder=place,
        root=place,
        entry=lambda name: entries.get(path_key(name), others),
        listed=frozenset(entries),
        tells_rights=tells_rights,
    )


def _manifest(place: Path, asked: bool) -> Catalogue | None:
    rows = _table(place, _MANIFEST_COLUMNS)
    entries = {path_key(row["path"]): _manifest_entry(row) for row in rows if row["path"]}
    if entries:
        _add_labels(entries, place)
    return _by_table("manifest", place, entries, tells_rights=True)


def _manifest_entry(row: dict[str, str]) -> Entry:
    name = printable(row.get("set") or "")
    return Entry(
        set=name,
        licence=printable(row["licence"]) or "unknown",
        rights=printable(row["rights"]) or "unknown",
        work=printable(row.get("split_group") or row.get("work_id") or ""),
        split=_split(row),
        parts=_vocal_names(row.get("vocal_tracks") or ""),
        kit="roland" if name == "gmd" else "",
    )


def _vocal_names(column: str) -> tuple[str, ...]:
    """Read `index:name|index:name`; a name may contain colons."""
    return tuple(printable(entry.split(":", 1)[1]) for entry in column.split("|") if ":" in entry)


def _groove(place: Path, asked: bool) -> Catalogue | None:
    return _by_table("groove", place, _groove_entries(place), _groove_file(place))


def _groove_file(place: Path) -> Entry:
    """Return what holds of every file of the set, listed or not."""
    licence = _licence(place)
    return Entry(set="gmd", licence=licence, rights="ok" if licence != "unknown" else "unknown", kit="roland")


def _groove_entries(place: Path) -> dict[str, Entry]:
    common = _groove_file(place)
    return {
        path_key(row["midi_filename"]): replace(
            common,
            split=_split(row),
            style=printable(row["style"].split("/")[0]),
            player=printable(row["drummer"]),
        )
        for row in _table(place, _GROOVE_COLUMNS)
        if row["midi_filename"]
    }


def _add_labels(entries: dict[str, Entry], place: Path) -> None:
    """Give a manifest's entries the styles and players of groove tables beside it or one folder below."""
    for folder in (place, *_folders(place)):
        for name, label in _groove_entries(folder).items():
            key = path_key(str((folder / name).relative_to(place)))
            if key in entries:
                entries[key] = replace(entries[key], style=label.style, player=label.player)


def _licence(place: Path) -> str:
    """Return the licence that a LICENSE file beside the table names, if it is one that is known."""
    for path in (place / "LICENSE", place / "LICENSE.txt"):
        if path.is_file() and "Attribution 4.0 International" in path.read_text(errors="replace"):
            return "CC-BY-4.0"
    return "unknown"


def _maestro(place: Path, asked: bool) -> Catalogue | None:
    rows = _table(place, _MAESTRO_COLUMNS)
    entries = {path_key(row["midi_filename"]): _maestro_entry(row) for row in rows if row["midi_filename"]}
    return _by_table("maestro", place, entries, Entry(set="maestro"))


def _maestro_entry(row: dict[str, str]) -> Entry:
    work = f"{row['canonical_composer']}: {row['canonical_title']}"
    return Entry(set="maestro", work=printable(work), split=_split(row))


# Folders ------------------------------------------------------------------------------------


def _pop909(folder: Path, asked: bool) -> Catalogue | None:
    songs = [place for place in _folders(folder) if re.fullmatch(r"\d{3}", place.name)]
    whole = [song for song in songs if (song / f"{song.name}.mid").is_file()]
    if 2 * len(whole) <= len(songs):  # a few may have lost theirs
        return None

    def entry(name: str) -> Entry | None:
        song = PurePosixPath(name).parts[1:2]
        return Entry(set="pop909", work=f"pop909/{song[0]}") if song and song[0].isdigit() else None

    return Catalogue(layout="pop909", folder=folder, root=folder.parent, entry=entry)


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

    return Catalogue(layout="lakh", folder=folder, root=folder.parent, entry=entry)


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder; none of a file or of a folder that may not be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _first_files(folder: Path) -> Iterator[Path]:
    """Go down the first folder of each level and yield the files found there."""
    while folder.is_dir():
        yield from sorted(path for path in folder.glob("*.mid"))[:1]
        below = _folders(folder)
        if not below:
            return
        folder = below[0]


TABLES = ("manifest", "groove", "maestro")
LAYOUTS: dict[str, Finder] = {
    "manifest": _manifest,
    "groove": _groove,
    "maestro": _maestro,
    "pop909": _pop909,
    "lakh": _lakh,
}
