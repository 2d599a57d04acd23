"""What a model heard in training and what it hears live are the same."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.music import groove
from training import encoder_input


def frames(seed: int) -> np.ndarray:
    """`[B, T, 27]` as a corpus has them: velocities and offsets only where a drum hits."""
    rng = np.random.default_rng(seed)
    hits = (rng.random((3, 32, 9)) < 0.3).astype(np.float32)
    velocities = rng.uniform(0.01, 1, hits.shape).astype(np.float32)
    offsets = rng.uniform(-1, 1, hits.shape).astype(np.float32)
    return np.concatenate([hits, hits * velocities, hits * offsets], axis=-1)


@given(st.integers(0, 1000))
def test_torch_and_numpy_agree(seed: int) -> None:
    batch = frames(seed)
    assert np.array_equal(encoder_input.quantised(torch.from_numpy(batch)).numpy(), groove.quantised(batch))
    assert np.array_equal(encoder_input.tapped(torch.from_numpy(batch)).numpy(), groove.tapped(batch))
    assert batch[..., groove.VELOCITIES].any()
    assert groove.tapped(batch)[..., groove.HITS].sum() == batch[..., groove.HITS].max(-1).sum()


def test_the_tap_class_is_the_same() -> None:
    assert encoder_input.TAP_CLASS == groove.TAP_CLASS
