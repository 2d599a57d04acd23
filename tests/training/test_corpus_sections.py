"""Few works: sections are held out, and it is said."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from typer.testing import CliRunner

from training.cli import app
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.dataset import Corpus
from training.corpus.report.survey import survey
from training.corpus.sources import SPLITS
from training.evaluation.humanising import performances

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def songs(folder: Path, count: int, bars: int, loop_bars: int = 0) -> Path:
    """Write songs of random eighths; with `loop_bars` each repeats its first bars to the end."""
    for number in range(count):
        draw = random.Random(number)
        pitches = [draw.choice(SCALE) for _ in range(8 * bars)]
        if loop_bars:
            pitches = (pitches[: 8 * loop_bars] * bars)[: 8 * bars]
        write_midi(folder / f"song{number}.mid", [Part(tune(pitches))])
    return folder


def build(folder: Path, corpus: Path, *bars: int) -> dict:
    return build_corpus([folder], corpus, BuildOptions(kind="melody", bars=bars, executor="serial"))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_a_handful_of_songs_has_all_three_splits(tmp_path: Path, count: int) -> None:
    info = build(songs(tmp_path / "in", count, 64), tmp_path / "corpus", 2, 16)
    assert {entry["held_out"] for entry in info["windows"].values()} == {"sections"}
    for entry in info["windows"].values():
        assert entry["valid"] >= 4
        assert entry["test"] >= 4
        assert entry["train"] > entry["valid"] + entry["test"]


def test_no_training_window_overlaps_or_repeats_a_held_out_one(tmp_path: Path) -> None:
    build(songs(tmp_path / "in", 3, 40), tmp_path / "corpus", 4)
    corpus = Corpus.open(tmp_path / "corpus")
    bars = {}
    for split in ("train", "valid", "test"):
        rows = corpus.windows(split)
        first = rows["first"] // 16
        bars[split] = {
            (int(segment), int(bar) + extra)
            for segment, bar in zip(rows["segment"], first, strict=True)
            for extra in range(4)
        }
    assert not bars["train"] & (bars["valid"] | bars["test"])
    assert not bars["valid"] & bars["test"]


def test_songs_that_repeat_themselves_keep_their_held_out_windows(tmp_path: Path) -> None:
    info = build(songs(tmp_path / "in", 6, 48, loop_bars=12), tmp_path / "corpus", 2)
    entry = info["windows"]["2"]
    assert min(entry["train"], entry["valid"], entry["test"]) >= 4
    assert entry["duplicates"]["train: repeated"] > 0
    corpus = Corpus.open(tmp_path / "corpus")
    held = {corpus.batch(np.array([i])).tobytes() for s in ("valid", "test") for i in corpus.window_ids(s)}
    assert not held & {corpus.batch(np.array([i])).tobytes() for i in corpus.window_ids("train")}


def test_many_works_are_held_out_whole(tmp_path: Path) -> None:
    info = build(songs(tmp_path / "in", 60, 8), tmp_path / "corpus", 2)
    assert {entry["held_out"] for entry in info["windows"].values()} == {"works"}


def test_the_command_says_what_was_held_out_and_what_is_empty(tmp_path: Path) -> None:
    arguments = ["corpus", "build", str(songs(tmp_path / "in", 6, 20)), "-o", str(tmp_path / "corpus")]
    shown = CliRunner().invoke(app, [*arguments, "--bars", "2", "--bars", "20", "--executor", "serial"])
    assert shown.exit_code == 0, shown.output
    assert "sections of the same pieces" in shown.output
    assert "No valid windows of 20 bars: add files, or take shorter windows with --bars." in shown.output
    assert "No test windows of 2 bars" not in shown.output


def test_a_corpus_of_one_loop_stays_training_data_and_says_so(tmp_path: Path) -> None:
    info = build(songs(tmp_path / "in", 1, 16, loop_bars=1), tmp_path / "corpus", 2)
    entry = info["windows"]["2"]
    assert (entry["train"], entry["valid"], entry["test"]) == (1, 0, 0)


def test_one_work_in_twelve_versions_has_all_three_splits(tmp_path: Path) -> None:
    draw = random.Random(0)
    pitches = [draw.choice(SCALE) for _ in range(8 * 40)]
    for number in range(12):
        write_midi(
            tmp_path / "in" / f"v{number}.mid", [Part(tune([pitch + number - 6 for pitch in pitches]))]
        )
    entry = build(tmp_path / "in", tmp_path / "corpus", 2)["windows"]["2"]
    # Of 40 bars ten are test (9 windows), seven of the 30 before are valid (6), and 23 are left to train.
    assert (entry["train"], entry["valid"], entry["test"]) == (22, 6, 9)
    assert sum(entry["duplicates"].values()) == 12 * 39 - 37


def test_an_end_that_is_mostly_a_repeat_is_not_all_that_is_held_out(tmp_path: Path) -> None:
    draw = random.Random(2)
    bars = [[draw.choice(SCALE) for _ in range(8)] for _ in range(18)]
    pitches = [pitch for bar in (*bars[:16], *bars[:4], *bars[16:]) for pitch in bar]
    write_midi(tmp_path / "in" / "song.mid", [Part(tune(pitches))])
    entry = build(tmp_path / "in", tmp_path / "corpus", 2)["windows"]["2"]
    # The last five bars hold two windows that come for the first time; test gets some from before them too.
    assert min(entry["train"], entry["valid"], entry["test"]) >= 4


def test_a_file_whose_sections_are_held_out_is_in_all_splits_of_the_report(tmp_path: Path) -> None:
    build(songs(tmp_path / "in", 1, 40), tmp_path / "corpus", 2)
    rows = list(csv.DictReader((tmp_path / "corpus" / "files.csv").open(encoding="utf-8")))
    assert [row["split"] for row in rows] == [""]
    assert survey(Corpus.open(tmp_path / "corpus")).files == {"train": 1, "valid": 1, "test": 1}


def test_the_feel_of_held_out_sections_is_measured_on_nothing_that_was_trained_on(tmp_path: Path) -> None:
    draw = random.Random(1)
    hits = [(beat / 4, 0.1, draw.choice((36, 38, 42)), draw.randint(1, 127)) for beat in range(16 * 32)]
    write_midi(tmp_path / "in" / "beat.mid", [Part(hits, "Drums", channel=9)])
    options = BuildOptions(kind="groove", bars=(2,), executor="serial")
    build_corpus([tmp_path / "in"], tmp_path / "corpus", options)
    corpus = Corpus.open(tmp_path / "corpus")
    bars = {split: [len(p.frames) // 16 for p in performances(corpus, split)] for split in SPLITS}
    # Of 32 bars the last quarter is test, a quarter of the 24 before it is valid, and train has the others.
    assert bars == {"train": [18], "valid": [6], "test": [8]}
