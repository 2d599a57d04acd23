"""The graphs of a bundle as onnxruntime runs them: opened, and held to what the manifest says."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import BundleError, RenderError
from engine.inference.bundle.manifest import SENTENCE, UNKNOWN, Precision, TensorSpec
from engine.inference.bundle.store import Bundle
from engine.inference.runtime import has_driver, onnxruntime
from engine.text import one_line

CPU = "CPUExecutionProvider"
LARGEST_BATCH = 64
"""Rows of a trial's batch, and of any run after it: what a stranger's graph costs at more is not known, and
may grow with any power of the batch."""
BATCH_AXES = {"perturbation": 1}
"""Which axis of a decoder's input is the batch, where it is not the first."""
SILENT = 4
"""Log severity `fatal`: a missing GPU library is no news for the terminal; it is in `Choice`."""

Floats = npt.NDArray[np.float32]


class Graphs(msgspec.Struct, frozen=True):
    """Encoder and decoder of one form."""

    encoder: onnxruntime.InferenceSession
    decoder: onnxruntime.InferenceSession
    sentence: onnxruntime.InferenceSession | None = None

    def encode(self, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Return `mu` and `sigma`, `float32 [B, Z]` each, of a batch `x`."""
        parts = [self.encoder.run(["mu", "sigma"], {"x": x[rows]}) for rows in _slices(len(x))]
        mu, sigma = (_joined(each, 0) for each in zip(*parts, strict=True))
        return mu, sigma

    def decode(self, feeds: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return `int64 [T, B, S]` tokens (or `float32 [T, B, D]`) of the decoder's inputs by name."""
        slices = _slices(len(feeds["z"]))
        parts = [self.decoder.run(["tokens"], _rows_of(feeds, rows))[0] for rows in slices]
        return _joined(parts, 1)


def _slices(batch: int) -> list[slice]:
    """Return the rows of a batch in parts that are not larger than one that was tried."""
    return [slice(first, first + LARGEST_BATCH) for first in range(0, max(batch, 1), LARGEST_BATCH)]


def _rows_of(feeds: dict[str, npt.NDArray[Any]], rows: slice) -> dict[str, npt.NDArray[Any]]:
    return {name: array[:, rows] if BATCH_AXES.get(name) else array[rows] for name, array in feeds.items()}


def _joined(parts: Sequence[npt.NDArray[Any]], axis: int) -> npt.NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


def nothing_given(spec: TensorSpec, batch: int, steps: int = 0) -> npt.NDArray[Any]:
    """Return what stands for an input that is not known: zeros, or -1 for no bar before."""
    return np.full(_sizes(spec, batch, steps), UNKNOWN.get(spec.name, 0), spec.dtype)


class GraphOpener:
    """Opens a bundle's graphs with onnxruntime, each only once: its forms may share some."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        """Prepare; `threads` is how many an operator may use."""
        self._bundle, self._threads = bundle, threads
        self._sessions: dict[tuple[str, str], onnxruntime.InferenceSession] = {}
        """By provider and file."""

    def open(self, provider: str, precision: Precision) -> Graphs:
        """Open the graphs of one form with an execution provider; that of sentences is always on the CPU.

        Raises:
            BundleError: onnxruntime does not load them, or the provider's libraries are missing.
        """
        encoder, decoder = self._bundle.graph_names(precision)
        what = f"{self._bundle.path}: {precision} graphs on {provider}"
        return Graphs(
            self._session(encoder, provider, what),
            self._session(decoder, provider, what),
            self._session(SENTENCE, CPU, what) if SENTENCE in self._bundle.graphs else None,
        )

    def _session(self, name: str, provider: str, what: str) -> onnxruntime.InferenceSession:
        if (provider, name) not in self._sessions:
            graph = self._bundle.graphs[name]
            self._sessions[provider, name] = _open_session(graph, provider, self._threads, what)
        return self._sessions[provider, name]


def _open_session(graph: bytes, provider: str, threads: int, what: str) -> onnxruntime.InferenceSession:
    missing = f"{what}: the provider's libraries are missing; install them or use {CPU}"
    if not has_driver(provider):
        raise BundleError(missing)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    providers = [provider] if provider == CPU else [provider, CPU]
    try:
        session = onnxruntime.InferenceSession(
            graph, options, providers=providers, enable_fallback=0, read_config_from_model=0
        )
    except Exception as error:  # onnxruntime raises RuntimeError, ValueError and types of its own
        raise BundleError(f"{what}: cannot be loaded ({one_line(error)})") from error
    if session.get_providers()[0] != provider:
        raise BundleError(missing)
    return session


def dummy_inputs(bundle: Bundle, batch: int) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]]]:
    """Return what to encode, and what to decode by the names of the decoder's inputs."""
    spec, manifest = bundle.manifest.encoder.inputs[0], bundle.manifest
    x = np.zeros(_sizes(spec, batch, manifest.steps), dtype=spec.dtype)
    return x, {each.name: nothing_given(each, batch, manifest.steps) for each in manifest.decoder.inputs}


def dummy_run(bundle: Bundle, graphs: Graphs, batch: int) -> dict[str, npt.NDArray[Any]]:
    """Return what comes of `dummy_inputs`, by the names of the outputs."""
    x, feeds = dummy_inputs(bundle, batch)
    mu, sigma = graphs.encode(x)
    return {"mu": mu, "sigma": sigma, "tokens": graphs.decode(feeds)}


def check_outputs(bundle: Bundle, outputs: dict[str, npt.NDArray[Any]], batch: int, what: str) -> None:
    """Refuse outputs of another shape or type than the manifest says, or impossible values (BundleError)."""
    for spec in (*bundle.manifest.encoder.outputs, *bundle.manifest.decoder.outputs):
        found = outputs[spec.name]
        wanted = _sizes(spec, batch, bundle.manifest.steps)
        if found.shape != wanted or found.dtype.name != spec.dtype:
            raise BundleError(
                f"{what}: {spec.name} came out as {found.dtype.name} {list(found.shape)}, "
                f"not {spec.dtype} {list(wanted)}"
            )
        if not within_range(found, bundle.manifest.streams):
            raise BundleError(f"{what}: {spec.name} came out with impossible values")


def within_range(values: npt.NDArray[Any], streams: tuple[int, ...]) -> bool:
    """Return whether tokens `[..., S]` are within the vocabulary of each stream, or numbers finite."""
    if values.dtype.kind == "f":
        return bool(np.isfinite(values).all())
    return bool(((values >= 0) & (values < streams)).all())


def _sizes(spec: TensorSpec, batch: int, steps: int) -> tuple[int, ...]:
    """Return a tensor's shape with its named axes filled in."""
    named = {"B": batch, "T": steps, "U": steps}
    return tuple(named[size] if isinstance(size, str) else size for size in spec.shape)


def check_shape(name: str, array: npt.NDArray[Any], spec: TensorSpec, batch: int) -> None:
    """Refuse an input the graph would misread, for operators broadcast where they can; RenderError."""
    steps = [size for size, named in zip(array.shape, spec.shape, strict=False) if named in ("T", "U")]
    wanted = _sizes(spec, batch, max(0 if spec.name == "heard" else 1, *steps, 0))
    if array.shape != wanted or array.dtype != spec.dtype:
        raise RenderError(
            f"{name}: {spec.name} {array.dtype.name} {list(array.shape)} is not {spec.dtype} {list(wanted)}"
        )
