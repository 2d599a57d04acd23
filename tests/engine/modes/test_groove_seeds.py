"""Groove: what a seed changes is heard at the default, and is within what can be played."""

import numpy as np
import pytest

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render_batch
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.modes.groove import EARLIER, WIDER_OFFSETS, WIDER_VELOCITIES, walked, widened
from engine.music.groove import FARTHEST_OFFSET, OFFSETS, VELOCITIES
from engine.music.notes import DRUM_CHANNEL, Note, Phrase


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


def test_half_way_two_feels_that_know_nothing_of_each_other_are_as_lively_as_either() -> None:
    late = np.array([[0.02, 90.0], [0.02, 70.0], [-0.02, 90.0], [-0.02, 70.0]])
    other = np.array([[0.01, 60.0], [-0.01, 60.0], [0.01, 40.0], [-0.01, 40.0]])
    half = walked(late, other, 0.5 ** (1 / EARLIER))
    assert half.mean(axis=0) == pytest.approx([0.0, 65.0])
    # Variances 4 and 1 (in hundredths of a beat) and 100 and 100: half of their sums.
    assert half.var(axis=0) == pytest.approx([2.5e-4, 100.0])
    assert np.allclose(walked(late, other, 0.0), late)
    assert np.allclose(walked(late, other, 1.0), other)


def test_two_takes_at_the_default_are_heard_apart() -> None:
    model = Model.load(SHIPPED / "groove_humanize_2bar", precision="float")
    hats = [Note(step / 2, 42, 0.25, 80, DRUM_CHANNEL) for step in range(16)]
    beat = [Note(float(step), 38 if step % 2 else 36, 0.25, 100, DRUM_CHANNEL) for step in range(8)]
    slots = {"heard": encode_slot(model, Phrase.of(hats + beat, 2))}
    takes = render_batch(model, slots, [Controls(mode="groove", seed=seed) for seed in range(12)])
    assert all(len(take.notes) == 24 for take in takes)
    pairs = [zip(one.notes, two.notes, strict=True) for one, two in zip(takes[::2], takes[1::2], strict=True)]
    louder = [abs(a.velocity - b.velocity) for pair in pairs for a, b in pair]
    assert np.mean(louder) >= 8
