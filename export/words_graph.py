"""A model of words as ONNX graphs: a phrase to its latent, and a latent with surroundings to a phrase.

Torch's exporter writes the encoder and what each step is given beside its past; the LSTM that writes the
steps is one Scan, built here. It carries the last bar along, because a step is also given what came one
bar earlier. The tables of the past are multiplied through the input weights when the graph is loaded.
The graphs are of one word; longer phrases are written word after word by `engine.inference.word_by_word`.
They are of all metres of the bundle: how many steps, beats and steps a bar there are is left open.

Shape legend: B batch, T steps, M steps a bar, K beats, Z latent size, C channels, H units, V tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from engine.inference.bundle.graph_specs import sentence_spec
from engine.inference.bundle.manifest import BundleManifest, GraphSpec, TensorSpec
from engine.music.melody import FIRST_NOTE, VOCABULARY
from export.decoder_graph import gates_last, lstm_cell, value_infos
from export.graph import GraphBuilder, finished, traced_inputs, traced_open
from export.matmul import Product, Write, float_product
from training.corpus.metres import METRES
from training.models.sentences import Sentences
from training.models.words import BEAT_STEPS, PITCHES, Surroundings, Words

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def pitches_so_far(tokens: Tensor) -> Tensor:
    """Return `words.last_pitches` of `[B, T]` without a cumulative maximum, which ONNX has not."""
    step = torch.ones_like(tokens).cumsum(1) - 1
    at = torch.where(tokens >= FIRST_NOTE, step, -1)
    last = torch.where(step[:, :, None] >= step[:, None], at[:, None], -1).amax(-1)
    pitch = tokens.gather(1, last.clamp_min(0)) - (FIRST_NOTE - 1)
    return torch.where(last >= 0, pitch, 0)


class _Encoder(nn.Module):
    """The encoder alone, with plain tensors out."""

    def __init__(self, model: Words) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma `[B, Z]` of tokens `[B, T, 1]`."""
        posterior = self.model.posterior(x[..., 0], pitches_so_far(x[..., 0]))
        return posterior.mu, posterior.sigma


def words_encoder(model: Words, manifest: BundleManifest) -> bytes:
    """Return `encoder.onnx` of a model in evaluation mode, for one word."""
    example = torch.zeros(3, _word_beats(manifest) * BEAT_STEPS, 1, dtype=torch.int64)
    graph = traced_open(_Encoder(model), (example,), (["x"], ["mu", "sigma"]), {"x": (0, 1)})
    return finished("encoder", graph, _opened(manifest.encoder))


OPEN_AXES = {"x": 1, "mu": 1, "sigma": 1, "z": 1, "perturbation": 0, "chords": 1, "before": 1, "tokens": 0}
"""Axis that has another length in another metre."""


def _opened(spec: GraphSpec) -> GraphSpec:
    """Return what a graph of several metres takes and returns: lengths that hang on them left open."""

    def opened(tensor: TensorSpec) -> TensorSpec:
        axis = OPEN_AXES.get(tensor.name)
        shape = tuple(f"{tensor.name}{at}" if at == axis else size for at, size in enumerate(tensor.shape))
        return msgspec.structs.replace(tensor, shape=shape)

    return GraphSpec(
        inputs=tuple(opened(each) for each in spec.inputs),
        outputs=tuple(opened(each) for each in spec.outputs),
    )


def words_of(manifest: BundleManifest) -> int:
    """Return how many words a phrase has."""
    assert manifest.latent_layout is not None  # `words_manifest` put it there
    return manifest.latent_layout.words


def _word_beats(manifest: BundleManifest) -> int:
    assert manifest.latent_layout is not None
    return manifest.latent_layout.beats


class _Conditions(nn.Module):
    """What the steps are given beside their past, steps in front, and the pitches of the bar before."""

    def __init__(self, model: Words, metres: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.rows = torch.tensor([list(METRES).index(name) for name in metres])

    def forward(
        self, z: Tensor, chords: Tensor, before: Tensor, metre: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return conditions `[T, B, C]`, the states h and c `[B, H]`, and pitches of `before`."""
        condition = self.model.conditions(z, Surroundings(chords, before, self.rows[metre]))
        h, c = self.model.states(condition)
        return condition.transpose(0, 1), h[0], c[0], pitches_so_far(before.clamp_min(0))


def conditions_graph(model: Words, manifest: BundleManifest) -> GraphBuilder:
    """Return the part of the decoder before its loop, for one word. Takes seconds."""
    metre, beats = manifest.metres[0], _word_beats(manifest)
    example = (
        torch.zeros(3, model.layout(beats).size),
        torch.zeros(3, beats, 12),
        torch.full((3, METRES[metre].grid.steps_per_bar), -1),
        torch.zeros(3, dtype=torch.int64),
    )
    names = ["z", "chords", "before", "metre"], ["condition", "h", "c", "pitches"]
    axes = {"z": (0, 1), "chords": (0, 1), "before": (0, 1), "metre": (0,)}
    return traced_open(_Conditions(model, manifest.metres), example, names, axes)


# Steps --------------------------------------------------------------------------------------
#
# What a step is given of a moment of the past is a token and the pitch that sounded last there. Where the
# token is a note it is that pitch; so both are one number, a moment: NO_TOKEN, no event or a note-off with
# each of 89 pitches, then the notes.

NO_TOKEN, KINDS = -1, FIRST_NOTE + 1
MOMENTS = KINDS * PITCHES + VOCABULARY - FIRST_NOTE


def _of_moments() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return token and pitch of every moment, `[MOMENTS]` each."""
    kind, pitch = np.divmod(np.arange(KINDS * PITCHES), PITCHES)
    notes = np.arange(FIRST_NOTE, VOCABULARY)
    return np.append(kind + NO_TOKEN, notes), np.append(pitch, notes - FIRST_NOTE + 1)


def words_decoder(
    model: Words, manifest: BundleManifest, conditions: GraphBuilder, product: Product = float_product
) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode, for one word.

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
    bar = _moments_before(builder)
    last = builder.node("Gather", bar, builder.constant(np.array(-1, np.int64)), axis=1)
    states, scanned = ["h", "c", last, bar], [bias, drive]
    outputs = [builder.name("end") for _ in states] + [builder.name("written")]
    builder.nodes.append(
        helper.make_node(
            "Scan", [*states, *scanned], outputs, body=_body(prepared), num_scan_inputs=len(scanned)
        )
    )
    builder.named("Unsqueeze", [outputs[-1], builder.ints(2)], "tokens")
    return finished("decoder", builder, _opened(manifest.decoder))


def _moments_before(builder: GraphBuilder) -> str:
    """Return the moments of the bar before, `[B, M]`."""
    place = builder.node("Add", builder.node("Mul", _number(builder, PITCHES), "before"), "pitches")
    plain = builder.node("Add", place, _number(builder, -NO_TOKEN * PITCHES))
    note = builder.node("Add", "before", _number(builder, KINDS * PITCHES - FIRST_NOTE))
    is_note = builder.node("GreaterOrEqual", "before", _number(builder, FIRST_NOTE))
    return builder.node("Where", is_note, note, plain)


def _number(builder: GraphBuilder, value: int) -> str:
    return builder.constant(np.array(value, np.int64), "number")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the body of the Scan refers to by name."""

    recurrent: Write
    head: Write
    into_gates: str
    """`[C, 4H]`."""
    just_now: str
    """What the last moment gives the gates, `[MOMENTS, 4H]`."""
    bar_ago: str
    """What the moment a bar ago gives them."""
    split: str
    """`[3H, H]`."""


def _prepare(builder: GraphBuilder, model: Words, product: Product) -> _Prepared:
    into_gates = builder.weight(gates_last(_weight(model, "weight_ih_l0")).T, "input")
    token, pitch = (torch.from_numpy(part) for part in _of_moments())
    just_now = model.token.weight[token.clamp_min(0)] + model.pitch.weight[pitch]
    bar_ago = model.token_bar_ago.weight[token + 1] + model.pitch_bar_ago.weight[pitch]
    tables = [
        builder.node("MatMul", builder.weight(each, "table"), into_gates) for each in (just_now, bar_ago)
    ]
    return _Prepared(
        recurrent=product(builder, gates_last(_weight(model, "weight_hh_l0")).T, "recurrent"),
        head=float_product(builder, model.head.weight.T, "head"),
        into_gates=into_gates,
        just_now=tables[0],
        bar_ago=tables[1],
        split=builder.ints(3 * model.lstm.hidden_size, model.lstm.hidden_size),
    )


def _weight(model: Words, name: str) -> Tensor:
    return cast(Tensor, getattr(model.lstm, name))


def _affine(builder: GraphBuilder, weight: str, bias: Tensor) -> str:
    """Multiply the conditions `[T, B, C]` and add a bias."""
    return builder.node("Add", builder.node("MatMul", "condition", weight), builder.weight(bias, "bias"))


def _body(prepared: _Prepared) -> onnx.GraphProto:
    """Return one step: states, bias and drive in; states and the token out."""
    body = GraphBuilder("s_")
    h, c, last, bar = names = [body.name("state") for _ in range(4)]
    ago = body.node("Gather", bar, body.constant(np.array(0, np.int64), "first"), axis=1)
    addend = "s_drive"
    for table, moment in ((prepared.just_now, last), (prepared.bar_ago, ago)):
        addend = body.node("Add", addend, body.node("Gather", table, moment))
    new_h, new_c = lstm_cell(body, prepared.recurrent(body, h, addend), c, prepared.split)
    chosen = body.node("ArgMax", prepared.head(body, new_h, "s_bias"), axis=1, keepdims=0)
    written = _next_moment(body, last, chosen)
    outputs = [new_h, new_c, written, _pushed(body, bar, written), body.node("Identity", chosen)]
    kinds = [FLOAT, FLOAT, INT64, INT64]
    inputs = value_infos([*names, "s_bias", "s_drive"], [*kinds, FLOAT, FLOAT])
    return helper.make_graph(
        body.nodes, "step", inputs, value_infos(outputs, [*kinds, INT64]), body.constants
    )


def _next_moment(body: GraphBuilder, last: str, chosen: str) -> str:
    """Return the moment `[B]` after one, by the token that is chosen: one look into a table of all pairs."""
    tokens, pitches = np.tile(np.arange(VOCABULARY), MOMENTS), np.repeat(_of_moments()[1], VOCABULARY)
    struck, unstruck = KINDS * PITCHES + tokens - FIRST_NOTE, (tokens - NO_TOKEN) * PITCHES + pitches
    following = np.where(tokens >= FIRST_NOTE, struck, unstruck)
    row = body.node("Mul", last, body.constant(np.array(VOCABULARY, np.int64), "row"))
    return body.node("Gather", body.constant(following, "following"), body.node("Add", row, chosen))


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
