"""From a run to a bundle: graphs, proof, latents, manifest, and only then a place on the disk."""

import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import (
    GRAPHS,
    INT8_GRAPHS,
    LATENTS,
    MANIFEST,
    SENTENCE,
    WEIGHTS,
    BundleManifest,
    Condition,
    DataSource,
    Precision,
    RepresentationRef,
    TrainingRecord,
    Voice,
    graph_specs,
)
from engine.inference.bundle.store import Bundle, load_bundle, save_bundle
from engine.inference.calibration import density_curve
from engine.inference.graphs import CPU
from engine.inference.model import Model
from engine.music.accompaniment import CHORDS_CHANNEL
from engine.music.lines_and_drums import BASS_CHANNEL
from engine.music.notes import DRUM_CHANNEL
from engine.music.representation import Representation
from engine.staging import staging_folder
from export import key_chain_graph
from export.accompaniment_bundle import (
    accompaniment_graphs,
    accompaniment_manifest,
    prove_accompaniment,
    styles,
)
from export.continuation_graph import continuer_graphs, prove_continuer, state_size
from export.decoder_graph import conditions_graph, decoder_graph
from export.encoder_graph import encoder_graph
from export.errors import ExportError
from export.graph import GraphBuilder
from export.key_chain_graph import key_chain_graphs, prove_key_chain
from export.latents import LatentSpace, Progress, check_windows, measure_latents, measure_states
from export.one_thread import one_thread
from export.parity import prove_decoder, prove_encoder, samples
from export.quantise import int8_graphs, measure_int8
from export.run import Run
from export.slider_curves import CURVE_PHRASES, slider_curves
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
from training.models.key_chain import KeyChain
from training.models.sentences import Sentences
from training.models.seq2seq import Continuer
from training.models.vae import VAE
from training.models.words import Words

VOICES: Mapping[str, tuple[Voice, ...]] = {
    "melody": (Voice(name="melody"),),
    "drums": (Voice(name="drums", channel=9),),
    "groove": (Voice(name="drums", channel=9),),
    "trio": (
        Voice(name="melody", channel=0),
        Voice(name="bass", channel=1, program=33),
        Voice(name="drums", channel=9),
    ),
    "pianoroll": (Voice(name="piano", program=0),),
    "accompaniment": (
        Voice(name="chords", channel=CHORDS_CHANNEL, program=4),
        Voice(name="bass", channel=BASS_CHANNEL, program=33),
        Voice(name="drums", channel=DRUM_CHANNEL),
    ),
}


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
    manifest = manifest_of(run, options)
    if isinstance(run.model, Continuer):
        parts = continuer_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, KeyChain):
        parts = key_chain_parts(run, run.model, manifest, corpus, progress)
    elif isinstance(run.model, Accompaniment):
        manifest = accompaniment_manifest(manifest, run.model, run.representation)
        parts = accompaniment_parts(run, run.model, manifest, corpus, progress)
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
    files[WEIGHTS] = save(run.weights)
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
    parity = prove_float(vae, run.representation, model, space.drawn, space.heard)
    if options.int8:
        progress("quantising, and measuring what it costs")
        files |= int8_graphs(vae, run.representation, conditions)
        int8 = in_memory(manifest, run.representation, files, "int8")
        examples = samples(vae, run.representation.width, space.drawn)
        parity |= measure_int8(vae, run.representation, conditions, int8, examples)
    return Parts(files, space, parity, curves)


def continuer_parts(
    run: Run, continuer: Continuer, manifest: BundleManifest, corpus: Corpus | None, progress: Progress
) -> Parts:
    """Write, measure and prove what a continuation becomes; it is small enough without an 8-bit form."""
    files = continuer_graphs(continuer, run.representation)
    space = LatentSpace.empty(manifest.z_size)
    model = in_memory(manifest, run.representation, files, "float")
    if corpus is not None:
        progress("measuring the states after given bars")
        space = measure_states(continuer, model, run.config, corpus)
    progress("proving the float graphs against torch")
    parity = prove_continuer(continuer, model, space.heard)
    if space.heard is None:
        return Parts(files, space, parity, {})
    progress("measuring how dense it plays")
    curve = density_curve(model, space.heard[:CURVE_PHRASES].numpy())
    return Parts(files, space, parity, {"density_curve": curve})


def key_chain_parts(
    run: Run, model: KeyChain, manifest: BundleManifest, corpus: Corpus | None, progress: Progress
) -> Parts:
    """Write, measure and prove what a continuation becomes that decides the keys of a step together."""
    files = key_chain_graphs(model, run.representation)
    space = LatentSpace.empty(manifest.z_size)
    graphs = in_memory(manifest, run.representation, files, "float")
    if corpus is not None:
        progress("measuring the states after given bars")
        space = measure_states(model, graphs, run.config, corpus)
    progress("proving the float graphs against torch")
    return Parts(files, space, prove_key_chain(model, graphs, space.heard), {})


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


def prove_float(
    vae: VAE, representation: Representation, graphs: Model, drawn: Tensor | None, heard: Tensor | None
) -> dict[str, float]:
    """Prove encoder and decoder; returns what was measured on the way.

    Args:
        vae: torch's side.
        representation: its representation.
        graphs: the float graphs.
        drawn: latents `[M, Z]` to decode; None for the standard normal.
        heard: phrases to encode; None for random ones.

    Raises:
        ExportError: they differ.
    """
    mu, sigma = prove_encoder(vae, graphs, heard)
    agreement = prove_decoder(vae, graphs, samples(vae, representation.width, drawn))
    return {
        "float_mu_error": mu,
        "float_sigma_error": sigma,
        "float_choices": agreement.choices,
        "float_same_choices": agreement.same / agreement.choices,
        "float_near_ties": agreement.near_ties,
        "float_frame_error": agreement.frame_error,
    }


# The manifest -------------------------------------------------------------------------------


def manifest_of(run: Run, options: Options) -> BundleManifest:
    """Return the manifest of a run, without what is still to be measured."""
    representation, config = run.representation, run.config.model
    z_size = state_size(run.model) if isinstance(run.model, Continuer) else config.z_size
    conditions: tuple[Condition, ...] = ()
    if isinstance(run.model, KeyChain):
        z_size, conditions = run.model.gru.hidden_size, key_chain_graph.CONDITIONS
    encoder, decoder = graph_specs(representation, z_size, config.task, conditions)
    return BundleManifest(
        name=bundle_name(options.name or run.config.name),
        kind="seq2seq" if config.task == "continue" else "vae",
        task=config.task,
        title=options.title,
        representation=RepresentationRef(
            name=representation.name,
            bars=representation.bars,
            steps_per_beat=representation.grid.steps_per_beat,
            beats_per_bar=representation.grid.beats_per_bar,
            hash=representation.hash,
        ),
        bars=representation.bars,
        steps=representation.steps,
        streams=tuple(representation.streams),
        width=representation.width,
        z_size=z_size,
        voices=VOICES[representation.name],
        encoder=encoder,
        decoder=decoder,
        training=training_record(run),
        metrics=run.metrics,
        conditions=conditions,
    )


def training_record(run: Run) -> TrainingRecord:
    """Return how the weights came to be.

    Raises:
        ExportError: `run.json` lacks a field or has another form.
    """
    record = run.record
    try:
        return TrainingRecord(
            data=tuple(data_source(source) for source in record["data"]),
            data_hash=str(record["data_sha256"]),
            config=msgspec.to_builtins(run.config),
            seed=run.config.seed,
            steps=int(record["steps"]),
            notes=_notes(record),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{run.path / 'run.json'}: lacks or garbles {error}; train again") from error


def data_source(source: Mapping[str, Any]) -> DataSource:
    """Return one of the corpus's collections as the bundle names it."""
    return DataSource(name=str(source["set"]), licence=str(source["licence"]), works=int(source["files"]))


# The disk -----------------------------------------------------------------------------------


def bundle_name(text: str) -> str:
    """Return a text as a bundle's name: lower-case letters, digits and underscores.

    Raises:
        ExportError: nothing is left of it.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]
    if not name:
        raise ExportError(f"'{text}': holds no letter or digit to name a bundle by; give --name")
    return name


def check_place(output: Path) -> None:
    """Refuse a place where something else than a bundle is, or where nothing can be written.

    Raises:
        ExportError: it is taken, or closed.
    """
    if output.is_file() and not zipfile.is_zipfile(output):
        raise ExportError(f"{output}: is a file and no bundle; choose another place with -o")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise ExportError(f"{output}: is a folder with something else in it; choose another place with -o")
    above = next(folder for folder in output.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ExportError(f"{output}: {above} is no folder that can be written into; choose another -o")


def place(output: Path, manifest: BundleManifest, files: Mapping[str, bytes], zipped: bool) -> BundleManifest:
    """Write the bundle beside its place, load it as the engine would, and move it there."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with staging_folder(output.parent) as folder:
            staged = folder / "bundle"
            manifest = save_bundle(staged, manifest, files)
            staged = pack(staged) if zipped else staged
            load_bundle(staged)
            remove(output)
            staged.replace(output)
    except OSError as error:
        raise ExportError(f"{output}: cannot be written ({error.strerror}); choose another -o") from error
    return manifest


def pack(folder: Path) -> Path:
    """Return a .zip of a bundle's folder; the same bytes for the same files."""
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(file.name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return packed


def remove(path: Path) -> None:
    """Remove a bundle that is being replaced, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _notes(record: dict[str, Any]) -> str:
    """Say how long and on what a run was trained, and what it went on from."""
    notes = f"{record['hours']:.2f} hours on {record['hardware']}, torch {record['torch']}"
    origin = record.get("started_from")
    return f"{notes}; fine-tuned from {origin}" if origin else notes
