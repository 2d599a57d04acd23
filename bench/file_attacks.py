"""Reads damaged files of every kind that a player may open: none may do more than be refused in one line.

usage: python bench/file_attacks.py [--count 3000] [--seed 0] [--midi FOLDER] [--session FILE] [KIND...]

The kinds: `midi` (files of a folder, tests/data/hardcases if none is named, read as `vary` reads them),
`session` and `log` (a document and the log beside it, which must hold music), `map` (drum maps), `recent`
(the list of sessions opened lately) and `settings` (the window's, with a window of every hundredth). Bytes of
each are changed, or in half the cases of JSON its values. The same seed and number make the same file.

Prints for each kind how many were read, refused, and anything else, which should be none: another exception,
an error of more than one line, and the number that took most time of this process.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mutated_bundles import changed, changed_json

from app import session_files
from app.file_commands.kit_choice import read_drum_map
from app.file_commands.sources import read_source
from engine.errors import AntiphonError
from engine.inference.bundle.store import load_bundle
from engine.inference.model import Model
from engine.installed_bundles import SHIPPED
from engine.session.autosave import log_path
from engine.session.session_log import read_performance
from engine.session.store import encoded, read_document

HARDCASES = Path(__file__).parents[1] / "tests" / "data" / "hardcases"
DRUM_MAP = b'base = "gm"\n[classes]\n"kick" = [36, 35]\n"snare" = [38, 40]\n"closed hi-hat" = [42]\n'
Read = Callable[[Path], object]
Kind = tuple[list[bytes], str, Read]
"""Whole files, the name under which changed ones are written, and what reads them."""


def midi(folder: Path) -> Kind:
    """Return MIDI files, read as a model takes its source from them."""
    models = [Model.load(load_bundle(SHIPPED / name), "float") for name in ("melody_2bar", "drums_2bar")]
    whole = [path.read_bytes() for path in sorted(folder.rglob("*.[mM][iI][dD]")) if path.stat().st_size]
    small = [data for data in whole if len(data) < 100_000]

    def read(path: Path) -> object:
        return read_source(path, models[path.stat().st_size % 2], lambda line: None)

    return small, "a.mid", read


def session(file: Path) -> Kind:
    """Return a session's document, read and written again."""
    return [file.read_bytes()], "a.antiphon", lambda path: encoded(read_document(path))


def log(file: Path) -> Kind:
    """Return the log beside a session, read as a replay reads it."""
    lines = log_path(file).read_bytes().splitlines(keepends=True)
    return [b"".join(lines[:200])], "a.antiphon.log", read_performance


def drum_map(_: Path) -> Kind:
    """Return a drum map."""
    return [DRUM_MAP], "a.toml", read_drum_map


def recent(_: Path) -> Kind:
    """Return the list of sessions opened lately."""

    def read(path: Path) -> object:
        os.environ["XDG_DATA_HOME"] = str(path.parent)
        kept = session_files.sessions_folder().parent / "recent.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
        return session_files.recent()

    return [b'["/tmp/a.antiphon", "/tmp/b.antiphon"]'], "recent.json", read


def settings(_: Path) -> Kind:
    """Return the window's settings file; the damage is of its lines and of the geometry inside them."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    sys.path.append(str(HARDCASES.parents[1] / "app"))
    from fake_instrument import FakeInstrument
    from PyQt6.QtCore import QSettings
    from PyQt6.QtWidgets import QApplication, QMainWindow

    from app.window import settings_file
    from app.window.window import InstrumentWindow

    application, whole = QApplication([]), Path(tempfile.mkdtemp()) / "whole.ini"
    made = QSettings(str(whole), QSettings.Format.IniFormat)
    made.setValue("geometry", QMainWindow().saveGeometry())
    made.setValue("text_size", "large")
    made.sync()
    count = itertools.count()

    def read(path: Path) -> object:
        kept = QSettings(str(path), QSettings.Format.IniFormat)
        settings_file.set_scale({}, settings_file.read_setting(kept, "text_size", "normal"))
        settings_file.read_setting(kept, "look", "system")
        plain = InstrumentWindow(FakeInstrument(), settings=kept) if next(count) % 100 == 0 else QMainWindow()
        plain.restoreGeometry(settings_file.saved_geometry(kept))
        plain.show()
        plain.close()
        plain.deleteLater()
        application.processEvents()
        return plain

    return [b"\n" + whole.read_bytes()], "a.ini", read  # not to begin as JSON does


KINDS: dict[str, Callable[[Path], Kind]] = {
    "midi": midi,
    "session": session,
    "log": log,
    "map": drum_map,
    "recent": recent,
    "settings": settings,
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Change bytes, or where the whole or a line of it is JSON in half the cases a value."""
    lines = data.splitlines(keepends=True)
    if data[:1] not in (b"{", b"[") or rng.random() < 0.5:
        return changed(data, rng)
    if data[:1] == b"{" and len(lines) > 1 and lines[0].rstrip().endswith(b"}"):  # a log
        at = rng.randrange(len(lines))
        lines[at] = changed_json(lines[at], rng).replace(b"Infinity", b"1e999") + b"\n"
        return b"".join(lines)
    return changed_json(data, rng).replace(b"Infinity", b"1e999")


def outcome(read: Read, path: Path) -> str:
    """Return what became of reading a file."""
    try:
        read(path)
    except AntiphonError as error:
        return (
            "refused"
            if str(error).isprintable() and len(str(error)) < 1000
            else f"long: {str(error)[:200]!r}"
        )
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        at = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else ""
        return f"escaped: {error!r:.200} at {at}"
    return "read"


def run(name: str, kind: Kind, count: int, seed: int, place: Path) -> None:
    """Read many changed files of one kind and print what became of them."""
    whole, file_name, read = kind
    found, slowest = Counter[str](), (0.0, 0)
    path = place / file_name
    for number in range(count):
        rng = random.Random(f"{seed}/{name}/{number}")
        path.write_bytes(damaged(rng.choice(whole), rng))
        began_s = time.process_time()
        became = outcome(read, path)
        slowest = max(slowest, (time.process_time() - began_s, number))
        if became not in ("read", "refused") and not found[became]:
            print(f"{name} {number}: {became}", flush=True)
        found[became] += 1
    usual = {key: found.pop(key, 0) for key in ("read", "refused")}
    print(
        f"{name}: {count} of {len(whole)} files, {usual}, others {found.total()}, slowest {slowest}",
        flush=True,
    )


def main() -> None:
    """Try the kinds that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", nargs="*", choices=[*KINDS, []])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--midi", type=Path, default=HARDCASES)
    parser.add_argument("--session", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for name in options.kind or KINDS:
            source = options.midi if name == "midi" else options.session
            if source is None and name in ("session", "log"):
                print(f"{name}: left out; give --session FILE")
                continue
            run(name, KINDS[name](source), options.count, options.seed, Path(place))


if __name__ == "__main__":
    main()
