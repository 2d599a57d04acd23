"""Corpus building, files a second on one core, against a pretty_midi reader doing the same work.

    python bench/corpus.py FOLDER... [--kind melody] [--files 60] [--repeats 3] [--json FILE]

Both readers turn the same files into the same streams; only how a file becomes notes in ticks differs.
Times are CPU seconds of this process, each file's fastest of a few passes, so that other load on the
machine counts little. The extrapolation
to Lakh's 178,561 files takes this sample's mean time a file and one core; it leaves out merging and disk.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training.corpus.corpus_kinds import Kind, kind_named
from training.corpus.extract.reader import Piece, Track, UnusableFileError, read_piece
from training.corpus.report.statistics import statistics_of
from training.corpus.sources import SourceFile, find_sources
from training.errors import CorpusError

LAKH_FILES = 178_561


def read_with_pretty_midi(path: Path) -> Piece:
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(str(path))
    tracks = tuple(_track(instrument, midi) for instrument in midi.instruments if instrument.notes)
    if not tracks:
        raise UnusableFileError("no notes")
    metres = {0: (4, 4)}
    for event in midi.time_signature_changes:
        metres[midi.time_to_tick(event.time)] = (event.numerator, event.denominator)
    times, tempos = midi.get_tempo_changes()
    return Piece(
        midi.resolution,
        tracks,
        tuple((tick, *metres[tick]) for tick in sorted(metres)),
        tuple((midi.time_to_tick(at), float(bpm)) for at, bpm in zip(times, tempos, strict=True)),
        max(int(track.end_ticks.max()) for track in tracks),
    )


def _track(instrument: Any, midi: Any) -> Track:
    rows = [
        (midi.time_to_tick(n.start), midi.time_to_tick(n.end), n.pitch, n.velocity) for n in instrument.notes
    ]
    start, end, pitch, velocity = np.array(rows, dtype=np.int64).T
    order = np.lexsort((pitch, start))
    return Track(
        instrument.name,
        instrument.program,
        instrument.is_drum,
        start[order],
        np.maximum(end, start + 1)[order],
        pitch[order],
        velocity[order],
    )


def work_through(
    files: list[SourceFile], read: Callable[[Path], Piece], kind: Kind
) -> tuple[Any, list[tuple[int, int]]]:
    """Return CPU seconds `[files, 2]` of reading and of all the work, and what came out of each file."""
    times_s, results = np.zeros((len(files), 2)), []
    for number, file in enumerate(files):
        began_s = time.process_time()
        try:
            piece = read(Path(file.path))
        except (UnusableFileError, ValueError, OSError, KeyError, EOFError, IndexError):
            times_s[number] = time.process_time() - began_s
            results.append((0, 0))
            continue
        read_s = time.process_time()
        segments = kind.extract(piece, file)
        statistics_of(piece)
        times_s[number] = read_s - began_s, time.process_time() - began_s
        results.append((piece.notes, sum(len(segment.steps) for segment in segments)))
    return times_s, results


def fastest(
    files: list[SourceFile], read: Callable[[Path], Piece], kind: Kind, repeats: int
) -> tuple[float, float, list[tuple[int, int]]]:
    """Return the summed times of each file's fastest pass, reading and all, and the results."""
    work_through(files[:2], read, kind)  # imports
    passes = [work_through(files, read, kind) for _ in range(repeats)]
    reading_s, all_s = np.min([times_s for times_s, _ in passes], axis=0).sum(axis=0).tolist()
    return reading_s, all_s, passes[0][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--kind", default="melody")
    parser.add_argument("--files", type=int, default=60, help="sample size, drawn evenly by content hash")
    parser.add_argument("--repeats", type=int, default=3, help="passes; each file's fastest counts")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        sources, kind = find_sources(options.folders, shippable_only=False), kind_named(options.kind)
    except CorpusError as error:
        sys.exit(f"bench/corpus.py: {error}")
    every = max(1, len(sources.files) // options.files)
    files = list(sources.files[::every][: options.files])
    readers = {"symusic": read_piece, "pretty_midi": read_with_pretty_midi}
    measured = {name: fastest(files, read, kind, options.repeats) for name, read in readers.items()}
    report(measured, files, options.kind, options.json)


def report(
    measured: dict[str, tuple[float, float, list[tuple[int, int]]]],
    files: list[SourceFile],
    kind: str,
    path: Path | None,
) -> None:
    size = sum(Path(file.path).stat().st_size for file in files) / len(files) / 1024
    print(f"{len(files)} files, {size:.0f} KB on average, kind {kind}, {platform.processor() or 'one core'}")
    rows = {}
    for name, (reading_s, all_s, results) in measured.items():
        rows[name] = {
            "files_per_s": len(files) / all_s,
            "reading_ms": 1000 * reading_s / len(files),
            "all_ms": 1000 * all_s / len(files),
            "lakh_core_hours": all_s / len(files) * LAKH_FILES / 3600,
            "read": len(results),
        }
        row = rows[name]
        print(
            f"{name:12} {row['files_per_s']:8.1f} files/s   read {row['reading_ms']:8.2f} ms   "
            f"all {row['all_ms']:8.2f} ms a file   178,561 files: {row['lakh_core_hours']:6.2f} core hours"
        )
    fast, slow = rows["symusic"], rows["pretty_midi"]
    ratios = {key: slow[key] / fast[key] for key in ("reading_ms", "all_ms")}
    print(f"ratio: reading {ratios['reading_ms']:.0f}, all work {ratios['all_ms']:.0f}")
    pairs = zip(measured["symusic"][2], measured["pretty_midi"][2], strict=False)
    print(f"same notes and steps in {sum(a == b for a, b in pairs)} of {len(measured['symusic'][2])} files")
    if path:
        path.write_text(json.dumps({"files": len(files), **rows, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
