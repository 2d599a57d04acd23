"""A look into an ONNX file before a runtime touches it, without the `onnx` package.

The file is walked as plain protobuf: nothing in it is followed, loaded or run. What comes out is what
the graph takes and returns. Only what a bundle has a use for passes: the messages and fields named
here, the operators of `operators.py` with their attributes, shapes that no value of an input decides, tensors
whose bytes are in the file, match their shape and are finite numbers.
"""

import math
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from engine.errors import BundleError
from engine.inference.bundle.operators import DOMAINS, SIZES, AttributeType, allowed_attributes
from engine.inference.bundle.protobuf import Field, Message, read_message

MOST_NODES = 20_000
"""An unrolled decoder of 256 steps has about 10,000."""
DEEPEST_NESTING = 4
"""Graphs inside graphs; a Scan body is at depth 1."""
LARGEST_AXIS = 1 << 31
MOST_AXES = 16

DTYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
"""ONNX element types by number, as far as graphs here take, hold or return them."""
_TYPED_DATA = {"float_data": (1,), "int32_data": (2, 3, 6, 9), "int64_data": (7,)}
"""Where a tensor's values may stand instead of in its raw bytes, with the element types that go there."""
_ATTRIBUTE_TYPES: Mapping[AttributeType, int] = {
    "f": 1, "i": 2, "s": 3, "t": 4, "g": 5, "floats": 6, "ints": 7,
}  # fmt: skip

_MODEL = {
    1: Field("ir_version", "int"),
    2: Field("producer_name", "text"),
    3: Field("producer_version", "text"),
    4: Field("domain", "text"),
    5: Field("model_version", "int"),
    6: Field("doc_string", "text"),
    7: Field("graph", "bytes"),
    8: Field("opset_import", "bytes", repeated=True),
}
_OPERATOR_SET = {1: Field("domain", "text"), 2: Field("version", "int")}
_GRAPH = {
    1: Field("node", "bytes", repeated=True),
    2: Field("name", "text"),
    5: Field("initializer", "bytes", repeated=True),
    10: Field("doc_string", "text"),
    11: Field("input", "bytes", repeated=True),
    12: Field("output", "bytes", repeated=True),
}
_NODE = {
    1: Field("input", "text", repeated=True),
    2: Field("output", "text", repeated=True),
    3: Field("name", "text"),
    4: Field("op_type", "text"),
    5: Field("attribute", "bytes", repeated=True),
    7: Field("domain", "text"),
}
_ATTRIBUTE = {
    1: Field("name", "text"),
    2: Field("f", "float"),
    3: Field("i", "int"),
    4: Field("s", "text"),
    5: Field("t", "bytes"),
    6: Field("g", "bytes"),
    7: Field("floats", "float", repeated=True),
    8: Field("ints", "int", repeated=True),
    20: Field("type", "int"),
}
_TENSOR = {
    1: Field("dims", "int", repeated=True),
    2: Field("data_type", "int"),
    4: Field("float_data", "float", repeated=True),
    5: Field("int32_data", "int", repeated=True),
    7: Field("int64_data", "int", repeated=True),
    8: Field("name", "text"),
    9: Field("raw_data", "bytes"),
}
_VALUE_INFO = {1: Field("name", "text"), 2: Field("type", "bytes")}
_TYPE = {1: Field("tensor_type", "bytes")}
_TENSOR_TYPE = {1: Field("elem_type", "int"), 2: Field("shape", "bytes")}
_SHAPE = {1: Field("dim", "bytes", repeated=True)}
_DIMENSION = {1: Field("dim_value", "int"), 2: Field("dim_param", "text")}


class ValueInfo(msgspec.Struct, frozen=True):
    """An input or output of a graph."""

    name: str
    dtype: str
    """Numpy's name of the element type."""
    shape: tuple[int | str | None, ...]
    """An int for a fixed axis, a name for a dynamic one, None where nothing is said."""


class GraphInfo(msgspec.Struct, frozen=True):
    """What a graph takes and returns."""

    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: int
    """Nodes in it and in all graphs inside it."""


class _Walk(msgspec.Struct):
    """Where the walk is and what it has counted, for limits and messages."""

    what: str
    nodes: int = 0
    depth: int = 0
    fixed: set[str] = set()
    """Names of what is the same whatever the values of the inputs are."""

    def refuse(self, reason: str) -> BundleError:
        return BundleError(f"{self.what}: {reason}; get the bundle again or export it again")

    def read(self, kind: str, data: memoryview, fields: Mapping[int, Field]) -> Message:
        try:
            return read_message(data, fields)
        except ValueError as error:
            raise self.refuse(f"{kind}: {error}") from error


def inspect_graph(data: bytes, what: str) -> GraphInfo:
    """Check an ONNX file and return its inputs and outputs.

    Args:
        data: the whole file.
        what: its name, for messages.

    Raises:
        BundleError: the file is no ONNX model, or has something in it that is refused.
    """
    walk = _Walk(what)
    model = walk.read("model", memoryview(data), _MODEL)
    for part in model.get("opset_import", ()):
        domain = walk.read("operator set", part, _OPERATOR_SET).get("domain", "")
        if domain not in DOMAINS:
            raise walk.refuse(f"needs operators of {domain!r}, only ONNX and com.microsoft are allowed")
    if "graph" not in model:
        raise walk.refuse("holds no graph, so it is not an ONNX model")
    return _graph(model["graph"], walk)


def _graph(data: memoryview, walk: _Walk) -> GraphInfo:
    if walk.depth > DEEPEST_NESTING:
        raise walk.refuse(f"nests graphs deeper than {DEEPEST_NESTING}")
    graph = walk.read("graph", data, _GRAPH)
    sides = [tuple(_value_infos(graph.get(side, ()), walk)) for side in ("input", "output")]
    fixed_outside = walk.fixed
    walk.fixed = fixed_outside | {_tensor(part, walk) for part in graph.get("initializer", ())}
    walk.fixed -= {value.name for value in sides[0]}
    for part in graph.get("node", ()):
        _node(part, walk)
    walk.fixed = fixed_outside
    return GraphInfo(sides[0], sides[1], walk.nodes)


def _node(data: memoryview, walk: _Walk) -> None:
    walk.nodes += 1
    if walk.nodes > MOST_NODES:
        raise walk.refuse(f"has more than {MOST_NODES} nodes")
    node = walk.read("node", data, _NODE)
    domain, operator = node.get("domain", ""), node.get("op_type", "")
    allowed = allowed_attributes(domain, operator)
    if allowed is None:
        of = f" of {domain!r}" if domain else ""
        raise walk.refuse(f"uses the operator {operator!r}{of}, which bundles may not")
    seen = set()
    for part in node.get("attribute", ()):
        name = _attribute(part, operator, allowed, walk)
        if name in seen:
            raise walk.refuse(f"gives {operator} the attribute {name!r} twice")
        seen.add(name)
    _follow_sizes(operator, node.get("input", []), node.get("output", []), walk)


def _follow_sizes(operator: str, inputs: list[str], outputs: list[str], walk: _Walk) -> None:
    """Refuse a node to which a value says how large its output is; keep whether that output is fixed."""
    for at in SIZES.get(operator, ()):
        if at < len(inputs) and inputs[at] and inputs[at] not in walk.fixed:
            raise walk.refuse(f"lets the values of an input decide the size of what {operator} returns")
    if operator == "Shape" or (operator != "Scan" and walk.fixed.issuperset(filter(None, inputs))):
        walk.fixed.update(outputs)
    else:
        walk.fixed.difference_update(outputs)


def _attribute(data: memoryview, operator: str, allowed: Mapping[str, AttributeType], walk: _Walk) -> str:
    """Check an attribute and return its name."""
    values = walk.read("attribute", data, _ATTRIBUTE)
    name: str = values.pop("name", "")
    wanted = allowed.get(name)
    if wanted is None:
        raise walk.refuse(f"gives {operator} the attribute {name!r}, which bundles may not")
    # A zero may be left out, as protobuf leaves out defaults; of several values a runtime takes one.
    if values.pop("type", None) != _ATTRIBUTE_TYPES[wanted] or values.keys() - {wanted}:
        raise walk.refuse(f"gives {operator} the attribute {name!r} of another type")
    if wanted == "t":
        _tensor(values.get("t", memoryview(b"")), walk)
    elif wanted == "g":
        walk.depth += 1
        _graph(values.get("g", memoryview(b"")), walk)
        walk.depth -= 1
    elif not all(map(math.isfinite, values.get("floats", ()))) or not math.isfinite(values.get("f", 0.0)):
        raise walk.refuse(f"gives {operator} the attribute {name!r} that is not a finite number")
    return name


def _tensor(data: memoryview, walk: _Walk) -> str:
    """Check that a tensor is inside the file, as large as its shape says, and of finite numbers.

    Returns:
        Its name.
    """
    tensor = walk.read("tensor", data, _TENSOR)
    name: str = tensor.get("name", "")
    shape, dtype = tensor.get("dims", []), tensor.get("data_type", 0)
    if dtype not in DTYPES:
        raise walk.refuse(f"tensor {name!r} is of type {dtype}, which bundles have no use for")
    if len(shape) > MOST_AXES:
        raise walk.refuse(f"tensor {name!r} has {len(shape)} axes, at most {MOST_AXES} are of use")
    if any(size >= LARGEST_AXIS for size in shape):
        raise walk.refuse(f"tensor {name!r} of shape {shape} is too large")
    typed = [field for field in _TYPED_DATA if field in tensor]
    if len(typed) + ("raw_data" in tensor) > 1:
        raise walk.refuse(f"tensor {name!r} holds its values twice")
    if typed:
        field, values = typed[0], tensor[typed[0]]
        fits = dtype in _TYPED_DATA[field] and len(values) == math.prod(shape)
        finite = field != "float_data" or all(map(math.isfinite, values))
    else:
        raw = tensor.get("raw_data", memoryview(b""))
        fits = len(raw) == math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        finite = not fits or _finite(raw, DTYPES[dtype])
    if not fits:
        raise walk.refuse(f"tensor {name!r} of shape {shape} has other bytes than its shape says")
    if not finite:
        raise walk.refuse(f"tensor {name!r} holds a value that is not a finite number")
    return name


def _finite(raw: memoryview, dtype: str) -> bool:
    return not dtype.startswith("float") or bool(np.isfinite(np.frombuffer(raw, dtype)).all())


def _value_infos(parts: list[memoryview], walk: _Walk) -> Iterator[ValueInfo]:
    for part in parts:
        info = walk.read("input or output", part, _VALUE_INFO)
        kind = walk.read("type", info.get("type", memoryview(b"")), _TYPE)
        tensor = walk.read("type", kind.get("tensor_type", memoryview(b"")), _TENSOR_TYPE)
        shape = walk.read("shape", tensor.get("shape", memoryview(b"")), _SHAPE)
        axes = tuple(_axis(walk.read("axis", axis, _DIMENSION), walk) for axis in shape.get("dim", ()))
        number = tensor.get("elem_type", 0)
        yield ValueInfo(info.get("name", ""), DTYPES.get(number, f"type {number}"), axes)


def _axis(dimension: Message, walk: _Walk) -> int | str | None:
    if len(dimension) > 1:
        raise walk.refuse("an axis has a size and a name")
    value: int | str | None = next(iter(dimension.values()), None)
    return value
