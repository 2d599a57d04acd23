"""Graphs of every kind of model, run by the engine's own session against torch."""

import numpy as np
import onnx
import pytest
import tinyrun

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.preflight import inspect_graph
from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.representation import representation
from export.bundle import float_graphs, in_memory
from export.decoder_graph import conditions_graph
from export.manifest import manifest_of
from export.quantise import int8_graphs, measure_int8
from export.run import load_run
from export.vae_proof import prove_vae, same_alone, samples

KINDS = [
    tinyrun.model_config("melody", bars=2, kind="mixer", layers=2, encoder="bilstm"),
    tinyrun.model_config("drums", bars=2, kind="flat", layers=2, encoder="mixer"),
    tinyrun.model_config("groove", bars=2, kind="mixer", encoder="hier_bilstm"),
    tinyrun.model_config("groove", bars=2, kind="mixer", encoder="mixer", conditioned=True),
    tinyrun.model_config("trio", bars=3, kind="lstm", encoder="mixer"),
    tinyrun.model_config("trio", bars=2, kind="flat", encoder="bilstm", joint=True),
    tinyrun.model_config("pianoroll", bars=2, kind="mixer", encoder="mixer"),
]


@pytest.fixture(
    scope="module",
    params=KINDS,
    ids=lambda config: config.representation + "_joint" * config.decoder.joint + "_given" * bool(config.told),
)
def exported(request, tmp_path_factory):
    run = load_run(tinyrun.write(tmp_path_factory.mktemp("runs") / "run", request.param))
    conditions = conditions_graph(run.model)
    return run, conditions, float_graphs(run.model, run.representation, conditions)


def test_float_graphs_do_what_torch_does(exported):
    run, _, files = exported
    graphs = in_memory(manifest_of(run), run.representation, files, "float")
    measured = prove_vae(run.model, graphs)
    assert measured["float_same_choices"] > 0.999
    sample = samples(run.model, run.representation.width)[-1]
    tokens = graphs.decode(**sample.feeds)
    assert len(np.unique(tokens[..., 0])) > 1  # the weights are large enough for something to happen
    assert same_alone(graphs, sample) == 1


def test_int8_decoders_come_close_and_do_not_depend_on_the_batch(exported):
    run, conditions, files = exported
    files = files | int8_graphs(run.model, run.representation, conditions)
    graphs = in_memory(manifest_of(run), run.representation, files, "int8")
    drawn = samples(run.model, run.representation.width)
    measured = measure_int8(run.model, run.representation, conditions, graphs, drawn)
    assert measured["int8_same_choices"] > 0.9
    assert measured["int8_same_alone"] == 1
    assert 0 < measured["int8_logit_error_rms"] < 0.05
    assert measured["int8_logit_error_rms"] < measured["int8_logit_error_max"] < 0.5


def test_graphs_pass_the_engines_inspection_and_keep_the_contract(exported):
    run, _, files = exported
    conditions = PLAYING_CONDITIONS if run.model.told else ()
    specs = graph_specs(run.representation, run.config.model.z_size, conditions=conditions)
    for (name, graph), spec in zip(files.items(), specs, strict=True):
        info = inspect_graph(graph, name)
        assert [value.name for value in info.outputs] == [tensor.name for tensor in spec.outputs]
        assert [value.shape for value in info.inputs] == [tensor.shape for tensor in spec.inputs]


def test_graphs_carry_no_trace_of_where_they_were_made(exported):
    _, _, files = exported
    for graph in files.values():
        model = onnx.load_from_string(graph)
        assert not model.metadata_props
        assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
        assert b".py" not in graph


def test_weights_are_stored_in_half_precision(exported):
    _, _, files = exported
    for graph in files.values():
        kinds = {
            t.data_type for t in onnx.load_from_string(graph).graph.initializer if np.prod(t.dims) > 4096
        }
        assert onnx.TensorProto.FLOAT not in kinds


def test_the_specs_fit_every_representation():
    encoder, decoder = graph_specs(representation("trio", 4), 8)
    assert encoder.inputs[0].shape == ("B", 64, 3)
    assert decoder.inputs[1].shape == (64, "B", 692)
