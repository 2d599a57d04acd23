"""From a run to its bundle's manifest, without what the graphs and the latent space are measured for."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.manifest import (
    BundleManifest,
    Condition,
    DataSource,
    RepresentationRef,
    TrainingRecord,
    Voice,
)
from engine.music.accompaniment import CHORDS_CHANNEL
from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL
from export import key_chain_graph
from export.continuation_graph import state_size
from export.errors import ExportError
from export.run import Run, remedy
from training.checkpoint import RECORD
from training.models.key_chain import KeyChain
from training.models.seq2seq import Continuer
from training.models.vae import VAE

VOICES: Mapping[str, tuple[Voice, ...]] = {
    "melody": (Voice(name="melody"),),
    "drums": (Voice(name="drums", channel=DRUM_CHANNEL),),
    "groove": (Voice(name="drums", channel=DRUM_CHANNEL),),
    "trio": (
        Voice(name="melody", channel=0),
        Voice(name="bass", channel=1, program=33),
        Voice(name="drums", channel=DRUM_CHANNEL),
    ),
    "pianoroll": (Voice(name="piano", program=0),),
    "accompaniment": (
        Voice(name="chords", channel=CHORDS_CHANNEL, program=4),
        Voice(name="bass", channel=BASS_CHANNEL, program=33),
        Voice(name="drums", channel=DRUM_CHANNEL),
    ),
}


def manifest_of(run: Run, name: str = "", title: str = "") -> BundleManifest:
    """Return the manifest of a run, without what is still to be measured.

    Args:
        run: what is exported.
        name: of the bundle; empty for the run's own.
        title: of the bundle.
    """
    representation, config = run.representation, run.config.model
    z_size = state_size(run.model) if isinstance(run.model, Continuer) else config.z_size
    conditions: tuple[Condition, ...] = ()
    if isinstance(run.model, KeyChain):
        z_size, conditions = run.model.gru.hidden_size, key_chain_graph.CONDITIONS
    elif isinstance(run.model, VAE) and run.model.told is not None:
        conditions = PLAYING_CONDITIONS
    encoder, decoder = graph_specs(representation, z_size, config.task, conditions)
    return BundleManifest(
        name=bundle_name(name or run.config.name),
        kind="seq2seq" if config.task == "continue" else "vae",
        task=config.task,
        title=title,
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
        file = run.path / RECORD
        raise ExportError(f"{file}: lacks or garbles {error}; {remedy(file)}") from error


def data_source(source: Mapping[str, Any]) -> DataSource:
    """Return one of the corpus's collections as the bundle names it."""
    return DataSource(name=str(source["set"]), licence=str(source["licence"]), works=int(source["files"]))


def _notes(record: dict[str, Any]) -> str:
    """Return how long and on what a run was trained, and what it went on from."""
    notes = f"{record['hours']:.2f} hours on {record['hardware']}, torch {record['torch']}"
    origin = record.get("started_from")
    return f"{notes}; fine-tuned from {origin}" if origin else notes


def bundle_name(text: str) -> str:
    """Return a text as a bundle's name: lower-case letters, digits and underscores.

    Raises:
        ExportError: nothing is left of it.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]
    if not name:
        raise ExportError(f"'{text}': holds no letter or digit to name a bundle by; give --name")
    return name
