"""`antiphon-export --install`: a bundle of one's own is found by its name wherever models are asked for."""

import shutil

import pytest
import tinyrun
from typer.testing import CliRunner

from engine import installed_bundles
from engine.inference.bundle.store import save_bundle
from engine.installed_bundles import find_bundle, installed
from export import cli
from export.bundle_place import pack, remove
from export.cli import app, install_bundle, installed_place
from export.manifest import manifest_of

BUNDLED = {"encoder.onnx": b"e", "decoder.onnx": b"d"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's folder, in a temporary place."""
    monkeypatch.setattr(
        installed_bundles.platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path / "data")
    )
    return tmp_path / "data" / "models"


@pytest.fixture
def quick(monkeypatch):
    """Write a folder or a file in the bundle's place, without the graphs and their proof."""

    def export_run(run, corpus, output, options, report):
        report("writing the graphs")
        output.parent.mkdir(parents=True, exist_ok=True)
        remove(output)
        manifest = manifest_of(run, options.name, options.title)
        return save_bundle(output, manifest, BUNDLED) if not options.zipped else zipped(output)

    def zipped(output):
        folder = output.parent / "unpacked"
        manifest = save_bundle(folder, manifest_of(run), BUNDLED)
        pack(folder).replace(output)
        shutil.rmtree(folder)
        return manifest

    run = None

    def load_run(*arguments):
        nonlocal run
        run = original(*arguments)
        return run

    import export.run

    original = export.run.load_run
    monkeypatch.setattr("export.run.load_run", load_run)
    monkeypatch.setattr("export.bundle.export_run", export_run)


@pytest.fixture
def folder(tmp_path):
    return tinyrun.write(tmp_path / "My Run", tinyrun.model_config())


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("zipped", [False, True])
def test_what_is_installed_is_found_by_its_name(folder, home, quick, zipped):
    done = command(folder, "--install", "--no-latents", *(["--zip"] if zipped else []))
    assert done.exit_code == 0, done.output
    assert "installed as my_run: antiphon live --model my_run" in done.stdout
    place = home / ("my_run.zip" if zipped else "my_run")
    assert find_bundle("my_run") == installed()["my_run"] == place
    assert "writing the graphs" in done.stderr  # the stages are said


@pytest.mark.parametrize(("weights", "chosen"), [("last", ""), ("2+4", " --weights 2+4")])
def test_how_to_publish_the_quality_of_unmeasured_weights_is_said(folder, home, quick, weights, chosen):
    (folder / "metrics.json").unlink()
    (folder / "weights").mkdir()
    for step in (2, 4):
        shutil.copy(folder / "ema.safetensors", folder / "weights" / f"step_{step:07}.safetensors")
    said = " ".join(command(folder, "--install", "--no-latents", "--weights", weights).stderr.split())
    assert (
        f"nothing was measured on these weights; 'antiphon-train evaluate {folder}{chosen} --record'" in said
    )
    assert "metrics" not in said


def test_a_bundle_written_elsewhere_is_installed_as_a_copy(folder, home, quick, tmp_path):
    done = command(folder, "-o", tmp_path / "mine", "--install", "--no-latents", "--name", "Blue Note")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine" / "bundle.json").read_bytes() == (
        home / "blue_note" / "bundle.json"
    ).read_bytes()
    assert [path.name for path in home.iterdir()] == ["blue_note"]


def test_one_of_a_shipped_models_name_is_called_by_its_path(folder, home, quick):
    done = command(folder, "--install", "--no-latents", "--name", "melody_2bar")
    assert f"antiphon live --model {home / 'melody_2bar'}" in done.stdout
    assert installed()["melody_2bar (own)"] == home / "melody_2bar"


def test_installing_again_replaces_the_one_of_that_name_in_either_form(folder, home, quick):
    assert command(folder, "--install", "--no-latents").exit_code == 0
    assert command(folder, "--install", "--no-latents", "--zip").exit_code == 0
    assert [path.name for path in home.iterdir()] == ["my_run.zip"]
    assert command(folder, "--install", "--no-latents").exit_code == 0
    assert [path.name for path in home.iterdir()] == ["my_run"]


def test_a_folder_that_is_no_bundle_is_left_alone_and_said_before_the_work(
    folder, home, monkeypatch, tmp_path
):
    (home / "my_run").mkdir(parents=True)
    (home / "my_run" / "songs.txt").write_text("mine")
    monkeypatch.setattr("export.bundle.export_run", lambda *_: pytest.fail("work was begun"))
    for output in ([], ["-o", tmp_path / "mine", "--name", "my_run"]):
        done = command(folder, "--install", "--no-latents", *output)
        assert done.exit_code == 1
        assert "something else in it" in done.stderr
    assert (home / "my_run" / "songs.txt").read_text() == "mine"
    assert not (tmp_path / "mine").exists()


def test_a_copy_that_fails_leaves_the_installed_one(home, monkeypatch, tmp_path):
    old = installed_place("mine", zipped=False)
    old.mkdir(parents=True)
    (old / "bundle.json").write_text("{}")
    (tmp_path / "new").mkdir()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.shutil, "copytree", full)
    with pytest.raises(OSError, match="No space"):
        install_bundle(tmp_path / "new", old)
    assert [path.name for path in home.iterdir()] == ["mine"]
    assert (old / "bundle.json").read_text() == "{}"
