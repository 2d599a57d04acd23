"""The chroma of a harmony: what a model or a bias needs of its chords."""

import numpy as np
import numpy.typing as npt

from engine.music.chords import Harmony

Floats = npt.NDArray[np.float32]


def chroma(harmony: Harmony) -> Floats:
    """Return `float32 [len(harmony), 12]`: 1 for the pitch classes of each chord, else 0."""
    result = np.zeros((len(harmony), 12), np.float32)
    for beat, chord in enumerate(harmony):
        if chord is not None:
            result[beat, sorted(chord.pitch_classes)] = 1
    return result
