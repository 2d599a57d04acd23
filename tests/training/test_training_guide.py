"""docs/TRAINING.md: its commands are run as they stand there, on tiny data and with tiny models."""

import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_files import Part, tune, write_midi
from toy_runs import SMALL
from typer.testing import CliRunner

from app.cli import application
from export.cli import app as export_app
from training.cli import app as train_app
from training.recipes import RECIPES

GUIDE = Path(__file__).parents[2] / "docs" / "TRAINING.md"
BLOCK = re.compile(r"```\n(.*?)```", re.DOTALL)
PROGRAMS = {"antiphon-train": train_app, "antiphon-export": export_app, "antiphon": application}
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
TINY = {
    "optim.steps": 2,
    "optim.warmup_steps": 0,
    "evaluate_every_steps": 1,
    "evaluate_windows": 8,
    "threads": 1,
    "data.batch": 4,
    "model.z_size": 8,
    "model.continuer.hidden": 8,
    "model.continuer.channels": 8,
    **{f"model.{half}.{name}": size for half in ("encoder", "decoder") for name, size in SMALL.items()},
}


def roads() -> list[list[str]]:
    """Return the guide's blocks of commands in order."""
    return [block.splitlines() for block in BLOCK.findall(GUIDE.read_text(encoding="utf-8"))]


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
@pytest.mark.parametrize("number", range(len(roads())))
def test_every_command_of_the_guide_runs(folder: Path, monkeypatch, number: int) -> None:
    """A road may go on from what an earlier one made, so those before it are walked first."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ANTIPHON_OVERRIDES", " ".join(f"{name}={value}" for name, value in TINY.items()))
    for earlier in range(number + 1):
        marker = folder / f"walked{earlier}"
        if not marker.exists():
            for command in roads()[earlier]:
                if "runs/groove_2bar_base" in command:  # stands for a run that one has
                    run("antiphon-train run groove_2bar -o runs/groove_2bar_base")
                run(command)
            marker.touch()


def test_the_guide_has_all_roads() -> None:
    assert sum(map(len, roads())) > 25


def run(command: str) -> None:
    program, *arguments = shlex.split(command)
    arguments = [str(path) for argument in arguments for path in expanded(argument)]
    if program == "torchrun":
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        rest = [*arguments[arguments.index("-m") :], "-o", "runs/two_processes"]
        ended = subprocess.run([*launcher, *rest], capture_output=True, text=True, timeout=400)
        assert ended.returncode == 0, f"{command}: {ended.stderr[-2000:]}"
        return
    if "ray" in arguments and not has_ray():
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
