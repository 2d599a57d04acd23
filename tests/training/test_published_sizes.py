"""The published configs have the sizes that were published, as far as two programs can agree on them."""

import pytest
import torch

from training.config_file import config_names, load_config
from training.models.build import build_model

PUBLISHED = {
    "cat-mel_2bar_small": 4_423_770,
    "cat-mel_2bar_big": 134_571_098,
    "cat-drums_2bar_small": 4_636_672,
    "cat-drums_2bar_big": 137_582_080,
    "flat-mel_16bar": 235_250_778,
    "hierdec-mel_16bar": 176_061_530,
    "hier-mel_16bar": 72_547_418,
    "flat-trio_16bar": 251_279_028,
    "hierdec-trio_16bar": 230_975_156,
    "hier-trio_16bar": 122_529_460,
    "groovae_4bar": 4_085_019,
    "groovae_2bar_humanize": 4_085_019,
    "groovae_2bar_tap_fixed_velocity_note_dropout": 4_085_019,
}
"""Parameters of the originals, counted from their configs."""


def parameters(name: str) -> int:
    """Count them without making them."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in build_model(load_config(name).model).parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_config_has_its_published_size(name: str) -> None:
    assert parameters(name) == pytest.approx(PUBLISHED[name], rel=0.11)


def test_every_published_vae_is_compared() -> None:
    names = {name for name, path in config_names().items() if path.parent.name == "published"}
    assert names - {"deep_musician"} == set(PUBLISHED)
