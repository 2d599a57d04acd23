"""The script that draws the rolls of docs/MODELS.md, on files of a few bars."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.midifile.write import write_phrase
from engine.music.notes import Note, Phrase

SCRIPT = Path(__file__).parents[2] / "scripts" / "rolls.py"
TUNES = ("lieder", "pop909", "openewld", "quartets")
BARS = 36
"""Pictures begin at the ninth bar, and the longest takes 24."""


@pytest.fixture(scope="module")
def rolls():
    spec = importlib.util.spec_from_file_location("rolls", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Six test files of each set, and a training file that is no MIDI file."""
    rows = []
    for place, name in enumerate((*TUNES, "gmd")):
        (tmp_path / name).mkdir()
        for number in range(6):
            path = tmp_path / name / f"{name}{number}.mid"
            drums = name == "gmd"
            pitches = (36, 42, 38, 42) if drums else (60, 62 + number, 64, 67 + place)
            notes = [Note(beat, pitches[beat % 4], 1.0, 90, 9 if drums else 0) for beat in range(4 * BARS)]
            write_phrase(path, Phrase.of(notes, BARS), name="MELODY")
            rows.append((path.relative_to(tmp_path).as_posix(), name, "test"))
        (tmp_path / name / "heard.mid").write_bytes(b"not to be read")
        rows.insert(0, (f"{name}/heard.mid", name, "train"))
    with (tmp_path / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("path", "set", "split"), *rows])
    return tmp_path


@pytest.mark.parametrize("name", ["words_2bar", "groove_drumify_2bar", "accompany_2bar"])
def test_a_picture_is_drawn_of_held_out_files(rolls, collection, monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["rolls.py", str(collection), "-o", str(collection), "--picture", name])
    rolls.main()
    drawn = np.asarray(Image.open(collection / f"{name}.png").convert("RGB"))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 4, "notes, lines, text and paper"


def test_columns_are_other_files_that_are_far_apart(rolls, collection):
    held_out = rolls.held_out_files(collection)
    assert sorted(held_out) == sorted((*TUNES, "gmd"))
    model = rolls.Model.load(rolls.SHIPPED / "words_2bar", precision="float")
    shown = rolls.shown_of(model, held_out, ("lieder", "pop909", "lieder", "lieder"), 2)
    assert [each.path.stem for each in shown] == ["lieder0", "pop9091", "lieder3", "lieder4"]
    assert [note.pitch for note in shown[0].phrase.notes] == [60, 62, 64, 67] * 2


def test_what_was_written_stands_behind_what_was_heard(rolls):
    heard = Phrase.of([Note(0.0, 60, 1.0), Note(7.0, 62, 3.0)], 3)
    first = rolls.first_bars(heard, 2)
    assert [(note.start_beats, note.duration_beats) for note in first.notes] == [(0.0, 1.0), (7.0, 1.0)]
    both = rolls.joined(first, Phrase.of([Note(1.0, 64, 1.0)], 1))
    assert both.bars == 3
    assert [(note.start_beats, note.pitch) for note in both.notes] == [(0.0, 60), (7.0, 62), (9.0, 64)]
