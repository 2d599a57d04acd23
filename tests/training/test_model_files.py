"""What fine-tuning may begin with, and that it keeps the latent it finds."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_runs import TOY, melody_corpus, toy_config, write_config
from typer.testing import CliRunner

from engine.installed_bundles import SHIPPED
from export.bundle import Options, export_run
from export.run import load_run
from training.checkpoint import RunFolder
from training.cli import app
from training.errors import ConfigError
from training.evaluation.core_metrics import core_metrics
from training.evaluation.loaded_model import load_subject
from training.loop import Observer, load_model, train
from training.model_files import load_start

STILL = {"steps": 2, "learning_rate": 0.0, "final_learning_rate": 0.0, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return melody_corpus(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started") / "run"
    train(toy_config(corpus), folder)
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path) -> Path:
    place = run.parent / "bundle"
    export_run(load_run(run), None, place, Options(int8=False), lambda stage: None)
    return place


def starts(run: Path, bundle: Path) -> dict[str, Path]:
    zipped = Path(shutil.make_archive(str(bundle.parent / "zipped"), "zip", bundle))
    weights = bundle.parent / "mine.safetensors"
    save_file(load_file(run / "ema.safetensors"), weights)
    return {
        "run": run,
        "bundle": bundle,
        "zip": zipped,
        "checkpoint": run / "checkpoint.pt",
        "safetensors": weights,
    }


@pytest.mark.parametrize("kind", ["run", "bundle", "zip", "checkpoint", "safetensors"])
def test_every_form_of_weights_is_a_start(corpus, run, bundle, tmp_path, kind) -> None:
    place = starts(run, bundle)[kind]
    base = load_file(run / "ema.safetensors")
    train(toy_config(corpus, optim=STILL), tmp_path, start=load_start(place))
    tuned = load_file(tmp_path / "ema.safetensors")
    tolerance = 1e-3 if kind in ("bundle", "zip") else 1e-7  # a bundle holds float16
    assert all(torch.allclose(tuned[name], base[name], atol=tolerance) for name in base)
    assert (
        RunFolder(tmp_path).read_json("run.json")["started_from"].startswith(f"{place.name}, weights sha256 ")
    )


@pytest.mark.parametrize("kind", ["run", "bundle", "zip", "checkpoint", "safetensors"])
def test_a_start_of_other_sizes_is_refused_by_name(corpus, run, bundle, tmp_path, kind) -> None:
    model = {**TOY["model"], "z_size": 4}
    with pytest.raises(ConfigError) as refused:
        train(toy_config(corpus, model=model), tmp_path / "run", start=load_start(starts(run, bundle)[kind]))
    named = "z_size is 8 there and 4 here"
    assert (named if kind in ("run", "bundle", "zip") else "(32, 8) there and (32, 4) here") in str(
        refused.value
    )
    assert not (tmp_path / "run").exists()


def test_what_is_no_start_is_refused(tmp_path: Path, run: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    whole = (run / "checkpoint.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(whole[: len(whole) // 2])
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"ema": {"a": 1}}, tmp_path / "no_weights.pt")
    cases = (
        ("absent", "no such file"),
        ("empty", "holds neither ema.safetensors nor weights.safetensors"),
        ("text.pt", "is damaged or no checkpoint; give a run, a bundle"),
        ("half.pt", "is damaged or no checkpoint; give a run, a bundle"),
        ("list.pt", "is no checkpoint of a run; give a run, a bundle"),
        ("no_weights.pt", "is no checkpoint of a run; give a run, a bundle"),
        ("text.safetensors", r"its weights are damaged \(.*\); give a run, a bundle"),
    )
    for name, words in cases:
        with pytest.raises(ConfigError, match=words) as refused:
            load_start(tmp_path / name)
        assert "remove" not in str(refused.value)  # a stranger's file is not to be thrown away


def test_an_installed_model_is_known_by_its_name_unless_something_of_that_name_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = Path("groove_2bar")
    monkeypatch.chdir(tmp_path)
    assert load_start(name).origin == load_start(SHIPPED / name).origin
    assert load_subject(name).path == SHIPPED / name
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="groove_2bar: holds neither"):
        load_start(name)
    with pytest.raises(ConfigError, match=r"name of an installed model: .*words_2bar"):
        load_subject(name)


def test_damaged_averaged_weights_are_one_line(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "ema.safetensors").write_bytes(b"half")
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path / "run"), "--split", "train"])
    assert result.exit_code == 1
    assert "ema.safetensors: is damaged" in result.stderr
    assert result.stderr.endswith(
        "; the training command with --resume writes it anew, or take --weights best\n"
    )


def test_a_resume_mends_damaged_averaged_weights(corpus: Path, run: Path, tmp_path: Path) -> None:
    for name, content in (("gone", None), ("half", b"half")):
        folder = Path(shutil.copytree(run, tmp_path / name))
        (folder / "ema.safetensors").unlink()
        if content:
            (folder / "ema.safetensors").write_bytes(content)
        train(toy_config(corpus), folder)
        assert (folder / "ema.safetensors").read_bytes() == (run / "ema.safetensors").read_bytes()


def test_damaged_best_weights_are_not_taken_and_the_last_are_named(run: Path, tmp_path: Path) -> None:
    folder = RunFolder(Path(shutil.copytree(run, tmp_path / "run")))
    (folder.path / "best.safetensors").write_bytes(b"half")
    for read in (folder.take_best, lambda: folder.read_weights("best")):
        with pytest.raises(ConfigError, match=r"best.safetensors: is damaged \(.*\); take --weights last$"):
            read()
    assert (folder.path / "ema.safetensors").read_bytes() == (run / "ema.safetensors").read_bytes()


def test_a_damaged_checkpoint_names_ways_that_there_are(run: Path, tmp_path: Path) -> None:
    folder = RunFolder(Path(shutil.copytree(run, tmp_path / "run")))
    (folder.path / "checkpoint.pt").write_bytes(b"half")
    anew = "remove it and give the command without --resume to begin anew"
    averaged = f"begin from {folder.path / 'ema.safetensors'} with --finetune and another -o"
    with pytest.raises(ConfigError) as refused:
        folder.load_checkpoint(torch.device("cpu"))
    assert str(refused.value).endswith(f"is damaged or no checkpoint; {averaged}, or {anew}")
    (folder.path / "ema.safetensors").unlink()
    with pytest.raises(ConfigError) as refused:
        folder.load_checkpoint(torch.device("cpu"))
    assert str(refused.value).endswith(f"is damaged or no checkpoint; {anew}")


def test_beta_goes_on_from_where_the_start_had_it_and_so_does_a_resume(corpus: Path, tmp_path: Path) -> None:
    """Two steps of a warm-up of four have reached half of 0.8; 0.1 is gone to from there in two."""
    base = {"beta": 0.8, "beta_warmup_steps": 4}
    train(toy_config(corpus, optim={"steps": 2}, loss=base), tmp_path / "base")
    seen: list[float] = []
    watcher = Observer(watch=lambda progress: seen.append(progress.beta))
    loss = {"beta": 0.1, "beta_warmup_steps": 2}
    begun = toy_config(corpus, optim={"steps": 1}, evaluate_every_steps=1, loss=loss)
    train(begun, tmp_path / "tuned", start=load_start(tmp_path / "base"), observer=watcher)
    train(toy_config(corpus, optim={"steps": 3}, loss=loss), tmp_path / "tuned", observer=watcher)
    assert seen == pytest.approx([0.4, 0.25, 0.1])
    assert load_start(tmp_path / "base" / "checkpoint.pt").beta == pytest.approx(0.4)


def test_fine_tuning_keeps_the_latent_that_it_finds(corpus, tmp_path) -> None:
    """From a trained latent, with a long warm-up of beta in the config, 40 more steps add no bits."""
    trained = {"steps": 300, "warmup_steps": 5, "learning_rate": 5e-3}
    loss = {"beta": 1.0, "free_bits": 4.0, "beta_warmup_steps": 50, "own_share": 0.0}
    train(toy_config(corpus, optim=trained, evaluate_every_steps=300, loss=loss), tmp_path / "base")
    config, model = load_model(tmp_path / "base")
    before = kl_bits(config, model, corpus)
    more = {"steps": 40, "warmup_steps": 5, "learning_rate": 5e-3, "ema": 0.5}
    slow = {**loss, "beta_warmup_steps": 100_000}
    tuned = toy_config(corpus, optim=more, evaluate_every_steps=40, loss=slow)
    seen: list[float] = []
    watcher = Observer(watch=lambda progress: seen.append(progress.beta))
    train(tuned, tmp_path / "tuned", start=load_start(tmp_path / "base"), observer=watcher)
    assert set(seen) == {1.0}
    after = kl_bits(*load_model(tmp_path / "tuned"), corpus)
    assert after < 1.2 * before


def kl_bits(config, model, corpus: Path) -> float:
    from training.corpus.dataset import Corpus

    return core_metrics(model, Corpus.open(corpus, config.model.window_bars), "train", 64)["kl_bits"]


def test_a_resumed_fine_tuning_remembers_what_it_started_from(corpus, run, tmp_path) -> None:
    config = write_config(tmp_path, corpus)
    call = ["run", str(config), "-o", str(tmp_path / "tuned"), "--finetune", str(run)]
    assert CliRunner().invoke(app, [*call, "optim.steps=2"]).exit_code == 0
    origin = RunFolder(tmp_path / "tuned").read_json("run.json")["started_from"]
    resumed = CliRunner().invoke(app, ["run", str(config), "-o", str(tmp_path / "tuned"), "--resume"])
    assert resumed.exit_code == 0, resumed.output
    assert RunFolder(tmp_path / "tuned").read_json("run.json")["started_from"] == origin != ""
