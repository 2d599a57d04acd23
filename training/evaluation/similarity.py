"""How alike two sets of music are, by Yang and Lerch (2020, doi 10.1007/s00521-018-3849-7).

For each feature: the distances between members of the held-out set (intra) and from its members
to those of the generated set (inter) are two distributions; if the generated music is like the
held-out, they are the same. Their *overlapped area* is the integral of the smaller density (1 is equal),
their *KL divergence* is KL(intra || inter) in nats (0 is equal).

Faults of the authors' tool that are mended here: both densities are evaluated on one common grid
(there each on its own, which makes the divergence meaningless); that grid reaches beyond the
outermost distances, so no mass is cut off; a bandwidth never falls below a step of the grid, so a
constant feature gives a narrow peak in place of a crash (two equal constants: 1 and 0). Each pair of
members is counted once.

Shape legend: N, M phrases; F values of a feature; G points of the grid.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.spatial.distance import cdist, pdist

Floats = NDArray[np.float64]
GRID = 2048
REACH = 4.0
"""Bandwidths that the grid goes beyond the outermost distance."""
LEAST_MASS = 1e-10
"""Floor of a density's mass a grid cell in the divergence, so that it stays finite where one is 0."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """One feature, one pair of sets."""

    overlapped_area: float
    """0 to 1; 1 is equal."""
    kl_nats: float
    """0 and above; 0 is equal."""


def likeness(reference: Floats, other: Floats) -> Likeness:
    """Compare a feature `[N, F]` of a reference set with that of another, `[M, F]`; N is 2 or more."""
    return compare(pdist(reference), cdist(reference, other).ravel())


def compare(intra: Floats, inter: Floats) -> Likeness:
    """Compare two lists of distances."""
    low, high = min(intra.min(), inter.min()), max(intra.max(), inter.max())
    if low == high:
        return Likeness(1.0, 0.0)
    widest = max(scott_bandwidth(intra), scott_bandwidth(inter), (high - low) / GRID)
    low, high = low - REACH * widest, high + REACH * widest
    p, q = (density(values, low, high) for values in (intra, inter))
    floored = [np.maximum(mass, LEAST_MASS) for mass in (p, q)]
    p_floor, q_floor = (mass / mass.sum() for mass in floored)
    divergence = float((p_floor * np.log(p_floor / q_floor)).sum())
    return Likeness(float(np.minimum(p, q).sum()), max(divergence, 0.0))


def scott_bandwidth(values: Floats) -> float:
    """Return Scott's bandwidth of a Gaussian kernel density estimate."""
    return float(values.std(ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def density(values: Floats, low: float, high: float) -> Floats:
    """Return a Gaussian kernel density's mass on `GRID` equal cells from `low` to `high`, sum 1."""
    cell = (high - low) / GRID
    mass, _ = np.histogram(values, bins=GRID, range=(low, high))
    bandwidth = max(scott_bandwidth(values), cell)
    reach = math.ceil(REACH * bandwidth / cell)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * cell / bandwidth) ** 2)
    smooth = np.maximum(fftconvolve(mass.astype(np.float64), kernel, mode="same"), 0.0)
    result: Floats = smooth / smooth.sum()
    return result


def compare_sets(
    reference: dict[str, tuple[str, Floats]], other: dict[str, tuple[str, Floats]]
) -> dict[str, dict[str, float | str]]:
    """Compare all features of two sets, as `features.measure_phrases` returns them.

    Returns:
        For each feature its `overlapped_area`, `kl_nats` and `unit`; where it is a single number also
        `mean`, `deviation` of the other set and `reference_mean`, `reference_deviation`.
    """
    found: dict[str, dict[str, float | str]] = {}
    for name, (unit, values) in reference.items():
        theirs = other[name][1]
        result = likeness(values, theirs)
        row: dict[str, float | str] = {
            "unit": unit,
            "overlapped_area": result.overlapped_area,
            "kl_nats": result.kl_nats,
        }
        if values.shape[1] == 1:
            row |= {"mean": float(theirs.mean()), "deviation": float(theirs.std())}
            row |= {"reference_mean": float(values.mean()), "reference_deviation": float(values.std())}
        found[name] = row
    return found


def mean_overlap(compared: dict[str, dict[str, float | str]]) -> float:
    """Return the mean overlapped area over all features."""
    return float(np.mean([float(row["overlapped_area"]) for row in compared.values()]))
