"""A small builder of ONNX graphs, and what every exported graph has in common.

Weights are stored in float16 wherever that loses nothing, with a Cast that the runtime folds away
when it loads the graph.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from engine.inference.bundle.manifest import GraphSpec, TensorSpec

OPSET = 20
"""What torch's exporter writes, and the newest that onnxruntime's CUDA kernels match in full."""
IR_VERSION = 10
SMALLEST_HALF = 256
"""Values from which on a constant is stored in float16; below, the Cast costs more than it saves."""

ELEMENTS = {"float32": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64}

Array = npt.NDArray[Any]


class GraphBuilder:
    """Collects nodes and constants; every method that adds a node returns the names of its outputs."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def copy(self) -> "GraphBuilder":
        """Return a builder that starts with what this one holds."""
        other = GraphBuilder(self.prefix)
        other.nodes, other.constants, other._count = [*self.nodes], [*self.constants], self._count
        return other

    def name(self, stem: str) -> str:
        """Return a fresh name."""
        self._count += 1
        return f"{self.prefix}{stem}_{self._count}"

    def nodes_of(
        self, op: str, inputs: list[str], count: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with `count` outputs."""
        outputs = [self.name(op.lower()) for _ in range(count)]
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        return self.nodes_of(op, list(inputs), 1, domain, **attributes)[0]

    def named(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """Add a node whose output has a given name."""
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def constant(self, values: Array, stem: str = "constant") -> str:
        """Add a constant as it is."""
        name = self.name(stem)
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)
        )
        return name

    def ints(self, *values: int) -> str:
        """Add a constant int64 vector, such as a shape."""
        return self.constant(np.array(values, np.int64), "ints")

    def weight(self, tensor: Tensor, stem: str) -> str:
        """Add a float32 weight, stored in float16 where that is exact."""
        return self.half_stored(tensor.detach().numpy(), stem)

    def half_stored(self, values: Array, stem: str) -> str:
        """Add a float32 constant, stored in float16 where that is exact."""
        if not fits_half(values):
            return self.constant(values, stem)
        half = self.constant(values.astype(np.float16), f"{stem}_half")
        return self.node("Cast", half, to=onnx.TensorProto.FLOAT)


def fits_half(values: Array) -> bool:
    """Return whether a constant is float32, large enough, and exact in float16."""
    if values.dtype != np.float32 or values.size < SMALLEST_HALF:
        return False
    with np.errstate(over="ignore"):
        return bool(np.array_equal(values.astype(np.float16).astype(np.float32), values))


def value_info(spec: TensorSpec) -> onnx.ValueInfoProto:
    """Return a graph input or output as the bundle's contract has it."""
    return helper.make_tensor_value_info(spec.name, ELEMENTS[spec.dtype], list(spec.shape))


def finished(name: str, builder: GraphBuilder, spec: GraphSpec, extra_outputs: tuple[str, ...] = ()) -> bytes:
    """Return the checked ONNX file of a graph that fulfils `spec`.

    Args:
        name: for people.
        builder: all its nodes and constants.
        spec: the contract's inputs and outputs.
        extra_outputs: float32 values to return as well, for measuring.
    """
    outputs = [value_info(tensor) for tensor in spec.outputs]
    outputs += [
        helper.make_tensor_value_info(extra, onnx.TensorProto.FLOAT, [None] * 3) for extra in extra_outputs
    ]
    inputs = [value_info(tensor) for tensor in spec.inputs]
    graph = helper.make_graph(builder.nodes, name, inputs, outputs, builder.constants)
    domains = {node.domain for node in builder.nodes} | body_domains(builder.nodes)
    opsets = [helper.make_opsetid("", OPSET)]
    opsets += [helper.make_opsetid(domain, 1) for domain in sorted(domains - {""})]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="antiphon", ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def body_domains(nodes: list[onnx.NodeProto]) -> set[str]:
    """Return the operator domains used inside the nodes' bodies."""
    bodies = [attribute.g for node in nodes for attribute in node.attribute if attribute.HasField("g")]
    return {node.domain for body in bodies for node in body.node}


def traced(module: nn.Module, example: Tensor, names: tuple[str, list[str]]) -> GraphBuilder:
    """Export a torch module of one input; see `traced_inputs`."""
    return traced_inputs(module, (example,), ([names[0]], names[1]))


def traced_inputs(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    names: tuple[list[str], list[str]],
    *,
    lengths: bool = False,
) -> GraphBuilder:
    """Export a torch module by torch's own exporter; the first axis of every input is the batch.

    Args:
        module: in evaluation mode.
        examples: inputs with a batch above 1.
        names: of the inputs, and of the outputs.
        lengths: whether the second axis of every input may have any length too.

    Returns:
        Its nodes and constants, float32 constants stored in float16 where that is exact.
    """
    batch = torch.export.Dim("batch", min=1, max=65536)
    axes = {0: batch, 1: torch.export.Dim("length", min=0, max=4096)} if lengths else {0: batch}
    with quiet():
        program = torch.onnx.export(
            module.eval(),
            examples,
            dynamo=True,
            opset_version=OPSET,
            input_names=names[0],
            output_names=names[1],
            dynamic_shapes=tuple(axes for _ in examples),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch returned no program")
    return from_model(program.model_proto)


def traced_open(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    names: tuple[list[str], list[str]],
    open_axes: Mapping[str, tuple[int, ...]],
) -> GraphBuilder:
    """Export a torch module whose inputs have other axes of any length beside the batch.

    Recurrent layers over such an axis need torch's older exporter, which writes them as one operator.

    Args:
        module: in evaluation mode.
        examples: inputs.
        names: of the inputs, and of the outputs.
        open_axes: by input, the axes that may have any length.
    """
    with quiet(), TemporaryDirectory() as folder:
        file = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module.eval(),
            examples,
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=names[0],
            output_names=names[1],
            dynamic_axes={name: {axis: f"{name}{axis}" for axis in axes} for name, axes in open_axes.items()},
        )
        return from_model(onnx.load(file))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back the exporter's notes about its own future and about packages it could also use."""
    notes = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = notes.level
    notes.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        notes.setLevel(level)


def from_model(model: onnx.ModelProto) -> GraphBuilder:
    """Take over a model's nodes and constants, without the notes that exporters leave on them."""
    if model.functions:
        raise RuntimeError("the exported graph kept functions")
    builder = GraphBuilder("x_")
    for constant in model.graph.initializer:
        take_constant(builder, constant.name, numpy_helper.to_array(constant))
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        node.ClearField("name")
        builder.nodes.append(node)
    return builder


def take_constant(builder: GraphBuilder, name: str, values: Array) -> None:
    """Add a constant under its own name, in float16 with a Cast where that is exact."""
    if not fits_half(values):
        builder.constants.append(numpy_helper.from_array(values, name))
        return
    half = f"{name}.half"
    builder.constants.append(numpy_helper.from_array(values.astype(np.float16), half))
    builder.named("Cast", [half], name, to=onnx.TensorProto.FLOAT)
