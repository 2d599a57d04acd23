"""A model on disk: `bundle.json`, its graphs, and every check before anything of it is used.

The exporter builds a `BundleManifest`, calls `save_bundle`, and proves the result by `load_bundle`;
the engine only ever loads. The files of a bundle:

| file | what it is |
|---|---|
| `encoder.onnx`, `decoder.onnx` | float32 graphs, required |
| `decoder.int8.onnx` | the decoder for the CPU in 8 bits, optional |
| `encoder.int8.onnx` | the encoder in 8 bits, optional; without it the float one serves both decoders |
| `sentence.onnx` | what word may come next, optional; of a model of words |
| `latents.npz` | prior mixture and attribute directions (`Latents`), optional |
| `weights.safetensors` | for fine-tuning, optional; checked here, read by training only |
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.errors import BundleError
from engine.inference.bundle.archive import Archive, read_archive
from engine.inference.bundle.checks import (
    check_file_names,
    check_graph,
    check_representation,
    check_specs,
    check_task,
    check_texts_and_numbers,
    parse_manifest,
)
from engine.inference.bundle.latents import Latents, parse_latents
from engine.inference.bundle.manifest import (
    FILE_NAMES,
    GRAPHS,
    INT8_GRAPHS,
    LARGEST_MANIFEST_BYTES,
    LATENTS,
    MANIFEST,
    SENTENCE,
    WEIGHTS,
    BundleManifest,
    FileEntry,
    GraphSpec,
    Precision,
)
from engine.inference.bundle.preflight import inspect_graph
from engine.music.representation import Representation


class Bundle(msgspec.Struct, frozen=True, eq=False):
    """A bundle whose every check has passed. Graphs stay in memory as bytes; weights do not."""

    path: Path
    manifest: BundleManifest
    representation: Representation
    latents: Latents
    graphs: Mapping[str, bytes]
    """The ONNX files by name."""
    hash: str
    """sha256 of bundle.json without its metrics, and so of everything that decides what it plays."""

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The forms it comes in."""
        return ("int8", "float") if INT8_GRAPHS[1] in self.graphs else ("float",)

    def graph_names(self, precision: Precision) -> tuple[str, str]:
        """Return the files of encoder and decoder; BundleError if the bundle lacks that precision."""
        encoder, decoder = GRAPHS if precision == "float" else INT8_GRAPHS
        if decoder not in self.graphs:
            raise BundleError(f"{self.path}: has no {precision} graphs; choose from {list(self.precisions)}")
        return encoder if encoder in self.graphs else GRAPHS[0], decoder


def save_bundle(folder: Path, manifest: BundleManifest, files: Mapping[str, bytes]) -> BundleManifest:
    """Write a bundle folder: the files, then bundle.json with their sizes and hashes.

    Args:
        folder: made if missing; files of the same names are replaced.
        manifest: its `files` are filled in here.
        files: contents by name, from `FILE_NAMES`.

    Returns:
        The manifest as written.

    Raises:
        BundleError: a bundle has no file of such a name.
        OSError: it cannot be written.
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


def load_bundle(path: Path | str, *, inspected: bool = False) -> Bundle:
    """Load and verify a bundle.

    Args:
        path: the folder, or a .zip of it.
        inspected: whether it is known already that its graphs hold nothing that is refused and are as the
            manifest says, which takes longer than all else. The sizes and hashes of what the engine uses are
            verified all the same.

    Raises:
        BundleError: anything does not fit; the message names the field or file.
    """
    path = Path(path)
    return read_archive(path, lambda archive: _load(path, archive, inspected=inspected))


def _load(path: Path, archive: Archive, *, inspected: bool) -> Bundle:
    data = archive.read(MANIFEST, LARGEST_MANIFEST_BYTES)
    manifest = parse_manifest(data, archive.where)
    representation = check_representation(manifest, archive.where)
    check_texts_and_numbers(manifest, archive.where)
    check_task(manifest, archive.where)
    check_specs(manifest, representation, archive.where)
    check_file_names(manifest, archive.where)
    used = {name: entry for name, entry in manifest.files.items() if not (inspected and name == WEIGHTS)}
    kept = {name: _verified(archive, name, entry) for name, entry in used.items()}
    kept.pop(WEIGHTS, None)
    latents = parse_latents(kept.pop(LATENTS, None), manifest, archive.where)
    for name, graph in kept.items() if not inspected else ():
        what = f"{archive.where}: {name}"
        check_graph(inspect_graph(graph, what), spec_of(name, manifest), what)
    return Bundle(path, manifest, representation, latents, kept, _hash(data))


def _hash(manifest: bytes) -> str:
    """Return the sha256 of a manifest without what was measured, however it is laid out."""
    content = msgspec.json.decode(manifest)
    content.pop("metrics")
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def spec_of(name: str, manifest: BundleManifest) -> GraphSpec:
    """Return what the graph in a file takes and returns."""
    if name == SENTENCE and manifest.sentence is not None:
        return manifest.sentence
    return manifest.encoder if name.startswith("encoder") else manifest.decoder


def _verified(archive: Archive, name: str, entry: FileEntry) -> bytes:
    """Return a file whose size and hash fit; of the weights, which the engine has no use for, nothing."""
    if archive.sizes.get(name, entry.size_bytes) != entry.size_bytes:
        raise BundleError(
            f"{archive.where}: {name}: size {archive.sizes[name]} bytes is not {entry.size_bytes}"
        )
    content = b"" if name == WEIGHTS else archive.read(name)
    digest = archive.sha256(name) if name == WEIGHTS else hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise BundleError(f"{archive.where}: {name}: sha256 differs from bundle.json; get the bundle again")
    return content
