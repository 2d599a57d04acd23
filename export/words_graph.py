"""A model of words as ONNX graphs: a phrase to its latent, and a latent with surroundings to a phrase.

Torch's exporter writes the encoder and what each step is given beside its past; the LSTM that writes the
steps is one Scan, built here. It carries the last bar of tokens and of pitches along, because a step is
also given what came one bar earlier. All four tables of the past are multiplied through the input
weights when the graph is loaded.

Shape legend: B batch, T steps, M steps a bar, K beats, Z latent size, C channels, H units, V tokens.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from engine.inference.bundle.manifest import BundleManifest, sentence_spec
from engine.music.melody import FIRST_NOTE
from export.decoder_graph import gates_last, lstm_cell, value_infos
from export.graph import GraphBuilder, finished, traced_inputs
from export.matmul import Product, Write, float_product
from training.corpus.metres import METRES
from training.models.sentences import Sentences
from training.models.words import BEAT_STEPS, Surroundings, Words

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def step_by_step(tokens: Tensor) -> Tensor:
    """Return `words.last_pitches` of `[B, T]` without a cumulative maximum, which ONNX has not."""
    pitch, found = torch.zeros_like(tokens[:, 0]), []
    for step in range(tokens.shape[1]):
        pitch = torch.where(tokens[:, step] >= FIRST_NOTE, tokens[:, step] - (FIRST_NOTE - 1), pitch)
        found.append(pitch)
    return torch.stack(found, dim=1)


class _Encoder(nn.Module):
    """The encoder alone, with plain tensors out; every word for itself."""

    def __init__(self, model: Words, words: int) -> None:
        super().__init__()
        self.model, self.words = model, words

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma `[B, Z]` of tokens `[B, T, 1]`."""
        tokens = x[..., 0].reshape(-1, x.shape[1] // self.words)
        posterior = self.model.posterior(tokens, step_by_step(tokens))
        size = self.words * posterior.mu.shape[1]
        return posterior.mu.reshape(-1, size), posterior.sigma.reshape(-1, size)


def words_encoder(model: Words, manifest: BundleManifest) -> bytes:
    """Return `encoder.onnx` of a model in evaluation mode."""
    example = torch.zeros(3, manifest.steps, 1, dtype=torch.int64)
    graph = traced_inputs(_Encoder(model, words_of(manifest)), (example,), (["x"], ["mu", "sigma"]))
    return finished("encoder", graph, manifest.encoder)


def words_of(manifest: BundleManifest) -> int:
    """Return how many words a phrase has."""
    assert manifest.latent_layout is not None  # `words_manifest` put it there
    return manifest.latent_layout.words


class _Conditions(nn.Module):
    """What the steps are given beside their past, steps in front, and the bar before as the steps see it."""

    def __init__(self, model: Words, metre: int, words: int) -> None:
        super().__init__()
        self.model, self.metre, self.words = model, metre, words

    def forward(self, z: Tensor, chords: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return conditions `[T, B, C]`, each word's states h and c `[W, B, H]`, and pitches of `before`."""
        own = Surroundings(chords.reshape(-1, chords.shape[1] // self.words, 12), before, self.metre)
        condition = self.model.conditions(z.reshape(-1, z.shape[1] // self.words), own)
        h, c = (state[0].reshape(-1, self.words, state.shape[2]) for state in self.model.states(condition))
        steps = condition.reshape(-1, self.words * condition.shape[1], condition.shape[2])
        pitches = step_by_step(before.clamp_min(0))
        return steps.transpose(0, 1), h.transpose(0, 1), c.transpose(0, 1), pitches


def conditions_graph(model: Words, manifest: BundleManifest) -> GraphBuilder:
    """Return the part of the decoder before its loop. Takes seconds."""
    metre = manifest.metres[0]
    example = (
        torch.zeros(3, manifest.z_size),
        torch.zeros(3, manifest.steps // BEAT_STEPS, 12),
        torch.full((3, METRES[metre].grid.steps_per_bar), -1),
    )
    names = ["z", "chords", "before"], ["condition", "h", "c", "pitches"]
    return traced_inputs(_Conditions(model, list(METRES).index(metre), words_of(manifest)), example, names)


def words_decoder(
    model: Words, manifest: BundleManifest, conditions: GraphBuilder, product: Product = float_product
) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode.

    Args:
        model: the model.
        manifest: the contract.
        conditions: what `conditions_graph` returned; not changed.
        product: form of the recurrent product.
    """
    builder = conditions.copy()
    prepared = _prepare(builder, model, product)
    drive = _affine(
        builder, prepared.into_gates, gates_last(_weight(model, "bias_ih_l0") + _weight(model, "bias_hh_l0"))
    )
    bias = _affine(builder, builder.weight(model.skip.weight.T, "skip"), model.head.bias)
    bias = builder.node("Add", bias, "perturbation")
    heard = builder.node("Clip", "before", builder.constant(np.array(0, np.int64)))
    ago = builder.node("Add", "before", builder.ints(1))
    token = builder.node("Gather", heard, builder.constant(np.array(-1, np.int64)), axis=1)
    pitch = builder.node("Gather", "pitches", builder.constant(np.array(-1, np.int64)), axis=1)
    first = builder.constant(np.array(0, np.int64))
    h, c = (builder.node("Gather", each, first, axis=0) for each in ("h", "c"))
    states, scanned = [h, c, token, pitch, ago, "pitches"], [bias, drive]
    count, steps = words_of(manifest), manifest.steps
    if count > 1:
        word = np.arange(steps) // (steps // count)
        scanned += [builder.constant(word), builder.constant(np.diff(word, prepend=0) > 0)]
    outputs = [builder.name("end") for _ in states] + [builder.name("written")]
    body = _body(prepared, several=count > 1)
    builder.nodes.append(
        helper.make_node("Scan", [*states, *scanned], outputs, body=body, num_scan_inputs=len(scanned))
    )
    builder.named("Unsqueeze", [outputs[-1], builder.ints(2)], "tokens")
    return finished("decoder", builder, manifest.decoder)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the body of the Scan refers to by name."""

    recurrent: Write
    head: Write
    into_gates: str
    """`[C, 4H]`."""
    tables: tuple[str, str, str, str]
    """Of the last token, the last pitch, the token and the pitch a bar ago, `[rows, 4H]` each."""
    split: str
    """`[3H, H]`."""


def _prepare(builder: GraphBuilder, model: Words, product: Product) -> _Prepared:
    into_gates = builder.weight(gates_last(_weight(model, "weight_ih_l0")).T, "input")
    fed = (model.token, model.pitch, model.token_bar_ago, model.pitch_bar_ago)
    a, b, c, d = (builder.node("MatMul", builder.weight(each.weight, "table"), into_gates) for each in fed)
    return _Prepared(
        recurrent=product(builder, gates_last(_weight(model, "weight_hh_l0")).T, "recurrent"),
        head=float_product(builder, model.head.weight.T, "head"),
        into_gates=into_gates,
        tables=(a, b, c, d),
        split=builder.ints(3 * model.lstm.hidden_size, model.lstm.hidden_size),
    )


def _weight(model: Words, name: str) -> Tensor:
    return cast(Tensor, getattr(model.lstm, name))


def _affine(builder: GraphBuilder, weight: str, bias: Tensor) -> str:
    """Multiply the conditions `[T, B, C]` and add a bias."""
    return builder.node("Add", builder.node("MatMul", "condition", weight), builder.weight(bias, "bias"))


def _body(prepared: _Prepared, *, several: bool) -> onnx.GraphProto:
    """One step: states, bias and drive in; states and the token out.

    Where a phrase has several words, the LSTM starts afresh with each; number and start of the word come
    in too.
    """
    body = GraphBuilder("s_")
    h, c, token, pitch, ago, pitches = names = [body.name("state") for _ in range(6)]
    start_h, start_c = h, c
    if several:
        start_h, start_c = (
            body.node("Where", "s_fresh", body.node("Gather", each, "s_word", axis=0), state)
            for each, state in (("h", h), ("c", c))
        )
    first = body.constant(np.array(0, np.int64), "first")
    places = (token, pitch, *(body.node("Gather", bar, first, axis=1) for bar in (ago, pitches)))
    addend = "s_drive"
    for table, place in zip(prepared.tables, places, strict=True):
        addend = body.node("Add", addend, body.node("Gather", table, place))
    new_h, new_c = lstm_cell(body, prepared.recurrent(body, start_h, addend), start_c, prepared.split)
    chosen = body.node("ArgMax", prepared.head(body, new_h, "s_bias"), axis=1, keepdims=0)
    is_note = body.node("GreaterOrEqual", chosen, body.constant(np.array(FIRST_NOTE, np.int64), "note"))
    one = body.constant(np.array(1, np.int64), "one")
    new_pitch = body.node("Where", is_note, body.node("Sub", chosen, one), pitch)
    outputs = [
        *(new_h, new_c, chosen, new_pitch),
        _pushed(body, ago, body.node("Add", chosen, one)),
        _pushed(body, pitches, new_pitch),
        body.node("Identity", chosen),
    ]
    kinds = [FLOAT, FLOAT, INT64, INT64, INT64, INT64]
    scanned = ["s_bias", "s_drive", *(["s_word", "s_fresh"] if several else [])]
    types = [FLOAT, FLOAT, *([INT64, onnx.TensorProto.BOOL] if several else [])]
    inputs = value_infos([*names, *scanned], [*kinds, *types])
    return helper.make_graph(
        body.nodes, "step", inputs, value_infos(outputs, [*kinds, INT64]), body.constants
    )


def _pushed(body: GraphBuilder, bar: str, value: str) -> str:
    """Drop the oldest of a bar `[B, M]` and append a value `[B]`."""
    rest = body.node("Slice", bar, body.ints(1), body.ints(1 << 30), body.ints(1))
    return body.node("Concat", rest, body.node("Unsqueeze", value, body.ints(1)), axis=1)


# Sentences ----------------------------------------------------------------------------------


class _NextWord(nn.Module):
    """What comes after the last word."""

    def __init__(self, model: Sentences) -> None:
        super().__init__()
        self.model = model

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the parts of a `NextWord` without their axis of words."""
        back, kept, weights, means, deviations = (part[:, 0] for part in self.model.after_the_last(words))
        return back, kept, weights, means, deviations


def sentence_graph(model: Sentences, manifest: BundleManifest) -> bytes:
    """Return `sentence.onnx` of a model in evaluation mode."""
    assert manifest.latent_layout is not None
    spec = sentence_spec(manifest.latent_layout, model.components)
    example = torch.zeros(3, 5, int(spec.inputs[0].shape[2]))
    names = ["words"], [output.name for output in spec.outputs]
    return finished("sentence", traced_inputs(_NextWord(model), (example,), names, lengths=True), spec)
