"""Grooves whose decoder is conditioned on tempo, style and drummer, and the loss they are trained with."""

from dataclasses import replace as with_fields

import msgspec
import numpy as np
import pytest
import torch
from toy_runs import SMALL

from engine.music.drum_styles import DRUM_STYLES, drummer_number, style_number
from training.config import LossConfig, ModelConfig
from training.corpus.labels import Label, conditions_by
from training.evaluation.humanising import Performance, humanise
from training.models.build import build_model
from training.models.conditioning import Conditioning, left_out
from training.models.losses import Noise, Objective, reconstruction_nats, spread_nats
from training.models.vae import VAE


def conditioned_model(**decoder: object) -> VAE:
    torch.manual_seed(0)
    tables = {"representation": "groove", "bars": 2, "z_size": 8, "task": "humanize", "told": {"channels": 3}}
    config = msgspec.convert({**tables, "encoder": SMALL, "decoder": {**SMALL, **decoder}}, ModelConfig)
    model = build_model(config).eval()
    assert isinstance(model, VAE)
    return model


def backbeat() -> np.ndarray:
    frames = np.zeros((32, 27), np.float32)
    frames[::4, 0] = 1
    frames[::4, 9] = 0.5
    return frames


def test_a_style_and_a_drummer_are_numbers_and_others_are_not_known() -> None:
    assert [style_number(name) for name in ("afrobeat", "soul", "polka", None)] == [1, len(DRUM_STYLES), 0, 0]
    assert [drummer_number(name) for name in ("drummer1", "drummer10", "drummer11", "ann", "")] == [
        1,
        10,
        0,
        0,
        0,
    ]
    assert conditions_by(93.5, "rock", "drummer3") == (93.5, 17, 3)
    assert Label("train", 120.0).style == ""


def test_a_tempo_is_given_in_octaves_and_none_is_told_apart_from_the_usual_one() -> None:
    given = Conditioning(4)
    bpm = torch.tensor([240.0, 60.0, 120.0, 0.0])
    nobody = torch.zeros(4, dtype=torch.int64)
    assert given(bpm, nobody, nobody)[:, :2].tolist() == [[1, 1], [-1, 1], [0, 1], [0, 0]]
    assert given.size == 10 == given(bpm, nobody, nobody).shape[1]


def test_what_is_left_out_is_not_given_and_the_rest_is() -> None:
    given = torch.tensor([[120.0, 3.0, 7.0], [90.0, 2.0, 1.0]])
    uniform = torch.tensor([[0.1, 0.5, 0.29], [0.3, 0.9, 0.0]])
    assert left_out(given, uniform, 0.3).tolist() == [[0, 3, 0], [90, 2, 0]]
    assert torch.equal(left_out(given, uniform, 0.0), given)


@pytest.mark.parametrize("column", range(3))
def test_each_condition_that_is_given_changes_what_is_written(column: int) -> None:
    model, z = conditioned_model(), torch.zeros(1, 8)
    given = torch.tensor([[100.0, 2.0, 3.0]])
    other = given.clone()
    other[0, column] = 5
    assert not torch.allclose(model.condition(z, given), model.condition(z, other))
    assert torch.equal(model.condition(z), model.condition(z, torch.zeros(1, 3)))


def test_a_performance_is_conditioned_on_what_is_known_of_it_and_no_more_than_asked() -> None:
    model = conditioned_model()
    played = Performance(backbeat(), 90.0, "drummer2", "jazz")
    known, less = humanise(model, [played])[0], humanise(model, [played], ["tempo"])[0]
    unsaid = with_fields(played, player="", style="")
    assert np.array_equal(less, humanise(model, [unsaid])[0])
    assert not np.array_equal(known, less)


def test_without_feedback_nothing_that_was_written_counts() -> None:
    model, z = conditioned_model(fed_back=False), torch.zeros(1, 8)
    silence = torch.zeros(2, 16, 27)
    busy = torch.ones(2, 16, 27)
    condition = model.condition(z)
    assert torch.equal(model.logits(condition, silence)[0], model.logits(condition, busy)[0])
    fed = conditioned_model()
    assert not torch.equal(fed.logits(condition, silence)[0], fed.logits(condition, busy)[0])


def test_an_absolute_error_counts_an_offset_by_its_length_at_the_tempo() -> None:
    model = conditioned_model()
    truth = torch.zeros(1, 16, 27)
    truth[0, 0, [0, 9, 18]] = torch.tensor([1.0, 0.75, 0.4])
    logits = torch.zeros(1, 16, 27)  # velocity .5 and offset 0 are written
    config = LossConfig(feel_error="absolute", velocity_weight=2.0, offset_weight=10.0)
    hits = 16 * 9 * np.log(2)
    at = {
        bpm: float(reconstruction_nats(model, [logits], truth, config, torch.tensor([bpm])))
        for bpm in (60.0, 120.0)
    }
    assert at[120.0] == pytest.approx(hits + 2 * 0.25 + 10 * 0.4, rel=1e-5)
    assert at[60.0] == pytest.approx(hits + 2 * 0.25 + 10 * 0.8, rel=1e-5)
    squared = float(reconstruction_nats(model, [logits], truth, LossConfig(), torch.tensor([60.0])))
    assert squared == pytest.approx(hits + 20 * 0.25**2 + 10 * 0.4**2, rel=1e-5)


def test_spread_is_the_kl_of_gaussians_over_the_places_of_the_beat() -> None:
    generator = torch.Generator().manual_seed(0)
    played = torch.randn(4, 16, 9, generator=generator)
    hits = torch.ones_like(played)
    assert float(spread_nats(played, played, hits)) == pytest.approx(0, abs=1e-6)
    narrow = played.clone()
    narrow[:, ::4] = 0.5 * played[:, ::4]
    mean, variance = float(played[:, ::4].mean()), float(played[:, ::4].var())
    of_quarters = 0.5 * (4 - 1 - np.log(4) + (mean / 2) ** 2 / (variance / 4))
    assert float(spread_nats(narrow, played, hits)) == pytest.approx(of_quarters / 4, rel=1e-2)
    assert float(spread_nats(narrow, played, 0 * hits)) == 0


def test_a_decoder_that_is_given_everything_learns_from_it() -> None:
    model = conditioned_model(fed_back=False)
    target = torch.as_tensor(backbeat()).repeat(4, 1, 1)
    noise = Noise.draw(torch.Generator().manual_seed(0), 4, 8, 32)
    given = torch.tensor([[100.0, 1.0, 1.0]]).repeat(4, 1)
    config = LossConfig(feel_error="absolute", spread_weight=1.0, told_left_out=0.0)
    terms = Objective(model, config)(target, target, noise, 0.2, 0.0, given)
    terms.loss.backward()
    assert model.told is not None
    gradient = model.told.drummer.weight.grad
    assert gradient is not None and bool(gradient[1].any()) and not bool(gradient[2:].any())
    assert model.cores[0].feed.weight.grad is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"representation": "melody", "task": "autoencode"}, "model.told is for representation groove"),
        (
            {"representation": "drums", "task": "autoencode", "told": None, "decoder": {"fed_back": False}},
            "fed_back",
        ),
    ],
)
def test_a_config_refuses_what_is_for_grooves_alone(change: dict[str, object], reason: str) -> None:
    tables = {"representation": "groove", "bars": 2, "task": "humanize", "told": {"channels": 3}}
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert({**tables, **change}, ModelConfig)
