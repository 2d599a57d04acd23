import torch

from training.config import ModelConfig
from training.encoder_input import drop_notes, heard_and_target, quantised, tapped


def frame(*hits: tuple[int, float, float]) -> torch.Tensor:
    out = torch.zeros(27)
    for drum, velocity, offset in hits:
        out[drum], out[9 + drum], out[18 + drum] = 1.0, velocity, offset
    return out


def test_humanise_hears_the_hits_alone() -> None:
    assert torch.equal(quantised(frame((0, 0.9, 0.3), (2, 0.2, -0.1))), frame((0, 0, 0), (2, 0, 0)))


def test_a_tap_is_the_loudest_hit_on_the_open_hi_hat() -> None:
    steps = torch.stack([frame((0, 0.5, 0.3), (1, 0.9, -0.2)), frame()])[None]
    expected = torch.stack([frame((3, 0.0, -0.2)), frame()])[None]
    assert torch.equal(tapped(steps), expected)


def test_quiet_notes_are_dropped_more_often() -> None:
    phrase = torch.stack([frame((0, 1.0, 0.0), (1, 0.1, 0.0))] * 32)[None].repeat(400, 1, 1)
    kept = drop_notes(phrase, torch.Generator().manual_seed(0))[..., :9].sum((0, 1))
    assert 400 * 32 * 0.88 < kept[0] < 400 * 32 * 0.96  # 0.4 · 0.2 dropped on average
    assert 400 * 32 * 0.58 < kept[1] < 400 * 32 * 0.70  # 0.4 · 0.9


def test_a_continuation_is_given_the_first_half() -> None:
    roll = torch.arange(8.0).reshape(1, 8, 1)
    given, following = heard_and_target(roll, ModelConfig(representation="pianoroll", task="continue"))
    assert given.flatten().tolist() == [0, 1, 2, 3]
    assert following.flatten().tolist() == [4, 5, 6, 7]
