import json
import os

import pytest
import tinyrun
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from engine.errors import AntiphonError
from export.cli import app
from export.errors import ExportError
from export.run import flat_metrics, load_run


@pytest.fixture
def folder(tmp_path):
    return tinyrun.write(tmp_path / "run", tinyrun.model_config())


def refusal(folder):
    with pytest.raises(AntiphonError) as caught:
        load_run(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_weights_are_rounded_to_half_precision_in_the_model_too(folder):
    weights = load_file(folder / "ema.safetensors")
    weights["to_mu.bias"] += 1e-6
    save_file(weights, folder / "ema.safetensors")
    run = load_run(folder)
    assert torch.equal(run.model.to_mu.bias, weights["to_mu.bias"].half().float())
    assert not run.model.training
    assert not any(parameter.requires_grad for parameter in run.model.parameters())


def test_metrics_are_flattened_to_their_numbers():
    content = {"split": "valid", "streams": {"bass": {"f1": 0.5}}, "done": True, "step": 3}
    assert flat_metrics(content) == {"streams.bass.f1": 0.5, "step": 3.0}


def test_a_run_that_was_never_evaluated_has_no_metrics(folder):
    (folder / "metrics.json").unlink()
    assert load_run(folder).metrics == {}


def test_refuses_a_folder_that_is_missing_or_no_run(tmp_path):
    assert "no such run" in refusal(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "config.json" in refusal(tmp_path / "empty")


def test_refuses_weights_that_are_missing_damaged_or_of_another_size(folder):
    weights = load_file(folder / "ema.safetensors")
    save_file({**weights, "to_mu.bias": torch.zeros(9)}, folder / "ema.safetensors")
    assert "does not fit the run's config" in refusal(folder)
    (folder / "ema.safetensors").write_bytes(b"nothing")
    assert "ema.safetensors: is damaged" in refusal(folder)
    (folder / "ema.safetensors").unlink()
    assert "no averaged weights yet" in refusal(folder)


def test_damaged_figures_can_be_left_away_or_measured_anew(folder):
    (folder / "metrics.json").write_text("[]")
    alone = "metrics.json: is not a JSON object; remove it: its figures alone are lost"
    assert refusal(folder).endswith(alone)
    (folder / "checkpoint.pt").write_bytes(b"")
    assert refusal(folder).endswith(f"{alone}, and the training command with --resume writes it anew")


def test_refuses_weights_that_are_not_finite_in_half_precision(folder):
    weights = load_file(folder / "ema.safetensors")
    weights["to_mu.bias"][0] = 1e6
    save_file(weights, folder / "ema.safetensors")
    assert "to_mu.bias is not finite in float16" in refusal(folder)


def test_refuses_a_config_of_another_version(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["colour"] = "red"
    (folder / "config.json").write_text(json.dumps(config))
    assert "colour" in refusal(folder)


def test_refuses_a_record_without_its_data(folder, tmp_path):
    from export.manifest import training_record

    (folder / "run.json").write_text('{"steps": 1}')
    with pytest.raises(ExportError, match=r"run\.json: lacks"):
        training_record(load_run(folder))


def printed(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 1
    assert result.stderr.startswith("antiphon-export: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_command_says_what_is_wrong_in_one_line(folder, tmp_path):
    assert "no such run" in printed(tmp_path / "absent", "-o", tmp_path / "out")
    assert "nowhere/corpus: no corpus there" in printed(folder, "-o", tmp_path / "out")
    assert "no such bundle" in printed("--check", tmp_path / "absent")
    assert not (tmp_path / "out").exists()


def test_the_command_asks_for_what_is_missing(folder):
    result = CliRunner().invoke(app, [str(folder)])
    assert result.exit_code == 2
    assert "-o BUNDLE" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN", "-o", "new", "--corpus", "c", "--no-latents"], "--corpus: nothing is measured on it with"),
        (["RUN", "-o", "new.zip"], "new.zip: with --zip the bundle is a .zip, and without it a folder; name"),
        (
            ["RUN", "-o", "new", "--zip"],
            "new: with --zip the bundle is a .zip, and without it a folder; name",
        ),
        (["RUN", "--check", "bundle"], "--check proves a bundle that is there; leave RUN, -o and --install"),
        (["-o", "new", "--check", "bundle"], "--check proves a bundle that is there; leave RUN, -o and"),
        (["--install", "--check", "bundle"], "--check proves a bundle that is there; leave RUN, -o and"),
    ],
)
def test_what_would_be_ignored_is_refused(folder, words, said):
    assert printed(*(folder if word == "RUN" else word for word in words)).startswith(
        f"antiphon-export: {said}"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_what_is_neither_a_file_nor_a_folder_is_not_replaced(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = printed(folder, "-o", tmp_path / "pipe", "--no-latents")
    assert "pipe: is neither a folder nor a file; choose another place with -o" in said
    assert (tmp_path / "pipe").is_fifo()
