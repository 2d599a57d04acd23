"""Graphs of words and of sentences do what torch does, in every metre and for several words."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_words import SMALL_WORDS

from engine.errors import BundleError
from engine.inference.bundle.checks import check_specs
from engine.inference.bundle.manifest import SENTENCE
from engine.music.grid import Grid
from engine.music.metre import Metre
from engine.music.representation import representation
from export.bundle import in_memory
from export.errors import ExportError
from export.manifest import manifest_of
from export.run import Run
from export.words_bundle import (
    measure_int8_words,
    prove_sentences,
    prove_words,
    sentence_manifest,
    words_graphs,
    words_manifest,
)
from export.words_graph import sentence_graph
from training.config import ModelConfig, RunConfig, SentencesConfig
from training.corpus.metres import METRES
from training.models.build import build_model

RECORD = {"data": [], "data_sha256": "", "steps": 1, "hours": 0.0, "hardware": "", "torch": ""}


def run_of(model: ModelConfig, metre: str = "4/4") -> Run:
    torch.manual_seed(1)
    built = build_model(model).eval().requires_grad_(False)
    config = RunConfig(name="tiny", corpus="", model=model)
    spoken = representation("melody", model.bars, Grid.of(Metre.named(metre)))
    return Run(Path("tiny"), config, {}, built, spoken, {}, RECORD)


def test_one_pair_of_graphs_writes_words_in_every_metre() -> None:
    run = run_of(ModelConfig(words=SMALL_WORDS))
    manifest = words_manifest(manifest_of(run), run.model, run.representation, tuple(METRES))
    check_specs(manifest, run.representation, "here")
    files = words_graphs(run.model, manifest, int8=True)
    graphs = in_memory(manifest, run.representation, files, "float")
    assert [str(metre) for metre in graphs.metres] == ["4/4", "3/4", "6/8", "2/4"]
    sizes = [graphs.in_metre(metre).bundle.manifest.z_size for metre in graphs.metres]
    assert sizes == [7 + 5 * beats for beats in (8, 6, 6, 4)]
    measured = prove_words(run.model, graphs)
    assert measured["float_same_choices"] > 0.99
    int8 = in_memory(manifest, run.representation, files, "int8")
    assert measure_int8_words(run.model, int8)["int8_same_choices_whole"] > 0.5


def test_three_four_and_six_eight_are_not_written_alike() -> None:
    run = run_of(ModelConfig(words=SMALL_WORDS))
    manifest = words_manifest(manifest_of(run), run.model, run.representation, tuple(METRES))
    files = words_graphs(run.model, manifest, int8=False)
    graphs = in_memory(manifest, run.representation, files, "float")
    rng = np.random.default_rng(1)
    z, noise = rng.normal(size=(8, 37)).astype(np.float32), np.zeros((24, 8, 90), np.float32)
    written = [graphs.in_metre(metre).decode(z, noise) for metre in (Metre(3), Metre(6, 8))]
    assert (written[0] != written[1]).any()


@pytest.mark.parametrize("metre", ["3/4", "6/8"])
def test_a_bundle_of_one_other_metre(metre: str) -> None:
    run = run_of(ModelConfig(words=SMALL_WORDS), metre)
    manifest = words_manifest(manifest_of(run), run.model, run.representation, (metre,))
    graphs = in_memory(manifest, run.representation, words_graphs(run.model, manifest, int8=False), "float")
    assert graphs.metres == (Metre.named(metre),)
    assert prove_words(run.model, graphs)["float_same_choices"] > 0.99


def test_several_words_and_the_sentence_they_make() -> None:
    run = run_of(
        ModelConfig(bars=6, words=SMALL_WORDS, sentences=SentencesConfig(channels=8, hidden=8, components=3))
    )
    manifest = words_manifest(manifest_of(run), run.model.words, run.representation, ("4/4",))
    manifest = sentence_manifest(manifest, run.model)
    files = words_graphs(run.model.words, manifest, int8=False) | {
        SENTENCE: sentence_graph(run.model, manifest)
    }
    graphs = in_memory(manifest, run.representation, files, "float")
    assert prove_words(run.model.words, graphs)["float_same_choices"] > 0.99
    assert prove_sentences(run.model, graphs)["sentence_error"] < 1e-3


def test_weights_that_are_not_the_graphs_are_found_out() -> None:
    run = run_of(ModelConfig(words=SMALL_WORDS))
    manifest = words_manifest(manifest_of(run), run.model, run.representation, ("4/4",))
    graphs = in_memory(manifest, run.representation, words_graphs(run.model, manifest, int8=False), "float")
    run.model.head.bias.add_(torch.randn(90, generator=torch.Generator().manual_seed(1)))
    with pytest.raises(ExportError, match="choices differ"):
        prove_words(run.model, graphs)


def test_a_layout_that_is_not_the_latents_is_refused() -> None:

    run = run_of(ModelConfig(words=SMALL_WORDS))
    manifest = words_manifest(manifest_of(run), run.model, run.representation, ("4/4",))
    check_specs(manifest, run.representation, "here")
    layout = msgspec.structs.replace(manifest.latent_layout, fine_pitch=9)
    with pytest.raises(BundleError, match="latent_layout has"):
        check_specs(msgspec.structs.replace(manifest, latent_layout=layout), run.representation, "here")
