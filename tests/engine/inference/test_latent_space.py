"""Draws, blends and pushes in a latent space, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.bundle.latents import Latents
from engine.inference.controls import Controls, changed
from engine.inference.latent_space import (
    MORPH_CURVE,
    VARIATION_CURVE,
    along,
    attribute_distance,
    posterior_draw,
    prior_draw,
    slerp,
    spherical_mean,
)

X, Y, Z = np.eye(3, dtype=np.float32)


def pushed(*attributes):
    return attribute_distance(changed(Controls(), attributes=attributes))


def test_the_further_an_attribute_is_pushed_the_less_the_source_holds():
    assert pushed() == 0.0
    assert pushed(("density", -0.25), ("range", 0.5)) == 0.5
    assert pushed(("density", -3.0)) == 1.0
    assert pushed(("register", 2.0)) == 0.0  # a transposition, no place in the latent space
    assert pushed(("register", 2.0), ("density", 0.125)) == 0.125


def test_three_that_count_alike_are_equally_far_from_their_mean():
    mean = spherical_mean([(X, 1 / 3), (Y, 1 / 3), (Z, 1 / 3)])
    assert mean == pytest.approx([3**-0.5] * 3, abs=1e-6)
    assert spherical_mean([(2 * X, 1 / 3), (Y, 1 / 3), (Z, 1 / 3)]) == pytest.approx(
        [2 * 3**-0.5, 3**-0.5, 3**-0.5], abs=1e-6
    )


def test_two_of_the_same_count_as_one_of_both_shares():
    assert spherical_mean([(X, 0.25), (Y, 0.5), (X, 0.25)]) == pytest.approx(slerp(X, Y, 0.5), abs=1e-6)


def test_the_mean_of_many_has_no_pull_in_any_direction():
    """At the mean, each direction pulls with its share and its angle, and the pulls cancel out."""
    parts = np.random.default_rng(1).standard_normal((4, 40)).astype(np.float32)
    units = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    mean = spherical_mean(list(zip(units, shares.tolist(), strict=True)))
    assert np.linalg.norm(mean) == pytest.approx(1, abs=1e-6)
    angles = np.arccos(units @ mean)
    pulls = (shares * angles / np.sin(angles))[:, None] * (units - np.cos(angles)[:, None] * mean)
    assert np.abs(pulls.sum(axis=0)).max() < 1e-5


def test_latents_that_cancel_out_or_are_nothing_are_blended_straight():
    assert spherical_mean([(X, 0.25), (-X, 0.25), (Y, 0.25), (-Y, 0.25)]) == pytest.approx(0 * X)
    assert spherical_mean([(0 * X, 0.5), (X, 0.25), (Y, 0.25)]) == pytest.approx((X + Y) / 4)


@given(
    st.integers(2, 4).flatmap(
        lambda count: st.tuples(
            st.lists(
                st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3), min_size=count, max_size=count
            ),
            st.lists(st.integers(0, 5), min_size=count, max_size=count).filter(any),
            st.permutations(range(count)),
        )
    )
)
def test_the_order_of_the_slots_changes_no_blend(drawn):
    latents, weights, order = drawn
    parts = [
        (np.array(latent, np.float32), weight / sum(weights))
        for latent, weight in zip(latents, weights, strict=True)
    ]
    mean = spherical_mean(parts)
    assert np.isfinite(mean).all()
    assert np.array_equal(mean, spherical_mean([parts[place] for place in order]))
    if max(weights) == sum(weights):
        assert np.array_equal(mean, latents[weights.index(max(weights))])


def test_a_blend_has_the_end_where_one_counts_alone():
    assert np.array_equal(spherical_mean([(X, 0.0), (Y, 1.0), (Z, 0.0)]), Y)
    assert np.array_equal(spherical_mean([(X, 0.0), (Y, 0.0), (Z, 1.0)]), Z)
    assert spherical_mean([(X, 0.75), (Y, 0.25)]) == pytest.approx(slerp(X, Y, 0.25), abs=1e-6)
    assert slerp(X, Y, 0.25) == pytest.approx([np.cos(np.pi / 8), np.sin(np.pi / 8), 0.0], abs=1e-6)


def test_what_is_nearly_one_direction_is_blended_on_a_straight_line():
    assert slerp(X, 3 * X, 0.25) == pytest.approx(1.5 * X)
    assert slerp(X, -X, 0.5) == pytest.approx(0 * X)  # through the middle; every circle is as near
    assert slerp(0 * X, Y, 0.5) == pytest.approx(0.5 * Y)


def test_a_draw_is_of_one_component_and_its_own_every_time():
    far = Latents(
        np.array([0.25, 0.0, 0.75], np.float32),
        np.array([[-100.0, 0.0], [0.0, 0.0], [100.0, 0.0]], np.float32),
        np.array([[1.0, 0.5], [1.0, 1.0], [1.0, 0.5]], np.float32),
        np.zeros((0, 2), np.float32),
    )
    draws = np.stack([prior_draw(far, seed) for seed in range(400)])
    assert draws.dtype == np.float32
    assert not (np.abs(draws[:, 0]) < 90).any()  # nothing of the component of weight 0
    assert 250 < (draws[:, 0] > 0).sum() < 350  # three in four
    assert 0.4 < draws[:, 1].std() < 0.6
    assert np.array_equal(prior_draw(far, 7), draws[7])
    assert set(np.stack([prior_draw(far, seed, 0.0) for seed in range(20)])[:, 0]) == {-100.0, 100.0}


def test_numbers_of_a_posterior_are_standard_normal_and_others_than_the_priors():
    drawn = posterior_draw(np.zeros(4000, np.float32), 1)
    assert drawn.dtype == np.float32
    assert abs(drawn.mean()) < 0.1 and abs(drawn.std() - 1) < 0.1
    assert np.array_equal(drawn, posterior_draw(drawn, 1))
    assert not np.array_equal(drawn, posterior_draw(drawn, 2))
    assert not np.array_equal(drawn[:8], prior_draw(Latents.standard_normal(8), 1))


@pytest.mark.parametrize("curve", [VARIATION_CURVE, MORPH_CURVE])
def test_a_curve_goes_from_end_to_end_and_never_back(curve):
    values = [along(curve, step / 100) for step in range(101)]
    assert (values[0], values[-1]) == (0.0, 1.0)
    assert values == sorted(values)
    assert along(curve, 0.15) == pytest.approx((curve[1] + curve[2]) / 2)
