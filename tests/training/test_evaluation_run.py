"""The commands on a tiny model, from a run to its report, its listening test and its bundle's data."""

import hashlib
import io
import json
import math
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_runs import SMALL, melody_corpus, toy_config
from typer.testing import CliRunner

from engine.errors import MidiFileError
from engine.midifile.read import read_midi
from export.run import load_run
from training.checkpoint import RunFolder
from training.cli import app
from training.evaluation.core_metrics import core_metrics
from training.evaluation.evaluate import Results
from training.evaluation.loaded_model import Prior, load_subject
from training.evaluation.report import number
from training.loop import Observer, train
from training.run_command import run_with_progress


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    train(toy_config(melody_corpus(folder)), folder / "run", observer=Observer(measure=core_metrics))
    return folder / "run"


def invoke(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def report(run: Path) -> Path:
    result = invoke("evaluate", run, "--split", "train", "--windows", 16, "--audio", "--record")
    assert result.exit_code == 0, result.output
    return run / "evaluation" / "train"


def test_the_report_holds_every_section(report: Path) -> None:
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["split"] == "train"
    assert metrics["core"]["windows"] == 16
    assert {"free_running", "teacher_forced", "note_f1", "kl_bits", "cross_entropy_nats"} <= set(
        metrics["core"]
    )
    assert len(metrics["interpolation"]["cost"]) == 11
    assert set(metrics["attributes"]["change"]) == set(metrics["attributes"]["units"])
    assert metrics["music"]["vary 0.0"]["note_f1"] == 1
    assert metrics["chords"]["follow 1"] >= metrics["chords"]["follow 0"]
    assert {"held-out music", "training music", "another piece", "morph .5", "prior, T 0.5"} <= set(
        metrics["music"]
    )
    assert {"register +1", "register -1, in key", "another piece"} <= set(metrics["sliders"])
    assert metrics["sliders"]["register +1"]["onsets_kept"] == 1  # it moves on the scale
    assert metrics["sliders"]["register +1"]["own"] > 0 > metrics["sliders"]["register -1"]["own"]
    assert set(metrics["seeds"]) == {"vary 0.3", "vary 0.6", "prior", "another piece"}
    assert set(metrics["likeness"]) == {"other held-out music", "draws from N(0, I)"}
    page = (report / "index.html").read_text()
    for section in (
        "Music",
        "Side effects",
        "Two seeds",
        "Core measures",
        "Interpolation",
        "Attribute directions",
        "Likeness",
        "Sounds",
    ):
        assert section in page
    assert "http" not in page.replace("http-equiv", "")


def test_its_pictures_are_pictures_and_its_samples_play(report: Path) -> None:
    for name in (
        "reconstruction",
        "interpolation",
        "interpolation_curves",
        "attributes",
        "likeness",
        "music",
        "samples",
    ):
        pixels = np.asarray(Image.open(report / f"{name}.png").convert("L"))
        assert min(pixels.shape) > 100
        assert pixels.std() > 5
    original = read_midi(report / "samples" / "original_1.mid")
    assert len(original.tracks[0].pitch) > 4
    with wave.open(str(report / "samples" / "original_1.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getnframes() > 4 * file.getframerate()
    assert np.abs(sound).max() > 10_000


def test_record_keeps_what_stood_there_and_adds_flat_numbers(run: Path, report: Path) -> None:
    recorded = RunFolder(run).read_json("metrics.json")
    measured = json.loads((report / "metrics.json").read_text())["core"]
    assert recorded["train_note_f1"] == measured["note_f1"]
    assert "note_f1" in recorded
    assert recorded["train_sliders_register_+1_onsets_kept"] == 1
    assert "train_seeds_prior_differing" in recorded
    assert all(not isinstance(value, dict) for value in recorded.values())


def test_the_same_seed_gives_the_same_metrics(run: Path, report: Path, tmp_path: Path) -> None:
    assert invoke("evaluate", run, "--split", "train", "--windows", 16, "-o", tmp_path).exit_code == 0
    again, before = ((folder / "metrics.json").read_text() for folder in (tmp_path, report))
    assert again == before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device"),
            "the report cannot be written (no space left on device); choose",
        ),
        (
            MidiFileError("FOLDER/a.mid: cannot be written; choose another place"),
            "/a.mid: cannot be written; cho",
        ),
        (KeyboardInterrupt(), "stopped"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_report_that_cannot_be_written_leaves_the_last_one_and_the_numbers_are_shown(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str, is_new: bool
) -> None:
    def half(results: Results, folder: Path, audio: bool | None) -> Path:
        (folder / "samples").mkdir()
        (folder / "samples" / "first.mid").write_text("new")
        (folder / "metrics.json").write_text("new")
        if isinstance(error, MidiFileError):
            raise MidiFileError(str(error).replace("FOLDER", str(folder)))
        raise error

    numbers = {"name": "toy", "split": "test", "core": {"note_f1": 0.8125}}
    monkeypatch.setattr("training.evaluation.command.evaluate", lambda *_: Results(numbers))
    monkeypatch.setattr("training.evaluation.command.write_evaluation", half)
    if not is_new:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "metrics.json").write_text("old")
    before = sorted(tmp_path.rglob("*"))
    done = invoke("evaluate", run, "-o", tmp_path / "report")
    assert done.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "0.8125" in done.stdout
    assert said in done.stderr
    assert ".antiphon-" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert is_new or (tmp_path / "report" / "metrics.json").read_text() == "old"


def test_a_place_for_the_report_that_cannot_be_made_is_refused_before_minutes_of_measuring(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.evaluation.command.evaluate", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only")))
    refused = invoke("evaluate", run, "-o", tmp_path / "new" / "report")
    assert refused.exit_code == 1
    assert "new/report: cannot be made a folder (read-only); choose another place" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "nowhere"], "neither a run nor a bundle"),
        (["evaluate", "RUN", "--split", "middle"], "split 'middle'"),
        (["evaluate", "RUN", "--corpus", "nowhere"], "no corpus there"),
        (["listen", "RUN"], "give MODEL and -o FOLDER"),
        (["listen", "--score", "nowhere.json", "--key", "key.json"], "nowhere.json"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(run: Path, arguments: list[str], said: str) -> None:
    result = invoke(*(run if argument == "RUN" else argument for argument in arguments))
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


def make_bundle(run: Path, folder: Path) -> Path:
    """Write the parts of a bundle that training reads, by hand."""
    subject = load_subject(run)
    folder.mkdir()
    config = RunFolder(run).read_json("config.json")
    names = ["density", "register", "syncopation", "interval", "in_scale"]
    manifest = {"training": {"config": config}, "attributes": [{"name": name} for name in names]}
    halves = {name: value.half().contiguous() for name, value in subject.model.state_dict().items()}
    save_file(halves, str(folder / "weights.safetensors"))
    arrays = {
        "prior_weights": np.ones(1, np.float32),
        "prior_means": np.full((1, 8), 3, np.float32),
        "prior_deviations": np.full((1, 8), 1e-3, np.float32),
        "directions": np.eye(5, 8, dtype=np.float32),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / "latents.npz").write_bytes(buffer.getvalue())
    manifest["files"] = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in folder.iterdir()
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def test_a_bundle_is_measured_with_its_own_prior_and_directions(run: Path, tmp_path: Path) -> None:
    bundle = make_bundle(run, tmp_path / "bundle")
    call = ["evaluate", bundle, "--split", "train", "--windows", 16]
    refused = invoke(*call)
    assert refused.exit_code == 1
    assert "-o" in refused.output
    assert invoke(*call, "-o", tmp_path / "report").exit_code == 0
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["form"] == "bundle"
    assert metrics["attributes"]["directions"] == "the bundle's"
    assert "draws from the mixture" in metrics["likeness"]


def unmeasured(*arguments: object) -> None:
    raise AssertionError("measured before it was known where to record")


def test_what_cannot_be_recorded_is_refused_before_measuring(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.evaluation.command.evaluate", unmeasured)
    own = shutil.copytree(run, tmp_path / "run")
    (own / "metrics.json").write_text('{"loss": ')
    bundle = make_bundle(run, tmp_path / "bundle")
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(manifest | {"metrics": [1]}))
    for arguments, said in (
        ([own], "metrics.json: is damaged"),
        ([bundle, "-o", tmp_path / "report"], "metrics is no JSON object"),
    ):
        result = invoke("evaluate", *arguments, "--record")
        assert result.exit_code == 1
        assert said in result.output
        assert len(result.output.strip().splitlines()) == 1


def test_the_numbers_of_the_best_weights_stand_beside_them(run: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run, tmp_path / "run")
    last = (own / "metrics.json").read_bytes()
    options = ["--split", "train", "--windows", "16", "--no-audio", "--weights", "best", "--record"]
    assert invoke("evaluate", own, *options).exit_code == 0
    assert (own / "metrics.json").read_bytes() == last
    assert "train_note_f1" in RunFolder(own).read_json("best.json")


def test_the_numbers_of_averaged_weights_are_kept_for_the_export(run: Path, tmp_path: Path) -> None:
    own = RunFolder(shutil.copytree(run, tmp_path / "run"))
    for step in (2, 4):
        own.keep(step, load_subject(run).model)
    options = ["--split", "train", "--windows", "16", "--no-audio", "--weights", "2+4", "--record"]
    assert invoke("evaluate", own.path, *options).exit_code == 0
    assert "train_note_f1" in load_run(own.path, which="2+4").metrics
    assert load_run(own.path, which="2").metrics == {}


def test_numbers_are_recorded_in_a_bundle_that_stays_what_it_is(run: Path, tmp_path: Path) -> None:
    bundle = make_bundle(run, tmp_path / "bundle")
    before = json.loads((bundle / "bundle.json").read_text())
    call = ["evaluate", bundle, "--split", "train", "--windows", 16, "-o", tmp_path / "report", "--record"]
    assert invoke(*call).exit_code == 0
    after = json.loads((bundle / "bundle.json").read_text())
    metrics = after.pop("metrics")
    assert after == before
    assert metrics["train_music_vary_0.0_note_f1"] == 1
    assert {"train_free_running", "train_music_prior_T_0.5_own_key", "train_chords_follow_1"} <= set(metrics)
    assert {path.name for path in bundle.iterdir()} == {*before["files"], "bundle.json"}


def test_a_bundle_in_a_zip_is_not_written_into(run: Path, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", make_bundle(run, tmp_path / "bundle"))
    whole = Path(packed).read_bytes()
    result = invoke("evaluate", packed, "--split", "train", "-o", tmp_path / "report", "--record")
    assert result.exit_code == 1
    assert "unpack it" in result.output
    assert Path(packed).read_bytes() == whole


def test_a_bundle_without_weights_says_so(run: Path, tmp_path: Path) -> None:
    bundle = make_bundle(run, tmp_path / "bundle")
    (bundle / "weights.safetensors").unlink()
    result = invoke("evaluate", bundle, "-o", tmp_path / "report")
    assert result.exit_code == 1
    assert "weights.safetensors" in result.output


def test_draws_from_a_prior_lie_where_it_says() -> None:
    prior = Prior(np.array([0.0, 1.0]), np.array([[0.0, 0], [5, -5]]), np.array([[1.0, 1], [0.1, 2]]))
    drawn = prior.draw(4000, np.random.default_rng(0)).numpy()
    assert drawn.mean(0) == pytest.approx([5, -5], abs=0.15)
    assert drawn.std(0) == pytest.approx([0.1, 2], rel=0.05)


def test_a_run_keeps_pictures_of_reconstructions_and_walks(run: Path, tmp_path: Path) -> None:
    corpus = Path(RunFolder(run).config().corpus)
    model = {"z_size": 8, "encoder": SMALL, "decoder": SMALL}
    config = toy_config(corpus, model=model, optim={"steps": 2, "warmup_steps": 1})
    run_with_progress(config, tmp_path / "drawn", resume=False, finetune=None)
    events = EventAccumulator(str(tmp_path / "drawn" / "tensorboard")).Reload()
    assert {"reconstruction", "interpolation"} <= set(events.Tags()["images"])
    curves = set(events.Tags()["scalars"])
    assert {"train/learning_rate", "train/beta", "train/gradient_norm", "valid/loss"} <= curves
    assert curves.isdisjoint({"valid/windows", "valid/step", "valid/sequences"})  # they say how, not how well


def test_curves_that_cannot_be_written_end_with_one_notice_and_the_training_goes_on(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FullDisk:
        def __init__(self, folder: str) -> None: ...

        def add_scalar(self, *_: object) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.run_command.SummaryWriter", FullDisk)
    config = toy_config(Path(RunFolder(run).config().corpus), optim={"steps": 4, "warmup_steps": 1})
    run_with_progress(config, tmp_path / "full", resume=False, finetune=None)
    said = capsys.readouterr().out
    assert said.count("curves and pictures end here (no space left on device); the training goes on") == 1
    assert RunFolder(tmp_path / "full").read_json("run.json")["steps"] == 4


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (1358, "1,358"),
        (2441.0, "2,441"),
        (112.04, "112.04"),
        (0.30051, "0.3005"),
        (1.0, "1"),
        (-1.5e-17, "0"),
        (math.inf, "inf"),
    ],
)
def test_numbers_of_the_page_are_as_a_reader_wants_them(value: float | None, shown: str) -> None:
    assert number(value) == shown
