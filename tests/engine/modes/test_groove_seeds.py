"""Groove: what a seed widens, it widens about the mean, within what an offset and a velocity can be."""

import numpy as np
import pytest

from engine.modes.groove import WIDER_OFFSETS, WIDER_VELOCITIES, widened
from engine.music.groove import FARTHEST_OFFSET, OFFSETS, VELOCITIES


def frames() -> np.ndarray:
    made = np.zeros((4, 27), np.float32)
    for step, velocity, offset in ((0, 0.4, -0.1), (2, 0.6, 0.3)):
        made[step, [0, 9, 18]] = 1, velocity, offset
    return made


def test_hits_are_spread_about_their_means() -> None:
    wide = widened(frames(), 2.0)
    reach = (1 + 2 * WIDER_OFFSETS) * 0.2
    assert wide[[0, 2], OFFSETS.start].tolist() == pytest.approx([0.1 - reach, 0.1 + reach])
    louder = (1 + 2 * WIDER_VELOCITIES) * 0.1
    assert wide[[0, 2], VELOCITIES.start].tolist() == pytest.approx([0.5 - louder, 0.5 + louder])
    assert np.allclose(widened(frames(), 0.0), frames())


def test_no_hit_leaves_what_can_be_played() -> None:
    wide = widened(frames(), 100.0)
    assert np.abs(wide[:, OFFSETS]).max() <= FARTHEST_OFFSET
    assert 0 <= wide[:, VELOCITIES].min() <= wide[:, VELOCITIES].max() <= 1
    assert np.array_equal(widened(np.zeros((4, 27), np.float32), 2.0), np.zeros((4, 27)))
