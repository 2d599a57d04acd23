"""A model of accompaniments as ONNX graphs: voices to a latent, and a latent with surroundings to voices.

Torch's exporter writes the encoder and what each step is given beside its past; the LSTMs that write the
steps are those of `export.step_writer_graph`. The drums are written first, and their hits added to what the
bass is given.

Shape legend: B batch, T steps, M steps a bar, K beats, Z latent size, C channels, V tokens of a voice.
"""

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.bundle.manifest import BundleManifest
from engine.music import drums
from export.graph import GraphBuilder, finished, traced_inputs
from export.matmul import Product, float_product
from export.step_writer_graph import write_voice
from training.models.accompaniment import (
    HARMONY_SIZE,
    VOCABULARIES,
    VOICES,
    Accompaniment,
    Surroundings,
    Writer,
)
from training.models.words import BEAT_STEPS

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
        written[voice] = write_voice(
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
