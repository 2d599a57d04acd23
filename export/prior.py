"""What latents really look like: a mixture of Gaussians fitted to the aggregate posterior.

A variational autoencoder's standard normal prior covers places that no phrase maps to; drawing from
a mixture fitted to where phrases do map keeps Generate out of those holes. The mixture is diagonal
and small; its size is the one that explains held-out latents best.

Shape legend: N latents, K components, Z latent size.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SIZES = (1, 16, 32, 64)
"""Numbers of components that are tried."""
ITERATIONS = 60
ENOUGH_NATS = 1e-2
"""Fitting stops when an iteration gains less than this a latent: a tenth of what another size changes."""
LEAST_VARIANCE = 1e-3
"""Keeps a component from collapsing onto a single latent."""
LEAST_LATENTS = 40
"""Latents a component needs, so that its deviations are measured and not guessed."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Gaussians with diagonal covariance."""

    weights: Floats
    """`[K]`, summing to 1."""
    means: Floats
    """`[K, Z]`."""
    variances: Floats
    """`[K, Z]`."""

    def widened(self, of: npt.NDArray[np.bool_]) -> "Mixture":
        """Return the mixture of more dimensions: `of` `[Z]` are its own, all others are standard normal."""
        means, variances = np.zeros((len(self.weights), len(of))), np.ones((len(self.weights), len(of)))
        means[:, of], variances[:, of] = self.means, self.variances
        return Mixture(self.weights, means, variances)

    def log_likelihoods(self, latents: Floats) -> Floats:
        """Return the log density of each latent in nats, `[N]`."""
        return _log_sum(self.joint(latents))

    def joint(self, latents: Floats, squares: Floats | None = None) -> Floats:
        """Return log weight + log density of each latent under each component, `[N, K]`.

        Args:
            latents: `[N, Z]`.
            squares: their squares, where they are needed more than once.
        """
        precision = 1 / self.variances
        squares = latents**2 if squares is None else squares
        # (x - m)² / v, spread out so that it is two matrix products.
        distance = (
            squares @ precision.T
            - 2 * latents @ (self.means * precision).T
            + (self.means**2 * precision).sum(1)
        )
        constant = np.log(2 * math.pi * self.variances).sum(1)
        joint: Floats = np.log(self.weights) - 0.5 * (distance + constant)
        return joint


def _log_sum(joint: Floats) -> Floats:
    top = joint.max(axis=1, keepdims=True)
    total: Floats = (top + np.log(np.exp(joint - top).sum(axis=1, keepdims=True)))[:, 0]
    return total


def standard_normal_nats(latents: Floats) -> float:
    """Return the mean log density of latents under N(0, I), in nats."""
    return float(-0.5 * (latents**2 + math.log(2 * math.pi)).sum(1).mean())


def fit_mixture(latents: Floats, components: int, seed: int = 1) -> Mixture:
    """Fit a mixture by expectation maximisation.

    Args:
        latents: `[N, Z]`, samples of the posteriors of training phrases.
        components: K, at most N.
        seed: of the start.
    """
    mixture, before = _start(latents, components, np.random.default_rng(seed)), -math.inf
    squares = latents**2
    for _ in range(ITERATIONS):
        joint = mixture.joint(latents, squares)
        total = _log_sum(joint)
        if total.mean() - before < ENOUGH_NATS:
            break
        before = float(total.mean())
        mixture = _maximised(latents, squares, np.exp(joint - total[:, None]), mixture)
    return mixture


def _start(latents: Floats, components: int, rng: np.random.Generator) -> Mixture:
    """Put the means on latents far from each other (k-means++), the variances at the whole's."""
    means = [latents[rng.integers(len(latents))]]
    nearest = np.full(len(latents), math.inf)
    for _ in range(components - 1):
        nearest = np.minimum(nearest, ((latents - means[-1]) ** 2).sum(1))
        means.append(latents[rng.choice(len(latents), p=nearest / nearest.sum())])
    variances = np.tile(latents.var(0) + LEAST_VARIANCE, (components, 1))
    return Mixture(np.full(components, 1 / components), np.array(means), variances)


def _maximised(latents: Floats, squares: Floats, shares: Floats, before: Mixture) -> Mixture:
    """Return the mixture that the shares `[N, K]` ask for; a component nobody uses stays put."""
    counts = shares.sum(0)
    used = counts > 1
    safe = np.where(used, counts, 1.0)[:, None]
    means = np.where(used[:, None], shares.T @ latents / safe, before.means)
    variances = shares.T @ squares / safe - means**2
    variances = np.where(used[:, None], np.maximum(variances, LEAST_VARIANCE), before.variances)
    weights = np.maximum(counts, 1e-6) / np.maximum(counts, 1e-6).sum()
    return Mixture(weights, means, variances)


def best_mixture(train: Floats, held_out: Floats, seed: int = 1) -> tuple[Mixture, float]:
    """Fit mixtures of several sizes and keep the one that explains held-out latents best.

    Args:
        train: `[N, Z]`.
        held_out: `[M, Z]`, of other works.
        seed: of the fits.

    Returns:
        The mixture, and its mean log density of `held_out` in nats.
    """
    sizes = [size for size in SIZES if size == 1 or size * LEAST_LATENTS <= len(train)]
    fits = [fit_mixture(train, size, seed) for size in sizes]
    scores = [float(fit.log_likelihoods(held_out).mean()) for fit in fits]
    best = int(np.argmax(scores))
    return fits[best], scores[best]
