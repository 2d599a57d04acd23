import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_runs import melody_corpus, toy_config, write_config

from training.checkpoint import RunFolder
from training.loop import Observer, Progress, train

WORKER = """
import os, signal, sys
from pathlib import Path
import msgspec
import torch
from training import learner, loop
from training.config import RunConfig

config = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=RunConfig)
dies_at = int(sys.argv[3])
take_step = learner.Learner.take_step


def step(learning):
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if first and learning.team.rank == 1 and learning.step == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return take_step(learning)


learner.Learner.take_step = step
loop.train(config, Path(sys.argv[2]))
"""
NEVER = 10**6


def run_two(config, folder: Path, *, dies_at: int, restarts: int = 0) -> bool:
    """Train with two processes; rank 1 is killed once, before step `dies_at`. True if all went well."""
    script = folder / "worker.py"
    script.write_text(WORKER)
    (folder / "config.json").write_bytes(msgspec.json.encode(config))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command.append(f"--max-restarts={restarts}")
    arguments = [str(script), str(folder / "config.json"), str(folder / "two"), str(dies_at)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run([*command, *arguments], timeout=400, env=environment).returncode == 0


def assert_same_weights(one: Path, two: Path) -> None:
    ours, theirs = (load_file(folder / "ema.safetensors") for folder in (one, two))
    for name in ours:
        torch.testing.assert_close(theirs[name], ours[name], atol=1e-5, rtol=0)


@pytest.mark.dist
def test_two_processes_do_what_one_does_even_after_one_was_killed(tmp_path: Path) -> None:
    config = toy_config(melody_corpus(tmp_path))
    train(config, tmp_path / "one")
    assert not run_two(config, tmp_path, dies_at=5)
    assert RunFolder(tmp_path / "two").read_json("run.json")["steps"] == 4
    assert run_two(config, tmp_path, dies_at=NEVER)
    assert_same_weights(tmp_path / "one", tmp_path / "two")


@pytest.mark.dist
def test_the_documented_command_trains_with_two_processes_as_one_does(tmp_path: Path) -> None:
    """`torchrun -m training.cli run`, whose history and curves have the training loss of the whole batch."""
    corpus = melody_corpus(tmp_path)
    config = write_config(tmp_path, corpus)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += ["-m", "training.cli", "run", str(config), "-o", str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    ended = subprocess.run(command, timeout=400, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    seen = dict[int, float]()
    train(toy_config(corpus), tmp_path / "one", observer=Observer(watch=lambda now: keep_loss(now, seen)))
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    shown = curve(tmp_path / "two", "train/loss")
    assert 1 in shown
    assert shown == pytest.approx({step: seen[step] for step in shown}, rel=1e-4)
    for ours, theirs in zip(*(history(tmp_path / name) for name in ("one", "two")), strict=True):
        for name in ("train_loss", "train_reconstruction_nats", "train_kl_bits", "loss"):
            assert theirs[name] == pytest.approx(ours[name], rel=1e-4)


def keep_loss(progress: Progress, seen: dict[int, float]) -> None:
    seen[progress.step] = float(progress.terms.loss)


def curve(run: Path, name: str) -> dict[int, float]:
    """Return a curve of TensorBoard's by its steps."""
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {point.step: point.value for point in events.Scalars(name)}


def history(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


@pytest.mark.dist
def test_torchrun_restarts_a_killed_rank_from_the_last_checkpoint(tmp_path: Path) -> None:
    config = toy_config(melody_corpus(tmp_path))
    train(config, tmp_path / "one")
    assert run_two(config, tmp_path, dies_at=5, restarts=1)
    assert_same_weights(tmp_path / "one", tmp_path / "two")
