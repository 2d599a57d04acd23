"""Which dimensions of a latent are which part of a word.

Shape legend: W words, K beats of a word.
"""

import numpy as np
import numpy.typing as npt

from engine.inference.bundle.manifest import LatentLayout

Ints = npt.NDArray[np.int64]


def word_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of each word, `[W, word_size]`."""
    return np.arange(layout.size).reshape(layout.words, layout.word_size)


def coarse_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of each word's coarse part, `[W, coarse_rhythm + coarse_pitch]`."""
    pitch = layout.rhythm + np.arange(layout.coarse_pitch)
    return word_places(layout)[:, np.concatenate([np.arange(layout.coarse_rhythm), pitch])]


def rhythm_places(layout: LatentLayout) -> Ints:
    """Return the dimensions of the coarse rhythm of all words, `[W·coarse_rhythm]`."""
    return word_places(layout)[:, : layout.coarse_rhythm].reshape(-1)


def fine_places(layout: LatentLayout) -> tuple[Ints, Ints]:
    """Return the dimensions of each beat's fine rhythm `[W·K, …]` and of its fine pitch `[W·K, …]`."""
    words = word_places(layout)
    rhythm = words[:, layout.coarse_rhythm : layout.rhythm]
    pitch = words[:, layout.rhythm + layout.coarse_pitch :]
    return rhythm.reshape(-1, layout.fine_rhythm), pitch.reshape(-1, layout.fine_pitch)
