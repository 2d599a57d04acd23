import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from training.evaluation.similarity import compare, compare_sets, density, likeness


def test_equal_constants_are_equal_and_different_ones_are_apart() -> None:
    same = np.full((5, 1), 7.0)
    result = likeness(same, same)
    assert (result.overlapped_area, result.kl_nats) == (1.0, 0.0)
    apart = likeness(same, np.full((5, 1), 9.0))
    assert apart.overlapped_area == pytest.approx(0.0, abs=1e-6)
    assert math.isfinite(apart.kl_nats)
    assert apart.kl_nats > 10


def test_overlap_of_two_gaussians_by_theory() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.normal(0, 1, 40_000), rng.normal(1, 1, 40_000)
    result = compare(p, q)
    # Two unit Gaussians one apart: overlap 2 Phi(-1/2), divergence 1/2.
    assert result.overlapped_area == pytest.approx(math.erfc(0.5 / math.sqrt(2)), abs=0.02)
    assert result.kl_nats == pytest.approx(0.5, abs=0.06)


def test_the_density_is_scipys() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=300)
    mass = density(values, -4, 14)
    centres = -4 + (np.arange(len(mass)) + 0.5) * 18 / len(mass)
    reference = gaussian_kde(values)(centres)
    assert np.abs(mass / mass.sum() - reference / reference.sum()).max() < 0.01 * mass.max()


@given(st.integers(0, 1000), st.floats(0.1, 5), st.floats(-3, 3))
def test_measures_stay_in_their_ranges(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(12, 3)), rng.normal(shift, scale, size=(9, 3))
    result = likeness(first, second)
    assert 0 <= result.overlapped_area <= 1 + 1e-9
    assert 0 <= result.kl_nats < 50


def test_sets_are_compared_feature_by_feature() -> None:
    reference = {"count": ("notes", np.array([[1.0], [2.0], [3.0]]))}
    row = compare_sets(reference, {"count": ("notes", np.array([[4.0], [6.0]]))})["count"]
    assert (row["unit"], row["mean"], row["reference_mean"]) == ("notes", 5.0, 2.0)
    assert row["deviation"] == 1.0
