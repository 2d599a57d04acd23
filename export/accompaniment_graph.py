"""A model of accompaniments as ONNX graphs: voices to a latent, and a latent with surroundings to voices.

Torch's exporter writes the encoder and what each step is given beside its past; the LSTMs that write the
steps are Scans built here, one a voice and bar: what sounded a bar ago is known when a bar begins, so that
it is added before the loop. The drums are written first, and their hits added to what the bass is given.

Shape legend: B batch, T steps, M steps a bar, K beats, Z latent size, C channels, H units, V tokens of a
voice.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from engine.inference.bundle.manifest import BundleManifest
from engine.music import drums
from export.decoder_graph import gates_last, lstm_cell, value_infos
from export.graph import GraphBuilder, finished, traced_inputs
from export.matmul import Product, Write, float_product
from training.models.accompaniment import (
    BAR_STEPS,
    HARMONY_SIZE,
    VOCABULARIES,
    VOICES,
    Accompaniment,
    Surroundings,
    Writer,
)
from training.models.words import BEAT_STEPS

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
DRUMS_FIRST = (2, 1, 0)
"""The order in which voices are written."""


class _Encoder(nn.Module):
    """The encoder alone, with plain tensors out."""

    def __init__(self, model: Accompaniment) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma `[B, Z]` of tokens `[B, T, 3]`."""
        posterior = self.model.encode(x)
        return posterior.mu, posterior.sigma


def accompaniment_encoder(model: Accompaniment, manifest: BundleManifest) -> bytes:
    """Return `encoder.onnx` of a model in evaluation mode."""
    example = torch.zeros(3, manifest.steps, len(VOICES), dtype=torch.int64)
    graph = traced_inputs(_Encoder(model), (example,), (["x"], ["mu", "sigma"]))
    return finished("encoder", graph, manifest.encoder)


class _Conditions(nn.Module):
    """What the steps of each voice are given beside their past; the bass without the drums."""

    def __init__(self, model: Accompaniment) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, z: Tensor, melody: Tensor, harmony: Tensor, accents: Tensor, fills: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return conditions `[T, B, C]`, one of each voice."""
        around = Surroundings(melody, harmony, accents, fills, melody)
        parts = torch.split(z, self.model.sizes(harmony.shape[1]), dim=1)
        chords, bass, beat = (
            self.model.conditions(voice, part, around).transpose(0, 1) for voice, part in enumerate(parts)
        )
        return chords, bass, beat


def conditions_graph(model: Accompaniment, manifest: BundleManifest) -> GraphBuilder:
    """Return the part of the decoder before its loops. Takes seconds."""
    steps, beats = manifest.steps, manifest.steps // BEAT_STEPS
    example = (
        torch.zeros(3, manifest.z_size),
        torch.zeros(3, steps, dtype=torch.int64),
        torch.zeros(3, beats, HARMONY_SIZE),
        torch.zeros(3, steps, dtype=torch.int64),
        torch.zeros(3, beats, dtype=torch.int64),
    )
    names = ["z", "melody", "harmony", "accents", "fills"], [f"condition_{voice}" for voice in VOICES]
    return traced_inputs(_Conditions(model), example, names)


def accompaniment_decoder(
    model: Accompaniment,
    manifest: BundleManifest,
    conditions: GraphBuilder,
    product: Product = float_product,
) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode.

    Args:
        model: the model.
        manifest: the contract.
        conditions: what `conditions_graph` returned; not changed.
        product: form of the recurrent products.
    """
    builder, written = conditions.copy(), dict[int, str]()
    ends = np.cumsum((0, *VOCABULARIES))
    before = builder.node("Add", "before", builder.ints(1))
    for voice in DRUMS_FIRST:
        condition = f"condition_{VOICES[voice]}"
        if VOICES[voice] == "bass":
            condition = _with_hits(builder, model.writer(voice), condition, written[2])
        columns = builder.ints(int(ends[voice])), builder.ints(int(ends[voice + 1])), builder.ints(2)
        shift = builder.node("Slice", "perturbation", *columns)
        own = builder.node("Gather", before, builder.constant(np.array(voice, np.int64)), axis=2)
        earlier = builder.node("Transpose", own, perm=[1, 0])  # [M, B]
        written[voice] = _voice(
            builder, model.writer(voice), condition, shift, earlier, manifest.steps, product
        )
    last = [builder.node("Unsqueeze", written[voice], builder.ints(2)) for voice in range(len(VOICES))]
    builder.named("Concat", last, "tokens", axis=2)
    return finished("decoder", builder, manifest.decoder)


def _with_hits(builder: GraphBuilder, writer: Writer, condition: str, tokens: str) -> str:
    """Add the drum hits of tokens `[T, B]` to conditions `[T, B, C]` that were made without them."""
    rows = torch.zeros(drums.VOCABULARY, drums.CLASSES + 1)
    rows[:, :-1] = (torch.arange(drums.VOCABULARY)[:, None] >> torch.arange(drums.CLASSES)) & 1
    rows[:, -1] = 1
    into = writer.from_step.weight[:, -drums.CLASSES - 1 :].T
    hits = builder.node("MatMul", builder.weight(rows, "hits"), builder.weight(into, "hits"))
    return builder.node("Add", condition, builder.node("Gather", hits, tokens))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the bodies of a voice's Scans refer to by name."""

    recurrent: Write
    head: Write
    table: str
    """Of the last token plus 1, `[V + 1, 4H]`."""
    split: str
    """`[3H, H]`."""


def _voice(
    builder: GraphBuilder,
    writer: Writer,
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


def _start(builder: GraphBuilder, writer: Writer, condition: str) -> tuple[str, str]:
    """Return the LSTM's start states `[B, H]` each."""
    first = builder.node("Gather", condition, builder.constant(np.array(0, np.int64)), axis=0)
    weight, bias = builder.weight(writer.start.weight.T, "start"), builder.weight(writer.start.bias, "start")
    both = builder.node("Tanh", builder.node("Gemm", first, weight, bias))
    h, c = builder.nodes_of("Split", [both], 2, axis=1, num_outputs=2)
    return h, c


def _weight(writer: Writer, name: str) -> Tensor:
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
    """One step: h, c and the last token plus 1, bias and drive in; states and the token plus 1 out."""
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
