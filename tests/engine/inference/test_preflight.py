import numpy as np
import pytest
import tinybundle
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from engine.errors import BundleError
from engine.inference.bundle.preflight import ValueInfo, inspect_graph

DECODER = tinybundle.decoder_model().SerializeToString()


def test_reports_inputs_outputs_and_nested_nodes():
    info = inspect_graph(DECODER, "decoder.onnx")
    assert info.inputs == (
        ValueInfo("z", "float32", ("B", 8)),
        ValueInfo("perturbation", "float32", (32, "B", 90)),
    )
    assert info.outputs == (ValueInfo("tokens", "int64", (32, "B", 1)),)
    assert info.nodes == 5 + 5  # five in the graph, five in the Scan's body


def refusal(model) -> str:
    with pytest.raises(BundleError, match=r"^x\.onnx: ") as caught:
        inspect_graph(model.SerializeToString(), "x.onnx")
    return str(caught.value)


def test_refuses_external_data():
    model = tinybundle.encoder_model()
    tensor = model.graph.initializer[-1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    assert "external data" in refusal(model)


def test_refuses_external_data_inside_a_scan_body():
    model = tinybundle.decoder_model()
    body = next(node for node in model.graph.node if node.op_type == "Scan").attribute[0].g
    hidden = numpy_helper.from_array(np.zeros(3, np.float32), "hidden")
    hidden.data_location = TensorProto.EXTERNAL
    body.initializer.append(hidden)
    assert "external data" in refusal(model)


def test_refuses_foreign_operators_by_import_and_by_node():
    model = tinybundle.encoder_model()
    model.opset_import.append(helper.make_opsetid("evil.corp", 1))
    assert "'evil.corp'" in refusal(model)
    model = tinybundle.encoder_model()
    model.graph.node[0].domain = "evil.corp"
    assert "'evil.corp'" in refusal(model)


def test_accepts_com_microsoft():
    model = tinybundle.encoder_model()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert inspect_graph(model.SerializeToString(), "x.onnx").nodes == 7


def test_refuses_functions_of_its_own():
    model = tinybundle.encoder_model()
    model.functions.append(helper.make_function("f", "g", ["a"], ["a"], [], [helper.make_opsetid("", 20)]))
    assert "functions" in refusal(model)


def test_refuses_a_tensor_whose_bytes_do_not_match_its_shape():
    model = tinybundle.encoder_model()
    model.graph.initializer[-1].dims[0] = 10**9
    assert "bytes" in refusal(model)


def test_refuses_deep_nesting():
    inner = helper.make_graph([], "leaf", [], [])
    for _ in range(6):
        inner = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=inner)], "level", [], [])
    assert "deeper" in refusal(helper.make_model(inner))


def test_refuses_too_many_nodes():
    nodes = [helper.make_node("Identity", ["x"], ["y"])] * 20_001
    assert "nodes" in refusal(helper.make_model(helper.make_graph(nodes, "long", [], [])))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_bundle_error(data):
    with pytest.raises(BundleError):
        inspect_graph(data, "x.onnx")


@given(st.integers(0, len(DECODER) - 1), st.integers(0, 255))
def test_a_changed_byte_never_raises_anything_else(at, value):
    damaged = DECODER[:at] + bytes([value]) + DECODER[at + 1 :]
    try:
        inspect_graph(damaged, "x.onnx")
    except BundleError as error:
        assert str(error).startswith("x.onnx")


@given(st.integers(0, len(DECODER) - 1))
def test_a_file_cut_short_is_refused(length):
    with pytest.raises(BundleError):
        inspect_graph(DECODER[:length], "x.onnx")
