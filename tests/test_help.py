"""The help of every command says what holds where an option is left out."""

import re
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from app.cli import FILE_COMMANDS, application
from export.cli import app as export_app
from training.cli import app as train_app

PROGRAMS = {"antiphon": application, "antiphon-train": train_app, "antiphon-export": export_app}
COMMANDS = (
    *(f"antiphon {name}" for name in ("live", *FILE_COMMANDS, "calibrate", "controls", "doctor", "ports")),
    *(f"antiphon-train {name}" for name in ("run", "evaluate", "listen", "configs", "recipe")),
    *("antiphon-train corpus build", "antiphon-train corpus report", "antiphon-export"),
)
SAID = re.compile(r"\[default: |[Ll]eft out, ")


def entries_of(command: str) -> list[str]:
    """Return the help of each option as one line."""
    program, *words = command.split()
    shown = CliRunner().invoke(PROGRAMS[program], [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    entries = [""]
    for line in shown.output.splitlines():
        text = line.strip("│* ")
        entries += [text] if text.startswith("-") else []
        entries[-1] += f" {text}"
    return [" ".join(entry.split()) for entry in entries[1:]]


def options_of(command: str) -> Iterator[tuple[str, str]]:
    """Yield the long name and the help of each option that takes a value or has two sides."""
    program, *words = command.split()
    found = typer.main.get_command(PROGRAMS[program])
    for word in words:
        found = found.get_command(typer.Context(found), word)  # type: ignore[attr-defined]
    entries = entries_of(command)
    for option in found.params:
        is_switch = getattr(option, "is_flag", False) and not option.secondary_opts
        if option.param_type_name == "option" and not option.required and not is_switch:
            name = max(option.opts, key=len)
            (entry,) = (each for each in entries if name in each.split()[:4])
            yield name, entry


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_holds_without_it(command: str) -> None:
    silent = [name for name, line in options_of(command) if not SAID.search(line)]
    assert silent == []


@pytest.mark.parametrize(
    ("command", "option", "default"),
    [
        ("antiphon vary", "--variation", "40%"),
        ("antiphon groove", "--variation", "100%"),
        ("antiphon generate", "--temperature", "0.50"),
        ("antiphon generate", "--key", "any"),
        ("antiphon continue", "--bars", "8"),
        ("antiphon continue", "--start", "guided"),
        ("antiphon accompany", "--with-drums", "on"),
        ("antiphon live", "--variation", "30%"),
        ("antiphon live", "--metre", "4/4"),
        ("antiphon live", "--drum-kit", "gm"),
        ("antiphon-train corpus build", "--kind", "melody"),
        ("antiphon-train corpus build", "--programs", "all"),
        ("antiphon-train run", "--output", "runs/NAME"),
        ("antiphon-train evaluate", "--windows", "2048"),
        ("antiphon-export", "--weights", "last"),
    ],
)
def test_a_default_is_the_one_that_holds(command: str, option: str, default: str) -> None:
    assert f"[default: {default}" in dict(options_of(command))[option]


def test_the_help_lists_what_a_corpus_can_be_made_of() -> None:
    shown = dict(options_of("antiphon-train corpus build"))
    for option, words in {
        "--kind": ("melody", "words", "drums", "groove", "trio", "accompaniment", "pianoroll"),
        "--layout": ("auto", "plain", "manifest", "groove", "maestro", "pop909", "lakh"),
        "--kit": ("auto", "gm", "gs", "xg", "roland", "ezdrummer", "superior", "addictive"),
        "--metre": ("4/4", "3/4", "6/8", "2/4"),
        "--executor": ("serial", "pool", "ray"),
    }.items():
        assert [word for word in words if word not in shown[option]] == []
