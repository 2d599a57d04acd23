"""A model on disk: `bundle.json`, its graphs, and every check before anything of it is used.

The exporter builds a `BundleManifest`, calls `save_bundle`, and proves the result by `load_bundle`;
the engine only ever loads. The files of a bundle:

| file | what it is |
|---|---|
| `encoder.onnx`, `decoder.onnx` | float32 graphs, required |
| `decoder.int8.onnx` | the decoder for the CPU in 8 bits, optional |
| `encoder.int8.onnx` | the encoder in 8 bits, optional; without it the float one serves both decoders |
| `latents.npz` | prior mixture and attribute directions (`Latents`), optional |
| `weights.safetensors` | for fine-tuning, optional; checked here, read by training only |
"""

import hashlib
import io
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import BundleError
from engine.inference.archive import LARGEST_TOTAL_BYTES, Archive, read_archive
from engine.inference.controls import TASK_MODES, Mode
from engine.inference.preflight import GraphInfo, ValueInfo, inspect_graph
from engine.music.grid import Grid
from engine.music.notes import Phrase
from engine.music.representation import Representation, representation

SCHEMA_VERSION = 1
MANIFEST = "bundle.json"
LATENTS = "latents.npz"
WEIGHTS = "weights.safetensors"
GRAPHS = ("encoder.onnx", "decoder.onnx")
INT8_GRAPHS = ("encoder.int8.onnx", "decoder.int8.onnx")
FILE_NAMES = (*GRAPHS, *INT8_GRAPHS, LATENTS, WEIGHTS)
LARGEST_MANIFEST_BYTES = 4 << 20
LARGEST_Z = 4096

Kind = Literal["vae", "seq2seq"]
Task = Literal["autoencode", "humanize", "drumify", "continue"]
TASK_REPRESENTATIONS: Mapping[Task, tuple[str, ...]] = {
    "autoencode": ("melody", "drums", "groove", "trio"),
    "humanize": ("groove",),
    "drumify": ("groove",),
    "continue": ("pianoroll",),
}
"""Which tensors each task is defined on."""
Precision = Literal["float", "int8"]


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the parts of bundle.json: frozen, and strict about unknown fields."""


class TensorSpec(_Record, frozen=True, kw_only=True):
    """One input or output of a graph."""

    name: str
    dtype: str
    """`float32` or `int64`."""
    shape: tuple[int | str, ...]
    """Sizes; by name those that vary: `"B"` the batch, in continuations `"T"` and `"U"` steps."""


class GraphSpec(_Record, frozen=True, kw_only=True):
    """What a graph takes and returns, in order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class RepresentationRef(_Record, frozen=True, kw_only=True):
    """Which tensors the model speaks, and the hash of everything that changes them."""

    name: str
    bars: int
    steps_per_beat: int = 4
    beats_per_bar: int = 4
    hash: str


class FileEntry(_Record, frozen=True, kw_only=True):
    """A file of the bundle as it must be."""

    sha256: str
    size_bytes: int


class Voice(_Record, frozen=True, kw_only=True):
    """Where one part of the music goes."""

    name: str
    channel: int = 0
    """MIDI channel, 0 to 15."""
    program: int | None = None
    """General MIDI program 0 to 127 that suits it; None for drums or no preference."""


class DataSource(_Record, frozen=True, kw_only=True):
    """One collection the model was trained on."""

    name: str
    licence: str
    works: int
    url: str = ""


class TrainingRecord(_Record, frozen=True, kw_only=True):
    """How the weights came to be."""

    data: tuple[DataSource, ...]
    data_hash: str
    """Hash of the corpus, as `antiphon-train corpus build` reports it."""
    config: dict[str, Any]
    """The whole training configuration."""
    seed: int
    steps: int
    notes: str = ""
    """Hardware, hours, commit: for people."""


class Attribute(_Record, frozen=True, kw_only=True):
    """A direction in latent space, and what one unit along it was measured to change."""

    name: str
    unit: str
    """Unit of the attribute itself, such as `onsets per step` or `semitones`."""
    effects: dict[str, float]
    """Measured change of every attribute, by name, in its own unit."""
    effects_percent: dict[str, float] = {}
    """The same as a percentage of the attribute's mean over the same latents; one whose mean is 0 is
    left out."""


class BundleManifest(_Record, frozen=True, kw_only=True):
    """bundle.json."""

    schema_version: int = SCHEMA_VERSION
    name: str
    """Lower-case letters, digits and underscores, such as `melody_2bar`."""
    kind: Kind = "vae"
    """`vae`: a latent to and from a phrase; `seq2seq`: the state between given music and what follows."""
    task: Task = "autoencode"
    """What the encoder hears and what the decoder writes: the same phrase, quantised drums to played
    ones, taps to drums, or given bars to the bars that follow."""
    title: str = ""
    representation: RepresentationRef
    bars: int
    steps: int
    """T."""
    streams: tuple[int, ...]
    """Vocabulary of each categorical stream; empty for float tensors."""
    width: int
    """V, the last axis of the perturbation."""
    z_size: int
    """Z."""
    voices: tuple[Voice, ...]
    encoder: GraphSpec
    decoder: GraphSpec
    files: dict[str, FileEntry] = {}
    """Filled by `save_bundle`."""
    training: TrainingRecord
    metrics: dict[str, float]
    """Measured on held-out works, such as `free_running_accuracy`, `note_f1`, `kl_bits`."""
    parity: dict[str, float] = {}
    """What the exporter measured of the graphs against torch."""
    attributes: tuple[Attribute, ...] = ()
    """In the order of `Latents.directions`."""
    prior_components: int = 0
    """K of the prior mixture in `latents.npz`; 0 means the standard normal."""
    variation_curve: tuple[float, ...] = ()
    """Share of the way to walk at equally spaced slider values, from 0 to 1, measured by
    `engine.inference.calibration` so that the music changes evenly; empty for a common one."""
    morph_curve: tuple[float, ...] = ()
    """The same for morphs."""
    density_curve: tuple[float, ...] = ()
    """Continuations: nats to favour every key by at `DENSITY_TEMPERATURES`, measured so that at each of
    them as many keys sound as in real music; empty for none."""


DENSITY_TEMPERATURES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where a `density_curve` is measured; between them it is a straight line, beyond them it stays."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose every check has passed. Graphs stay in memory as bytes; weights do not."""

    path: Path
    manifest: BundleManifest
    representation: Representation
    latents: Latents
    graphs: Mapping[str, bytes] = field(repr=False)
    """The ONNX files by name."""
    hash: str
    """sha256 of bundle.json, and so of everything in it."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What it can be asked for; the first is the usual one."""
        return TASK_MODES[self.manifest.task]

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The forms it comes in."""
        return ("int8", "float") if INT8_GRAPHS[1] in self.graphs else ("float",)

    def graph_pair(self, precision: Precision) -> tuple[bytes, bytes]:
        """Return encoder and decoder; BundleError if the bundle lacks that precision."""
        encoder, decoder = GRAPHS if precision == "float" else INT8_GRAPHS
        if decoder not in self.graphs:
            raise BundleError(f"{self.path}: has no {precision} graphs; choose from {list(self.precisions)}")
        return self.graphs.get(encoder, self.graphs[GRAPHS[0]]), self.graphs[decoder]


def graph_specs(
    representation: Representation, z_size: int, task: Task = "autoencode"
) -> tuple[GraphSpec, GraphSpec]:
    """Return what encoder and decoder take and return: the contract between exporter and engine.

    The batch axis is dynamic. A graph may leave T dynamic as well; that of a continuation must, as it
    hears T steps and writes U, whatever both are.
    """
    silence = Phrase((), representation.bars, float(representation.grid.beats_per_bar))
    tensor = representation.encode(silence)
    T: int | str
    U: int | str
    T, D = tensor.shape
    T, U = ("T", "U") if task == "continue" else (T, T)
    x = TensorSpec(name="x", dtype=tensor.dtype.name, shape=("B", T, D))
    mu = TensorSpec(name="mu", dtype="float32", shape=("B", z_size))
    z = TensorSpec(name="z", dtype="float32", shape=("B", z_size))
    noise = TensorSpec(name="perturbation", dtype="float32", shape=(U, "B", representation.width))
    tokens = TensorSpec(name="tokens", dtype=tensor.dtype.name, shape=(U, "B", D))
    sigma = msgspec.structs.replace(mu, name="sigma")
    return GraphSpec(inputs=(x,), outputs=(mu, sigma)), GraphSpec(inputs=(z, noise), outputs=(tokens,))


# Writing ------------------------------------------------------------------------------------


def save_bundle(folder: Path, manifest: BundleManifest, files: Mapping[str, bytes]) -> BundleManifest:
    """Write a bundle folder: the files, then bundle.json with their sizes and hashes.

    Args:
        folder: made if missing; files of the same names are replaced.
        manifest: its `files` are filled in here.
        files: contents by name, from `FILE_NAMES`.

    Returns:
        The manifest as written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, data in files.items():
        if name not in FILE_NAMES:
            raise BundleError(f"{name}: no file of a bundle; the names are {', '.join(FILE_NAMES)}")
        (folder / name).write_bytes(data)
        entries[name] = FileEntry(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    manifest = msgspec.structs.replace(manifest, files=entries)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    return manifest


# Loading ------------------------------------------------------------------------------------


def load_bundle(path: Path | str) -> Bundle:
    """Load and verify a bundle.

    Args:
        path: the folder, or a .zip of it.

    Raises:
        BundleError: anything does not fit; the message names the field or file.
    """
    path = Path(path)
    return read_archive(path, lambda archive: _load(path, archive))


def _load(path: Path, archive: Archive) -> Bundle:
    data = archive.read(MANIFEST, LARGEST_MANIFEST_BYTES)
    manifest = _parse_manifest(data, archive.where)
    tensors = _check_representation(manifest, archive.where)
    _check_task(manifest, archive.where)
    _check_specs(manifest, tensors, archive.where)
    _check_file_names(manifest, archive.where)
    kept: dict[str, bytes] = {}
    for name, entry in manifest.files.items():
        content = _read_verified(archive, name, entry)
        if name != WEIGHTS:
            kept[name] = content
    latents = _parse_latents(kept.pop(LATENTS, None), manifest, archive.where)
    for name, graph in kept.items():
        spec = manifest.encoder if name.startswith("encoder") else manifest.decoder
        _check_graph(inspect_graph(graph, f"{archive.where}: {name}"), spec, f"{archive.where}: {name}")
    return Bundle(path, manifest, tensors, latents, kept, hashlib.sha256(data).hexdigest())


def _parse_manifest(data: bytes, where: str) -> BundleManifest:
    try:
        version = msgspec.json.decode(data, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"{where}: bundle.json: schema_version {version} is not {SCHEMA_VERSION}; "
                f"{'update Antiphon' if version > SCHEMA_VERSION else 'export the model again'}"
            )
        manifest = msgspec.json.decode(data, type=BundleManifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{where}: bundle.json: {error}") from error
    if not re.fullmatch(r"[a-z0-9_]{1,64}", manifest.name):
        raise BundleError(f"{where}: bundle.json: name {manifest.name!r} is not 1 to 64 of a-z, 0-9 and _")
    for voice in manifest.voices:
        if not 0 <= voice.channel <= 15:
            raise BundleError(f"{where}: bundle.json: voices: channel {voice.channel} is not 0 to 15")
    for name in ("variation_curve", "morph_curve"):
        curve = getattr(manifest, name)
        if curve and not (
            len(curve) > 1 and curve[0] == 0 and curve[-1] == 1 and list(curve) == sorted(curve)
        ):
            raise BundleError(f"{where}: bundle.json: {name} does not rise from 0 to 1")
    points = len(DENSITY_TEMPERATURES)
    if len(manifest.density_curve) not in (0, points) or not all(map(math.isfinite, manifest.density_curve)):
        raise BundleError(f"{where}: bundle.json: density_curve does not have {points} finite numbers")
    return manifest


class _Version(msgspec.Struct):
    schema_version: int


def _check_representation(manifest: BundleManifest, where: str) -> Representation:
    """Build the representation the manifest names and compare it with ours."""
    ref = manifest.representation
    if not (1 <= ref.bars <= 64 and 1 <= ref.steps_per_beat <= 48 and 1 <= ref.beats_per_bar <= 16):
        raise BundleError(f"{where}: bundle.json: representation: {ref.bars} bars on this grid are too many")
    try:
        tensors = representation(ref.name, ref.bars, Grid(ref.steps_per_beat, ref.beats_per_bar))
    except ValueError as error:
        raise BundleError(f"{where}: bundle.json: representation: {error}") from error
    if tensors.hash != ref.hash:
        raise BundleError(
            f"{where}: bundle.json: representation.hash {ref.hash[:12]} is not this version's "
            f"{tensors.hash[:12]} for {ref.name!r}; export the model again with this version"
        )
    ours = {
        "bars": tensors.bars,
        "steps": tensors.steps,
        "streams": tuple(tensors.streams),
        "width": tensors.width,
    }
    for name, value in ours.items():
        if getattr(manifest, name) != value:
            said = getattr(manifest, name)
            raise BundleError(f"{where}: bundle.json: {name} {said} is not {value}, as {ref.name!r} has it")
    return tensors


def _check_task(manifest: BundleManifest, where: str) -> None:
    task, kind = manifest.task, manifest.kind
    if manifest.representation.name not in TASK_REPRESENTATIONS[task]:
        raise BundleError(
            f"{where}: bundle.json: task {task!r} is not one of representation "
            f"{manifest.representation.name!r}; it needs {' or '.join(TASK_REPRESENTATIONS[task])}"
        )
    if (kind == "seq2seq") != (task == "continue"):
        raise BundleError(f"{where}: bundle.json: kind {kind!r} does not do task {task!r}; export it again")


def _check_specs(manifest: BundleManifest, tensors: Representation, where: str) -> None:
    if not 1 <= manifest.z_size <= LARGEST_Z:
        raise BundleError(f"{where}: bundle.json: z_size {manifest.z_size} is not 1 to {LARGEST_Z}")
    specs = graph_specs(tensors, manifest.z_size, manifest.task)
    for name, spec in zip(("encoder", "decoder"), specs, strict=True):
        said = getattr(manifest, name)
        for side in ("inputs", "outputs"):
            for ours, theirs in zip(getattr(spec, side), getattr(said, side), strict=False):
                if ours != theirs:
                    raise BundleError(
                        f"{where}: bundle.json: {name}.{side}: {theirs.name} {theirs.dtype} "
                        f"{list(theirs.shape)} is not {ours.name} {ours.dtype} {list(ours.shape)}"
                    )
            if len(getattr(spec, side)) != len(getattr(said, side)):
                raise BundleError(f"{where}: bundle.json: {name}.{side} are not {len(getattr(spec, side))}")


def _check_file_names(manifest: BundleManifest, where: str) -> None:
    for name in manifest.files:
        if name not in FILE_NAMES:
            raise BundleError(f"{where}: bundle.json: files: {name!r} is no file of a bundle")
    for name in GRAPHS:
        if name not in manifest.files:
            raise BundleError(f"{where}: bundle.json: files: {name} is missing; export the model again")
    if INT8_GRAPHS[0] in manifest.files and INT8_GRAPHS[1] not in manifest.files:
        raise BundleError(f"{where}: bundle.json: files: {INT8_GRAPHS[0]} without {INT8_GRAPHS[1]}")
    if sum(max(entry.size_bytes, 0) for entry in manifest.files.values()) > LARGEST_TOTAL_BYTES:
        raise BundleError(f"{where}: bundle.json: files: more than {LARGEST_TOTAL_BYTES} bytes together")


def _read_verified(archive: Archive, name: str, entry: FileEntry) -> bytes:
    content = archive.read(name)
    if len(content) != entry.size_bytes:
        raise BundleError(f"{archive.where}: {name}: size {len(content)} bytes is not {entry.size_bytes}")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BundleError(f"{archive.where}: {name}: sha256 differs from bundle.json; get the bundle again")
    return content


def _parse_latents(data: bytes | None, manifest: BundleManifest, where: str) -> Latents:
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


def _check_graph(info: GraphInfo, spec: GraphSpec, what: str) -> None:
    """Compare a graph's own inputs and outputs with the manifest's."""
    for side, found, wanted in (
        ("input", info.inputs, spec.inputs),
        ("output", info.outputs, spec.outputs),
    ):
        by_name = {value.name: value for value in found}
        if sorted(by_name) != sorted(tensor.name for tensor in wanted):
            names = [tensor.name for tensor in wanted]
            raise BundleError(f"{what}: {side}s {sorted(by_name)} are not {names}")
        for tensor in wanted:
            _check_value(by_name[tensor.name], tensor, f"{what}: {side} {tensor.name}")


def _check_value(found: ValueInfo, wanted: TensorSpec, what: str) -> None:
    if found.dtype != wanted.dtype:
        raise BundleError(f"{what}: {found.dtype} is not {wanted.dtype}")
    fits = len(found.shape) == len(wanted.shape) and all(
        not isinstance(axis, int) if isinstance(size, str) else not isinstance(axis, int) or axis == size
        for axis, size in zip(found.shape, wanted.shape, strict=True)
    )
    if not fits:
        raise BundleError(f"{what}: shape {list(found.shape)} does not fit {list(wanted.shape)}")
