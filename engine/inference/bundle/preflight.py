"""A look into an ONNX file before a runtime touches it, without the `onnx` package.

The file is walked as plain protobuf: nothing in it is followed, loaded or run. What comes out is
what the graph takes and returns; what is refused is everything a bundle has no use for: data kept
outside the file, operators of unknown origin, functions, graphs nested or grown beyond reason, and
tensors whose bytes do not match their shape.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.errors import BundleError

DOMAINS = ("", "ai.onnx", "com.microsoft")
"""Operator sets a graph may use; the first two are two spellings of the default one."""
MOST_NODES = 20_000
"""An unrolled decoder of 256 steps has about 10,000."""
DEEPEST_NESTING = 4
"""Graphs inside graphs; a Scan body is at depth 1."""

DTYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
"""ONNX element types by number, as far as graphs here take or return them."""
_ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL = 1


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """An input or output of a graph."""

    name: str
    dtype: str
    """Numpy's name of the element type."""
    shape: tuple[int | str | None, ...]
    """An int for a fixed axis, a name for a dynamic one, None where nothing is said."""


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """What a graph takes and returns."""

    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: int
    """Nodes in it and in all graphs inside it."""


@dataclass(slots=True)
class _Walk:
    """Where the walk is and what it has seen, for limits and messages."""

    what: str
    nodes: int = 0
    depth: int = 0
    domains: set[str] = field(default_factory=set)

    def refuse(self, reason: str) -> BundleError:
        return BundleError(f"{self.what}: {reason}; get the bundle again or export it again")


def inspect_graph(data: bytes, what: str) -> GraphInfo:
    """Check an ONNX file and return its inputs and outputs.

    Args:
        data: the whole file.
        what: its name, for messages.

    Raises:
        BundleError: the file is no ONNX model, or has something in it that is refused.
    """
    walk = _Walk(what)
    try:
        return _model(memoryview(data), walk)
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise walk.refuse(f"is not a readable ONNX file ({error})") from error


def _model(data: memoryview, walk: _Walk) -> GraphInfo:
    graph: memoryview | None = None
    for number, value in _fields(data):
        if number == 7:
            graph = _as_bytes(value)
        elif number == 8:
            walk.domains.add(_text(_first(_as_bytes(value), 1)))
        elif number == 25:
            raise walk.refuse("defines functions of its own, which bundles may not")
    if graph is None:
        raise walk.refuse("holds no graph, so it is not an ONNX model")
    foreign = sorted(walk.domains.difference(DOMAINS))
    if foreign:
        raise walk.refuse(f"needs operators of {foreign[0]!r}, only ONNX and com.microsoft are allowed")
    return _graph(graph, walk)


def _graph(data: memoryview, walk: _Walk) -> GraphInfo:
    inputs: list[ValueInfo] = []
    outputs: list[ValueInfo] = []
    if walk.depth > DEEPEST_NESTING:
        raise walk.refuse(f"nests graphs deeper than {DEEPEST_NESTING}")
    for number, value in _fields(data):
        if number == 1:
            _node(_as_bytes(value), walk)
        elif number == 5:
            _tensor(_as_bytes(value), walk)
        elif number == 15:
            raise walk.refuse("holds sparse tensors, which bundles may not")
        elif number in (11, 12) and walk.depth == 0:
            (inputs if number == 11 else outputs).append(_value_info(_as_bytes(value)))
    return GraphInfo(tuple(inputs), tuple(outputs), walk.nodes)


def _node(data: memoryview, walk: _Walk) -> None:
    walk.nodes += 1
    if walk.nodes > MOST_NODES:
        raise walk.refuse(f"has more than {MOST_NODES} nodes")
    for number, value in _fields(data):
        if number == 7 and _text(_as_bytes(value)) not in DOMAINS:
            domain = _text(_as_bytes(value))
            raise walk.refuse(f"uses an operator of {domain!r}, only ONNX and com.microsoft are allowed")
        if number == 5:
            _attribute(_as_bytes(value), walk)


def _attribute(data: memoryview, walk: _Walk) -> None:
    for number, value in _fields(data):
        if number in (5, 10):
            _tensor(_as_bytes(value), walk)
        elif number in (6, 11):
            walk.depth += 1
            _graph(_as_bytes(value), walk)
            walk.depth -= 1


def _tensor(data: memoryview, walk: _Walk) -> None:
    """Check that a tensor is inside the file and as large as its shape says."""
    shape: list[int] = []
    dtype, name, raw = 0, "", None
    for number, value in _fields(data):
        if number == 1:
            shape.extend([value] if isinstance(value, int) else _varints(value))
        elif number == 2:
            dtype = _as_int(value)
        elif number == 8:
            name = _text(_as_bytes(value))
        elif number == 9:
            raw = _as_bytes(value)
        elif number == 13 or (number == 14 and value == _EXTERNAL):
            raise walk.refuse("keeps weights in another file (external data), which bundles may not")
    if raw is not None and dtype in _ITEM_BYTES and len(raw) != math.prod(shape) * _ITEM_BYTES[dtype]:
        raise walk.refuse(f"tensor {name!r} of shape {shape} has {len(raw)} bytes")


def _value_info(data: memoryview) -> ValueInfo:
    name = _text(_first(data, 1))
    tensor_type = _first(_first(data, 2), 1)
    dtype, shape = 0, memoryview(b"")
    for number, value in _fields(tensor_type):
        if number == 1:
            dtype = _as_int(value)
        elif number == 2:
            shape = _as_bytes(value)
    axes = tuple(_axis(_as_bytes(value)) for number, value in _fields(shape) if number == 1)
    return ValueInfo(name, DTYPES.get(dtype, f"type {dtype}"), axes)


def _axis(data: memoryview) -> int | str | None:
    for number, value in _fields(data):
        if number == 1:
            return _as_int(value)
        if number == 2:
            return _text(_as_bytes(value))
    return None


# The wire format ----------------------------------------------------------------------------


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield field numbers with their values: an int, or the bytes of what is inside."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(data):
            raise ValueError("cut short")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number longer than 64 bits")


def _varints(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _first(data: memoryview, wanted: int) -> memoryview:
    for number, value in _fields(data):
        if number == wanted:
            return _as_bytes(value)
    return memoryview(b"")


def _as_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return value


def _as_int(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value


def _text(data: memoryview) -> str:
    return bytes(data).decode("utf-8")
