"""Parallel scheduled sampling: what is drawn, and how it is mixed with the truth."""

import math

import msgspec
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from training.config import LossConfig, ModelConfig
from training.models.build import build_model
from training.models.losses import ContinuationObjective, Noise, Objective, choices_of, drawn

ROWS = 20_000


class Streams:
    """Stands for a model whose logits are given by hand."""

    def __init__(self, *sizes: int) -> None:
        self.streams = sizes
        self.choices = 0 if sizes else 9


def uniform(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_tokens_are_drawn_as_often_as_the_model_says() -> None:
    shares = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = shares.log().expand(ROWS, 1, 4)
    tokens = drawn(Streams(4), [logits], uniform(ROWS, 1, 1))
    assert tokens.shape == (ROWS, 1, 1)
    found = torch.bincount(tokens.flatten(), minlength=4) / ROWS
    torch.testing.assert_close(found, shares, atol=0.015, rtol=0)


def test_streams_are_drawn_apart() -> None:
    even = torch.zeros(ROWS, 1, 2)
    tokens = drawn(Streams(2, 2), [even, even], uniform(ROWS, 1, 2))[:, 0]
    both = float((tokens[:, 0] & tokens[:, 1]).float().mean())
    assert both == pytest.approx(0.25, abs=0.015)


def test_hits_are_drawn_as_often_as_the_model_says_with_their_feel() -> None:
    shares = torch.tensor([0.9, 0.5, 0.1, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02])
    logits = torch.cat([torch.logit(shares), torch.zeros(9), torch.ones(9)]).expand(ROWS, 1, 27)
    frames = drawn(Streams(), [logits], uniform(ROWS, 1, 9))[:, 0]
    torch.testing.assert_close(frames[:, :9].mean(0), shares, atol=0.015, rtol=0)
    hit = frames[:, 0] > 0
    assert frames[hit, 9].unique().tolist() == [0.5]  # sigmoid of 0
    assert frames[~hit, 9].unique().tolist() == [0.0]


def test_a_piano_roll_is_as_dense_as_the_model_says_where_the_likeliest_would_be_silent(monkeypatch) -> None:
    tables = {"representation": "pianoroll", "task": "continue", "continuer": {"hidden": 4, "channels": 4}}
    model = build_model(msgspec.convert(tables, ModelConfig))
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(model.head.bias, math.log(0.04 / 0.96))
    fed: list[torch.Tensor] = []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda z, previous: fed.append(previous) or logits(z, previous))
    truth = torch.zeros(64, 32, 88)
    noise = Noise.draw(torch.Generator().manual_seed(1), 64, 8, 32, choices_of(model))
    ContinuationObjective(model, LossConfig(withhold=0.0))(truth, truth, noise, 0.0, 1.0)
    taught, mixed = fed
    assert float(taught.mean()) == 0.0
    assert float(mixed[:, 1:].mean()) == pytest.approx(0.04, abs=0.003)
    assert float(mixed[:, 0].sum()) == 0.0  # nothing comes before the first step


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_the_share_of_steps_that_are_the_models_own(share: float, monkeypatch) -> None:
    """The truth is all token 5, the model says token 7 for sure: count the sevens that are fed."""
    table = {"channels": 4, "bar_channels": 4, "step_depth": 1, "bar_depth": 1, "hidden": 4}
    model = build_model(msgspec.convert({"z_size": 4, "encoder": table, "decoder": table}, ModelConfig))
    for parameter in model.cores.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(model.cores[0].head.bias[7], 100.0)
    fed: list[torch.Tensor] = []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda c, inputs: fed.append(inputs) or logits(c, inputs))
    truth = torch.full((256, 32, 1), 5)
    noise = Noise.draw(torch.Generator().manual_seed(1), 256, 4, 32, choices_of(model))
    Objective(model, LossConfig(withhold=0.0))(truth, truth, noise, 0.0, share)
    assert fed[0].unique().tolist() == [5]
    assert set(fed[1].unique().tolist()) == {5, 7}
    assert float((fed[1] == 7).float().mean()) == pytest.approx(share, abs=0.02)


def test_nothing_is_drawn_where_nothing_is_fed_back() -> None:
    noise = Noise.draw(torch.Generator().manual_seed(1), 3, 4, 32)
    assert noise.choice.shape == (3, 32, 0)
    before = Noise.draw(torch.Generator().manual_seed(1), 3, 4, 32, 9)
    assert all(torch.equal(one, other) for one, other in zip(noise[:4], before[:4], strict=True))


def test_the_multiplications_of_a_step_with_its_own_tokens_can_be_counted() -> None:
    """Torch's counter hooks every tensor that wants a gradient, and one of a pass without has none."""
    sizes = {"kind": "lstm", "hidden": 4, "channels": 4}
    model = build_model(
        msgspec.convert({"z_size": 4, "encoder": {"channels": 4}, "decoder": sizes}, ModelConfig)
    )
    noise = Noise.draw(torch.Generator().manual_seed(1), 2, 4, 32, choices_of(model))
    truth = torch.zeros(2, 32, 1, dtype=torch.int64)
    counted = []
    for share in (0.0, 0.5):
        with FlopCounterMode(display=False) as counter:
            Objective(model, LossConfig())(truth, truth, noise, 0.0, share).loss.backward()
        counted.append(counter.get_total_flops())
    assert counted[1] > counted[0] > 0
