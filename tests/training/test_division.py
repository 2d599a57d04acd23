"""Piano rolls on other grids than 16ths: `--division`, from files to a bundle's grid."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from corpus_files import Part, write_midi
from hypothesis import given
from hypothesis import strategies as st
from toy_runs import toy_config
from typer.testing import CliRunner

from engine.music.grid import Grid
from engine.music.representation import representation
from training.cli import app
from training.config import ModelConfig, RunConfig
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.dataset import Corpus
from training.corpus.extract.bars import nearest_steps
from training.corpus.metres import DIVISIONS, divided, metre_named
from training.errors import CorpusError
from training.loop import train

KEYS = {"hidden": 8, "layers": 1, "channels": 8}


def write_music(folder: Path, division: int) -> Path:
    """Write pieces of eight bars in which every second beat has a note on each of `division` steps."""
    for number in range(6):
        notes = []
        for beat in range(32):
            steps = division if beat % 2 else 1
            notes += [(beat + s / division, 0.9 / steps, 50 + number + (beat * s) % 7) for s in range(steps)]
        write_midi(folder / f"piece{number}.mid", [Part(notes)])
    return folder


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Build triplets with 3 steps a beat, and 32nds with 8."""
    root = tmp_path_factory.mktemp("division")
    for division in (3, 8):
        options = BuildOptions(kind="pianoroll", bars=(2,), division=division, executor="serial")
        build_corpus([write_music(root / f"m{division}", division)], root / str(division), options)
    return {division: root / str(division) for division in (3, 8)}


@pytest.mark.parametrize("division", [3, 8])
def test_each_grid_holds_what_lies_on_it(division: int, corpora: dict[int, Path]) -> None:
    corpus = Corpus.open(corpora[division])
    assert corpus.steps == 2 * 4 * division
    window = corpus.batch(corpus.window_ids("train")[:1])[0]
    phrase = representation("pianoroll", 2, corpus.metre.grid).decode(window)
    places = {round(note.start_beats % 1 * division, 6) for note in phrase.notes}
    assert places == set(range(division))


def test_triplets_do_not_fit_16ths(tmp_path: Path) -> None:
    options = BuildOptions(kind="pianoroll", bars=(2,), executor="serial")
    with pytest.raises(CorpusError, match="off the grid"):
        build_corpus([write_music(tmp_path / "m", 3)], tmp_path / "c", options)


def test_a_model_and_its_corpus_have_the_same_division(corpora: dict[int, Path], tmp_path: Path) -> None:
    model = {"representation": "pianoroll", "task": "continue", "bars": 1, "z_size": 8, "continuer": KEYS}
    with pytest.raises(CorpusError, match=r"has 3 steps a beat, the model 4; .*--division 4.*division=3"):
        train(toy_config(corpora[3], model=model, loss={}), tmp_path / "run")
    config = toy_config(corpora[3], model={**model, "division": 3}, loss={}, optim={"steps": 1})
    train(config, tmp_path / "run")
    assert msgspec.json.decode((tmp_path / "run" / "config.json").read_bytes(), type=RunConfig) == config


def test_the_bundle_says_its_grid() -> None:
    from export.run import representation_of

    config = ModelConfig(representation="pianoroll", task="continue", division=8)
    assert representation_of(config).grid == Grid(8, 4)
    assert representation_of(config).steps == 8 * 4 * config.bars


def test_only_a_piano_roll_has_another_grid(tmp_path: Path) -> None:
    with pytest.raises(msgspec.ValidationError, match="melody has 4 steps a beat"):
        msgspec.convert({"division": 8}, ModelConfig)
    build = ["corpus", "build", str(write_music(tmp_path / "m", 8)), "-o", str(tmp_path / "c")]
    for options, words in (
        (["--division", "8"], "melody has 4 steps a beat"),
        (["--kind", "pianoroll", "--division", "5"], "a beat has 2, 3, 4, 6, 8, 12 steps"),
    ):
        refused = CliRunner().invoke(app, [*build, *options])
        assert refused.exit_code == 1
        assert words in refused.stderr
    assert not (tmp_path / "c" / "corpus.json").exists()


@given(st.sampled_from(DIVISIONS), st.sampled_from(["4/4", "3/4", "6/8", "2/4"]))
def test_a_metres_name_brings_its_grid(division: int, name: str) -> None:
    metre = metre_named(divided(name, division))
    assert metre.grid == Grid(division, metre_named(name).grid.beats_per_bar)
    assert metre.signatures == metre_named(name).signatures


@given(st.sampled_from(DIVISIONS), st.integers(0, 500), st.sampled_from([96, 480, 960]))
def test_a_tick_on_the_grid_is_its_step(division: int, step: int, ticks_per_beat: int) -> None:
    tick = round(step * ticks_per_beat / division)
    assert nearest_steps(np.array([tick]), ticks_per_beat, division).tolist() == [step]
