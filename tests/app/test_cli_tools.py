"""`antiphon continue`, and `vary` with a drummer's model."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import tinybundle
from typer.testing import CliRunner

from app import cli
from app.file_commands.cli import controls_of
from engine.errors import BundleError
from engine.inference.model import Model
from engine.midifile.read import read_midi
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note


def run(*arguments: object):
    return CliRunner().invoke(cli.application, [str(value) for value in arguments])


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Four bars: a tune, and drums a little late."""
    tune = [Note(i / 2, 60 + i % 8, 0.5, 64) for i in range(32)]
    drums = [Note(i + 0.05, 36 + 2 * (i % 2), 0.2, 60, 9) for i in range(16)]
    write_midi(tmp_path / "song.mid", [Part("Lead", tune), Part("Drums", drums)], 97.0, bars=4)
    return tmp_path / "song.mid"


@pytest.fixture(scope="module")
def continuing(tmp_path_factory) -> Path:
    return tinybundle.write_task(tmp_path_factory.mktemp("bundles") / "continuing", "continue")


@pytest.mark.parametrize("start", ["guided", "random", "zero"])
def test_continue_writes_as_many_bars_as_asked(start, song, tmp_path, continuing):
    out = tmp_path / "out"
    done = run(
        "continue", song, "-o", out, "--bars", 5, "--count", 2, "--start", start, "--model", continuing
    )
    assert done.exit_code == 0, done.output
    assert f"{start}, seed 1" in done.output
    names = [path.name for path in sorted(out.glob("*.mid"))]
    assert names == ["song-continue-1.mid", "song-continue-2.mid"]
    assert [read_midi(out / name).bpm for name in names] == pytest.approx([97.0, 97.0], abs=0.01)
    assert "in 5 bars" in done.output


@pytest.mark.parametrize(("options", "bars"), [([], 8), (["--bars", 21, "--start", "zero"], 21)])
def test_music_of_any_length_begins_without_a_file(options, bars, tmp_path, continuing):
    out = tmp_path / "out"
    done = run("continue", "-o", out, "--count", 2, "--tempo", 90, *options, "--model", continuing)
    assert done.exit_code == 0, done.output
    songs = [read_midi(path) for path in sorted(out.glob("*-continue-*.mid"))]
    assert [round(song.bpm) for song in songs] == [90, 90]
    assert done.output.count(f"in {bars} bars") == 2


def test_a_continuation_of_what_was_played_needs_a_file_and_has_its_tempo(song, tmp_path, continuing):
    done = run("continue", "-o", tmp_path / "out", "--start", "guided", "--model", continuing)
    assert done.exit_code == 2
    assert "name one, or begin at random" in " ".join(done.output.replace("│", " ").split())
    done = run("continue", song, "-o", tmp_path / "out", "--tempo", 90, "--count", 1, "--model", continuing)
    assert "--tempo: music that follows a file has the file's; left out" in done.output


def test_a_guided_continuation_knows_what_was_played(song, tmp_path, continuing):
    run("continue", song, "-o", tmp_path, "--temperature", 0, "--count", 1, "--model", continuing)
    (track,) = read_midi(tmp_path / "song-continue-1.mid").tracks
    beats = Counter[int]()
    for note in track.notes:
        beats[note.pitch] += note.duration_beats
    others = [length for pitch, length in beats.items() if not 60 <= pitch < 68]
    assert sum(beats[pitch] for pitch in range(60, 68)) / 8 > 1.2 * sum(others) / len(others)
    assert {note.velocity for note in track.notes} == {64}


@pytest.mark.parametrize(("task", "mode"), [("humanize", "groove"), ("drumify", "drumify")])
def test_vary_does_what_a_drummers_model_is_for(task, mode, song, tmp_path):
    model = tinybundle.write_task(tmp_path / "bundle", task)
    done = run("vary", song, "-o", tmp_path, "--count", 1, "--variation", 1, "--model", model)
    assert done.exit_code == 0, done.output
    assert "'Drums'" in done.output
    (track,) = read_midi(tmp_path / f"song-{mode}-1.mid").tracks
    assert {note.velocity for note in track.notes} == {127}


def test_a_tune_without_drums_can_be_tapped(tmp_path):
    write_midi(tmp_path / "tune.mid", [Part("Lead", [Note(i, 72, 0.5) for i in range(8)])], 97.0, bars=2)
    drumify = tinybundle.write_task(tmp_path / "drumify", "drumify")
    done = run("vary", tmp_path / "tune.mid", "-o", tmp_path, "--model", drumify)
    assert "'Lead'" in done.output, done.output
    groove = tinybundle.write_task(tmp_path / "groove", "humanize")
    assert run("vary", tmp_path / "tune.mid", "-o", tmp_path, "--model", groove).exit_code == 1


def test_a_model_that_does_not_continue_says_so(song, tmp_path):
    model = tinybundle.write(tmp_path / "bundle")
    done = run("continue", song, "-o", tmp_path / "out", "--model", model)
    assert done.exit_code == 1
    assert "tiny_melody does not continue" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_continuation_starts_at_the_temperature_its_bundle_names(continuing, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(continuing, bundle)
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**manifest, "default_temperature": 0.85}))
    named, plain = Model.load(str(bundle)), Model.load(str(continuing))
    assert controls_of(named, "continue", {})[1].temperature == 0.85
    assert controls_of(named, "continue", {"temperature": 0.2})[1].temperature == 0.2
    assert controls_of(plain, "continue", {})[1].temperature == 0.5
    (bundle / "bundle.json").write_text(json.dumps({**manifest, "default_temperature": 3}))
    with pytest.raises(BundleError, match="default_temperature is not from 0 to 2"):
        Model.load(str(bundle))
