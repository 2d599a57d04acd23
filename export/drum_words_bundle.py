"""What a model of drums with a coarse and fine latents brings to its bundle: graphs, and its manifest."""

import torch
from torch import Tensor, nn

from engine.inference.bundle.manifest import GRAPHS, BundleManifest
from engine.music.representation import Representation
from export.encoder_graph import encoder_graph
from export.graph import finished, traced
from export.matmul import float_product
from export.step_writer_graph import write_voice
from training.models.drum_words import DrumWords, nothing_before


def drum_words_graphs(
    model: DrumWords, manifest: BundleManifest, representation: Representation
) -> dict[str, bytes]:
    """Return the graphs by file name; they are small enough without an 8-bit form."""
    return {GRAPHS[0]: encoder_graph(model, representation), GRAPHS[1]: _decoder(model, manifest)}


class _Conditions(nn.Module):
    """What the steps are given beside their past, steps in front, and the bar before a phrase: nothing."""

    def __init__(self, model: DrumWords) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return conditions `[T, B, C]` and tokens plus 1, `[M, B]`, of latents `[B, Z]`."""
        before = nothing_before(z[:, :1].long()) + 1
        return self.model.condition(z).transpose(0, 1), before.transpose(0, 1)


def _decoder(model: DrumWords, manifest: BundleManifest) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode."""
    example = torch.zeros(3, manifest.z_size)
    builder = traced(_Conditions(model), example, ("z", ["condition", "before"]))
    tokens = write_voice(
        builder, model.writer, "condition", "perturbation", "before", manifest.steps, float_product
    )
    builder.named("Unsqueeze", [tokens, builder.ints(2)], "tokens")
    return finished("decoder", builder, manifest.decoder)
