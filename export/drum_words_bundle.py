"""What a model of drums with a coarse and fine latents brings to its bundle: graphs, and its manifest."""

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import GRAPHS, BundleManifest, LatentLayout
from engine.music.representation import Representation
from export.encoder_graph import encoder_graph
from export.graph import finished, traced
from export.matmul import float_product
from export.step_writer_graph import write_voice
from training.models.drum_words import DrumWords, nothing_before
from training.models.words_loss import coarse_mask

TEMPERATURE_SCALE = 1.5
"""At .5 times this draws repeat their first bar as drummers do; warmer they repeat it less."""


def drum_words_manifest(
    manifest: BundleManifest, model: DrumWords, representation: Representation
) -> BundleManifest:
    """Return a manifest with what is particular to such a model filled in."""
    layout = LatentLayout(**model.layout._asdict())
    encoder, decoder = graph_specs(representation, layout.size, manifest.task)
    return msgspec.structs.replace(
        manifest,
        z_size=layout.size,
        encoder=encoder,
        decoder=decoder,
        temperature_scale=TEMPERATURE_SCALE,
        latent_layout=layout,
    )


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


def coarse_dimensions(model: DrumWords) -> npt.NDArray[np.bool_]:
    """Return which dimensions of the latent are coarse, `[Z]`: those that a prior is drawn of."""
    mask: npt.NDArray[np.bool_] = coarse_mask(model.layout, torch.zeros(1, model.z_size))[0].bool().numpy()
    return mask
