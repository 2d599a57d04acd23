"""`latents.npz`: the prior mixture and the attribute directions of a model."""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import BundleError
from engine.inference.bundle.manifest import LATENTS, BundleManifest


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """What `latents.npz` holds: float32 arrays, K mixture components, A attributes, Z latent size."""

    prior_weights: npt.NDArray[np.float32]
    """`[K]`, at least 0, summing to 1."""
    prior_means: npt.NDArray[np.float32]
    """`[K, Z]`."""
    prior_deviations: npt.NDArray[np.float32]
    """`[K, Z]` standard deviations, above 0."""
    directions: npt.NDArray[np.float32]
    """`[A, Z]`, scaled so that 1 is the step the manifest's effects were measured with."""

    @staticmethod
    def standard_normal(z_size: int) -> "Latents":
        """Return the prior of a bundle without a mixture: one component, no attributes."""
        return Latents(
            np.ones(1, np.float32),
            np.zeros((1, z_size), np.float32),
            np.ones((1, z_size), np.float32),
            np.zeros((0, z_size), np.float32),
        )

    def to_bytes(self) -> bytes:
        """Return the content of `latents.npz`."""
        buffer = io.BytesIO()
        arrays = {name: getattr(self, name).astype(np.float32) for name in _LATENT_ARRAYS}
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


_LATENT_ARRAYS = ("prior_weights", "prior_means", "prior_deviations", "directions")


def parse_latents(data: bytes | None, manifest: BundleManifest, where: str) -> Latents:
    """Read `latents.npz` and compare it with the manifest; None stands for a bundle without the file."""
    K, A, Z = manifest.prior_components, len(manifest.attributes), manifest.z_size
    if data is None:
        if K or A:
            raise BundleError(f"{where}: {LATENTS} is missing, though bundle.json has a prior or attributes")
        return Latents.standard_normal(Z)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in _LATENT_ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{where}: {LATENTS}: cannot be read ({error})") from error
    shapes = {"prior_weights": (K,), "prior_means": (K, Z), "prior_deviations": (K, Z), "directions": (A, Z)}
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape != shapes[name] or not np.isfinite(array).all():
            raise BundleError(f"{where}: {LATENTS}: {name} is not finite float32 {list(shapes[name])}")
    return _check_prior(Latents(**arrays), where)


def _check_prior(latents: Latents, where: str) -> Latents:
    weights = latents.prior_weights
    if not len(weights):
        normal = Latents.standard_normal(latents.directions.shape[1])
        return Latents(normal.prior_weights, normal.prior_means, normal.prior_deviations, latents.directions)
    if weights.min() < 0 or abs(float(weights.sum()) - 1) > 1e-3:
        raise BundleError(f"{where}: {LATENTS}: prior_weights are not at least 0 with the sum 1")
    if latents.prior_deviations.min() <= 0:
        raise BundleError(f"{where}: {LATENTS}: prior_deviations are not above 0")
    return latents
