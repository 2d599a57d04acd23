from pathlib import Path

import numpy as np
import pytest
import tinybundle
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import engine
from engine.errors import BundleError
from engine.inference.bundle.preflight import ValueInfo, inspect_graph

SHIPPED = Path(engine.__file__).parent / "bundles"
DECODER = tinybundle.decoder_model().SerializeToString()


def test_reports_inputs_outputs_and_nested_nodes():
    info = inspect_graph(DECODER, "decoder.onnx")
    assert info.inputs == (
        ValueInfo("z", "float32", ("B", 8)),
        ValueInfo("perturbation", "float32", (32, "B", 90)),
    )
    assert info.outputs == (ValueInfo("tokens", "int64", (32, "B", 1)),)
    assert info.nodes == 5 + 5  # five in the graph, five in the Scan's body


@pytest.mark.parametrize(
    "graph", sorted(SHIPPED.glob("*/*.onnx")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_shipped_graph_passes(graph):
    assert inspect_graph(graph.read_bytes(), graph.name).nodes > 0


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
    assert "tensor: field 13 has no use in a bundle" in refusal(model)


def test_refuses_external_data_inside_a_scan_body():
    model = tinybundle.decoder_model()
    hidden = numpy_helper.from_array(np.zeros(3, np.float32), "hidden")
    hidden.data_location = TensorProto.EXTERNAL
    scan_body(model).initializer.append(hidden)
    assert "tensor: field 14 has no use in a bundle" in refusal(model)


def scan_body(model):
    return next(node for node in model.graph.node if node.op_type == "Scan").attribute[0].g


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes as protobuf writes it."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def raw_refusal(data: bytes) -> str:
    with pytest.raises(BundleError, match=r"^x\.onnx: ") as caught:
        inspect_graph(data, "x.onnx")
    return str(caught.value)


def test_refuses_a_second_graph_that_a_parser_would_merge_into_the_first():
    hidden = helper.make_graph([helper.make_node("Loop", [], ["y"])], "g", [], [])
    assert "graph comes twice" in raw_refusal(DECODER + field(7, hidden.SerializeToString()))
    assert "graph comes twice" in raw_refusal(field(7, b"") + DECODER)


@pytest.mark.parametrize(
    ("number", "content", "words"),
    [
        (7, b"evil.corp", "domain comes twice"),
        (4, b"Loop", "op_type comes twice"),
        (9, b"", "field 9 has no use"),
        (30, b"", "field 30 has no use"),
    ],
)
def test_refuses_what_is_added_to_a_node(number, content, words):
    node = helper.make_node("Add", ["a", "b"], ["c"], domain="ai.onnx").SerializeToString()
    graph = field(1, node + field(number, content))
    assert words in raw_refusal(field(7, graph))
    assert inspect_graph(field(7, field(1, node)), "x.onnx").nodes == 1


def test_refuses_an_attribute_with_a_second_value_or_a_second_name():
    node = helper.make_node("Cast", ["a"], ["c"], to=1)
    attribute = node.attribute[0].SerializeToString()
    node.ClearField("attribute")
    for more, words in (
        (b"\x18\x07", "i comes twice"),
        (field(1, b"value"), "name comes twice"),
        (field(5, b""), "'to' of another type"),
        (field(22, b""), "field 22 has no use"),  # a sparse tensor
    ):
        data = field(7, field(1, node.SerializeToString() + field(5, attribute + more)))
        assert words in raw_refusal(data)


def test_refuses_a_sparse_value_of_a_constant():
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    values.data_location = TensorProto.EXTERNAL
    sparse = helper.make_sparse_tensor(values, indices, [4])
    model = tinybundle.encoder_model()
    model.graph.node.append(helper.make_node("Constant", [], ["y"], sparse_value=sparse))
    assert "field 22 has no use in a bundle" in refusal(model)


@pytest.mark.parametrize(
    "operator", ["Loop", "If", "RandomNormal", "SequenceConstruct", "StringConcat", "Multinomial", "Optional"]
)
def test_refuses_operators_that_are_not_on_the_list(operator):
    model = tinybundle.decoder_model()
    scan_body(model).node.append(helper.make_node(operator, ["last"], ["never"]))
    assert f"uses the operator '{operator}'" in refusal(model)


def test_refuses_attributes_that_are_not_on_the_list_and_doubled_ones():
    model = tinybundle.encoder_model()
    node = model.graph.node[-1]
    node.attribute.append(helper.make_attribute("path", "/etc/passwd"))
    assert "gives Softplus the attribute 'path'" in refusal(model)
    node.op_type = "Cast"
    del node.attribute[:]
    node.attribute.extend([helper.make_attribute("to", 1), helper.make_attribute("to", 7)])
    assert "'to' twice" in refusal(model)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_refuses_weights_that_are_not_finite(value, dtype):
    model = tinybundle.encoder_model()
    weights = np.zeros((4, 4), dtype)
    weights[2, 3] = value
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    assert "'w' holds a value that is not a finite number" in refusal(model)


def test_refuses_a_typed_value_that_is_not_finite():
    model = tinybundle.encoder_model()
    model.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [2], [0.0, np.nan]))
    assert "not a finite number" in refusal(model)
    model = tinybundle.encoder_model()
    node = helper.make_node("LayerNormalization", ["a", "b"], ["c"], epsilon=float("nan"))
    model.graph.node.append(node)
    assert "'epsilon' that is not a finite number" in refusal(model)


def test_refuses_a_tensor_with_values_in_two_places():
    model = tinybundle.encoder_model()
    model.graph.initializer[-1].float_data.append(1.0)
    assert "holds its values twice" in refusal(model)


def test_refuses_numbers_that_a_parser_would_cut_to_fewer_bits():
    # Enumerations have 32 bits: a parser reads 1 here, which means outside the file.
    assert "tensor: field 14" in raw_refusal(field(7, field(5, varint(14 << 3) + varint((1 << 32) | 1))))
    assert "longer than 64 bits" in raw_refusal(b"\x08" + b"\xff" * 9 + b"\x7f")
    assert "field number" in raw_refusal(varint((7 << 3 | 2) + (1 << 32)) + b"\0")


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
    assert "model: field 25 has no use in a bundle" in refusal(model)


def test_refuses_a_tensor_whose_bytes_do_not_match_its_shape():
    model = tinybundle.encoder_model()
    model.graph.initializer[-1].dims[0] = 10**9
    assert "bytes" in refusal(model)


def test_refuses_deep_nesting():
    inner = helper.make_graph([], "leaf", [], [])
    for _ in range(6):
        inner = helper.make_graph([helper.make_node("Scan", ["c"], ["y"], body=inner)], "level", [], [])
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
