"""A continuation's graphs against torch, and its bundle from a run to music; likewise the drummer's."""

import msgspec
import numpy as np
import pytest
import tinyrun
import torch
from safetensors.torch import save_file

from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.notes import Note, Phrase
from export import continuation_graph
from export.bundle import Options, export_run
from export.bundle_check import check_bundle
from export.bundle_place import place
from export.continuation_graph import update_first
from export.continuation_proof import prove_continuation
from export.errors import ExportError
from export.run import load_run
from training.config import ContinuerConfig, ModelConfig
from training.models.build import build_model
from training.models.seq2seq import Continuer

CONFIG = ModelConfig(
    representation="pianoroll",
    bars=2,
    task="continue",
    continuer=ContinuerConfig(hidden=12, layers=2, channels=10),
)
SONG = Phrase.of([Note(i / 2, 60 + i % 5, 0.5, 50, 3) for i in range(16)], 2)
BEAT = Phrase.of([Note(i / 2 + 0.03, (36, 42, 38, 42)[i % 4], 0.2, 60 + i, 9) for i in range(16)], 2)


class Beats(tinyrun.FakeCorpus):
    """Random drums as frames."""

    def __init__(self):
        super().__init__(count=60)
        rng = np.random.default_rng(7)
        hits = (rng.random((120, 32, 9)) < 0.2).astype(np.float32)
        feel = rng.uniform(0.1, 0.9, (2, 120, 32, 9)).astype(np.float32)
        self.tokens = np.concatenate([hits, hits * feel[0], hits * feel[1]], axis=-1)


def continuer(scale=3.0) -> Continuer:
    torch.manual_seed(3)
    made = build_model(CONFIG)
    weights = {name: (scale * value).half().float() for name, value in made.state_dict().items()}
    weights["head.bias"] = torch.linspace(-3, 1, 88).half().float()
    made.load_state_dict(weights)
    return made.eval().requires_grad_(False)


def written(folder, config, model=None):
    return load_run(tinyrun.write(folder, config, model))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("continuing")
    run = written(folder / "run", CONFIG, continuer())
    export_run(run, tinyrun.RandomChords(), folder / "bundle", Options(), lambda _: None)
    return folder / "bundle"


def test_gates_are_in_onnx_order():
    assert update_first(torch.arange(6)).tolist() == [2, 3, 0, 1, 4, 5]


def test_a_continuation_becomes_a_proven_bundle(bundle):
    manifest = load_bundle(bundle).manifest
    assert (manifest.kind, manifest.task, manifest.z_size) == ("seq2seq", "continue", 24)
    assert manifest.encoder.inputs[0].shape == ("B", "T", 88)
    assert manifest.decoder.inputs[1].shape == manifest.decoder.outputs[0].shape == ("U", "B", 88)
    assert set(manifest.files) == {"encoder.onnx", "decoder.onnx", "latents.npz", "weights.safetensors"}
    assert manifest.prior_components >= 1
    assert manifest.parity["float_same_choices"] > 0.999
    assert manifest.parity["float_choices"] == 2 * 88 * (1 + 16 + 64) * (1 + 3)
    assert check_bundle(bundle)["float_mu_error"] < 1e-4


def test_the_graphs_do_what_torch_does_at_lengths_never_proven(bundle):
    model, graphs = continuer(), Model.load(str(bundle))
    given = (torch.rand(2, 37, 88) < 0.05).float()
    mu, sigma = graphs.encode(given.numpy())
    assert np.abs(mu - model.encode(given).numpy()).max() < 1e-5
    assert not sigma.any()
    noise = torch.rand(21, 2, 88).logit(1e-6)
    frames = graphs.decode(mu, noise.numpy())
    assert frames.shape == (21, 2, 88)
    assert 0.01 < frames.mean() < 0.9
    assert (frames == model.generate(torch.from_numpy(mu), noise).transpose(0, 1).numpy()).mean() > 0.99


def test_a_wrong_weight_is_found(bundle):
    broken = continuer()
    with torch.no_grad():
        broken.decoder.bias_hh_l1[-3] += 0.5  # inside the reset gate's reach
    with pytest.raises(ExportError, match=r"decoder: .* choices differ"):
        prove_continuation(broken, Model.load(str(bundle)))
    with torch.no_grad():
        broken.encoder.bias_hh_l0[-3] += 0.5
    with pytest.raises(ExportError, match="encoder: mu differs"):
        prove_continuation(broken, Model.load(str(bundle)))


def test_the_bundle_plays_on(bundle):
    model = Model.load(str(bundle))
    slots = {"heard": encode_slot(model, SONG)}
    assert model.modes == ("continue",)
    takes = [
        render(model, slots, Controls(mode="continue", temperature=1.0, seed=7, bars=bars))
        for bars in (0, 8, 8)
    ]
    assert [take.bars for take in takes] == [2, 8, 8]
    assert takes[1] == takes[2]
    assert {(note.velocity, note.channel) for note in takes[0].notes} == {(50, 3)}
    starts = [render(model, slots, Controls(mode="continue", start=s)) for s in ("guided", "zero", "random")]
    assert len({take.notes for take in starts}) == 3


def test_the_engine_refuses_a_task_that_does_not_fit(bundle, tmp_path):
    loaded = load_bundle(bundle)
    files = {file.name: file.read_bytes() for file in bundle.iterdir() if file.name != "bundle.json"}
    for changes, said in (
        ({"task": "humanize"}, "task 'humanize' is not one of representation 'pianoroll'"),
        ({"kind": "vae"}, "kind 'vae' does not do task 'continue'"),
    ):
        manifest = msgspec.structs.replace(loaded.manifest, **changes)
        with pytest.raises(BundleError, match=said):
            place(tmp_path / "wrong", manifest, files, zipped=False)


@pytest.mark.parametrize(("task", "mode"), [("humanize", "groove"), ("drumify", "drumify")])
def test_a_drummer_becomes_a_bundle_that_says_its_task(task, mode, tmp_path):
    config = msgspec.structs.replace(tinyrun.model_config("groove"), task=task)
    run = written(tmp_path / "run", config)
    manifest = export_run(run, Beats(), tmp_path / "bundle", Options(int8=False), lambda _: None)
    assert (manifest.kind, manifest.task, manifest.variation_curve) == ("vae", task, ())
    model = Model.load(str(tmp_path / "bundle"))
    slots = {"heard": encode_slot(model, BEAT)}
    result = render(model, slots, Controls(mode=mode, variation=1.0))
    assert result != BEAT
    if task == "humanize":
        hits = [(round(note.start_beats * 4), note.pitch) for note in result.notes]
        assert sorted(hits) == sorted((round(note.start_beats * 4), note.pitch) for note in BEAT.notes)


def test_weights_that_do_not_fit_are_refused(tmp_path):
    folder = tinyrun.write(tmp_path / "run", CONFIG, continuer())
    save_file({"feed.weight": torch.zeros(10, 88)}, folder / "ema.safetensors")
    with pytest.raises(ExportError, match="does not fit the run's config"):
        load_run(folder)
    assert continuation_graph.state_size(continuer()) == 24
