"""The graphs of drums with a language do what torch does, and their bundle says what it is."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_words import SMALL_WORDS

from engine.errors import BundleError
from engine.inference.bundle.checks import check_specs
from engine.inference.latent_space import offered
from engine.music.representation import representation
from export.bundle import in_memory
from export.drum_words_bundle import drum_words_graphs
from export.manifest import manifest_of
from export.phrase_bundle import coarse_dimensions, phrase_manifest
from export.prior import Mixture
from export.run import Run
from export.vae_proof import prove_vae
from training.config import ModelConfig, RunConfig
from training.models.build import build_model

RECORD = {"data": [], "data_sha256": "", "steps": 1, "hours": 0.0, "hardware": "", "torch": ""}


@pytest.fixture(scope="module")
def run() -> Run:
    torch.manual_seed(1)
    config = RunConfig(name="tiny", corpus="", model=ModelConfig(representation="drums", words=SMALL_WORDS))
    model = build_model(config.model).eval().requires_grad_(False)
    return Run(Path("tiny"), config, {}, model, representation("drums", 2), {}, RECORD)


def test_both_graphs_do_what_torch_does(run: Run) -> None:
    manifest = phrase_manifest(manifest_of(run, "", ""), run.model, run.representation)
    files = drum_words_graphs(run.model, manifest, run.representation)
    graphs = in_memory(manifest, run.representation, files, "float")
    check_specs(manifest, run.representation, "tiny")
    coarse = torch.randn(40, manifest.z_size) * torch.as_tensor(coarse_dimensions(run.model))
    for drawn in (None, coarse):
        assert prove_vae(run.model, graphs, drawn)["float_same_choices"] > 0.99


def test_the_bundle_has_parts_of_a_latent_and_no_register(run: Run) -> None:
    manifest = phrase_manifest(manifest_of(run, "", ""), run.model, run.representation)
    assert manifest.latent_layout is not None
    assert manifest.latent_layout.size == manifest.z_size == 7 + 8 * 5
    assert not manifest.key_normalised
    assert offered(manifest) == ()
    groove = representation("groove", 2)
    with pytest.raises(BundleError, match="latent_layout is of melodies, drums and pianos only"):
        check_specs(msgspec.structs.replace(manifest, task="humanize"), groove, "tiny")


def test_the_coarse_dimensions_are_those_before_each_halfs_beats(run: Run) -> None:
    assert np.flatnonzero(coarse_dimensions(run.model)).tolist() == [0, 1, 2, 19, 20, 21, 22]


def test_a_mixture_of_some_dimensions_is_standard_normal_in_all_others() -> None:
    mixture = Mixture(np.array([1.0]), np.array([[2.0, 3.0]]), np.array([[4.0, 5.0]]))
    wider = mixture.widened(np.array([True, False, True]))
    assert wider.means.tolist() == [[2, 0, 3]]
    assert wider.variances.tolist() == [[4, 1, 5]]
