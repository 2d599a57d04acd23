"""docs/TRAINING.md: its commands are run as they stand there, on tiny data and with tiny models."""

import json
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from corpus_files import Part, tune, write_midi
from toy_runs import SMALL, changes_for
from typer.testing import CliRunner

from app.cli import application
from export.cli import app as export_app
from training.cli import app as train_app
from training.config_file import load_config
from training.recipes import RECIPES

GUIDE = Path(__file__).parents[2] / "docs" / "TRAINING.md"
BENCH = GUIDE.parents[1] / "bench" / "training_steps.py"
BLOCK = re.compile(r"```\n(.*?)```", re.DOTALL)
PROGRAMS = {"antiphon-train": train_app, "antiphon-export": export_app, "antiphon": application}
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
QUICK = {
    "optim.steps": 2,
    "optim.warmup_steps": 0,
    "evaluate_every_steps": 1,
    "evaluate_windows": 8,
    "threads": 1,
    "data.batch": 4,
}
TINY = {
    **QUICK,
    "model.z_size": 8,
    **{f"model.{half}.{name}": size for half in ("encoder", "decoder") for name, size in SMALL.items()},
    **{f"model.words.{half}_hidden": 8 for half in ("rhythm", "pitch")},
    **{f"model.key_chain.{name}": 8 for name in ("hidden", "channels", "key_channels", "chain")},
    "model.continuer.hidden": 8,
    "model.continuer.channels": 8,
}
"""Of all kinds of models; each config takes those of its own."""

NOT_RUN = {
    "python bench/training_steps.py --steps 3": "measures whole steps of every config, which takes minutes",
}
"""Commands of the guide that no test runs, with the reason."""
NAMED = {
    "antiphon morph A.mid B.mid --steps",
    "antiphon continue -o OUT --start random --bars 64",
}
"""Commands with words that stand for the reader's own."""
RUN_APART = ("antiphon-train configs", "antiphon-train recipe groove")
"""Commands of the guide that the tests of recipes run."""
INLINE = re.compile(r"`((?:antiphon|torchrun|python)[^`]*)`")
OPTION = re.compile(r"--[a-z][a-z0-9-]*")
SETTING = re.compile(r"`((?:data|loss|model|optim)\.[a-z_.]+)")


def commands() -> list[str]:
    """Return the commands of the guide's blocks in order."""
    return [line for block in BLOCK.findall(text()) for line in block.splitlines()]


def text() -> str:
    return GUIDE.read_text(encoding="utf-8")


def inline() -> list[str]:
    """Return what the guide's sentences and its table name as commands."""
    return [" ".join(found.split()) for found in INLINE.findall(BLOCK.sub("", text()))]


def write_music(root: Path) -> None:
    """Write songs, performances with the publisher's table, and piano pieces, a few of each."""
    for number in range(5):
        draw = random.Random(number)
        line = tune([draw.choice(SCALE) for _ in range(8 * 44)])
        write_midi(root / "melodies" / f"tune{number}.mid", [Part(line)])
        chords = [(s, 1.0, p + up) for s, _, p in line[::2] for up in (0, 4, 7)]
        write_midi(root / "piano" / f"piece{number}.mid", [Part(chords, "Piano")])
    rows = [
        "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration,split"
    ]
    for number, split in enumerate(("train", "train", "validation", "test")):
        draw, name = random.Random(number), f"drummer{number}/1_rock_120_beat_4-4.mid"
        hits = [
            (beat / 4, 0.1, draw.choice((36, 38, 42, 46)), draw.randint(40, 120)) for beat in range(16 * 10)
        ]
        write_midi(root / "groove" / name, [Part(hits, "Drums", channel=9)])
        rows.append(f"drummer{number},s,i,rock,120,beat,4-4,{name},a.wav,20.0,{split}")
    (root / "groove" / "info.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with music in it, in which one road after the other is walked."""
    root = tmp_path_factory.mktemp("guide")
    write_music(root / "my_midi")
    return root


@pytest.mark.dist
@pytest.mark.parametrize("number", range(len(commands())), ids=commands())
def test_every_command_of_the_guide_runs(folder: Path, monkeypatch, number: int) -> None:
    """A command may go on from what an earlier one made, so those before it are run first."""
    if "ray" in commands()[number].split() and not has_ray():
        pytest.skip("Ray is not installed; no part of the program needs it")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    for earlier, command in enumerate(commands()[: number + 1]):
        marker = folder / f"run{earlier}"
        if not marker.exists() and ("ray" not in command.split() or has_ray()):
            words = command.split()
            if "run" in words:
                config = words[words.index("run") + 1]
                monkeypatch.setenv("ANTIPHON_OVERRIDES", changes_for(config, TINY))
            prepare(command)
            run(command)
            marker.touch()


def prepare(command: str) -> None:
    """Make what the reader of the guide has and no command of it makes."""
    if "runs/groove_2bar_base" in command:
        run("antiphon-train run groove_2bar -o runs/groove_2bar_base")
    if "answers.json" in command:  # saved by the page, in a browser
        key = json.loads(Path("listening/key.json").read_text(encoding="utf-8"))
        answers = {"test": key["test"], "answers": key["real"]}
        Path("answers.json").write_text(json.dumps(answers), encoding="utf-8")


def test_the_guide_has_all_roads() -> None:
    assert len(commands()) > 40


def test_the_guides_sentences_name_no_command_that_is_not_run() -> None:
    """Words in a sentence are the beginning of a command that is run, or only name one with its options."""
    run_anywhere = [*commands(), *RUN_APART, *NOT_RUN]
    for command in inline():
        words = [word for word in command.split() if not word.startswith("-")]
        known = any(set(words) <= set(other.split()) for other in run_anywhere)
        assert known or command in NAMED, f"{command}: run it, or say in NOT_RUN why not"


def test_the_guides_options_and_settings_are_there() -> None:
    """What the table says stands elsewhere is left out: its first column."""
    here = "\n".join(
        line.rsplit("|", 2)[1] if line.startswith("| ") else line for line in text().splitlines()
    )
    words = [("corpus", "build"), ("corpus", "report"), ("run",), ("evaluate",), ("listen",)]
    helps = [help_of(train_app, *each) for each in words] + [help_of(export_app)]
    helps += [help_of(application, name) for name in ("generate", "morph", "continue", "render")]
    known = set(OPTION.findall(" ".join(helps))) | {"--nproc", "--head"}  # torchrun's and Ray's
    prose = BLOCK.sub("", here)
    benches = set(OPTION.findall(BENCH.read_text(encoding="utf-8")))
    assert set(OPTION.findall(prose)) - known - benches == set()
    for name in SETTING.findall(prose):
        found = load_config("deep_musician")
        for part in name.split("."):
            assert hasattr(found, part), name
            found = getattr(found, part)


def help_of(program: typer.Typer, *words: str) -> str:
    return CliRunner().invoke(program, [*words, "--help"], env={"COLUMNS": "200"}).output


def run(command: str) -> None:
    program, *arguments = shlex.split(command)
    arguments = [str(path) for argument in arguments for path in expanded(argument)]
    if program == "torchrun":
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        rest = [*arguments[arguments.index("-m") :], "-o", "runs/two_processes"]
        ended = subprocess.run([*launcher, *rest], capture_output=True, text=True, timeout=400)
        assert ended.returncode == 0, f"{command}: {ended.stderr[-2000:]}"
        return
    result = CliRunner().invoke(PROGRAMS[program], arguments)
    assert result.exit_code == 0, f"{command}: {result.output}"


def expanded(argument: str) -> list[str]:
    """Return what a shell makes of a pattern."""
    return sorted(map(str, Path().glob(argument))) if "*" in argument else [argument]


def has_ray() -> bool:
    try:
        import ray  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_names_source_licence_and_configs_that_exist(recipe) -> None:
    shown = CliRunner().invoke(train_app, ["recipe", recipe.name])
    assert shown.exit_code == 0
    assert all(part in shown.output for part in (recipe.source, recipe.licence, *recipe.commands))
    listed = CliRunner().invoke(train_app, ["configs"]).output
    for command in recipe.commands:
        words = shlex.split(command)
        if words[:2] == ["antiphon-train", "run"]:
            assert re.search(rf"^{re.escape(words[2])}\b", listed, re.MULTILINE)


def test_an_unknown_recipe_names_those_there_are() -> None:
    refused = CliRunner().invoke(train_app, ["recipe", "magic"])
    assert refused.exit_code == 1
    assert "there are groove, maestro, lakh, pop909, own" in refused.stderr


def test_the_guide_is_where_people_look() -> None:
    assert shutil.which("sh") is None or GUIDE.is_file()
    assert "docs/TRAINING.md" in (GUIDE.parents[1] / "README.md").read_text(encoding="utf-8")
