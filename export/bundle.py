"""From a run to a bundle: graphs, proof, latents, manifest, and only then a place on the disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch

from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import (
    GRAPHS,
    INT8_GRAPHS,
    LATENTS,
    SENTENCE,
    WEIGHTS,
    BundleManifest,
    Precision,
)
from engine.inference.bundle.store import Bundle
from engine.inference.calibration import density_curve, stroke_curve
from engine.inference.graphs import CPU
from engine.inference.latent_space import prior_draw
from engine.inference.model import Model
from engine.music.representation import Representation
from export.accompaniment_bundle import (
    accompaniment_graphs,
    accompaniment_manifest,
    prove_accompaniment,
    styles,
)
from export.bundle_place import check_place, place
from export.continuation_graph import continuer_graphs
from export.continuation_proof import prove_continuation
from export.decoder_graph import conditions_graph, decoder_graph
from export.drum_words_bundle import drum_words_graphs
from export.encoder_graph import encoder_graph
from export.graph import GraphBuilder
from export.key_chain_graph import key_chain_graphs
from export.latents import LatentSpace, Progress, check_windows, measure_latents, measure_states
from export.manifest import manifest_of
from export.one_thread import one_thread
from export.phrase_bundle import coarse_dimensions, phrase_manifest
from export.piano_words_bundle import CONDITIONS, piano_words_graphs, prove_piano_words
from export.quantise import int8_graphs, measure_int8
from export.run import Run
from export.slider_curves import CURVE_PHRASES, slider_curves
from export.vae_proof import prove_vae, samples
from export.words_bundle import (
    coarse_prior,
    measure_int8_words,
    prove_sentences,
    prove_words,
    sentence_manifest,
    words_graphs,
    words_manifest,
)
from export.words_graph import sentence_graph
from training.corpus.dataset import Corpus
from training.corpus.metres import FOUR_FOUR
from training.models.accompaniment import Accompaniment
from training.models.drum_words import DrumWords
from training.models.key_chain import KeyChain, struck
from training.models.piano_words import PianoWords
from training.models.sentences import Sentences
from training.models.seq2seq import Continuer
from training.models.vae import VAE
from training.models.words import Words
from training.weights import packed


@dataclass(frozen=True, slots=True)
class Options:
    """What may be left out of a bundle."""

    int8: bool = True
    zipped: bool = False
    title: str = ""
    name: str = ""
    """Of the bundle; empty for the run's own name."""
    metres: tuple[str, ...] = (FOUR_FOUR.name,)
    """Of a model of words, which may know several: those of this bundle, its usual one first."""


@one_thread()
def export_run(
    run: Run, corpus: Corpus | None, output: Path, options: Options, progress: Progress
) -> BundleManifest:
    """Export a run, prove it, and write the bundle.

    Args:
        run: what to export.
        corpus: for the prior, the attribute directions and inputs to prove on; None leaves the
            standard normal as the prior and no attributes.
        output: folder of the bundle, or its .zip; replaced if it is a bundle already.
        options: what to write.
        progress: called at each stage.

    Raises:
        ExportError: the graphs do not do what torch does, the place is taken by something else, or there is
            nothing to measure.
        BundleError: what was written cannot be loaded.
    """
    check_place(output)
    if corpus is not None:
        check_windows(corpus)
    progress("writing the graphs")
    manifest = manifest_of(run, options.name, options.title)
    if isinstance(run.model, Continuer | KeyChain):
        parts = continuation_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, Accompaniment):
        manifest = accompaniment_manifest(manifest, run.model, run.representation)
        parts = accompaniment_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, DrumWords):
        manifest = phrase_manifest(manifest, run.model, run.representation)
        parts = drum_words_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, PianoWords):
        manifest = phrase_manifest(manifest, run.model, run.representation, CONDITIONS)
        parts = piano_words_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, Words | Sentences):
        words = run.model.words if isinstance(run.model, Sentences) else run.model
        manifest = words_manifest(manifest, words, run.representation, options.metres)
        if isinstance(run.model, Sentences):
            manifest = sentence_manifest(manifest, run.model)
        parts = words_parts(run, words, manifest, corpus, options, progress)
    else:
        parts = vae_parts(run, run.model, manifest, corpus, options, progress)
    files, space = dict(parts.files), parts.space
    if corpus is not None:
        files[LATENTS] = space.latents.to_bytes()
    files[WEIGHTS] = packed(run.weights)
    manifest = msgspec.structs.replace(
        manifest,
        parity=parts.parity,
        attributes=space.attributes,
        metrics=manifest.metrics | space.metrics,
        prior_components=len(space.latents.prior_weights) if corpus is not None else 0,
        **parts.curves,
    )
    return place(output, manifest, files, options.zipped)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a kind of model brings to its bundle."""

    files: dict[str, bytes]
    """Graphs by file name."""
    space: LatentSpace
    parity: dict[str, float]
    curves: dict[str, tuple[float, ...]]
    """Of the sliders, by the manifest's names."""


def vae_parts(
    run: Run, vae: VAE, manifest: BundleManifest, corpus: Corpus | None, options: Options, progress: Progress
) -> Parts:
    """Write, measure and prove what a variational autoencoder becomes."""
    conditions = conditions_graph(vae)
    files = float_graphs(vae, run.representation, conditions)
    space = LatentSpace.empty(manifest.z_size)
    curves: dict[str, tuple[float, ...]] = {}
    model = in_memory(manifest, run.representation, files, "float")
    if corpus is not None:
        progress("measuring the latent space")
        space = measure_latents(vae, model, run.config, corpus, progress)
        if manifest.task == "autoencode":  # only there the source's own tokens hold a walk
            curves = slider_curves(
                in_memory(manifest, run.representation, files, "float", space.latents), space, progress
            )
    progress("proving the float graphs against torch")
    parity = prove_vae(vae, model, space.drawn, space.heard)
    if options.int8:
        progress("quantising, and measuring what it costs")
        files |= int8_graphs(vae, run.representation, conditions)
        int8 = in_memory(manifest, run.representation, files, "int8")
        examples = samples(vae, run.representation.width, space.drawn)
        parity |= measure_int8(vae, run.representation, conditions, int8, examples)
    return Parts(files, space, parity, curves)


def continuation_parts(
    run: Run,
    model: Continuer | KeyChain,
    manifest: BundleManifest,
    corpus: Corpus | None,
    progress: Progress,
) -> Parts:
    """Write, measure and prove what a continuation becomes; it is small enough without an 8-bit form."""
    if isinstance(model, KeyChain):
        files = key_chain_graphs(model, run.representation)
    else:
        files = continuer_graphs(model, run.representation)
    space = LatentSpace.empty(manifest.z_size)
    graphs = in_memory(manifest, run.representation, files, "float")
    if corpus is not None:
        progress("measuring the states after given bars")
        space = measure_states(model, graphs, run.config, corpus)
    progress("proving the float graphs against torch")
    parity = prove_continuation(model, graphs, space.heard)
    curves: dict[str, tuple[float, ...]] = {}
    if space.heard is not None and isinstance(model, Continuer):
        progress("measuring how dense it plays")
        curves["density_curve"] = density_curve(graphs, space.heard[:CURVE_PHRASES].numpy())
    return Parts(files, space, parity, curves)


def words_parts(
    run: Run,
    model: Words,
    manifest: BundleManifest,
    corpus: Corpus | None,
    options: Options,
    progress: Progress,
) -> Parts:
    """Write, measure and prove what a model of words becomes."""
    files = words_graphs(model, manifest, int8=options.int8)
    space, heard = LatentSpace.empty(manifest.z_size), None
    if corpus is not None:
        progress("measuring the latent space")
        latents, metrics = coarse_prior(model, corpus)
        space = LatentSpace(latents, (), metrics)
        heard = torch.as_tensor(corpus.batch(corpus.window_ids("valid")))
    progress("proving the float graphs against torch")
    if isinstance(run.model, Sentences):
        files[SENTENCE] = sentence_graph(run.model, manifest)
    graphs = in_memory(manifest, run.representation, files, "float")
    parity = prove_words(model, graphs, heard)
    if isinstance(run.model, Sentences):
        parity |= prove_sentences(run.model, graphs)
    if options.int8:
        int8 = in_memory(manifest, run.representation, files, "int8")
        parity |= measure_int8_words(model, int8, heard)
    return Parts(files, space, parity, {})


def drum_words_parts(
    run: Run, model: DrumWords, manifest: BundleManifest, corpus: Corpus | None, progress: Progress
) -> Parts:
    """Write, measure and prove what a model of drums with a coarse and fine latents becomes."""
    files = drum_words_graphs(model, manifest, run.representation)
    graphs = in_memory(manifest, run.representation, files, "float")
    space = LatentSpace.empty(manifest.z_size)
    if corpus is not None:
        progress("measuring the latent space")
        space = measure_latents(model, graphs, run.config, corpus, progress, coarse_dimensions(model))
    progress("proving the float graphs against torch")
    parity = prove_vae(model, graphs, space.drawn, space.heard)
    return Parts(files, space, parity, {})


def piano_words_parts(
    run: Run, model: PianoWords, manifest: BundleManifest, corpus: Corpus | None, progress: Progress
) -> Parts:
    """Write, measure and prove what a model of a piano with a coarse and fine latents becomes."""
    files = piano_words_graphs(model, manifest, run.representation)
    graphs = in_memory(manifest, run.representation, files, "float")
    space, coarse = LatentSpace.empty(manifest.z_size), coarse_dimensions(model)
    if corpus is not None:
        progress("measuring the latent space")
        space = measure_latents(model, graphs, run.config, corpus, progress, coarse)
    progress("proving the float graphs against torch")
    parity = prove_piano_words(model, graphs, space.heard, space.drawn)
    curves: dict[str, tuple[float, ...]] = {}
    if space.heard is not None:
        progress("measuring how dense it plays")
        draws = [prior_draw(space.latents, seed) * coarse for seed in range(CURVE_PHRASES)]
        wanted = float(struck(space.heard).sum(-1).mean())
        curves["density_curve"] = stroke_curve(graphs, np.stack(draws).astype(np.float32), wanted)
    return Parts(files, space, parity, curves)


def accompaniment_parts(
    run: Run, model: Accompaniment, manifest: BundleManifest, corpus: Corpus | None, progress: Progress
) -> Parts:
    """Write, measure and prove what a model of accompaniments becomes."""
    files = accompaniment_graphs(model, manifest)
    space, heard = LatentSpace.empty(manifest.z_size), None
    if corpus is not None:
        progress("choosing styles")
        corpora = (corpus, *(Corpus.open(path, corpus.bars) for path in run.config.further_corpora))
        space = LatentSpace(styles(model, corpora), (), {})
        heard = torch.as_tensor(corpus.batch(corpus.window_ids("valid")))
    progress("proving the float graphs against torch")
    parity = prove_accompaniment(model, in_memory(manifest, run.representation, files, "float"), heard)
    return Parts(files, space, parity, {})


def float_graphs(vae: VAE, representation: Representation, conditions: GraphBuilder) -> dict[str, bytes]:
    """Return the float forms of both graphs by file name."""
    graphs = encoder_graph(vae, representation), decoder_graph(vae, representation, conditions)
    return dict(zip(GRAPHS, graphs, strict=True))


def in_memory(
    manifest: BundleManifest,
    representation: Representation,
    files: Mapping[str, bytes],
    precision: Precision,
    latents: Latents | None = None,
) -> Model:
    """Load graphs that are not on the disk yet, for the CPU; without latents the prior is N(0, I)."""
    graphs = {name: data for name, data in files.items() if name in (*GRAPHS, *INT8_GRAPHS, SENTENCE)}
    latents = latents or Latents.standard_normal(manifest.z_size)
    bundle = Bundle(Path(manifest.name), manifest, representation, latents, graphs, "")
    return Model.load(bundle, precision=precision, provider=CPU)
