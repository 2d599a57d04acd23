"""The LSTM that writes a voice, as ONNX: Scans, one a bar.

What sounded a bar ago is known when a bar begins, so that it is added before the loop.

Shape legend: B batch, T steps, M steps a bar, C channels, H units, V tokens.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
from onnx import helper
from torch import Tensor

from export.decoder_graph import gates_last, lstm_cell, value_infos
from export.graph import GraphBuilder
from export.matmul import Product, Write, float_product
from training.models.step_writer import BAR_STEPS, StepWriter

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the bodies of a voice's Scans refer to by name."""

    recurrent: Write
    head: Write
    table: str
    """Of the last token plus 1, `[V + 1, 4H]`."""
    split: str
    """`[3H, H]`."""


def write_voice(
    builder: GraphBuilder,
    writer: StepWriter,
    condition: str,
    shift: str,
    earlier: str,
    steps: int,
    product: Product,
) -> str:
    """Write a voice; returns tokens `[T, B]`.

    Args:
        builder: of the whole graph.
        writer: of the voice.
        condition: `[T, B, C]`.
        shift: the voice's perturbation `[T, B, V]`.
        earlier: tokens plus 1 of the bar before, `[M, B]`.
        steps: T.
        product: form of the recurrent product.
    """
    into_gates = builder.weight(gates_last(_weight(writer, "weight_ih_l0")).T, "input")
    biases = gates_last(_weight(writer, "bias_ih_l0") + _weight(writer, "bias_hh_l0"))
    gates = builder.node("MatMul", condition, into_gates)
    drive = builder.node("Add", gates, builder.weight(biases, "bias"))
    skipped = builder.node("MatMul", condition, builder.weight(writer.skip.weight.T, "skip"))
    bias = builder.node("Add", builder.node("Add", skipped, builder.weight(writer.head.bias, "bias")), shift)
    ago = builder.node("MatMul", builder.weight(writer.bar_ago.weight, "table"), into_gates)
    prepared = _Prepared(
        recurrent=product(builder, gates_last(_weight(writer, "weight_hh_l0")).T, "recurrent"),
        head=float_product(builder, writer.head.weight.T, "head"),
        table=builder.node("MatMul", builder.weight(writer.last.weight, "table"), into_gates),
        split=builder.ints(3 * writer.lstm.hidden_size, writer.lstm.hidden_size),
    )
    h, c = _start(builder, writer, condition)
    token = builder.node("Gather", earlier, builder.constant(np.array(-1, np.int64)), axis=0)
    bars = []
    for start in range(0, steps, BAR_STEPS):
        place = builder.ints(start), builder.ints(start + BAR_STEPS), builder.ints(0)
        own = builder.node("Add", builder.node("Slice", drive, *place), builder.node("Gather", ago, earlier))
        h, c, token, earlier = _bar(
            builder, prepared, (h, c, token), (builder.node("Slice", bias, *place), own)
        )
        bars.append(earlier)
    return builder.node("Sub", builder.node("Concat", *bars, axis=0), builder.ints(1))


def _start(builder: GraphBuilder, writer: StepWriter, condition: str) -> tuple[str, str]:
    """Return the LSTM's start states `[B, H]` each."""
    first = builder.node("Gather", condition, builder.constant(np.array(0, np.int64)), axis=0)
    weight, bias = builder.weight(writer.start.weight.T, "start"), builder.weight(writer.start.bias, "start")
    both = builder.node("Tanh", builder.node("Gemm", first, weight, bias))
    h, c = builder.nodes_of("Split", [both], 2, axis=1, num_outputs=2)
    return h, c


def _weight(writer: StepWriter, name: str) -> Tensor:
    return cast(Tensor, getattr(writer.lstm, name))


def _bar(
    builder: GraphBuilder, prepared: _Prepared, states: tuple[str, str, str], scanned: tuple[str, str]
) -> list[str]:
    """Write a bar; returns the states after it and what was written, tokens plus 1 `[M, B]`."""
    outputs = [builder.name("end") for _ in states] + [builder.name("written")]
    body = _body(prepared, builder.name("step"))
    builder.nodes.append(
        helper.make_node("Scan", [*states, *scanned], outputs, body=body, num_scan_inputs=len(scanned))
    )
    return outputs


def _body(prepared: _Prepared, name: str) -> onnx.GraphProto:
    """Return one step: h, c and the last token plus 1, bias and drive in; states and the token plus 1 out."""
    body = GraphBuilder(f"{name}_")
    h, c, token, bias, drive = names = [body.name("in") for _ in range(5)]
    addend = body.node("Add", drive, body.node("Gather", prepared.table, token))
    new_h, new_c = lstm_cell(body, prepared.recurrent(body, h, addend), c, prepared.split)
    chosen = body.node("ArgMax", prepared.head(body, new_h, bias), axis=1, keepdims=0)
    after = body.node("Add", chosen, body.constant(np.array(1, np.int64), "one"))
    outputs = [new_h, new_c, after, body.node("Identity", after)]
    kinds = [FLOAT, FLOAT, INT64]
    return helper.make_graph(
        body.nodes,
        name,
        value_infos(names, [*kinds, FLOAT, FLOAT]),
        value_infos(outputs, [*kinds, INT64]),
        body.constants,
    )
