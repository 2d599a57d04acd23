"""Tables that lie beside MIDI files, as spreadsheets and publishers write them."""

import codecs
import csv
import io
from pathlib import Path

from training.errors import CorpusError

DELIMITERS = ",;\t"
_HEAD_BYTES = 8192
"""The first line of a table ends within them."""


def read_rows(path: Path, columns: set[str]) -> list[dict[str, str]] | None:
    """Read a table's rows if its first line names the columns, in any order; None else.

    Fields are parted by comma, semicolon or tab. The text is UTF-8 or UTF-16 with or without its mark; bytes
    that are no UTF-8 stay what they are, as in file names. A row that ends early has empty fields.

    Raises:
        CorpusError: it is such a table, and a line of it cannot be read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    delimiter = next((sign for sign in DELIMITERS if columns <= set(_names(_text(head), sign))), None)
    if delimiter is None:
        return None
    text = _text(path.read_bytes())
    names = _names(text, delimiter)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = list(filter(any, lines))[1:]
    except csv.Error as error:
        raise CorpusError(
            f"{path}: line {lines.line_num}: {error}; mend it, or read the files without it: --layout plain"
        ) from error
    return [
        {name: row[place].strip() if place < len(row) else "" for place, name in enumerate(names)}
        for row in rows
    ]


def _text(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="surrogateescape")


def _names(text: str, delimiter: str) -> list[str]:
    """Return the names of the columns, which the first line holds."""
    first = text.lstrip("\r\n").splitlines()[:1]
    return [name.strip() for line in csv.reader(first, delimiter=delimiter) for name in line]
