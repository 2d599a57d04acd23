"""Where the parts of a latent of words are, with places counted by hand."""

from types import SimpleNamespace

import numpy as np

from engine.inference.bundle.latent_places import coarse_places, fine_places, rhythm_places
from engine.inference.bundle.manifest import LatentLayout
from engine.inference.word_latents import Pinned, assembled, layout_of

LAYOUT = LatentLayout(coarse_rhythm=2, fine_rhythm=1, coarse_pitch=1, fine_pitch=2, beats=2, words=2)
"""A word is R R r r P p p p p: coarse in capitals, fine of two beats."""


def test_places_of_two_words():
    assert LAYOUT.size == 18
    assert rhythm_places(LAYOUT).tolist() == [0, 1, 9, 10]
    rhythm, pitch = fine_places(LAYOUT)
    assert rhythm.tolist() == [[2], [3], [11], [12]]
    assert pitch.tolist() == [[5, 6], [7, 8], [14, 15], [16, 17]]
    assert coarse_places(LAYOUT).tolist() == [[0, 1, 4], [9, 10, 13]]


def test_a_latent_has_the_coarse_parts_of_one_and_of_others_the_pinned_beats():
    coarse, mu = np.arange(100, 118, dtype=np.float32), np.arange(200, 218, dtype=np.float32)
    beats = [False, True, False, False]
    pinned = Pinned(mu, rhythm=np.array(beats), pitch=np.array([False, False, False, True]))
    free = assembled(LAYOUT, coarse, [])
    assert free.tolist() == [100, 101, 0, 0, 104, 0, 0, 0, 0, 109, 110, 0, 0, 113, 0, 0, 0, 0]
    held = assembled(LAYOUT, coarse, [pinned])
    assert held.tolist() == [100, 101, 0, 203, 104, 0, 0, 0, 0, 109, 110, 0, 0, 113, 0, 0, 216, 217]
    assert free.dtype == np.float32


def test_the_layout_is_the_manifests():
    manifest = SimpleNamespace(latent_layout=LAYOUT)
    assert layout_of(SimpleNamespace(bundle=SimpleNamespace(manifest=manifest))) is LAYOUT
