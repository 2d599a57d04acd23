import numpy as np
import onnx
import onnxruntime
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import helper

from export.graph import IR_VERSION, OPSET, GraphBuilder
from export.quantise import LARGEST_WEIGHT, int8_product, quantised

weights = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-8, 8, width=32)
)


@given(weights)
def test_quantised_weights_are_at_most_half_a_step_off_and_keep_to_seven_bits(weight):
    values, scale = quantised(weight)
    assert values.dtype == np.int8
    assert np.abs(values.astype(int)).max() <= LARGEST_WEIGHT
    assert (np.abs(values * scale - weight) <= scale * 0.501).all()


def test_two_products_of_the_largest_bytes_fit_in_16_bits():
    assert np.iinfo(np.int16).max >= 2 * 255 * LARGEST_WEIGHT


def test_each_column_has_a_scale_of_its_own_and_a_column_of_zeros_stays():
    values, scale = quantised(np.array([[64.0, 0.5, 0.0], [-32.0, -0.25, 0.0]], np.float32))
    np.testing.assert_array_equal(values, [[64, 64, 0], [-32, -32, 0]])
    np.testing.assert_allclose(scale, [1, 0.5 / 64, 1])


def test_weights_too_small_for_a_scale_become_zero():
    values, scale = quantised(np.array([[1e-45, 1.0], [-1e-40, 0.5]], np.float32))
    np.testing.assert_array_equal(values, [[0, 64], [0, 32]])
    np.testing.assert_array_equal(scale, np.array([1, 1 / 64], np.float32))


def product_session(weight):
    builder = GraphBuilder()
    write = int8_product(builder, torch.from_numpy(weight), "w")
    product = write(builder, "x", "addend")
    info = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in ("x", "addend", product)]
    graph = helper.make_graph(builder.nodes, "product", info[:2], info[2:], builder.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def test_the_product_is_exact_integer_arithmetic_even_at_full_scale():
    """With all inputs near ±1 and all weights at their largest, 16-bit sums would saturate first."""
    rng = np.random.default_rng(1)
    weight = np.sign(rng.normal(size=(256, 64))).astype(np.float32)
    weight[:, :8] = 1
    x = np.sign(rng.normal(size=(5, 256))).astype(np.float32)
    x[0] = 1
    addend = rng.normal(size=(5, 64)).astype(np.float32)
    found = product_session(weight).run(None, {"x": x, "addend": addend})[0]
    np.testing.assert_allclose(found, x @ weight + addend, atol=1e-3)


def test_the_product_of_a_row_does_not_depend_on_the_other_rows():
    rng = np.random.default_rng(2)
    session = product_session(rng.normal(size=(48, 32)).astype(np.float32))
    x = np.tanh(rng.normal(size=(9, 48))).astype(np.float32)
    addend = np.zeros((9, 32), np.float32)
    together = session.run(None, {"x": x, "addend": addend})[0]
    alone = [session.run(None, {"x": x[[row]], "addend": addend[[row]]})[0] for row in range(9)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
