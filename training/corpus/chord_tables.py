"""Chord annotations beside MIDI files."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from training.corpus.csv_tables import read_rows
from training.errors import CorpusError

CHORDS_NAME = "chords.csv"
"""Table `path,tick,chord` of the files in its folder."""


def chords_beside(path: Path) -> tuple[tuple[int, str], ...]:
    """Return tick and name of a file's chords from the `chords.csv` in its folder; none without one.

    Raises:
        CorpusError: a tick in it is not a number.
    """
    return _chord_table(path.parent).get(path.name, ())


@lru_cache(maxsize=16)
def _chord_table(folder: Path) -> dict[str, tuple[tuple[int, str], ...]]:
    """Read a folder's `chords.csv`: chords in order, by file name."""
    table, found = folder / CHORDS_NAME, defaultdict[str, list[tuple[int, str]]](list)
    if not table.is_file():
        return {}
    for number, row in enumerate(read_rows(table, {"path", "tick", "chord"}) or (), start=2):
        try:
            found[Path(row["path"]).name].append((int(row["tick"]), row["chord"]))
        except ValueError as error:
            raise CorpusError(
                f"{table}: row {number}: tick {row['tick']!r} is not a whole number; mend it"
            ) from error
    return {name: tuple(chords) for name, chords in found.items()}
