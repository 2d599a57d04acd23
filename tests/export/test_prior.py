import math

import numpy as np
import pytest

from export.prior import LEAST_VARIANCE, Mixture, best_mixture, fit_mixture, standard_normal_nats


def two_clusters(count, seed):
    rng = np.random.default_rng(seed)
    side = rng.random(count) < 0.25
    centre = np.where(side[:, None], [3.0, 0.0], [-1.0, 2.0])
    return centre + rng.normal(size=(count, 2)) * np.where(side[:, None], [0.5, 1.0], [1.0, 0.2])


def test_log_likelihood_is_that_of_the_formula():
    mixture = Mixture(np.array([0.25, 0.75]), np.array([[0.0], [2.0]]), np.array([[1.0], [4.0]]))
    at_one = 0.25 * math.exp(-0.5) / math.sqrt(2 * math.pi)
    at_one += 0.75 * math.exp(-1 / 8) / math.sqrt(8 * math.pi)
    np.testing.assert_allclose(mixture.log_likelihoods(np.array([[1.0]])), [math.log(at_one)])


def test_standard_normal_of_one_latent_by_hand():
    assert standard_normal_nats(np.array([[1.0, 2.0]])) == pytest.approx(-2.5 - math.log(2 * math.pi))


def test_finds_two_clusters_with_their_weights_means_and_deviations():
    mixture = fit_mixture(two_clusters(4000, 1), 2)
    order = np.argsort(mixture.weights)
    np.testing.assert_allclose(mixture.weights[order], [0.25, 0.75], atol=0.03)
    np.testing.assert_allclose(mixture.means[order], [[3, 0], [-1, 2]], atol=0.1)
    np.testing.assert_allclose(np.sqrt(mixture.variances[order]), [[0.5, 1], [1, 0.2]], atol=0.06)


def test_more_components_explain_clusters_better_than_one_and_than_the_normal():
    held_out = two_clusters(1000, 3)
    mixture, nats = best_mixture(two_clusters(2000, 2), held_out)
    assert len(mixture.weights) > 1
    assert mixture.weights.sum() == pytest.approx(1)
    one = fit_mixture(two_clusters(2000, 2), 1).log_likelihoods(held_out).mean()
    assert nats > one + 0.3 > standard_normal_nats(held_out) + 0.3


def test_one_gaussian_is_kept_where_the_latents_are_one():
    rng = np.random.default_rng(4)
    mixture, _ = best_mixture(rng.normal(size=(3000, 12)), rng.normal(size=(1000, 12)))
    assert len(mixture.weights) == 1
    np.testing.assert_allclose(mixture.variances, 1, atol=0.12)


def test_too_few_latents_get_one_component():
    rng = np.random.default_rng(4)
    mixture, nats = best_mixture(rng.normal(size=(30, 3)), rng.normal(size=(30, 3)))
    assert len(mixture.weights) == 1
    assert math.isfinite(nats)


def test_repeated_latents_do_not_collapse_a_component():
    latents = np.repeat(two_clusters(20, 5), 50, axis=0)
    mixture = fit_mixture(latents, 16)
    assert mixture.variances.min() >= LEAST_VARIANCE
    assert np.isfinite(mixture.log_likelihoods(latents)).all()


def test_the_same_seed_gives_the_same_mixture():
    first, second = (fit_mixture(two_clusters(500, 6), 4, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first.means, second.means)
