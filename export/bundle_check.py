"""Proves a bundle that is on the disk: everything the engine checks, and its tokens against torch."""

from pathlib import Path

import msgspec
from torch import Tensor

from engine.inference.bundle.archive import read_archive
from engine.inference.bundle.manifest import WEIGHTS
from engine.inference.bundle.store import Bundle, load_bundle
from engine.inference.graphs import CPU
from engine.inference.model import Model
from export.accompaniment_bundle import prove_accompaniment
from export.continuation_proof import prove_continuation
from export.errors import ExportError
from export.one_thread import one_thread
from export.piano_words_bundle import prove_piano_words
from export.run import build_model
from export.vae_proof import compare, prove_vae, same_alone, samples
from export.words_bundle import measure_int8_words, prove_sentences, prove_words
from training.config import RunConfig
from training.models.accompaniment import Accompaniment
from training.models.build import Trainable
from training.models.key_chain import KeyChain
from training.models.piano_words import PianoWords
from training.models.sentences import Sentences
from training.models.seq2seq import Continuer
from training.models.words import Words
from training.weights import unpacked

SMALLEST_SHARE = 0.5
"""An int8 decoder that agrees with torch in fewer choices than this is broken, not just coarser."""


@one_thread()
def check_bundle(path: Path) -> dict[str, float]:
    """Load a bundle as the engine does, rebuild its model in torch, and compare.

    Returns:
        What was measured, by the names of the manifest's `parity`.

    Raises:
        BundleError: the engine would refuse it.
        ExportError: it has no weights, or its graphs do not do what they say.
    """
    bundle = load_bundle(path)
    model = model_of(bundle)
    graphs = Model.load(bundle, precision="float", provider=CPU)
    if isinstance(model, Continuer | KeyChain):
        return prove_continuation(model, graphs)
    if isinstance(model, Accompaniment):
        return prove_accompaniment(model, graphs)
    if isinstance(model, Words | Sentences):
        words = model.words if isinstance(model, Sentences) else model
        measured = prove_words(words, graphs)
        if isinstance(model, Sentences):
            measured |= prove_sentences(model, graphs)
        if "int8" in bundle.precisions:
            measured |= measure_int8_words(words, Model.load(bundle, precision="int8", provider=CPU))
        return measured
    if isinstance(model, PianoWords):
        return prove_piano_words(model, graphs)
    measured = prove_vae(model, graphs)
    if "int8" not in bundle.precisions:
        return measured
    int8 = Model.load(bundle, precision="int8", provider=CPU)
    drawn = samples(model, bundle.representation.width)
    coarse = compare(model, int8, drawn)
    share = coarse.same / coarse.choices
    if share < SMALLEST_SHARE:
        raise ExportError(f"{path}: decoder.int8.onnx agrees in {share:.1%} of choices only; export it again")
    alone = same_alone(int8, drawn[-1])
    return measured | {"int8_same_choices": share, "int8_same_alone": alone}


def model_of(bundle: Bundle) -> Trainable:
    """Rebuild a bundle's model in torch from its config and its weights.

    Raises:
        ExportError: it has none, or they do not fit each other.
    """
    where = bundle.path / WEIGHTS
    if WEIGHTS not in bundle.manifest.files:
        raise ExportError(f"{bundle.path}: has no {WEIGHTS} to prove its graphs against; export it again")
    try:
        config = msgspec.convert(bundle.manifest.training.config, RunConfig).model
    except msgspec.ValidationError as error:
        raise ExportError(f"{bundle.path}: bundle.json: training.config: {error}; export it again") from error
    weights = read_weights(bundle.path)
    return build_model(config, weights, where)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a bundle, folder or .zip.

    Raises:
        ExportError: they are damaged.
        BundleError: the bundle cannot be opened.
    """
    data = read_archive(path, lambda archive: archive.read(WEIGHTS))
    try:
        return unpacked(data)
    except ValueError as error:
        raise ExportError(f"{path}: {WEIGHTS}: cannot be read ({error}); export it again") from error
