"""Options out of declarations: every parameter that counts for a command, with its range and its words."""

import pytest
import tinybundle
from typer.testing import CliRunner

from app import cli
from app.file_commands.cli import parameters_of
from engine.inference.controls import CONTROLS, Controls
from engine.midifile.read import read_midi
from engine.midifile.write import Part, write_midi
from engine.modes.catalogue import TOOLS
from engine.music.notes import Note
from engine.session.parameters import table_for


def run(*arguments: object):
    return CliRunner().invoke(cli.application, [str(value) for value in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def song(tmp_path):
    drums = [Note(i + 0.05, 36 + 2 * (i % 2), 0.2, 60, 9) for i in range(8)]
    tune = [Note(i / 2, 60 + i % 8, 0.5, 64) for i in range(16)]
    write_midi(tmp_path / "song.mid", [Part("Lead", tune), Part("Drums", drums)], 97.0, bars=2)
    return tmp_path / "song.mid"


def test_live_takes_every_parameter_that_has_an_option():
    shown = run("live", "--help").output
    for parameter in table_for().parameters.values():
        if not parameter.no_option:
            assert parameter.option.partition("/")[0] in shown, parameter.id
    for heading in {parameter.group for parameter in CONTROLS.values()}:
        assert f" {heading} " in shown


@pytest.mark.parametrize("mode", list(TOOLS))
def test_a_command_takes_what_counts_in_its_mode_and_nothing_else(mode):
    shown = run(mode, "--help").output
    counting = {parameter.id for parameter in parameters_of(mode)} - {"mode", "morph"}
    for name, parameter in CONTROLS.items():
        if not parameter.no_option and name != "morph":
            assert (f" {parameter.option.partition('/')[0]} " in shown) == (name in counting), name


def test_what_was_in_the_window_only_reaches_the_file(tmp_path, tiny_bundle):
    done = run(
        "generate", "-o", tmp_path, "--count", 3, "--model", tiny_bundle, "--temperature", "1,5",
        "--key", "f#", "--scale", "major pentatonic", "--lowest-pitch", "C3", "--highest-pitch", 72,
        "--density", "50%", "--attribute", "density=+1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    notes = [n for path in tmp_path.glob("*.mid") for track in read_midi(path).tracks for n in track.notes]
    assert notes
    assert {(note.pitch - 6) % 12 for note in notes} <= {0, 2, 4, 7, 9}
    assert all(48 <= note.pitch <= 72 for note in notes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variation", "1.5"], "--variation: Variation '1.5' is not a number from 0 to 1"),
        (["--key", "H"], "Key 'H' is not one of any, C, C#"),
        (["--lowest-pitch", "C99"], "Lowest note 'C99' is not a whole number from 0 to 127"),
        (["--attribute", "register"], "'register' is not NAME=AMOUNT"),
        (["--attribute", "register=9"], "Register '9' is not a number from -3 to 3"),
    ],
)
def test_what_cannot_be_is_refused_by_option_and_range(arguments, words, tmp_path):
    done = run("vary", "x.mid", "-o", tmp_path, *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.replace("│", " ").split())


def test_an_attribute_that_the_model_lacks_names_those_it_has(song, tmp_path, tiny_bundle):
    done = run("vary", song, "-o", tmp_path / "out", "--model", tiny_bundle, "--attribute", "charm=1")
    assert done.exit_code == 1
    assert "'charm' is not in" in str(done.exception)
    assert "density" in str(done.exception)


@pytest.mark.parametrize(("mode", "task"), [("groove", "humanize"), ("drumify", "drumify")])
def test_drummers_commands_write_what_live_would_play(mode, task, song, tmp_path):
    model = tinybundle.write_task(tmp_path / "bundle", task)
    done = run(mode, song, "-o", tmp_path, "--count", 2, "--variation", 1, "--model", model)
    assert done.exit_code == 0, done.output
    assert [path.name for path in sorted(tmp_path.glob(f"song-{mode}-*.mid"))] == [
        f"song-{mode}-1.mid", f"song-{mode}-2.mid",
    ]  # fmt: skip


def test_a_command_refuses_a_model_of_another_task(song, tmp_path, tiny_bundle):
    done = run("groove", song, "-o", tmp_path / "out", "--model", tiny_bundle)
    assert done.exit_code == 1
    assert "does not groove" in str(done.exception)


def test_what_a_model_has_no_use_for_is_said(song, tmp_path):
    model = tinybundle.write_task(tmp_path / "bundle", "drumify")
    done = run("drumify", song, "-o", tmp_path, "--count", 1, "--model", model, "--key", "D")
    assert done.exit_code == 0, done.output
    assert "--key: means nothing to Drumify" in done.output


def test_a_threshold_is_taken_where_keys_are_decided_one_by_one(song, tmp_path):
    model = tinybundle.write_task(tmp_path / "bundle", "continue")
    heard = tmp_path / "chord.mid"
    write_midi(heard, [Part("Piano", [Note(0, pitch, 8, 64) for pitch in (60, 64, 67)])], 97.0, bars=2)
    asked = (heard, "--count", 1, "--model", model, "--bars", 4, "--start", "guided")
    # The bundle's keys have the logit 1 where they sounded, a probability of .73, and -1 where not, .27.
    for threshold, pitches in ((0.7, {60, 64, 67}), (0.2, set(range(21, 109)))):
        folder = tmp_path / str(threshold)
        done = run("continue", *asked, "-o", folder, "--threshold", threshold, "--no-in-key")
        assert done.exit_code == 0, done.output
        assert "left out" not in done.output
        notes = [n for path in folder.glob("*.mid") for track in read_midi(path).tracks for n in track.notes]
        assert {note.pitch for note in notes} == pitches
    done = run("continue", *asked, "-o", tmp_path, "--threshold", 1)
    assert done.exit_code != 0
    assert "is not a number from 0 to 0.99" in done.output + str(done.exception)


def test_defaults_are_those_of_the_declaration():
    assert {name: CONTROLS[name].default for name in ("variation", "temperature", "seed")} == {
        "variation": Controls().variation, "temperature": Controls().temperature, "seed": Controls().seed,
    }  # fmt: skip


def test_files_are_transposed_after_everything_else(song, tmp_path, tiny_bundle):
    for name, options in (("as-is", ()), ("up", ("--transpose", "+3"))):
        done = run(
            "vary", song, "-o", tmp_path / name, "--count", 1, "--variation", 0, "--model", tiny_bundle,
            "--track", "lead", "--key", "C", *options,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    pitches = [
        [
            note.pitch
            for track in read_midi(tmp_path / name / "song-vary-1.mid").tracks
            for note in track.notes
        ]
        for name in ("as-is", "up")
    ]
    assert pitches[1] == [pitch + 3 for pitch in pitches[0]]
