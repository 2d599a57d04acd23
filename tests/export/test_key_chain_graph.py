"""A continuation that decides keys together, as graphs against torch, and from a run to music."""

import msgspec
import numpy as np
import pytest
import tinyrun
import torch

from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.inference.windows import encode_phrase
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from export import key_chain_graph
from export.bundle import Options, export_run
from export.bundle_check import check_bundle
from export.bundle_place import place
from export.continuation_proof import prove_continuation
from export.errors import ExportError
from export.run import load_run
from training.config import KeyChainConfig, ModelConfig
from training.models.build import build_model
from training.models.key_chain import KeyChain

CONFIG = ModelConfig(
    representation="pianoroll",
    bars=2,
    task="continue",
    key_chain=KeyChainConfig(hidden=12, channels=10, key_channels=6, chain=8),
)
SONG = Phrase.of([Note(i / 2, 60 + i % 5, 0.5, 50, 3) for i in range(16)], 2)
WALTZ = Phrase.of([Note(i / 2, 60 + i % 5, 0.5, 50, 3) for i in range(12)], 2, Metre(3, 4))


def chain() -> KeyChain:
    torch.manual_seed(3)
    made = build_model(CONFIG)
    weights = {name: (3 * value).half().float() for name, value in made.state_dict().items()}
    weights["head.bias"] = torch.cat([torch.ones(88), torch.linspace(-3, -1, 88)]).half().float()
    weights["interval"] = torch.linspace(-1, 1, 175).half().float()
    made.load_state_dict(weights)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    run = load_run(tinyrun.write(folder / "run", CONFIG, chain()))
    export_run(run, tinyrun.RandomChords(), folder / "bundle", Options(), lambda _: None)
    return folder / "bundle"


def test_it_becomes_a_proven_bundle_that_takes_what_was_heard(bundle):
    manifest = load_bundle(bundle).manifest
    assert (manifest.kind, manifest.task, manifest.z_size) == ("seq2seq", "continue", 12)
    assert manifest.conditions == ("heard", "ringing")
    assert [spec.shape for spec in manifest.decoder.inputs[2:]] == [("B", "T", 88), ("B", "U", 88)]
    assert manifest.parity["float_same_choices"] > 0.999
    assert manifest.prior_components >= 1
    assert check_bundle(bundle)["float_mu_error"] < 1e-4


@pytest.mark.parametrize("heard_bars", [0, 1, 3, 9])
def test_the_graphs_do_what_torch_does_at_lengths_never_proven(bundle, heard_bars):
    model, graphs = chain(), Model.load(str(bundle))
    heard = (torch.rand(2, 16 * heard_bars, 88, generator=torch.Generator().manual_seed(1)) < 0.05).float()
    z = torch.zeros(2, 12)
    if heard_bars:
        mu, sigma = graphs.encode(heard.numpy())
        z = torch.from_numpy(mu)
        assert torch.allclose(z, model.encode(heard), atol=1e-5)
        assert not sigma.any()
    noise = torch.rand(21, 2, 88, generator=torch.Generator().manual_seed(2)).logit(1e-6)
    frames = graphs.decode(z.numpy(), noise.numpy(), heard=heard.numpy())
    assert frames.shape == (21, 2, 88)
    assert 0.01 < frames.mean() < 0.9
    assert (frames == model.generate(z, noise, heard).transpose(0, 1).numpy()).mean() > 0.99


def test_what_rings_counts_for_holding_alone(bundle):
    model, graphs = chain(), Model.load(str(bundle))
    generator = torch.Generator().manual_seed(4)
    heard = (torch.rand(2, 16, 88, generator=generator) < 0.05).float()
    z, noise = model.encode(heard), torch.rand(24, 2, 88, generator=generator).logit(1e-6)

    def written(nats: float) -> np.ndarray:
        given = {"heard": heard.numpy(), "ringing": np.full((2, 24, 88), nats, np.float32)}
        return graphs.decode(z.numpy(), noise.numpy(), **given)

    plain = graphs.decode(z.numpy(), noise.numpy(), heard=heard.numpy())
    assert np.array_equal(written(0.0), plain)
    for_ever, never = written(1e6), written(-1e6)
    assert (np.diff(for_ever, axis=0) >= 0).all()  # what sounds is never released
    assert not (never[1:] * never[:-1]).any()  # and never held
    assert never.any()


@pytest.mark.parametrize(("name", "said"), [("head", "decoder: .* differ"), ("place", "encoder: mu differs")])
def test_a_wrong_weight_is_found(bundle, name, said):
    broken = chain()
    with torch.no_grad():
        getattr(broken, name).weight.mul_(-1)
    with pytest.raises(ExportError, match=said):
        prove_continuation(broken, Model.load(str(bundle)))


def test_the_bundle_plays_on_from_what_was_heard_or_from_nothing(bundle):
    model = Model.load(str(bundle))
    slots = {"heard": encode_slot(model, SONG)}
    takes = [render(model, slots, Controls(mode="continue", seed=7, bars=bars)) for bars in (0, 8, 8)]
    assert [take.bars for take in takes] == [2, 8, 8]
    assert takes[1] == takes[2]
    assert {(note.velocity, note.channel) for note in takes[1].notes} == {(50, 3)}
    starts = [render(model, slots, Controls(mode="continue", start=s)) for s in ("guided", "zero", "random")]
    assert len({take.notes for take in starts}) == 3


def test_a_waltz_goes_on_in_three(bundle):
    model = Model.load(str(bundle))
    take = render(model, {"heard": encode_phrase(model, WALTZ)}, Controls(mode="continue", seed=1, bars=4))
    assert take.beats_per_bar == 3
    assert take.notes
    assert all(note.start_beats < 12 for note in take.notes)


def test_only_a_continuation_is_given_what_was_heard(bundle, tmp_path):
    loaded = load_bundle(bundle)
    files = {file.name: file.read_bytes() for file in bundle.iterdir() if file.name != "bundle.json"}
    for conditions in (("heard", "chords"), ("ringing",)):
        manifest = msgspec.structs.replace(loaded.manifest, conditions=conditions)
        with pytest.raises(BundleError, match="conditions"):
            place(tmp_path / "wrong", manifest, files, zipped=False)


def test_a_bundle_from_before_keys_rang_apart_is_still_continued(bundle, tmp_path, monkeypatch):
    """Its decoder has one shift for both choices."""
    monkeypatch.setattr("export.key_chain_graph.CONDITIONS", ("heard",))

    def as_before(model):
        builder = key_chain_graph.GraphBuilder()
        silence = key_chain_graph._silence(builder, model, "heard")
        body = key_chain_graph.GraphBuilder("d_")
        now, shift = key_chain_graph._carried(body), "d_shift"
        looked = key_chain_graph._look_back(body, now)
        state = key_chain_graph._state(body, model, now, looked)
        frame = key_chain_graph._decided(body, model, now, looked, state, (shift, shift))
        after = key_chain_graph._pushed(body, now, looked, frame, state)
        start = key_chain_graph._remembered(builder, model, silence)
        written = (body.node("Identity", frame),)
        key_chain_graph._scan(builder, body, (now, after), start, ((shift, "perturbation"),), written)
        return builder

    monkeypatch.setattr("export.key_chain_graph._decoder", as_before)
    run = load_run(tinyrun.write(tmp_path / "run", CONFIG, chain()))
    export_run(run, tinyrun.RandomChords(), tmp_path / "before", Options(), lambda _: None)
    before, now = Model.load(str(tmp_path / "before")), Model.load(str(bundle))
    assert before.bundle.manifest.conditions == ("heard",)
    free = Controls(mode="continue", seed=7, bars=4, constraints=Constraints(in_key=False))
    takes = [render(model, {"heard": encode_slot(model, SONG)}, free) for model in (before, now)]
    assert takes[0] == takes[1]  # nothing is asked that says what may begin
