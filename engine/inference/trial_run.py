"""A bundle's graphs run on random inputs, to see whether what comes out is what its manifest says."""

import numpy as np

from engine.errors import BundleError
from engine.inference.bundle.manifest import Precision
from engine.inference.bundle.metres import bundle_in
from engine.inference.bundle.store import Bundle
from engine.inference.graphs import CPU, LARGEST_BATCH, GraphOpener, Graphs, check_outputs, dummy_inputs
from engine.inference.runtime import onnxruntime
from engine.text import one_line

TRIED_WORDS = 8


def try_graphs(bundle: Bundle, precision: Precision) -> None:
    """Open a bundle's graphs on the CPU and run them on random inputs, alone and in a batch.

    Raises:
        BundleError: they cannot be run, or what comes out has another shape or impossible values.
    """
    what = f"{bundle.path}: {precision} graphs"
    graphs = GraphOpener(bundle, 1).open(CPU, precision)
    rng = np.random.default_rng(0)
    for metre in bundle.manifest.known_metres[1:]:
        _try_in(bundle_in(bundle, metre), graphs, rng, f"{what} in {metre}")
    _try_in(bundle, graphs, rng, what)
    if graphs.sentence is not None:
        _try_sentence(bundle, graphs.sentence, rng, what)


def _try_in(bundle: Bundle, graphs: Graphs, rng: np.random.Generator, what: str) -> None:
    """Run graphs on random inputs of a bundle's lengths; errors as of `try_graphs`."""
    for batch in (1, LARGEST_BATCH):
        x, feeds = dummy_inputs(bundle, batch)
        x[:] = rng.integers(0, bundle.manifest.streams or 2, x.shape)
        for name in ("z", "perturbation"):
            feeds[name][:] = rng.normal(size=feeds[name].shape)
        try:
            mu, sigma = graphs.encode(x)
            outputs = {"mu": mu, "sigma": sigma, "tokens": graphs.decode(feeds)}
        except Exception as error:  # onnxruntime raises RuntimeError, ValueError and types of its own
            raise BundleError(f"{what}: cannot be run ({one_line(error)})") from error
        check_outputs(bundle, outputs, batch, what)


def _try_sentence(
    bundle: Bundle, graph: onnxruntime.InferenceSession, rng: np.random.Generator, what: str
) -> None:
    """Run the graph of sentences on random words; errors as of `try_graphs`."""
    spec = bundle.manifest.sentence
    assert spec is not None
    words = rng.normal(size=(1, TRIED_WORDS, int(spec.inputs[0].shape[2]))).astype(np.float32)
    try:
        outputs = graph.run([output.name for output in spec.outputs], {spec.inputs[0].name: words})
    except Exception as error:  # onnxruntime raises RuntimeError, ValueError and types of its own
        raise BundleError(f"{what}: sentence cannot be run ({one_line(error)})") from error
    if not all(np.isfinite(output).all() for output in outputs):
        raise BundleError(f"{what}: sentence came out with impossible values")
