"""What models of whole phrases with coarse and fine latents, of drums or of a piano, bring to a bundle."""

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import BundleManifest, Condition, LatentLayout
from engine.music.representation import Representation
from training.models.drum_words import DrumWords
from training.models.piano_words import PianoWords
from training.models.words_loss import coarse_mask

TEMPERATURE_SCALE = 1.5
"""At .5 times this draws repeat their first bar as drummers do; warmer they repeat it less."""


def phrase_manifest(
    manifest: BundleManifest,
    model: DrumWords | PianoWords,
    representation: Representation,
    conditions: tuple[Condition, ...] = (),
) -> BundleManifest:
    """Return a manifest with what is particular to such a model filled in.

    Args:
        manifest: what all bundles have in common.
        model: gives the layout of the latent.
        representation: of what it plays.
        conditions: what its decoder takes beside a latent and a perturbation.
    """
    layout = LatentLayout(**model.layout._asdict())
    encoder, decoder = graph_specs(representation, layout.size, manifest.task, conditions)
    return msgspec.structs.replace(
        manifest,
        z_size=layout.size,
        encoder=encoder,
        decoder=decoder,
        conditions=conditions,
        temperature_scale=TEMPERATURE_SCALE,
        latent_layout=layout,
    )


def coarse_dimensions(model: DrumWords | PianoWords) -> npt.NDArray[np.bool_]:
    """Return which dimensions of the latent are coarse, `[Z]`: those that a prior is drawn of."""
    mask: npt.NDArray[np.bool_] = coarse_mask(model.layout, torch.zeros(1, model.z_size))[0].bool().numpy()
    return mask
