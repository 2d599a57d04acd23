import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import melody_corpus, toy_config
from typer.testing import CliRunner

from training.checkpoint import RunFolder
from training.cli import app
from training.errors import ConfigError, TrainingError
from training.loop import Observer, load_model, train
from training.model_files import load_start


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return melody_corpus(tmp_path_factory.mktemp("toy"))


class KilledError(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_numbers(corpus: Path, tmp_path: Path) -> None:
    config = toy_config(corpus)
    whole = train(config, tmp_path / "whole")

    def kill(progress) -> None:
        if progress.step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        train(config, tmp_path / "killed", observer=Observer(watch=kill))
    resumed = train(config, tmp_path / "killed")
    assert resumed == whole
    ours, theirs = (load_file(tmp_path / name / "ema.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_another_seed_gives_other_weights(corpus: Path, tmp_path: Path) -> None:
    train(toy_config(corpus), tmp_path / "one")
    train(toy_config(corpus, seed=2), tmp_path / "two")
    one, two = (load_file(tmp_path / name / "ema.safetensors") for name in ("one", "two"))
    assert not torch.equal(one["to_mu.weight"], two["to_mu.weight"])


def test_the_loss_falls_and_the_run_writes_its_record(corpus: Path, tmp_path: Path) -> None:
    seen = []
    optim = {"steps": 80, "warmup_steps": 5, "learning_rate": 5e-3}
    config = toy_config(corpus, optim=optim, evaluate_every_steps=40)
    train(
        config, tmp_path, observer=Observer(watch=lambda p: seen.append(float(p.terms.reconstruction_nats)))
    )
    assert sum(seen[-10:]) < 0.6 * sum(seen[:10])
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["steps"] == 80
    assert record["sequences"] == 640
    assert len(record["data_sha256"]) == 64
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2
    loaded, model = load_model(tmp_path)
    assert loaded == config
    assert not model.training


def test_early_stopping_counts_evaluations_without_a_better_score(corpus: Path, tmp_path: Path) -> None:
    still = {"steps": 100, "learning_rate": 0.0, "final_learning_rate": 0.0, "weight_decay": 0.0}
    train(toy_config(corpus, optim=still, patience=2, evaluate_every_steps=1), tmp_path)
    assert RunFolder(tmp_path).read_json("run.json")["steps"] == 3


def test_fine_tuning_starts_from_the_given_weights(corpus: Path, tmp_path: Path) -> None:
    train(toy_config(corpus), tmp_path / "base")
    base = load_file(tmp_path / "base" / "ema.safetensors")
    still = {"steps": 2, "learning_rate": 0.0, "final_learning_rate": 0.0, "weight_decay": 0.0}
    train(toy_config(corpus, optim=still), tmp_path / "tuned", start=load_start(tmp_path / "base"))
    tuned = load_file(tmp_path / "tuned" / "ema.safetensors")
    assert all(torch.allclose(tuned[name], base[name]) for name in base)


def test_a_checkpoint_of_another_corpus_is_refused(corpus: Path, tmp_path: Path) -> None:
    train(toy_config(corpus), tmp_path / "run")
    other = melody_corpus(tmp_path / "other", files=16)
    with pytest.raises(ConfigError, match="another corpus"):
        train(toy_config(other), tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["optim.stepz=3"], "stepz"),
        (["optim.steps=many"], "steps"),
        (["nonsense"], "key=value"),
        (["model.task=continue"], "piano roll"),
    ],
)
def test_a_bad_override_is_one_clear_line(corpus: Path, tmp_path: Path, arguments, said) -> None:
    file = tmp_path / "toy.toml"
    file.write_text(f'name = "toy"\ncorpus = "{corpus.as_posix()}"\n')
    result = CliRunner().invoke(app, ["run", str(file), *arguments, "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model.bars=3"], "built for windows of 2 bars, not 3"),
        (["data.shares=[1, 2]"], "data.shares: 2 for one corpus; give one each, or data.shares=[]"),
        (["loss.stream_weights=[1, 2]"], "2 for the 1 stream of melody; give one each, or none"),
        (["device=cuda"], "this PyTorch sees no CUDA card"),
    ],
)
def test_what_is_refused_before_the_first_step_is_its_one_line_alone(
    corpus: Path, tmp_path: Path, monkeypatch, arguments, said
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    file = tmp_path / "toy.toml"
    file.write_text(f'name = "toy"\ncorpus = "{corpus.as_posix()}"\n')
    result = CliRunner().invoke(app, ["run", str(file), *arguments, "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert said in result.stderr
    assert (result.stderr.count("\n"), result.stdout.strip()) == (1, "")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("checkpoint", "fault", "remedy"),
    [
        (False, errno.ENOTDIR, "; choose another place with -o"),
        (False, errno.ENOSPC, "; make room or choose another place with -o"),
        (True, errno.EROFS, "is whole, so let it be written and go on with --resume"),
        (True, errno.ENOSPC, "is whole, so make room and go on with --resume"),
    ],
)
def test_what_cannot_be_written_is_reported_with_a_way_that_there_is(
    tmp_path: Path, monkeypatch, checkpoint: bool, fault: int, remedy: str
) -> None:
    if checkpoint:
        (tmp_path / "checkpoint.pt").write_bytes(b"whole")

    def refuse(path: Path, data: bytes) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(TrainingError) as caught:
        RunFolder(tmp_path).write("run.json", b"{}")
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: cannot be written (")
    assert str(caught.value).endswith(remedy)
    assert {path.name for path in tmp_path.iterdir()} == ({"checkpoint.pt"} if checkpoint else set())


def test_fewer_steps_than_were_taken_are_refused(corpus: Path, tmp_path: Path) -> None:
    train(toy_config(corpus, optim={"steps": 4}), tmp_path)
    with pytest.raises(ConfigError, match=r"has taken 4 steps already; give optim\.steps a larger number$"):
        train(toy_config(corpus, optim={"steps": 3}), tmp_path)


def test_run_refuses_to_overwrite_and_resumes_on_request(corpus: Path, tmp_path: Path) -> None:
    file, run = tmp_path / "toy.toml", str(tmp_path / "run")
    file.write_text(
        f'name = "toy"\ncorpus = "{corpus.as_posix()}"\nevaluate_every_steps = 2\nevaluate_windows = 8\n'
        "[model]\nz_size = 8\n[data]\nbatch = 8\n"
    )
    runner = CliRunner()
    call = ["run", str(file), "optim.steps=2", "-o", run]
    assert runner.invoke(app, call).exit_code == 0
    again = runner.invoke(app, call)
    assert again.exit_code == 1
    assert "--resume" in again.output
    resumed = runner.invoke(app, ["run", str(file), "optim.steps=4", "-o", run, "--resume"])
    assert resumed.exit_code == 0
    assert "goes on with other settings: optim.steps is 2 there and 4 here\n" in resumed.output
    assert RunFolder(Path(run)).read_json("run.json")["steps"] == 4
