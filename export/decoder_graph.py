"""The decoder as one ONNX graph: a latent and a perturbation in, the whole phrase out.

Torch's exporter writes the conductor; the recurrent cores are built here, one Scan each, because
nothing else comes as near to the machine's limit. Everything that does not depend on the previous
output is computed before the loop: what the condition adds to the gates (`drive`) and to the logits
(`skip`, to which the perturbation is added). The table of fed-back tokens is multiplied through the
input weights when the graph is loaded, so that feeding a token back is one row of a table.

Shape legend: B batch, R rows a phrase (bars; 1 if flat), N steps of a row, T = R·N, C channels of
the condition, H units, L layers, V logits of a core, P columns of a core's perturbation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from engine.inference.bundle.graph_specs import graph_specs
from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.representation import Representation
from export.graph import GraphBuilder, finished, traced_inputs
from export.layout import Layout, cores_of, layout_of
from export.matmul import Product, Write, float_product
from training.models.decoders import Core
from training.models.vae import VAE

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


class _Conditions(nn.Module):
    """The conductor, its rows folded into the batch and its steps in front."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.conductor, self.conditioning = model.conductor, model.told
        self.steady = layout_of(model).steady

    def forward(
        self, z: Tensor, bpm: Tensor | None = None, style: Tensor | None = None, drummer: Tensor | None = None
    ) -> Tensor:
        """Return conditions `[N, B·R, C]`, of the first step only where all steps have the same."""
        given = (
            z if self.conditioning is None else torch.cat([z, self.conditioning(bpm, style, drummer)], dim=-1)
        )
        condition: Tensor = self.conductor(given).flatten(0, 1)
        if self.steady:
            condition = condition[:, :1]
        return condition.transpose(0, 1)


def conditions_graph(model: VAE) -> GraphBuilder:
    """Return what is before the decoder's cores, from `z` and conditions to `condition`. Takes seconds."""
    examples, names = (torch.zeros(3, model.config.z_size),), ["z"]
    if model.told is not None:
        examples += torch.zeros(3), *torch.zeros(2, 3, dtype=torch.int64)
        names += PLAYING_CONDITIONS
    return traced_inputs(_Conditions(model), examples, (names, ["condition"]))


def decoder_graph(
    model: VAE,
    representation: Representation,
    conditions: GraphBuilder,
    product: Product = float_product,
    logits: bool = False,
) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode.

    Args:
        model: the model.
        representation: its representation.
        conditions: what `conditions_graph` returned; not changed.
        product: form of the recurrent products.
        logits: also return `logits_0`, `logits_1` … `[N, B·R, V]`, perturbed, for measuring.
    """
    conditioning = () if model.told is None else PLAYING_CONDITIONS
    _, spec = graph_specs(representation, model.config.z_size, conditions=conditioning)
    layout = layout_of(model)
    builder, outputs = conditions.copy(), []
    for index, (core, columns) in enumerate(cores_of(model)):
        shift = _perturbation_rows(builder, layout, columns, representation.width)
        extra = f"logits_{index}" if logits else None
        outputs.append(_phrase(builder, _core(builder, core, layout, shift, product, extra), layout, core))
    if representation.streams:
        builder.named("Concat", outputs, "tokens", axis=2)
    else:
        builder.named("Identity", outputs, "tokens")
    return finished("decoder", builder, spec, tuple(f"logits_{i}" for i in range(len(outputs)) if logits))


def _perturbation_rows(builder: GraphBuilder, layout: Layout, columns: slice, total: int) -> str:
    """Cut a core's columns out of the perturbation `[T, B, V]` and fold them to `[N, B·R, P]`."""
    shift, width = "perturbation", columns.stop - columns.start
    if width != total:
        ends = builder.ints(columns.start), builder.ints(columns.stop), builder.ints(2)
        shift = builder.node("Slice", shift, *ends)
    if layout.rows == 1:
        return shift
    shift = builder.node("Reshape", shift, builder.ints(layout.rows, layout.steps, -1, width))
    shift = builder.node("Transpose", shift, perm=[1, 2, 0, 3])  # [N, B, R, P]
    return builder.node("Reshape", shift, builder.ints(layout.steps, -1, width))


def _phrase(builder: GraphBuilder, written: str, layout: Layout, core: Core) -> str:
    """Unfold what a core wrote, `[N, B·R]` or `[N, B·R, W]`, to `[T, B, 1]` or `[T, B, W]`."""
    width = len(core.groups) or (1 if core.categorical else core.width)
    if layout.rows > 1:
        written = builder.node("Reshape", written, builder.ints(layout.steps, -1, layout.rows, width))
        written = builder.node("Transpose", written, perm=[2, 0, 1, 3])  # [R, N, B, W]
    return builder.node("Reshape", written, builder.ints(layout.rows * layout.steps, -1, width))


def gates_last(weight: Tensor) -> Tensor:
    """Reorder torch's gates i, f, g, o along axis 0 to i, f, o, g: one Sigmoid then covers three."""
    i, f, g, o = weight.chunk(4)
    return torch.cat([i, f, o, g])


# One core -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layer:
    """One LSTM layer, prepared: its product, and its constant addend (None for the first layer)."""

    product: Write
    bias: str | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the body of a core's Scan refers to by name."""

    core: Core
    layers: tuple[_Layer, ...]
    head: Write
    table: str
    """Categorical: `[V+1, 4H]`, its last row 0 for "nothing yet". Groove: `[W, 4H]`."""
    split: str
    """Constant `[3H, H]`."""
    drive: str
    """`[rows, 4H]` for all steps, or empty if it is a scan input."""


def _core(
    builder: GraphBuilder, core: Core, layout: Layout, shift: str, product: Product, logits: str | None
) -> str:
    """Add one core; returns what it wrote, `[N, rows]` tokens or `[N, rows, W]` frames."""
    into_gates = builder.weight(gates_last(_weight(core, "ih", 0)).T, "input")
    drive = _affine(builder, "condition", into_gates, _bias(core, 0))
    bias = _affine(builder, "condition", builder.weight(core.skip.weight.T, "skip"), core.head.bias)
    if not core.categorical:
        missing = core.head.out_features - core.choices
        shift = builder.node("Pad", shift, builder.ints(0, 0, 0, 0, 0, missing)) if missing else shift
    bias = builder.node("Add", bias, shift)  # [N, rows, V]
    steady = builder.node("Squeeze", drive, builder.ints(0)) if layout.steady else ""
    prepared = _prepare(builder, core, into_gates, steady, product)
    states = [*_start_states(builder, core), _nothing(builder, core)]
    scanned = [bias] if layout.steady else [bias, drive]
    outputs = [builder.name("end") for _ in states] + [builder.name("written")]
    outputs += [logits] if logits else []
    builder.nodes.append(
        helper.make_node(
            "Scan",
            [*states, *scanned],
            outputs,
            body=_body(prepared, len(states), logits is not None),
            num_scan_inputs=len(scanned),
        )
    )
    return outputs[len(states)]


def _weight(core: Core, side: str, layer: int) -> Tensor:
    """Return a layer's weights from below (`ih`) or from the step before (`hh`), `[4H, …]`."""
    weight: Tensor = getattr(core.lstm, f"weight_{side}_l{layer}")
    return weight


def _bias(core: Core, layer: int) -> Tensor:
    """Return both biases of a layer in one, `[4H]`."""
    ours: Tensor = getattr(core.lstm, f"bias_ih_l{layer}")
    recurrent: Tensor = getattr(core.lstm, f"bias_hh_l{layer}")
    return gates_last(ours + recurrent)


def _affine(builder: GraphBuilder, x: str, weight: str, bias: Tensor) -> str:
    return builder.node("Add", builder.node("MatMul", x, weight), builder.weight(bias, "bias"))


def _prepare(builder: GraphBuilder, core: Core, into_gates: str, drive: str, product: Product) -> _Prepared:
    return _Prepared(
        core=core,
        layers=tuple(_layer(builder, core, layer, product) for layer in range(core.lstm.num_layers)),
        head=float_product(builder, core.head.weight.T, "head"),
        table=_table(builder, core, into_gates),
        split=builder.ints(3 * core.lstm.hidden_size, core.lstm.hidden_size),
        drive=drive,
    )


def _layer(builder: GraphBuilder, core: Core, layer: int, product: Product) -> _Layer:
    recurrent = gates_last(_weight(core, "hh", layer)).T
    if layer == 0:
        return _Layer(product(builder, recurrent, "recurrent"), None)
    below = gates_last(_weight(core, "ih", layer)).T
    both = product(builder, torch.cat([below, recurrent]), "layer")
    return _Layer(both, builder.weight(_bias(core, layer), "layer_bias"))


def _table(builder: GraphBuilder, core: Core, into_gates: str) -> str:
    """Multiply what can be fed back through the input weights; constant, so done at load."""
    feed = core.feed.weight if core.categorical else core.feed.weight.T
    table = builder.node("MatMul", builder.weight(feed, "feed"), into_gates)
    if not core.categorical:
        return table
    nothing = builder.constant(np.zeros((1, 4 * core.lstm.hidden_size), np.float32), "nothing")
    return builder.node("Concat", table, nothing, axis=0)


def _start_states(builder: GraphBuilder, core: Core) -> list[str]:
    """Return h of every layer, then c of every layer, each `[rows, H]`."""
    first = builder.node("Gather", "condition", builder.constant(np.array(0, np.int64)), axis=0)
    start = _affine(builder, first, builder.weight(core.start.weight.T, "start"), core.start.bias)
    layers = core.lstm.num_layers
    return builder.nodes_of(
        "Split", [builder.node("Tanh", start)], 2 * layers, axis=1, num_outputs=2 * layers
    )


def _nothing(builder: GraphBuilder, core: Core) -> str:
    """Return what is fed back before the first step: the token after the last, or an empty frame."""
    rows = builder.node("Shape", "condition", start=1, end=2)
    if core.categorical:
        value = helper.make_tensor("value", INT64, [1], [core.width])
        return builder.node("ConstantOfShape", rows, value=value)
    shape = builder.node("Concat", rows, builder.ints(core.width), axis=0)
    return builder.node("ConstantOfShape", shape, value=helper.make_tensor("value", FLOAT, [1], [0.0]))


# The body of its Scan -----------------------------------------------------------------------


def _body(prepared: _Prepared, states: int, logits: bool) -> onnx.GraphProto:
    """Return one step: states, bias and drive in; states and what was written out."""
    core, body = prepared.core, GraphBuilder("s_")
    layers = core.lstm.num_layers
    names = [body.name("state") for _ in range(states)]
    h, c, previous = names[:layers], names[layers : 2 * layers], names[-1]
    inputs = [*names, "s_bias"] + ([] if prepared.drive else ["s_drive"])
    h_next, c_next = _layers(body, prepared, h, c, _fed(body, prepared, previous))
    biased = prepared.head(body, h_next[-1], "s_bias")
    chosen, fed = _choice(body, core, biased)
    outputs = [*h_next, *c_next, fed, body.node("Identity", chosen)]
    outputs += [body.node("Identity", biased)] if logits else []
    kinds = [FLOAT] * (states - 1) + [INT64 if core.categorical else FLOAT]
    written = [INT64 if core.categorical or core.groups else FLOAT] + [FLOAT] * logits
    return helper.make_graph(
        body.nodes,
        "step",
        value_infos(inputs, [*kinds, FLOAT] + ([] if prepared.drive else [FLOAT])),
        value_infos(outputs, [*kinds, *written]),
        body.constants,
    )


def value_infos(names: list[str], kinds: Sequence[int]) -> list[onnx.ValueInfoProto]:
    """Return a body's inputs or outputs with their element types, their shapes left open."""
    return [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, kinds, strict=True)]


def _fed(body: GraphBuilder, prepared: _Prepared, previous: str) -> str:
    """Return what condition and previous output add to the first layer's gates, `[rows, 4H]`."""
    drive = prepared.drive or "s_drive"
    if not prepared.core.categorical:
        return body.node("Gemm", previous, prepared.table, drive)
    return body.node("Add", body.node("Gather", prepared.table, previous), drive)


def _layers(
    body: GraphBuilder, prepared: _Prepared, h: list[str], c: list[str], addend: str
) -> tuple[list[str], list[str]]:
    h_next: list[str] = []
    c_next: list[str] = []
    for layer, h_now, c_now in zip(prepared.layers, h, c, strict=True):
        x = body.node("Concat", h_next[-1], h_now, axis=1) if h_next else h_now
        gates = layer.product(body, x, layer.bias or addend)
        new_h, new_c = lstm_cell(body, gates, c_now, prepared.split)
        h_next.append(new_h)
        c_next.append(new_c)
    return h_next, c_next


def lstm_cell(body: GraphBuilder, gates: str, c: str, split: str) -> tuple[str, str]:
    """Add an LSTM's point-wise part on gates i, f, o, g `[rows, 4H]`; return names of h and c `[rows, H]`."""
    three, last = body.nodes_of("Split", [gates, split], 2, axis=1)
    i, f, o = body.nodes_of("Split", [body.node("Sigmoid", three)], 3, axis=1, num_outputs=3)
    fresh = body.node("Mul", i, body.node("Tanh", last))
    c_next = body.node("Add", body.node("Mul", f, c), fresh)
    return body.node("Mul", o, body.node("Tanh", c_next)), c_next


def _choice(body: GraphBuilder, core: Core, biased: str) -> tuple[str, str]:
    """Return what is written and what is fed back, which a joint core alone tells apart.

    It is the best token `[rows]`, or the frame `[rows, W]`: keys, or hits, velocities and offsets. A joint
    core writes the tokens `[rows, S]` and is fed them one-hot.
    """
    if core.groups:
        return _joint_choice(body, core, biased)
    chosen = _frame(body, core, biased) if core.choices else body.node("ArgMax", biased, axis=1, keepdims=0)
    return chosen, chosen


def _joint_choice(body: GraphBuilder, core: Core, biased: str) -> tuple[str, str]:
    """Return the best token of each stream `[rows, S]`, and all of them one-hot `[rows, V]`."""
    parts = body.nodes_of("Split", [biased, body.ints(*core.groups)], len(core.groups), axis=1)
    best = [body.node("ArgMax", part, axis=1, keepdims=1) for part in parts]
    places = [body.constant(np.arange(size, dtype=np.int64), "places") for size in core.groups]
    hot = [body.node("Equal", token, place) for token, place in zip(best, places, strict=True)]
    return body.node("Concat", *best, axis=1), body.node("Cast", body.node("Concat", *hot, axis=1), to=FLOAT)


def _frame(body: GraphBuilder, core: Core, biased: str) -> str:
    """Return the frame `[rows, W]` of a piano or of drums."""
    zero = body.constant(np.array(0.0, np.float32), "zero")
    if core.choices == core.width:
        return body.node("Cast", body.node("Greater", biased, zero), to=FLOAT)
    hit, velocity, offset = body.nodes_of("Split", [biased], 3, axis=1, num_outputs=3)
    hits = body.node("Cast", body.node("Greater", hit, zero), to=FLOAT)
    velocities = body.node("Mul", hits, body.node("Sigmoid", velocity))
    offsets = body.node("Mul", hits, body.node("Tanh", offset))
    return body.node("Concat", hits, velocities, offsets, axis=1)
