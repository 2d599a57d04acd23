import sys

import numpy as np
import pytest
import tinybundle
from onnx import helper, numpy_helper

from engine.errors import BundleError, RenderError
from engine.inference import graphs, runtime
from engine.inference import model as models
from engine.inference.bundle.store import load_bundle, save_bundle
from engine.inference.graphs import CPU, GraphOpener
from engine.inference.model import Model, Timing


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(tinybundle.write(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def model(bundle):
    return Model.load(bundle, precision="float", provider=CPU)


def inputs(batch, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(batch, tinybundle.Z)).astype(np.float32)
    return z, rng.gumbel(size=(32, batch, 90)).astype(np.float32)


def reference_decode(z, perturbation):
    """The tiny decoder in numpy."""
    weights = {t.name: numpy_helper.to_array(t) for t in tinybundle.decoder_model().graph.initializer}
    last, tokens = np.zeros(len(z), np.int64), []
    for bias in perturbation:
        last = (z @ weights["z_table"] + weights["token_table"][last] + bias).argmax(axis=1)
        tokens.append(last)
    return np.stack(tokens)[..., None]


def test_decode_runs_the_loop_in_the_graph(model):
    z, perturbation = inputs(3)
    tokens = model.decode(z, perturbation)
    assert tokens.dtype == np.int64
    assert len(np.unique(tokens)) > 5
    np.testing.assert_array_equal(tokens, reference_decode(z, perturbation))


def test_a_row_is_the_same_alone_and_in_a_batch(model):
    z, perturbation = inputs(8)
    together = model.decode(z, perturbation)
    for row in range(8):
        alone = model.decode(z[row : row + 1], perturbation[:, row : row + 1])
        np.testing.assert_array_equal(alone[:, 0], together[:, row])


def test_encode_returns_mu_and_sigma(model):
    x = np.random.default_rng(0).integers(0, 90, (5, 32, 1))
    mu, sigma = model.encode(x)
    assert mu.shape == sigma.shape == (5, tinybundle.Z)
    assert (sigma > 0).all()
    again, _ = model.encode(x[2:3])
    np.testing.assert_allclose(again[0], mu[2], rtol=1e-5)


def test_wrong_shapes_are_render_errors(model):
    z, perturbation = inputs(2)
    for bad in (lambda: model.decode(z[:, :3], perturbation), lambda: model.decode(z, perturbation[:, :1])):
        with pytest.raises(RenderError, match="is not float32"):
            bad()
    with pytest.raises(RenderError, match="perturbation float64"):
        model.decode(z, perturbation.astype(np.float64))
    with pytest.raises(RenderError, match=r"x int64 \[1, 31, 1\] is not int64 \[1, 32, 1\]"):
        model.encode(np.zeros((1, 31, 1), np.int64))
    with pytest.raises(RenderError, match="encode failed"):
        model.encode(np.full((1, 32, 1), 90))  # beyond the embedding


def test_precision_can_be_forced(bundle, model):
    int8 = Model.load(bundle, precision="int8")
    assert int8.choice.used.precision == "int8"
    z, perturbation = inputs(1)
    assert not np.array_equal(int8.decode(z, perturbation), model.decode(z, perturbation))


def test_the_choice_is_reported(model):
    used = model.choice.used
    assert (used.provider, used.precision, used.refused) == (CPU, "float", "")
    assert used.encode_ms > 0
    assert used.total_ms == used.encode_ms + used.decode_ms
    assert model.choice.tried == (used,)


def test_a_graph_that_two_forms_share_is_opened_once(tmp_path):
    files = {name: data for name, data in tinybundle.files().items() if name != "encoder.int8.onnx"}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    opener = GraphOpener(load_bundle(tmp_path / "b"), 1)
    exact, small = opener.open(CPU, "float"), opener.open(CPU, "int8")
    assert exact.encoder is small.encoder
    assert exact.decoder is not small.decoder


def test_without_the_driver_of_a_card_its_provider_is_passed_over_unread(bundle, monkeypatch):
    monkeypatch.setattr(runtime, "CUDA_DRIVERS", {sys.platform: "libno-such-driver.so"})
    monkeypatch.setattr(graphs.onnxruntime, "InferenceSession", None)
    with pytest.raises(BundleError, match="the provider's libraries are missing; install them or use CPU"):
        GraphOpener(bundle, 1).open(runtime.CUDA, "float")
    assert runtime.has_driver(CPU)


def fake_timings(monkeypatch, **total_ms):
    def measure(bundle, graphs, provider, precision):
        return Timing(provider, precision, total_ms[precision] / 2, total_ms[precision] / 2)

    monkeypatch.setattr(models, "_measure", measure)
    monkeypatch.setattr(models, "ACCELERATORS", ())


@pytest.mark.parametrize(
    ("int8", "float_", "chosen"), [(5.0, 15.0, "int8"), (15.0, 5.0, "float"), (4.8, 5.0, "float")]
)
def test_the_faster_form_is_kept_unless_it_is_a_tie(bundle, monkeypatch, int8, float_, chosen):
    fake_timings(monkeypatch, int8=int8, float=float_)
    choice = Model.load(bundle).choice
    assert choice.used.precision == chosen
    assert [timing.precision for timing in choice.tried] == ["float", "int8"]


def test_an_accelerator_that_does_not_work_is_passed_over_and_reported(bundle, monkeypatch):
    monkeypatch.setattr(models, "ACCELERATORS", ("CUDAExecutionProvider",))
    monkeypatch.setattr(models.onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])
    real = models.onnxruntime.InferenceSession

    def session(graph, options, providers, **rest):
        return real(graph, options, providers=[CPU], **rest)  # what onnxruntime does without the library

    monkeypatch.setattr(models.onnxruntime, "InferenceSession", session)
    choice = Model.load(bundle).choice
    assert choice.used.provider == CPU
    assert "libraries are missing" in choice.tried[-1].refused
    with pytest.raises(BundleError, match="libraries are missing"):
        Model.load(bundle, provider="CUDAExecutionProvider")


def test_unknown_providers_precisions_and_threads_are_refused(bundle, tmp_path):
    with pytest.raises(BundleError, match=CPU):
        Model.load(bundle, provider="AbacusExecutionProvider")
    with pytest.raises(BundleError, match="threads 0"):
        Model.load(bundle, threads=0)
    files = {k: v for k, v in tinybundle.files().items() if "int8" not in k}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    with pytest.raises(BundleError, match="no int8 graphs"):
        Model.load(str(tmp_path / "b"), precision="int8")


def broken(tmp_path, change):
    """A bundle whose decoder passes the checks on paper but not in the runtime."""
    decoder = tinybundle.decoder_model()
    change(decoder)
    files = {"encoder.onnx": tinybundle.encoder_model(), "decoder.onnx": decoder}
    data = {name: graph.SerializeToString() for name, graph in files.items()}
    save_bundle(
        tmp_path / "b", tinybundle.manifest(), {**data, "latents.npz": tinybundle.latents().to_bytes()}
    )
    return str(tmp_path / "b")


def test_graphs_that_cannot_be_loaded_run_or_lie_about_their_output_are_bundle_errors(tmp_path):
    def dangling_input(graph):
        graph.graph.node[0].input[0] = "nobody"

    def wrong_shape(graph):
        graph.graph.node[-1].CopyFrom(
            helper.make_node("Transpose", ["sequence3"], ["tokens"], perm=[1, 0, 2])
        )
        graph.graph.node.insert(
            len(graph.graph.node) - 1, helper.make_node("Unsqueeze", ["sequence", "last_axis"], ["sequence3"])
        )
        graph.graph.output[0].CopyFrom(helper.make_tensor_value_info("tokens", 7, [None, "B", 1]))

    for change, words in (
        (dangling_input, "cannot be loaded"),
        (wrong_shape, "came out as int64 [1, 32, 1]"),
    ):
        with pytest.raises(BundleError) as caught:
            Model.load(broken(tmp_path, change), provider=CPU)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_warm_up_runs_each_batch_size(model):
    model.warm_up((1, 8))
    z, perturbation = inputs(8)
    assert model.decode(z, perturbation).shape == (32, 8, 1)


def test_loading_says_nothing_on_the_terminal(bundle, capfd):
    Model.load(bundle)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
