"""The operators that a bundle's graphs may use, with the attributes each may have.

It is a list of what is allowed, not of what is known to do harm: arithmetic on tensors, cutting and
joining them, recurrent layers, and `Scan`, whose steps are counted by a tensor's axis. Not on it are
loops that end by a value (`Loop`), branches (`If`), randomness, text, sequences, functions, and all of
other domains. And what decides a shape (`SIZES`) may come from constants and from other shapes, never from
the values of an input. What a graph does is then the same for every input of a shape, in time and memory, so
that one trial run shows what the others will cost. An exporter that needs another operator adds it here.
"""

from collections.abc import Mapping
from typing import Literal

DEFAULT_DOMAINS = ("", "ai.onnx")
"""Two spellings of ONNX's own operator set."""
MICROSOFT = "com.microsoft"
DOMAINS = (*DEFAULT_DOMAINS, MICROSOFT)

AttributeType = Literal["f", "i", "s", "t", "g", "floats", "ints"]
"""An attribute's value as ONNX names it: number, text, tensor, graph."""
Attributes = Mapping[str, AttributeType]

_NONE: Attributes = {}
_AXIS: Attributes = {"axis": "i"}
_REDUCE: Attributes = {"keepdims": "i", "noop_with_empty_axes": "i"}
_REDUCING = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")
_RECURRENT: Attributes = {"hidden_size": "i", "direction": "s", "layout": "i"}

_DEFAULT: Mapping[str, Attributes] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Pow", "Sqrt", "Reciprocal"), _NONE),
    **dict.fromkeys(("Exp", "Log", "Erf", "Sin", "Cos", "Tanh", "Sigmoid", "Softplus", "Relu"), _NONE),
    **dict.fromkeys(("Floor", "Ceil", "Round", "Sign", "Min", "Max", "Clip"), _NONE),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"), _NONE),
    **dict.fromkeys(("And", "Or", "Not", "Where", "Identity", "MatMul"), _NONE),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "Slice", "Expand"), _NONE),
    **dict.fromkeys(("Gather", "GatherElements", "Concat", "Softmax", "LogSoftmax"), _AXIS),
    **dict.fromkeys(_REDUCING, _REDUCE),
    "ArgMax": {"axis": "i", "keepdims": "i", "select_last_index": "i"},
    "Cast": {"to": "i"},
    "Constant": {"value": "t"},
    "ConstantOfShape": {"value": "t"},
    "CumSum": {"exclusive": "i", "reverse": "i"},
    "DequantizeLinear": {"axis": "i"},
    "DynamicQuantizeLinear": _NONE,
    "Flatten": _AXIS,
    "GRU": {**_RECURRENT, "linear_before_reset": "i"},
    "Gelu": {"approximate": "s"},
    "Gemm": {"alpha": "f", "beta": "f", "transA": "i", "transB": "i"},
    "LSTM": {**_RECURRENT, "input_forget": "i"},
    "LayerNormalization": {"axis": "i", "epsilon": "f", "stash_type": "i"},
    "Pad": {"mode": "s"},
    "QuantizeLinear": {"axis": "i"},
    "Reshape": {"allowzero": "i"},
    "Scan": {
        "body": "g",
        "num_scan_inputs": "i",
        **dict.fromkeys(
            ("scan_input_axes", "scan_input_directions", "scan_output_axes", "scan_output_directions"), "ints"
        ),
    },
    "Shape": {"start": "i", "end": "i"},
    "Split": {"axis": "i", "num_outputs": "i"},
    "Transpose": {"perm": "ints"},
}
_MICROSOFT: Mapping[str, Attributes] = {"MatMulIntegerToFloat": _NONE}

SIZES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("Expand", "Reshape", "Split", "Squeeze", "Unsqueeze"), (1,)),
    **dict.fromkeys(_REDUCING, (1,)),
    "ConstantOfShape": (0,),
    "Pad": (1, 3),
    "Slice": (1, 2, 3, 4),
}
"""Which inputs of an operator decide the shape of what it returns."""


def allowed_attributes(domain: str, operator: str) -> Attributes | None:
    """Return the attributes an operator may have with their types, None for one that is not allowed."""
    if domain in DEFAULT_DOMAINS:
        return _DEFAULT.get(operator)
    return _MICROSOFT.get(operator) if domain == MICROSOFT else None
