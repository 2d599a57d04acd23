"""A continuation as ONNX graphs: given frames to a state, and a state to the frames that follow.

The encoder is onnx's own GRU, layer on layer. The decoder is one Scan over the steps to write, built
here: what the state adds to the gates and to the logits is computed before the loop, and the table of
fed-back keys is multiplied through the weights behind it when the graph is loaded.

Torch's GRU has its gates in the order r, z, n and applies the reset gate to the hidden product with its
bias; onnx has z, r, h and does the same only if `linear_before_reset` is set.

Shape legend: B batch, T steps in, U steps out, K keys, L layers, H units, Z = L·H, C channels.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import GRAPHS
from engine.music.representation import Representation
from export.graph import GraphBuilder, finished
from training.models.seq2seq import Continuer

FLOAT = onnx.TensorProto.FLOAT


def state_size(model: Continuer) -> int:
    """Return Z."""
    return model.decoder.num_layers * model.decoder.hidden_size


def continuer_graphs(model: Continuer, representation: Representation) -> dict[str, bytes]:
    """Return encoder and decoder of a model in evaluation mode, by file name."""
    encoder, decoder = graph_specs(representation, state_size(model), "continue")
    return {
        GRAPHS[0]: finished("encoder", _encoder(model), encoder),
        GRAPHS[1]: finished("decoder", _decoder(model), decoder),
    }


# Encoder ------------------------------------------------------------------------------------


def update_first(weight: Tensor) -> Tensor:
    """Reorder torch's gates r, z, n along axis 0 to onnx's z, r, h."""
    r, z, n = weight.chunk(3)
    return torch.cat([z, r, n])


def _weight(gru: nn.GRU, kind: str, layer: int) -> Tensor:
    """Return a layer's `weight_ih`, `weight_hh`, `bias_ih` or `bias_hh`, gates along axis 0."""
    return cast(Tensor, getattr(gru, f"{kind}_l{layer}"))


def _encoder(model: Continuer) -> GraphBuilder:
    builder, gru = GraphBuilder(), model.encoder
    x = builder.node("Transpose", "x", perm=[1, 0, 2])  # [T, B, K]
    states = []
    for layer in range(gru.num_layers):
        inputs = [x, *_onnx_weights(builder, gru, layer)]
        all_states, last = builder.nodes_of(
            "GRU", inputs, 2, hidden_size=gru.hidden_size, linear_before_reset=1
        )
        x = builder.node("Squeeze", all_states, builder.ints(1))  # [T, B, H]
        states.append(builder.node("Squeeze", last, builder.ints(0)))  # [B, H]
    builder.named("Concat", [states[layer] for layer in model.state_layers], "mu", axis=1)
    zero = helper.make_tensor("value", FLOAT, [1], [0.0])
    builder.named("ConstantOfShape", [builder.node("Shape", "mu")], "sigma", value=zero)
    return builder


def _onnx_weights(builder: GraphBuilder, gru: nn.GRU, layer: int) -> list[str]:
    """Return W `[1, 3H, in]`, R `[1, 3H, H]` and B `[1, 6H]` of a layer."""
    into = update_first(_weight(gru, "weight_ih", layer))
    recurrent = update_first(_weight(gru, "weight_hh", layer))
    biases = [update_first(_weight(gru, kind, layer)) for kind in ("bias_ih", "bias_hh")]
    return [
        builder.weight(into[None], "input"),
        builder.weight(recurrent[None], "recurrent"),
        builder.weight(torch.cat(biases)[None], "bias"),
    ]


# Decoder ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layer:
    """Names of one layer's constants."""

    recurrent: str
    """`[H, 3H]`."""
    recurrent_bias: str
    """`[3H]`."""
    table: str
    """From below to the gates, `[below, 3H]`; of the first layer from a frame, `[K, 3H]`."""
    addend: str
    """`[3H]`; of the first layer what the state adds, `[B, 3H]`."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the body of the Scan refers to by name."""

    layers: tuple[_Layer, ...]
    head: str
    """`[H, K]`."""
    skip: str
    """From a frame to the logits, `[K, K]`."""
    logits: str
    """What the state adds to the logits, `[B, K]`."""
    split: str
    """`[2H, H]`."""


def _decoder(model: Continuer) -> GraphBuilder:
    builder, gru = GraphBuilder(), model.decoder
    prepared = _prepare(builder, model)
    states = builder.nodes_of("Split", ["z"], gru.num_layers, axis=1, num_outputs=gru.num_layers)
    shape = builder.node(
        "Concat", builder.node("Shape", "z", start=0, end=1), builder.ints(model.keys), axis=0
    )
    zero = helper.make_tensor("value", FLOAT, [1], [0.0])
    states = [builder.node("ConstantOfShape", shape, value=zero), *states]
    ends = [builder.name("end") for _ in states]
    builder.nodes.append(
        helper.make_node(
            "Scan",
            [*states, "perturbation"],
            [*ends, "tokens"],
            body=_body(prepared, len(states)),
            num_scan_inputs=1,
        )
    )
    return builder


def _prepare(builder: GraphBuilder, model: Continuer) -> _Prepared:
    gru = model.decoder
    feed = builder.weight(model.feed.weight.T, "feed")  # [K, C]
    skip = builder.weight(model.skip.weight.T, "skip")  # [C, K]
    into = builder.weight(model.reminder.weight.T, "weight")
    reminder = builder.node("Gemm", "z", into, builder.weight(model.reminder.bias, "bias"))  # [B, C]
    reminded = builder.node("MatMul", reminder, skip)
    layers = [_first_layer(builder, gru, feed, reminder)]
    layers += [_further_layer(builder, gru, layer) for layer in range(1, gru.num_layers)]
    return _Prepared(
        tuple(layers),
        head=builder.weight(model.head.weight.T, "head"),
        skip=builder.node("MatMul", feed, skip),
        logits=builder.node("Add", reminded, builder.weight(model.head.bias, "head_bias")),
        split=builder.ints(2 * gru.hidden_size, gru.hidden_size),
    )


def _first_layer(builder: GraphBuilder, gru: nn.GRU, feed: str, reminder: str) -> _Layer:
    into = builder.weight(_weight(gru, "weight_ih", 0).T, "input")  # [C, 3H]
    bias = builder.weight(_weight(gru, "bias_ih", 0), "bias")
    table = builder.node("MatMul", feed, into)
    return _layer(builder, gru, 0, table, builder.node("Gemm", reminder, into, bias))


def _further_layer(builder: GraphBuilder, gru: nn.GRU, layer: int) -> _Layer:
    into = builder.weight(_weight(gru, "weight_ih", layer).T, "input")
    return _layer(builder, gru, layer, into, builder.weight(_weight(gru, "bias_ih", layer), "bias"))


def _layer(builder: GraphBuilder, gru: nn.GRU, layer: int, table: str, addend: str) -> _Layer:
    recurrent = builder.weight(_weight(gru, "weight_hh", layer).T, "recurrent")
    bias = builder.weight(_weight(gru, "bias_hh", layer), "recurrent_bias")
    return _Layer(recurrent, bias, table, addend)


def _body(prepared: _Prepared, states: int) -> onnx.GraphProto:
    """Return one step: frame before, layers' states and the step's bias in; the same and a frame out."""
    body = GraphBuilder("s_")
    names = [body.name("state") for _ in range(states)]
    frame, below = names[0], names[0]
    after = []
    for layer, h in zip(prepared.layers, names[1:], strict=True):
        ours = body.node("Gemm", below, layer.table, layer.addend)
        theirs = body.node("Gemm", h, layer.recurrent, layer.recurrent_bias)
        below = gru_cell(body, ours, theirs, h, prepared.split)
        after.append(below)
    biased = body.node("Add", body.node("Gemm", frame, prepared.skip, prepared.logits), "s_bias")
    biased = body.node("Gemm", below, prepared.head, biased)
    zero = body.constant(np.array(0.0, np.float32), "zero")
    chosen = body.node("Cast", body.node("Greater", biased, zero), to=FLOAT)
    outputs = [chosen, *after, body.node("Identity", chosen)]
    return helper.make_graph(body.nodes, "step", _infos([*names, "s_bias"]), _infos(outputs), body.constants)


def _infos(names: list[str]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, FLOAT, None) for name in names]


def gru_cell(body: GraphBuilder, ours: str, theirs: str, h: str, split: str) -> str:
    """Add a step of torch's GRU, whose reset gate acts on the hidden product, its bias included.

    Args:
        body: what it is added to.
        ours: gates r, z, n of the input `[rows, 3H]`, biases included.
        theirs: those of the state.
        h: the state `[rows, H]`.
        split: sizes 2H and H.

    Returns:
        The name of the new state.
    """
    our_gates, our_new = body.nodes_of("Split", [ours, split], 2, axis=1)
    their_gates, their_new = body.nodes_of("Split", [theirs, split], 2, axis=1)
    gates = body.node("Sigmoid", body.node("Add", our_gates, their_gates))
    r, z = body.nodes_of("Split", [gates], 2, axis=1, num_outputs=2)
    n = body.node("Tanh", body.node("Add", our_new, body.node("Mul", r, their_new)))
    return body.node("Add", n, body.node("Mul", z, body.node("Sub", h, n)))
