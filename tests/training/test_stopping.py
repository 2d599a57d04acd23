"""A run that ends before its last step: by Ctrl+C, by SIGTERM, by patience, by a fault."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_runs import TOY, melody_corpus, toy_config, write_config
from typer.testing import CliRunner

from training.checkpoint import RunFolder
from training.cli import app
from training.errors import ConfigError, CorpusError
from training.learner import Learner
from training.loop import Observer, Progress, train
from training.stopping import Patience, StoppedError

ENDLESS = {"steps": 1_000_000, "warmup_steps": 1}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return melody_corpus(tmp_path_factory.mktemp("toy"))


def raise_signal_at(step: int, number: int) -> Observer:
    def watch(progress: Progress) -> None:
        if progress.step == step:
            signal.raise_signal(number)

    return Observer(watch=watch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_at_once_and_the_run_goes_on_to_the_same_numbers(corpus, tmp_path, number) -> None:
    config = toy_config(corpus, evaluate_every_steps=4)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(StoppedError) as stopped:
        train(config, tmp_path / "stopped", observer=raise_signal_at(3, number))
    assert stopped.value.status == 128 + number
    record = RunFolder(tmp_path / "stopped").read_json("run.json")
    assert (record["steps"], record["ended"]) == (3, "stopped by a signal")
    assert train(config, tmp_path / "stopped") == whole
    ours, theirs = (load_file(tmp_path / name / "ema.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_signal_while_measuring_does_not_wait_and_the_evaluation_is_made_up_for(corpus, tmp_path) -> None:
    def interrupted(*_: object) -> dict[str, object]:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the signal interrupts at once")

    config = toy_config(corpus, evaluate_every_steps=2)
    with pytest.raises(StoppedError):
        train(config, tmp_path, observer=Observer(measure=interrupted))
    assert not (tmp_path / "history.jsonl").exists()
    train(config, tmp_path)
    steps = [json.loads(line)["step"] for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]


def test_the_handlers_of_before_are_back_after_a_run(corpus, tmp_path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(toy_config(corpus), tmp_path)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals between processes there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_saves_before_the_first_evaluation_and_says_how_to_go_on(
    corpus, tmp_path, number
) -> None:
    config = write_config(tmp_path, corpus, optim=ENDLESS, evaluate_every_steps=1_000_000)
    command = [sys.executable, "-m", "training.cli", "run", str(config), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 240
    while not (tmp_path / "run" / "tensorboard").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 128 + number, said
    assert "saved; the same command with --resume goes on" in " ".join(said.split())
    assert "Traceback" not in said
    assert RunFolder(tmp_path / "run").has_checkpoint


# Patience -----------------------------------------------------------------------------------


def test_patience_counts_evaluations_since_the_lowest_loss() -> None:
    patience = Patience(2)
    losses = [5.0, 4.0, 4.5, 3.9, 3.95, 4.1]
    assert [patience.take(loss, step) for step, loss in enumerate(losses)] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert patience.is_over
    assert (patience.best_loss, patience.best_step) == (3.9, 3)
    never = Patience(0)
    assert not any((never.take(9.0, step), never.is_over)[1] for step in range(100))


def test_a_run_that_gets_no_better_ends_with_its_best_weights_and_says_why(corpus, tmp_path) -> None:
    """A learning rate that destroys what is learned: the loss is lowest at the first evaluation."""
    wild = {"steps": 100, "learning_rate": 0.5, "warmup_steps": 12, "clip_norm": 1e6, "ema": 0.0}
    config = toy_config(corpus, optim=wild, patience=3, evaluate_every_steps=2, loss={"own_share": 0.0})
    train(config, tmp_path)
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    best = min(history, key=lambda entry: entry["loss"])
    assert len(history) == history.index(best) + 1 + 3
    folder = RunFolder(tmp_path)
    record, metrics = folder.read_json("run.json"), folder.read_json("metrics.json")
    assert record["weights_of_step"] == best["step"] == metrics["step"]
    assert f"no lower validation loss than {best['loss']:.4g} at step {best['step']}" in record["ended"]
    last, kept = (load_file(tmp_path / name) for name in ("ema.safetensors", "best.safetensors"))
    assert all(torch.equal(last[name], kept[name]) for name in last)


def test_a_run_that_learns_is_not_stopped_although_its_accuracy_stands(corpus, tmp_path) -> None:
    """The mistake that was made: accuracy rests on silence for long while the loss falls."""
    slow = {"steps": 40, "learning_rate": 1e-3, "warmup_steps": 1, "ema": 0.0}
    config = toy_config(corpus, optim=slow, patience=2, evaluate_every_steps=4, loss={"own_share": 0.0})
    train(config, tmp_path)
    assert RunFolder(tmp_path).read_json("run.json")["steps"] == 40


def test_weights_are_kept_every_so_many_steps_and_found_by_name(corpus, tmp_path) -> None:
    train(toy_config(corpus, keep_every_steps=2), tmp_path)
    folder = RunFolder(tmp_path)
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == [
        "step_0000002.safetensors",
        "step_0000004.safetensors",
        "step_0000006.safetensors",
    ]
    assert folder.weights_file("4").name == "step_0000004.safetensors"
    with pytest.raises(ConfigError, match="no weights '5'; there are last, best, 2, 4, 6"):
        folder.weights_file("5")


def test_weights_that_were_kept_are_averaged_where_they_are_named_together(corpus, tmp_path) -> None:
    train(toy_config(corpus, keep_every_steps=2), tmp_path)
    folder = RunFolder(tmp_path)
    one, other = (load_file(tmp_path / "weights" / f"step_000000{step}.safetensors") for step in (2, 6))
    mean = folder.read_weights("2+6")
    assert sorted(mean) == sorted(one)
    for name in one:
        torch.testing.assert_close(mean[name], 0.5 * (one[name] + other[name]))
    with pytest.raises(ConfigError, match="no weights '5'; there are last, best, 2, 4, 6"):
        folder.read_weights("2+5")
    save_file({**one, "another": torch.zeros(1)}, folder.weights_file("4"))
    with pytest.raises(ConfigError, match=r"weights 2\+4 are of different sizes; average those of one run"):
        folder.read_weights("2+4")


# Faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"corpus": "nowhere"}, "no corpus there"),
        (
            {"further_corpora": ["nowhere"]},
            "-o nowhere; or take the first corpus alone: further_corpora=[] data.shares=[]",
        ),
        ({"device": "cuda"}, "sees no CUDA card"),
        ({"loss": {"stream_weights": [1, 2]}}, "the 1 stream of melody"),
        ({"model": {"representation": "drums"}}, "holds melody, the model speaks drums"),
        ({"model": {"bars": 4}}, "not 4; build it again with --bars 4"),
    ],
)
def test_a_run_that_cannot_begin_says_why_and_leaves_no_folder(corpus, tmp_path, changes, words) -> None:
    if "device" in changes and torch.cuda.is_available():
        pytest.skip("there is a CUDA card")
    config = write_config(tmp_path, **{"corpus": corpus, **changes})
    result = CliRunner().invoke(app, ["run", str(config), "-o", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(
    corpus, tmp_path, monkeypatch
) -> None:
    train(toy_config(corpus), tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    take_step = Learner.take_step
    monkeypatch.setattr(
        Learner, "take_step", lambda self: take_step(self)._replace(loss=torch.tensor(torch.nan))
    )
    with pytest.raises(ConfigError, match="the loss is no number at step 8"):
        train(toy_config(corpus, optim={"steps": 20}), tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_damaged_corpus_is_refused(tmp_path) -> None:
    corpus = melody_corpus(tmp_path)
    whole = (corpus / "steps.npy").read_bytes()
    for damage in (whole[:200], whole[:-1] + b"\x55", b"", b"no array at all"):
        (corpus / "steps.npy").write_bytes(damage)
        with pytest.raises(CorpusError, match="build it again"):
            train(toy_config(corpus), tmp_path / "run")
    (corpus / "steps.npy").write_bytes(whole)
    (corpus / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match="is damaged"):
        train(toy_config(corpus), tmp_path / "run")


def test_a_damaged_checkpoint_is_refused_with_a_way_on(corpus, tmp_path) -> None:
    train(toy_config(corpus), tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    for damage in (whole[:middle], flipped, b"", b"PK\x03\x04 no checkpoint", b"x" * 100):
        (tmp_path / "checkpoint.pt").write_bytes(damage)
        with pytest.raises(ConfigError, match=r"begin from .*--finetune .*, or remove it .* to begin anew"):
            train(toy_config(corpus), tmp_path)


def test_a_checkpoint_of_something_else_is_refused_by_what_it_lacks(corpus, tmp_path) -> None:
    train(toy_config(corpus), tmp_path)
    torch.save({"model": {}, "ema": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ConfigError, match="lacks optimizer, sampler, counters, data_sha256; begin from"):
        train(toy_config(corpus), tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"step": "x", "patience": 3}'])
def test_damaged_evaluations_are_one_line(corpus, tmp_path, content) -> None:
    train(toy_config(corpus), tmp_path)
    (tmp_path / "evaluations.json").write_text(content)
    with pytest.raises(ConfigError, match=r"evaluations.json: is damaged; remove it"):
        train(toy_config(corpus), tmp_path)


@pytest.mark.parametrize("name", ["evaluations.json", "config.json"])
def test_a_file_that_holds_no_object_is_one_line(corpus, tmp_path, name) -> None:
    train(toy_config(corpus), tmp_path)
    (tmp_path / name).write_text("[]")
    with pytest.raises(ConfigError, match=rf"{name}: is damaged \(no JSON object\)"):
        train(toy_config(corpus), tmp_path)


@pytest.mark.parametrize("name", ["config.json", "run.json", "metrics.json"])
def test_a_damaged_file_that_was_removed_is_written_anew_by_going_on(corpus, tmp_path, name) -> None:
    train(toy_config(corpus), tmp_path)
    before = json.loads((tmp_path / name).read_text())
    (tmp_path / name).write_text('{"half": ')
    with pytest.raises(ConfigError) as refused:
        RunFolder(tmp_path).read_json(name)
    assert str(refused.value).endswith("and the training command with --resume writes it anew")
    (tmp_path / name).unlink()
    train(toy_config(corpus), tmp_path)
    assert json.loads((tmp_path / name).read_text()) == before


def test_figures_of_the_best_weights_are_all_that_is_lost_with_their_file(corpus, tmp_path) -> None:
    train(toy_config(corpus), tmp_path)
    assert RunFolder(tmp_path).remedy("best.json") == "remove it: its figures alone are lost"


def test_shares_that_are_all_zero_are_refused(corpus, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"data\.shares: all are 0"):
        train(toy_config(corpus, data={**TOY["data"], "shares": [0.0]}), tmp_path / "run")


def test_other_sizes_are_named_when_a_run_should_go_on(corpus, tmp_path) -> None:
    train(toy_config(corpus), tmp_path)
    model = {**TOY["model"], "z_size": 4}
    with pytest.raises(ConfigError, match="z_size is 8 there and 4 here"):
        train(toy_config(corpus, model=model), tmp_path)
    assert RunFolder(tmp_path).config().model.z_size == 8


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file size there")
def test_a_full_disk_is_one_line_and_what_was_written_stays_whole(corpus, tmp_path) -> None:
    import resource

    config, run = write_config(tmp_path, corpus), tmp_path / "run"
    train(toy_config(corpus), run)
    before = {
        path.name: path.read_bytes() for path in run.iterdir() if path.suffix in (".pt", ".safetensors")
    }

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [
        sys.executable,
        "-m",
        "training.cli",
        "run",
        str(config),
        "optim.steps=8",
        "-o",
        str(run),
        "--resume",
    ]
    result = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_files, timeout=240)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert "cannot be written (file too large)" in last
    assert "Traceback" not in result.stderr
    assert not list(run.glob(".antiphon-*"))
    assert all((run / name).read_bytes() == content for name, content in before.items())


def test_the_checkpoint_of_an_earlier_version_goes_on(corpus, tmp_path) -> None:
    config = toy_config(corpus, evaluate_every_steps=4)
    whole = train(config, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(config, tmp_path / "old", observer=raise_signal_at(3, signal.SIGINT))
    state = torch.load(tmp_path / "old" / "checkpoint.pt", weights_only=True)
    del state["started_from"]
    state["counters"] = [state["counters"]["step"], 1.0, -1.0, 0]
    torch.save(state, tmp_path / "old" / "checkpoint.pt")
    assert train(config, tmp_path / "old") == whole
