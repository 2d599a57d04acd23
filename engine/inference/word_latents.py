"""Where in a latent the coarse part and the fine parts of words are, and latents put together from parts.

Shape legend: Z latent size, W words, K beats of a word, W·K beats.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.bundle.latent_places import coarse_places, fine_places
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.latent_space import Floats
from engine.inference.slots import LatentModel

Bools = npt.NDArray[np.bool_]


class Pinned(msgspec.Struct, frozen=True, eq=False):
    """Beats whose rhythm or pitches are not left to the decoder."""

    mu: Floats
    """`[Z]`, of which the fine parts of those beats count."""
    rhythm: Bools
    """`[W·K]` beats pinned in rhythm."""
    pitch: Bools


def layout_of(model: LatentModel) -> LatentLayout:
    """Return the layout of a model whose latent has parts."""
    layout = model.bundle.manifest.latent_layout
    assert layout is not None  # asked only of models that have one
    return layout


def assembled(layout: LatentLayout, coarse: Floats, parts: Sequence[Pinned]) -> Floats:
    """Return a latent `[Z]` with the coarse parts of one and the fine parts of pinned beats."""
    z, (rhythm_at, pitch_at), at = np.zeros_like(coarse), fine_places(layout), coarse_places(layout)
    z[at] = coarse[at]
    for part in parts:
        z[rhythm_at[part.rhythm]] = part.mu[rhythm_at[part.rhythm]]
        z[pitch_at[part.pitch]] = part.mu[pitch_at[part.pitch]]
    return z
