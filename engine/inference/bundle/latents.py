"""`latents.npz`: the prior mixture and the attribute directions of a model."""

import io
import math
import zipfile

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import BundleError
from engine.inference.bundle.manifest import LATENTS, BundleManifest
from engine.text import one_line


class Latents(msgspec.Struct, frozen=True, eq=False):
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


LARGEST_HEADER_BYTES = 4096
LARGEST_VALUE = 1e4
"""Latents are numbers around 1; far beyond, float32 arithmetic would overflow in the graphs."""
_LATENT_ARRAYS = ("prior_weights", "prior_means", "prior_deviations", "directions")


def parse_latents(data: bytes | None, manifest: BundleManifest, where: str) -> Latents:
    """Read `latents.npz` and compare it with the manifest; None stands for a bundle without the file.

    Raises:
        BundleError: it is missing, cannot be read, or is not what the manifest says.
    """
    K, A, Z = manifest.prior_components, len(manifest.attributes), manifest.z_size
    if data is None:
        if K or A:
            raise BundleError(f"{where}: {LATENTS} is missing, though bundle.json has a prior or attributes")
        return Latents.standard_normal(Z)
    shapes = {"prior_weights": (K,), "prior_means": (K, Z), "prior_deviations": (K, Z), "directions": (A, Z)}
    what = f"{where}: {LATENTS}"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = {name: _array(archive, name, shape, what) for name, shape in shapes.items()}
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise BundleError(f"{what}: cannot be read ({one_line(error)})") from error
    return _check_prior(Latents(**arrays), where)


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], what: str) -> npt.NDArray[np.float32]:
    """Read one array; its packing, size and header are compared with `shape` before its numbers are read."""
    member = archive.getinfo(f"{name}.npy")
    wanted_bytes = 4 * math.prod(shape)
    if member.compress_type != zipfile.ZIP_STORED:
        raise BundleError(f"{what}: {name} is packed; export the model again")
    if not wanted_bytes < member.file_size <= wanted_bytes + LARGEST_HEADER_BYTES:
        raise BundleError(f"{what}: {name} is not float32 {list(shape)}")
    file = io.BytesIO(archive.read(member))
    if np.lib.format.read_magic(file) != (1, 0):
        raise BundleError(f"{what}: {name} is of another version of numpy's format")
    header = np.lib.format.read_array_header_1_0(file)
    if header != (shape, False, np.dtype(np.float32)):
        raise BundleError(f"{what}: {name} is not float32 {list(shape)}")
    array = np.frombuffer(file.read(), np.float32).reshape(shape)
    if not (np.abs(array) <= LARGEST_VALUE).all():  # false for what is not a number, too
        raise BundleError(f"{what}: {name} holds a value that is not within ±{LARGEST_VALUE:g}")
    return array


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
