"""An empty name, as of a shell variable that is not set, is no place, whatever the command."""

import os
import threading
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import app.cli
import export.cli
import training.cli
from app.file_commands.kit_choice import read_drum_map
from engine.errors import AntiphonError
from engine.given_places import bytes_at, given_path, output_folder
from engine.inference.bundle.store import load_bundle
from engine.midifile.read import read_midi
from engine.session.session_log import read_performance
from engine.session.store import read_document

PROGRAMS = {
    "antiphon": app.cli.application,
    "antiphon-train": training.cli.app,
    "antiphon-export": export.cli.app,
}
PLACES = {
    *("antiphon calibrate --session", "antiphon live --session", "antiphon live --log"),
    *("antiphon morph first", "antiphon morph second", "antiphon morph --third", "antiphon morph --fourth"),
    *(f"antiphon {name} file" for name in ("vary", "groove", "drumify", "accompany", "continue")),
    *(f"antiphon {name} --style" for name in ("live", "vary", "morph", "generate")),
    *("antiphon render files", "antiphon replay session", "antiphon history session"),
    *("antiphon-export run", "antiphon-export --corpus", "antiphon-export --check"),
    *("antiphon-train corpus build folders", "antiphon-train corpus report corpus"),
    *("antiphon-train run --finetune", "antiphon-train evaluate model", "antiphon-train evaluate --corpus"),
    *(f"antiphon-train listen {name}" for name in ("model", "--corpus", "--score", "--key")),
    *(f"antiphon {name} --output" for name in app.cli.FILE_COMMANDS),
    *("antiphon-train run --output", "antiphon-train evaluate --output", "antiphon-train listen --output"),
    *("antiphon-train corpus build --output", "antiphon-train corpus report --output"),
    "antiphon-export --output",
}
MODELS = {f"antiphon {name} --model" for name in ("live", "controls", *app.cli.FILE_COMMANDS[:7])}


def commands(command, *path):
    """Yield each command with the words that it is called by."""
    if hasattr(command, "list_commands"):
        with typer.Context(command) as context:
            for name in command.list_commands(context):
                yield from commands(command.get_command(context, name), *path, name)
    else:
        yield path, command


def longest(names):
    return max(names, key=len)


NAMED = {
    " ".join((program, *path, longest(parameter.opts))): (program, path, command, parameter)
    for program, application in PROGRAMS.items()
    for path, command in commands(typer.main.get_command(application))
    for parameter in command.params
    if longest(parameter.opts) == "--model"
    or "Path" in str(getattr(getattr(parameter, "type_descriptor", None), "annotation", ""))
}


def test_all_places_and_models_are_known():
    assert set(NAMED) == PLACES | MODELS


@pytest.mark.parametrize("name", sorted(NAMED))
def test_an_empty_name_is_refused_in_one_line_before_anything_is_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    program, path, command, parameter = NAMED[name]
    option = longest(parameter.opts)
    remedy = "name a place, or . for the current folder"
    if option == "--model":
        remedy = "name a model, or leave the option out"
    for words in ([each, ""] for each in parameter.opts) if option[0] == "-" else [before(command, option)]:
        done = CliRunner().invoke(PROGRAMS[program], [*path, *words])
        assert done.exit_code == 1
        said = done.output.partition(": ")[2]
        if isinstance(done.exception, AntiphonError):  # what the program's own main() prints
            said = str(done.exception)
        assert said.strip() == f"{option}: an empty name; {remedy}"
        assert list(tmp_path.iterdir()) == []


def before(command, argument):
    """Return words for a command's arguments up to one, which is empty."""
    names = [each.name for each in command.params if not each.opts[0].startswith("-")]
    return [*["in.mid"] * names.index(argument), ""]


def test_the_current_folder_is_named_by_a_dot():
    assert given_path("--output")(".") == Path()
    assert given_path("--output")("out/x") == Path("out/x")


def test_a_folder_that_stays_empty_is_removed_with_those_made_above_it(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="full"), output_folder(tmp_path / "there" / "new" / "takes"):
        raise OSError("the disk is full")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_what_was_written_before_a_failure_stays(tmp_path):
    with pytest.raises(KeyboardInterrupt), output_folder(tmp_path / "new" / "takes"):
        (tmp_path / "new" / "takes" / "first.mid").touch()
        raise KeyboardInterrupt
    assert (tmp_path / "new" / "takes" / "first.mid").exists()


def test_an_empty_folder_that_was_there_stays(tmp_path):
    with pytest.raises(ValueError, match="no"), output_folder(tmp_path):
        raise ValueError("no")
    assert tmp_path.exists()


def test_a_folder_that_cannot_be_made_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    said = r"file/takes: cannot be made a folder \(.*\); choose another"
    with pytest.raises(AntiphonError, match=said), output_folder(tmp_path / "file" / "takes"):
        pytest.fail("nothing is written")
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")


@needs_pipes
@pytest.mark.parametrize("read", [read_midi, read_document, load_bundle])
def test_a_pipe_that_nobody_writes_into_is_refused_and_not_waited_for(tmp_path: Path, read) -> None:
    os.mkfifo(tmp_path / "a.file")
    with pytest.raises(AntiphonError, match=r"a\.file"):
        read(tmp_path / "a.file")


@needs_pipes
def test_the_log_of_a_session_may_be_no_pipe_either(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.antiphon.log")
    with pytest.raises(AntiphonError):
        read_performance(tmp_path / "a.antiphon")


@needs_pipes
def test_a_drum_map_that_nobody_writes_is_an_empty_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.toml")
    assert read_drum_map(tmp_path / "a.toml").label == "a.toml"


@needs_pipes
@pytest.mark.parametrize("read", [read_midi, read_drum_map, read_document, load_bundle])
def test_a_device_without_an_end_is_refused(read) -> None:
    with pytest.raises(AntiphonError, match="zero"):
        read(Path("/dev/zero"))


@needs_pipes
def test_a_pipe_that_somebody_writes_into_is_read_to_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    writer = threading.Timer(0.05, lambda: (os.write(writing, b"all of it"), os.close(writing)))
    writer.start()
    try:
        assert bytes_at(Path(f"/dev/fd/{reading}"), 100) == b"all of it"
    finally:
        writer.join()
        os.close(reading)


def test_no_more_of_a_file_is_read_than_a_byte_too_much(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcdef")
    assert bytes_at(tmp_path / "a", 6) == b"abcdef"
    assert bytes_at(tmp_path / "a", 3) == b"abcd"
