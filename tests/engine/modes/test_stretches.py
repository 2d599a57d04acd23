"""Continuations keep the density of what was heard, stretch after stretch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.bundle.latents import Latents
from engine.modes.stretches import CANDIDATES, COLDEST, Density, temperature_of, write_on
from engine.music.representation import representation


class RunningAway:
    """Writes ever more keys: what was full becomes fuller, what was empty emptier."""

    def __init__(self) -> None:
        class Manifest:
            density_curve = ()

        class Bundle:
            manifest, latents = Manifest(), Latents.standard_normal(1)

        self.bundle, self.representation = Bundle(), representation("pianoroll", 1)

    def encode(self, x):
        return (4 * x.mean(axis=(1, 2)) - 2)[:, None], np.zeros((len(x), 1), np.float32)

    def decode(self, z, perturbation, chords=None):
        return (3 * z[None] + perturbation > 0).astype(np.float32)


def frames(density: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((16, 88)) < density).astype(np.float32)


def test_density_counts_sounding_struck_and_most() -> None:
    roll = np.zeros((4, 88))
    roll[:3, 10] = roll[2:, 12] = 1
    assert Density.of(roll) == Density(5 / 4, 1 / 4, 2)
    assert Density.of(roll, np.zeros(88)) == Density(5 / 4, 2 / 4, 2)
    assert Density.of(roll, roll[0]) == Density(5 / 4, 1 / 4, 2)


def test_distance_is_zero_for_the_same_and_counts_what_is_piled_up() -> None:
    heard = Density(3, 1, 4)
    assert heard.distance(heard) == 0
    assert heard.distance(Density(3, 1, 6)) == 0
    assert heard.distance(Density(3, 1, 12)) == pytest.approx(1)
    assert heard.distance(Density(6, 1, 4)) == pytest.approx(np.log(6.1 / 3.1))


def test_the_slider_never_gets_colder_than_what_still_moves() -> None:
    assert temperature_of(0.0) == COLDEST
    assert temperature_of(0.5) == pytest.approx(0.875)


@given(st.integers(0, 50))
def test_what_is_written_is_nearer_than_without_a_choice(seed: int) -> None:
    model, heard = RunningAway(), frames(0.06)
    noise = np.random.default_rng(seed).logistic(size=(128, 88)).astype(np.float32)
    bias = np.zeros((128, 88), np.float32)
    state = np.array([-1.1], np.float32)
    kept = write_on(model, state, heard, bias, noise, 0.9)
    assert kept.shape == (128, 88)
    wanted = Density.of(heard)
    first = model.decode(state[None], (bias[:16] + np.float32(0.9) * noise[:16])[:, None])[:, 0]
    assert wanted.distance(Density.of(kept[:16])) <= wanted.distance(Density.of(first))


def test_limits_hold_in_every_stretch() -> None:
    bias = np.zeros((40, 88), np.float32)
    bias[:, 44:] = -1e9
    noise = np.random.default_rng(1).logistic(size=(40, 88)).astype(np.float32)
    written = write_on(RunningAway(), np.array([0.5], np.float32), None, bias, noise, 0.9)
    assert written.shape == (40, 88)
    assert written[:, :44].any()
    assert not written[:, 44:].any()
    assert CANDIDATES[0] == (0.0, 0.0)
