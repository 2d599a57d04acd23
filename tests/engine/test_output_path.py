"""An empty `--output`, as of a shell variable that is not set, writes nowhere, whichever the command."""

from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import app.cli
import export.cli
import training.cli
from engine.errors import AntiphonError
from engine.output_path import output_folder, output_path

REFUSAL = "--output: an empty name; name a place, or . for the current folder"
PROGRAMS = {
    "antiphon": app.cli.application,
    "antiphon-train": training.cli.app,
    "antiphon-export": export.cli.app,
}


def writers(command, *path):
    """Yield the names of the commands that have an option for where they write."""
    if hasattr(command, "list_commands"):
        with typer.Context(command) as context:
            for name in command.list_commands(context):
                yield from writers(command.get_command(context, name), *path, name)
    elif any("--output" in parameter.opts for parameter in command.params):
        yield path


WRITERS = [
    (name, path) for name, program in PROGRAMS.items() for path in writers(typer.main.get_command(program))
]


def test_all_that_write_are_known():
    assert [" ".join((name, *path)) for name, path in WRITERS] == [
        *(f"antiphon {name}" for name in app.cli.FILE_COMMANDS),
        *("antiphon-train run", "antiphon-train evaluate", "antiphon-train listen"),
        *("antiphon-train corpus build", "antiphon-train corpus report"),
        "antiphon-export",
    ]


@pytest.mark.parametrize(("program", "path"), WRITERS)
@pytest.mark.parametrize("option", [("-o", ""), ("--output", ""), ("--output=",)])
def test_an_empty_name_is_refused_in_one_line_before_anything_is_written(
    tmp_path, monkeypatch, program, path, option
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(PROGRAMS[program], [*path, *option, "in.mid"])
    assert done.exit_code == 1
    said = (
        str(done.exception) if isinstance(done.exception, AntiphonError) else done.output.partition(": ")[2]
    )
    assert said.strip() == REFUSAL
    assert list(tmp_path.iterdir()) == []


def test_the_current_folder_is_named_by_a_dot():
    assert output_path(".") == Path()
    assert output_path("out/x") == Path("out/x")


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
