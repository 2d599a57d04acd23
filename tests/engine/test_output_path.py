"""An empty `--output`, as of a shell variable that is not set, writes nowhere, whichever the command."""

from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import app.cli
import export.cli
import training.cli
from engine.errors import AntiphonError
from engine.output_path import output_path

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
