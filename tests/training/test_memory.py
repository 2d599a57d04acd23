"""A batch that the machine has no memory for is refused before the first step, in one line."""

from pathlib import Path

import pytest
from toy_runs import melody_corpus, toy_config, write_config
from typer.testing import CliRunner

from training.cli import app
from training.corpus.dataset import Corpus
from training.memory import MEMINFO, bytes_of_window
from training.models.build import build_model


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return melody_corpus(tmp_path_factory.mktemp("memory"))


@pytest.mark.skipif(not MEMINFO.is_file(), reason="the system does not say what is free")
def test_a_batch_beyond_the_memory_is_one_line_and_leaves_no_folder(corpus: Path, tmp_path: Path) -> None:
    wide = {"kind": "lstm", "hidden": 2048, "channels": 8, "layers": 3}
    config = write_config(tmp_path, corpus, model={"z_size": 8, "decoder": wide}, data={"batch": 1_000_000})
    result = CliRunner().invoke(app, ["run", str(config), "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    (line,) = result.output.strip().splitlines()
    assert "data.batch=1000000: a step needs" in line
    assert "try data.batch=" in line
    assert not (tmp_path / "run").exists()


def test_what_a_window_keeps_holds_at_least_the_decoders_states(corpus: Path) -> None:
    config = toy_config(corpus)
    kept = bytes_of_window(build_model(config.model), config, Corpus.open(corpus, 2))
    states = 32 * 16 * 4  # steps, units, bytes of a float
    assert states < kept < 1000 * states
