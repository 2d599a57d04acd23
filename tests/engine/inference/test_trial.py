"""A stranger's bundle is tried in a child process, which may die of it; one of our own is not."""

import sys

import numpy as np
import pytest
import tinybundle
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper

from engine.errors import BundleError
from engine.inference import trial
from engine.inference.bundle.store import load_bundle, save_bundle
from engine.inference.graphs import GraphOpener, Graphs
from engine.inference.trial import load_model, try_bundle
from engine.inference.trial_run import try_graphs
from engine.installed_bundles import SHIPPED, is_shipped


@pytest.fixture
def folder(tmp_path):
    return tinybundle.write(tmp_path / "tiny")


def test_a_good_bundle_stands_its_trial_and_is_loaded(folder):
    assert try_bundle(folder) == load_bundle(folder).hash
    assert load_model(folder, "float").name == "tiny_melody"


def test_a_bundle_that_does_not_fit_is_refused_with_its_own_reason(folder):
    (folder / "decoder.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"decoder\.onnx: size 0 bytes is not"):
        load_model(folder)


def test_a_graph_that_takes_too_much_memory_dies_alone(tmp_path):
    huge = helper.make_node(
        "ConstantOfShape", ["size"], ["huge"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    )
    used = [
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["from_z_first", "sum"], ["from_z"]),
    ]
    model = tinybundle.decoder_model()
    model.graph.node[0].output[0] = "from_z_first"
    for number, node in enumerate([huge, *used]):
        model.graph.node.insert(1 + number, node)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 40]), "size"))
    files = {**tinybundle.files(), "decoder.onnx": model.SerializeToString()}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    with pytest.raises(BundleError, match=r"did not stand its trial|cannot be loaded|cannot be run"):
        load_model(tmp_path / "b")


def test_a_trial_that_takes_too_long_is_ended(folder, monkeypatch):
    monkeypatch.setattr(
        trial, "child_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(600)"]
    )
    with pytest.raises(BundleError, match=r"tiny: did not stand its trial: it takes more than 0\.5 s"):
        try_bundle(folder, most_s=0.5)


def test_a_runtime_that_crashes_is_a_refusal(folder, monkeypatch):
    monkeypatch.setattr(trial, "child_command", lambda *_: [sys.executable, "-c", "import os; os.abort()"])
    with pytest.raises(BundleError, match="or it crashes"):
        try_bundle(folder)


def test_a_bundle_that_is_exchanged_after_its_trial_is_refused(folder, monkeypatch):
    monkeypatch.setattr(trial, "try_bundle", lambda path: "another")
    with pytest.raises(BundleError, match="was changed while it was read"):
        load_model(folder)


def test_what_came_with_the_program_is_loaded_without_a_trial(monkeypatch):
    monkeypatch.setattr(trial, "try_bundle", None)
    assert load_model(SHIPPED / "melody_2bar", "float").bars == 2


def test_a_shipped_bundle_with_other_bytes_than_its_manifest_says_is_refused(tmp_path, monkeypatch):
    folder = tinybundle.write(tmp_path / "tiny")
    monkeypatch.setattr(trial, "is_shipped", lambda path: True)
    (folder / "decoder.onnx").write_bytes((folder / "decoder.onnx").read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=r"decoder\.onnx: sha256 differs"):
        load_model(folder)


def test_a_stranger_with_an_operator_that_is_refused_gets_no_further_than_its_trial(tmp_path, monkeypatch):
    model = tinybundle.decoder_model()
    model.graph.node[0].op_type = "StringNormalizer"
    files = {**tinybundle.files(), "decoder.onnx": model.SerializeToString()}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    monkeypatch.setattr(trial, "Model", None)  # it is never asked to load
    with pytest.raises(BundleError, match="uses the operator 'StringNormalizer', which bundles may not"):
        load_model(tmp_path / "b")


def test_a_link_or_a_copy_did_not_come_with_the_program(tmp_path):
    assert is_shipped(SHIPPED / "melody_2bar")
    assert not is_shipped(SHIPPED / ".." / ".." / "other")
    assert not is_shipped(tmp_path / "engine" / "bundles" / "melody_2bar")


def with_batch_to_the(power, tmp_path):
    """Write a bundle whose decoder makes a tensor of its batch to a power first, sized by a shape alone."""
    model = tinybundle.decoder_model()
    sizes = ["of_batch"] * power
    made = [
        helper.make_node("Shape", ["z"], ["of_batch"], start=0, end=1),
        helper.make_node("Concat", sizes, ["size"], axis=0),
        helper.make_node("Expand", ["nought", "size"], ["much"]),
        helper.make_node("ReduceSum", ["much"], ["sum"], keepdims=0),
        helper.make_node("Add", ["z", "sum"], ["same_z"]),
    ]
    for node in model.graph.node:
        node.input[:] = ["same_z" if name == "z" else name for name in node.input]
    for node in reversed(made):
        model.graph.node.insert(0, node)
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0), "nought"))
    save_bundle(
        tmp_path, tinybundle.manifest(), {**tinybundle.files(), "decoder.onnx": model.SerializeToString()}
    )
    return tmp_path


def test_a_graph_that_takes_too_much_memory_for_a_large_batch_only_is_refused(tmp_path):
    assert try_bundle(with_batch_to_the(3, tmp_path / "cube"))
    with pytest.raises(BundleError, match=r"takes more than 60 s or 2048 MB|cannot be run|more memory"):
        load_model(with_batch_to_the(5, tmp_path / "fifth"))


def test_no_run_has_more_rows_than_the_trial_had():
    class Recorded:
        """Encodes and decodes by adding one, and keeps how many rows came."""

        def __init__(self):
            self.rows = []

        def run(self, names, feeds):
            self.rows.append({name: array.shape for name, array in feeds.items()})
            if "x" in feeds:
                return feeds["x"] + 1, feeds["x"] + 2
            return [feeds["perturbation"] + feeds["z"][None]]

    encoder, decoder = Recorded(), Recorded()
    run = Graphs(encoder, decoder)
    x = np.arange(130.0)[:, None]
    mu, sigma = run.encode(x)
    assert (mu.tolist(), sigma.tolist()) == ((x + 1).tolist(), (x + 2).tolist())
    assert encoder.rows == [{"x": (64, 1)}, {"x": (64, 1)}, {"x": (2, 1)}]
    bias = np.arange(3 * 65.0).reshape(3, 65, 1)
    assert np.array_equal(run.decode({"z": x[:65], "perturbation": bias}), bias + x[:65][None])
    assert decoder.rows == [
        {"z": (64, 1), "perturbation": (3, 64, 1)},
        {"z": (1, 1), "perturbation": (3, 1, 1)},
    ]


def test_out_of_range_tokens_are_refused(tmp_path):
    model = tinybundle.decoder_model()
    model.graph.node[-1].output[0] = "low"
    model.graph.node.append(helper.make_node("Add", ["low", "offset"], ["tokens"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(90), "offset"))
    files = {**tinybundle.files(), "decoder.onnx": model.SerializeToString()}
    save_bundle(tmp_path / "b", tinybundle.manifest(), files)
    with pytest.raises(BundleError, match="tokens came out with impossible values"):
        load_model(tmp_path / "b")


def test_the_graph_of_sentences_is_tried_too(monkeypatch):
    class Broken:
        def run(self, names, inputs):
            return [np.full((1, 4), np.nan, np.float32) for _ in names]

    bundle = load_bundle(SHIPPED / "sentences_16bar")
    try_graphs(bundle, "float")
    opened = GraphOpener.open
    monkeypatch.setattr(GraphOpener, "open", lambda *given: replace(opened(*given), sentence=Broken()))
    with pytest.raises(BundleError, match="sentence came out with impossible values"):
        try_graphs(bundle, "float")
