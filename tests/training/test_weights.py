"""A changed byte in a file of weights is noticed wherever the file is read."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from toy_runs import melody_corpus, toy_config

from export.bundle import Options, export_run
from export.errors import ExportError
from export.run import load_run
from training.errors import ConfigError
from training.evaluation.loaded_model import load_subject
from training.loop import load_model, train
from training.model_files import load_start
from training.weights import packed, unpacked

WEIGHTS = {"b.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "a.bias": torch.tensor(5, dtype=torch.int64)}


def flipped(file: Path) -> None:
    """Change the last bit of the last number, as a bad disk does."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_weights_come_back_as_they_were() -> None:
    assert {name: value.tolist() for name, value in unpacked(packed(WEIGHTS)).items()} == {
        "a.bias": 5,
        "b.weight": [[1.0, 2.0], [3.0, 4.0]],
    }


def test_the_hash_does_not_depend_on_the_order() -> None:
    assert packed(dict(reversed(WEIGHTS.items()))) == packed(WEIGHTS)


@pytest.mark.parametrize("place", [-1, -8, -24])
def test_a_changed_byte_of_any_tensor_is_refused(place: int) -> None:
    data = bytearray(packed(WEIGHTS))
    data[place] ^= 16
    with pytest.raises(ValueError, match="sha256 differs"):
        unpacked(bytes(data))


def test_a_changed_name_is_refused() -> None:
    with pytest.raises(ValueError, match="sha256 differs"):
        unpacked(packed(WEIGHTS).replace(b"a.bias", b"c.bias"))


def test_weights_of_other_programs_have_no_hash_and_are_read() -> None:
    assert unpacked(save(WEIGHTS))["a.bias"].item() == 5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    train(toy_config(melody_corpus(root)), root / "run")
    export_run(load_run(root / "run"), None, root / "bundle", Options(int8=False), lambda stage: None)
    return root / "run"


@pytest.mark.parametrize("read", [load_model, load_subject, load_start, load_run])
def test_every_reader_of_a_run_refuses_changed_weights(
    run: Path, tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    changed = shutil.copytree(run, tmp_path / "run")
    read(changed)
    flipped(changed / "ema.safetensors")
    with pytest.raises((ConfigError, ExportError), match="sha256 differs"):
        read(changed)


@pytest.mark.parametrize("read", [load_subject, load_start])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_reader_of_a_bundle_refuses_changed_weights(
    run: Path, tmp_path: Path, read: Callable[[Path], Any], zipped: bool
) -> None:
    changed = shutil.copytree(run.parent / "bundle", tmp_path / "bundle")
    read(changed)
    (changed / "weights.safetensors").write_bytes(save(WEIGHTS))  # whole, and not those that were exported
    place = Path(shutil.make_archive(str(tmp_path / "zipped"), "zip", changed)) if zipped else changed
    with pytest.raises(ConfigError, match=r"weights\.safetensors: sha256 differs from bundle\.json"):
        read(place)
