"""A batch that the machine has no memory for is refused before the first step, in one line."""

from pathlib import Path

import pytest
import torch
from toy_runs import TOY, melody_corpus, toy_config, write_config
from typer.testing import CliRunner

from training import memory
from training.cli import app
from training.corpus.dataset import Corpus
from training.errors import ConfigError
from training.memory import MEMINFO, bytes_of_window, check_memory, free_bytes
from training.models.build import build_model


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return melody_corpus(tmp_path_factory.mktemp("memory"))


@pytest.mark.skipif(not MEMINFO.is_file(), reason="the system does not say what is free")
def test_a_batch_beyond_the_memory_is_one_line_and_leaves_no_folder(corpus: Path, tmp_path: Path) -> None:
    wide = {"kind": "flat", "hidden": 256, "layers": 1}
    config = write_config(tmp_path, corpus, model={"z_size": 8, "decoder": wide}, data={"batch": 1_000_000})
    result = CliRunner().invoke(app, ["run", str(config), "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    (line,) = result.output.strip().splitlines()
    assert "data.batch=1000000: a step needs" in line
    assert "try data.batch=" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not MEMINFO.is_file(), reason="the system does not say what is free")
def test_a_window_needs_at_least_the_decoders_states_and_trying_it_changes_nothing(corpus: Path) -> None:
    config = toy_config(corpus, model={"z_size": 8, "decoder": {"kind": "flat", "hidden": 128, "layers": 2}})
    model = build_model(config.model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    needed = bytes_of_window(model, config, Corpus.open(corpus, 2))
    states = 2 * 32 * 128 * 4  # layers, steps, units, bytes of a float
    assert states < needed < 100 * states
    assert all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_nothing_is_refused_where_the_system_does_not_say_what_is_used(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "no" / "such")
    config = toy_config(corpus)
    assert bytes_of_window(build_model(config.model), config, Corpus.open(corpus, 2)) == 0


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("MemTotal: 9 kB\nMemAvailable:    3 kB\nSwapFree: 2 kB\nHugePages_Total:       0\n", 5 * 1024),
        ("MemTotal: 9 kB\n", None),
        ("MemAvailable: much\nSwapFree: 2 kB\n", None),
        ("", None),
    ],
)
def test_what_is_free_is_read_as_the_system_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, free: int | None
) -> None:
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert free_bytes() == free


def test_processes_of_one_machine_share_its_memory(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = toy_config(corpus, data={**TOY["data"], "batch": 1_000})
    model, opened = build_model(config.model), Corpus.open(corpus, 2)
    weights = 5 * 4 * sum(weight.numel() for weight in model.parameters())
    monkeypatch.setattr(memory, "bytes_of_window", lambda *given: 1_000_000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_200_000_000 + weights)
    check_memory(model, config, opened, 1)
    check_memory(model, config, opened, 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    check_memory(model, config, opened, 2)
    with pytest.raises(ConfigError, match=r"data.batch=1000: a step needs 2 GB .* 1 GB are free; try data"):
        check_memory(model, config, opened, 1)
