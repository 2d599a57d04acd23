"""How often the key and the chords of held-out works are found as their scores and annotations have them.

    python bench/key_and_chords.py FOLDER [--splits test,valid] [--json FILE]

FOLDER holds `manifest.csv` (a line a file: path, set, split, melody_track, main_ts) and, for sets with
chords, SET/chords.csv (path, tick, chord). Key: bar by bar, what `KeyFollower` says before a bar against
the key signature that stands there in sets with signatures (a signature says the seven notes, not whether
major or minor), and the share of the bar's notes that are in the key it said. Chords: every beat of what
`recognise_chords` finds in all tracks against the chord written there, as if every bar had four beats.
"""

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import symusic

from engine.music.chord_recognition import recognise_chords
from engine.music.chords import Chord, parse_chord
from engine.music.key import Key, KeyFollower
from engine.music.notes import Note

KEY_SETS = ("lieder", "openewld")
WARM_UP_BARS = 4


def rows(folder: Path, sets: tuple[str, ...], splits: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["set"] in sets and row["split"] in splits:
                yield row


def bar_starts(score: Any) -> list[int]:
    metres = [(m.time, m.numerator * 4 * score.tpq // m.denominator) for m in score.time_signatures]
    if not metres or metres[0][0] > 0:
        metres.insert(0, (0, 4 * score.tpq))
    starts: list[int] = []
    for (start, length), (end, _) in pairwise([*metres, (score.end(), 0)]):
        starts += range(start, end, max(length, 1))
    return starts


def notes_of(score: Any, track_name: str | None) -> list[Note]:
    return sorted(
        Note(note.time / score.tpq, note.pitch, max(note.duration, 1) / score.tpq)
        for track in score.tracks
        if not track.is_drum and track_name in (None, track.name)
        for note in track.notes
    )


def signatures(score: Any, starts: list[int]) -> list[int | None]:
    """Pitch class of the major tonic of the signature at each bar."""
    marks = [(mark.time, mark.key * 7 % 12) for mark in score.key_signatures]
    return [next((key for time, key in reversed(marks) if time <= start), None) for start in starts]


def major_tonic(key: Key) -> int:
    """Pitch class of the major key with the same signature."""
    return -key.semitones_to_reference % 12


def follow_keys(score: Any, track_name: str | None, counts: Counter[str]) -> None:
    starts = bar_starts(score)
    bars: list[list[Note]] = [[] for _ in starts]
    for note in notes_of(score, track_name):
        bars[int(np.searchsorted(starts, note.start_beats * score.tpq + 1e-6, side="right")) - 1].append(note)
    state = KeyFollower()
    for index, (bar, truth) in enumerate(zip(bars, signatures(score, starts), strict=True)):
        if state.key is not None and bar and index >= WARM_UP_BARS and truth is not None:
            apart = (major_tonic(state.key) - truth) % 12
            counts += Counter(bars=1, right=apart == 0, near=apart in (0, 5, 7), notes=len(bar))
            counts["inside"] += sum(state.key.allows(note.pitch) for note in bar)
        after = state.heard(bar)
        counts["changes"] += state.key is not None and after.key != state.key
        state = after


def key_figures(folder: Path, name: str, splits: tuple[str, ...], melody_only: bool) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for row in rows(folder, (name,), splits):
        score = symusic.Score(folder / row["path"])
        # A lead sheet in no key at all often means that its writer gave none.
        if name == "openewld" and not any(mark.key for mark in score.key_signatures):
            continue
        follow_keys(score, row["melody_track"] if melody_only else None, counts)
    return {
        "bars": counts["bars"],
        "signature": counts["right"] / max(counts["bars"], 1),
        "signature or a fifth away": counts["near"] / max(counts["bars"], 1),
        "next bar's notes inside": counts["inside"] / max(counts["notes"], 1),
        "changes a bar": counts["changes"] / max(counts["bars"], 1),
    }


def annotated(folder: Path, name: str) -> dict[str, list[tuple[int, Chord | None]]]:
    chords: dict[str, list[tuple[int, Chord | None]]] = defaultdict(list)
    with (folder / name / "chords.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            chords[row["path"]].append((int(row["tick"]), parse_chord(row["chord"])))
    return chords


def third(chord: Chord) -> str:
    above = {(tone - chord.root) % 12 for tone in chord.pitch_classes}
    return "major" if 4 in above else "minor" if 3 in above else "none"


def compare_chords(score: Any, written: list[tuple[int, Chord | None]], counts: Counter[str]) -> None:
    beats = -(-score.end() // score.tpq)
    ticks = [tick for tick, _ in written]
    for beat, found in enumerate(recognise_chords(notes_of(score, None), beats)):
        # Annotations are placed by ear and can come a little late.
        place = int(np.searchsorted(ticks, (beat + 0.25) * score.tpq, side="right")) - 1
        truth = written[place][1] if place >= 0 else None
        if truth is None:
            continue
        same_root = found is not None and found.root == truth.root
        counts += Counter(beats=1, root=same_root)
        if third(truth) != "none":
            same = same_root and found is not None and third(found) == third(truth)
            counts += Counter(with_third=1, root_and_third=same)


def chord_figures(folder: Path, splits: tuple[str, ...]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    chords = annotated(folder, "pop909")
    for row in rows(folder, ("pop909",), splits):
        if row["main_ts"] == "4/4" and row["path"] in chords:
            score = symusic.Score(folder / row["path"])
            counts["songs"] += 1
            compare_chords(score, sorted(chords[row["path"]], key=lambda row: row[0]), counts)
    return {
        "songs": counts["songs"],
        "beats": counts["beats"],
        "root": counts["root"] / max(counts["beats"], 1),
        "root and third": counts["root_and_third"] / max(counts["with_third"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--splits", default="test,valid")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    splits = tuple(options.splits.split(","))
    found: dict[str, dict[str, float]] = {}
    for name in KEY_SETS:
        found[f"key, {name}, melody alone"] = key_figures(options.folder, name, splits, True)
        found[f"key, {name}, all tracks"] = key_figures(options.folder, name, splits, False)
    found["chords, pop909 in 4/4"] = chord_figures(options.folder, splits)
    for what, figures in found.items():
        print(what, *(f"{name} {value:.3f}" for name, value in figures.items()), sep="\n    ")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
