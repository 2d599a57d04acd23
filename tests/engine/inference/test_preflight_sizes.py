"""What decides a shape comes from constants and shapes, never from the values of an input."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.errors import BundleError
from engine.inference.bundle.preflight import inspect_graph

INFO, NODE = helper.make_tensor_value_info, helper.make_node
Z = INFO("z", TensorProto.FLOAT, ["B", 8])
OUT = INFO("out", TensorProto.FLOAT, None)


def constant(name: str, values: list[int]):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def seen(nodes, *tensors, inputs=(Z,)):
    graph = helper.make_graph(nodes, "g", list(inputs), [OUT], [*tensors])
    return inspect_graph(helper.make_model(graph).SerializeToString(), "x.onnx")


def refusal(nodes, *tensors, inputs=(Z,)) -> str:
    with pytest.raises(BundleError, match=r"^x\.onnx: ") as caught:
        seen(nodes, *tensors, inputs=inputs)
    return str(caught.value)


SIZE_OF_Z = [
    NODE("ReduceMax", ["z"], ["highest"], keepdims=0),
    NODE("Greater", ["highest", "above"], ["rare"]),
    NODE("Where", ["rare", "large", "small"], ["size"]),
]


def test_refuses_a_size_that_a_rare_value_decides():
    nodes = [*SIZE_OF_Z, NODE("ConstantOfShape", ["size"], ["out"])]
    above = numpy_helper.from_array(np.array(3.5, np.float32), "above")
    said = refusal(nodes, above, constant("large", [1 << 40]), constant("small", [1]))
    assert "lets the values of an input decide the size of what ConstantOfShape returns" in said


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        ("Expand", ["z", "size"]),
        ("Reshape", ["z", "size"]),
        ("Pad", ["z", "size"]),
        ("Pad", ["z", "one", "", "size"]),
        ("Slice", ["z", "one", "size"]),
        ("Split", ["z", "size"]),
        ("Squeeze", ["z", "size"]),
        ("Unsqueeze", ["z", "size"]),
        ("ReduceSum", ["z", "size"]),
    ],
)
def test_refuses_it_of_every_operator_that_takes_a_size(operator, inputs):
    nodes = [NODE("Cast", ["z"], ["size"], to=TensorProto.INT64), NODE(operator, inputs, ["out"])]
    assert f"the size of what {operator} returns" in refusal(nodes, constant("one", [1, 1, 1, 1]))


def test_takes_a_size_out_of_shapes_and_constants():
    nodes = [
        NODE("Shape", ["z"], ["shape"], start=0, end=1),
        NODE("Constant", [], ["eight"], value=constant("", [8])),
        NODE("Mul", ["eight", "two"], ["sixteen"]),
        NODE("Concat", ["shape", "sixteen"], ["size"], axis=0),
        NODE("ConstantOfShape", ["size"], ["out"]),
    ]
    assert seen(nodes, constant("two", [2])).nodes == 5


def test_a_shape_of_a_value_is_no_value():
    nodes = [
        NODE("Exp", ["z"], ["many"]),
        NODE("Shape", ["many"], ["size"]),
        NODE("Expand", ["z", "size"], ["out"]),
    ]
    assert seen(nodes).nodes == 3


def test_refuses_a_default_that_an_input_of_its_name_replaces():
    size = INFO("size", TensorProto.INT64, [1])
    nodes = [NODE("ConstantOfShape", ["size"], ["out"])]
    assert "the size of what ConstantOfShape returns" in refusal(
        nodes, constant("size", [1]), inputs=(Z, size)
    )


def scan_over(body_nodes, *body_tensors):
    state, step = INFO("state", TensorProto.FLOAT, [1]), INFO("step", TensorProto.FLOAT, [])
    made = INFO("made", TensorProto.FLOAT, [1])
    body = helper.make_graph(body_nodes, "body", [state, step], [made], [*body_tensors])
    return NODE("Scan", ["first", "steps"], ["out"], body=body, num_scan_inputs=1)


def test_refuses_it_in_the_body_of_a_scan_of_its_inputs_too():
    cast = NODE("Cast", ["state"], ["size"], to=TensorProto.INT64)
    scan = scan_over([cast, NODE("ConstantOfShape", ["size"], ["made"])])
    assert "the size of what ConstantOfShape returns" in refusal([scan])


def test_a_body_may_use_a_constant_from_outside_unless_it_has_another_of_its_name():
    right = scan_over([NODE("ConstantOfShape", ["outside"], ["made"])])
    assert seen([right], constant("outside", [1])).nodes == 2
    cast = NODE("Cast", ["state"], ["outside"], to=TensorProto.INT64)
    wrong = scan_over([cast, NODE("ConstantOfShape", ["outside"], ["made"])])
    assert "the size of what ConstantOfShape returns" in refusal([wrong], constant("outside", [1]))


def test_what_a_body_calls_its_own_is_nothing_outside():
    scan = scan_over([NODE("Identity", ["state"], ["made"])], constant("inside", [1]))
    nodes = [scan, NODE("ConstantOfShape", ["inside"], ["again"])]
    assert "the size of what ConstantOfShape returns" in refusal(nodes)


def test_refuses_a_tensor_of_countless_axes_at_once():
    tensor = constant("t", [1])
    tensor.dims[:] = [1 << 30] * 200_000
    said = refusal([NODE("Identity", ["t"], ["out"])], tensor)
    assert "tensor 't' has 200000 axes, at most 16 are of use" in said
