import hashlib
import json
import zipfile

import msgspec
import numpy as np
import pytest
import tinyrun
import torch
from safetensors.torch import load_file, save_file

from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from export.bundle import Options, export_run
from export.bundle_check import check_bundle
from export.bundle_place import check_place, place
from export.errors import ExportError
from export.run import load_run, open_corpus


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(tinyrun.write(tmp_path_factory.mktemp("runs") / "run", tinyrun.model_config()))


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    output = tmp_path_factory.mktemp("bundles") / "tiny"
    said = []
    manifest = export_run(run, tinyrun.FakeCorpus(), output, Options(title="Tiny"), said.append)
    return output, manifest, said


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of the bundle that a test may break."""
    output, manifest, _ = exported
    files = {file.name: file.read_bytes() for file in output.iterdir() if file.name != "bundle.json"}
    place(tmp_path / "tiny", manifest, files, zipped=False)
    return tmp_path / "tiny"


def test_a_bundle_has_all_files_with_their_hashes(exported):
    output, manifest, said = exported
    names = {file.name for file in output.iterdir()}
    assert names == {"bundle.json", *manifest.files}
    assert set(manifest.files) == {
        "encoder.onnx",
        "decoder.onnx",
        "decoder.int8.onnx",
        "latents.npz",
        "weights.safetensors",
    }
    for name, entry in manifest.files.items():
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == entry.sha256
    assert said[0] == "writing the graphs"


def test_the_manifest_says_where_the_model_is_from(exported, run):
    manifest = load_bundle(exported[0]).manifest
    assert (manifest.name, manifest.title) == ("tiny_melody", "Tiny")
    assert (manifest.bars, manifest.steps, manifest.width, manifest.z_size) == (2, 32, 90, 8)
    source = manifest.training.data[0]
    assert (source.name, source.licence, source.works) == ("songs", "CC0-1.0", 3)
    assert manifest.training.data_hash == tinyrun.DATA_HASH
    assert (manifest.training.seed, manifest.training.steps) == (1, 10)
    assert msgspec.convert(manifest.training.config, type(run.config)) == run.config
    assert manifest.metrics["note_f1"] == 0.5
    assert manifest.parity["float_choices"] == 4352


def test_the_latent_space_is_measured(exported):
    bundle = load_bundle(exported[0])
    names = [attribute.name for attribute in bundle.manifest.attributes]
    assert names == ["density", "register", "syncopation", "interval", "in_scale"]
    assert list(bundle.manifest.attributes[0].effects) == names
    assert bundle.latents.directions.shape == (5, 8)
    assert np.linalg.norm(bundle.latents.directions, axis=1).min() > 0
    assert bundle.manifest.prior_components == len(bundle.latents.prior_weights) >= 1
    metrics = bundle.manifest.metrics
    assert metrics["prior_mixture_nats"] > metrics["prior_normal_nats"]


def test_the_engine_plays_what_was_exported(exported):
    model = Model.load(str(exported[0]))
    controls = Controls(mode="generate", temperature=1.0, seed=3)
    phrase = render(model, {}, controls)
    assert phrase == render(model, {}, controls)
    assert phrase.notes
    assert phrase.bars == 2


def test_weights_are_those_of_the_run_in_half_precision(exported, run):
    weights = load_file(exported[0] / "weights.safetensors")
    for name, tensor in run.model.state_dict().items():
        assert weights[name].dtype == torch.float16
        assert torch.equal(weights[name].float(), tensor)


def test_check_proves_a_bundle_and_its_zip(exported, tmp_path):
    output, manifest, _ = exported
    files = {file.name: file.read_bytes() for file in output.iterdir() if file.name != "bundle.json"}
    place(tmp_path / "tiny.zip", manifest, files, zipped=True)
    for path in (output, tmp_path / "tiny.zip"):
        measured = check_bundle(path)
        assert measured["float_same_choices"] == 1
        assert measured["int8_same_choices"] > 0.9


def test_the_same_files_make_the_same_zip(exported, tmp_path):
    output, manifest, _ = exported
    files = {file.name: file.read_bytes() for file in output.iterdir() if file.name != "bundle.json"}
    for name in ("a.zip", "b.zip"):
        place(tmp_path / name, manifest, files, zipped=True)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "a.zip").testzip() is None


def test_check_finds_a_changed_file(copied):
    graph = copied / "decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=r"decoder\.onnx: sha256"):
        check_bundle(copied)


def test_check_finds_graphs_that_are_not_of_these_weights(copied):
    """The hashes are right, and yet the tokens are another model's."""
    weights = load_file(copied / "weights.safetensors")
    other = {name: tensor if "cores" not in name else -tensor for name, tensor in weights.items()}
    save_file(other, copied / "weights.safetensors")
    document = json.loads((copied / "bundle.json").read_text())
    data = (copied / "weights.safetensors").read_bytes()
    document["files"]["weights.safetensors"] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    (copied / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(ExportError, match="choices differ"):
        check_bundle(copied)


def test_check_needs_weights(exported, tmp_path):
    output, manifest, _ = exported
    files = {name: (output / name).read_bytes() for name in manifest.files if name != "weights.safetensors"}
    place(tmp_path / "tiny", manifest, files, zipped=False)
    with pytest.raises(ExportError, match=r"has no weights\.safetensors"):
        check_bundle(tmp_path / "tiny")


def test_a_bundle_that_does_not_load_never_takes_the_old_ones_place(copied, exported):
    before = (copied / "bundle.json").read_bytes()
    files = {"encoder.onnx": b"", "decoder.onnx": b""}
    with pytest.raises(BundleError):
        place(copied, exported[1], files, zipped=False)
    assert (copied / "bundle.json").read_bytes() == before
    assert [path.name for path in copied.parent.iterdir()] == ["tiny"]


def test_other_peoples_folders_and_files_are_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(ExportError, match="something else in it"):
        check_place(tmp_path / "notes")
    with pytest.raises(ExportError, match="is a file and no bundle"):
        check_place(tmp_path / "notes" / "a.txt")


def test_without_a_corpus_there_is_the_standard_normal_and_nothing_else(run, exported, tmp_path, monkeypatch):
    graphs = {name: (exported[0] / name).read_bytes() for name in ("encoder.onnx", "decoder.onnx")}
    monkeypatch.setattr("export.bundle.conditions_graph", lambda model: None)  # tracing takes long
    monkeypatch.setattr("export.bundle.float_graphs", lambda vae, representation, conditions: graphs)
    manifest = export_run(run, None, tmp_path / "plain", Options(int8=False, name="plain"), lambda line: None)
    bundle = load_bundle(tmp_path / "plain")
    assert bundle.precisions == ("float",)
    assert manifest.attributes == ()
    assert manifest.name == bundle.manifest.name == "plain"
    np.testing.assert_array_equal(bundle.latents.prior_deviations, np.ones((1, 8)))


def test_another_corpus_than_the_runs_is_refused(run, monkeypatch, tmp_path):
    with pytest.raises(ExportError, match=r"nowhere/corpus.*--corpus.*--no-latents"):
        open_corpus(run, None)
    corpus = tinyrun.FakeCorpus()
    corpus.sha256 = "1" * 64
    monkeypatch.setattr("export.run.Corpus.open", lambda path, bars, **checks: corpus)
    with pytest.raises(ExportError, match="not the corpus the run was trained on"):
        open_corpus(run, tmp_path)
    corpus.sha256 = tinyrun.DATA_HASH
    assert open_corpus(run, tmp_path) is corpus


def silent_run(folder, name, nats):
    """Write a run whose likeliest choice is silence, by so many nats whatever it is given."""
    config = tinyrun.model_config(name)
    silent = tinyrun.model(config)
    for core in silent.cores:
        torch.nn.init.zeros_(core.head.weight)
        torch.nn.init.zeros_(core.skip.weight)
        core.head.bias.zero_()
        if core.categorical:
            core.head.bias[0] = nats
        else:
            core.head.bias[:9] = -nats
    return load_run(tinyrun.write(folder / "run", config, silent))


@pytest.mark.parametrize("name", ["melody", "drums", "groove", "trio"])
def test_a_model_that_plays_only_where_it_is_drawn_is_exported_without_attributes(tmp_path, name):
    said = []
    corpus = tinyrun.FakeCorpus(name=name)
    run = silent_run(tmp_path, name, 3.0)
    manifest = export_run(run, corpus, tmp_path / "bundle", Options(int8=False), said.append)
    assert manifest.attributes == ()
    assert any("the likeliest that the model writes is silence" in line for line in said)
    assert "measuring the latent space: attribute directions" not in said
    assert load_bundle(tmp_path / "bundle").manifest.name == manifest.name


def test_a_model_that_writes_silence_only_is_refused_before_anything_is_measured(tmp_path, monkeypatch):
    run = silent_run(tmp_path, "melody", 1000.0)
    monkeypatch.setattr("export.latents.best_mixture", lambda *_: pytest.fail("the prior was measured"))
    with pytest.raises(ExportError, match=r"writes silence for 16 of 16 .* --no-latents"):
        export_run(run, tinyrun.FakeCorpus(), tmp_path / "bundle", Options(int8=False), lambda stage: None)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("missing", ["train", "valid"])
def test_a_corpus_without_windows_to_measure_on_is_refused_before_the_graphs(
    run, tmp_path, monkeypatch, missing
):
    corpus = tinyrun.FakeCorpus()
    whole = corpus.window_ids
    monkeypatch.setattr(corpus, "window_ids", lambda split: whole(split)[: 0 if split == missing else None])
    monkeypatch.setattr("export.bundle.conditions_graph", lambda model: pytest.fail("graphs were traced"))
    with pytest.raises(ExportError, match=f"no {missing} windows of 2 bars.*--no-latents"):
        export_run(run, corpus, tmp_path / "bundle", Options(), lambda stage: None)


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ExportError, match="no folder that can be written into"):
        check_place(tmp_path / "taken" / "bundle")
    check_place(tmp_path / "new" / "deep" / "bundle")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]
