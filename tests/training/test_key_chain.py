"""Keys of a step decided together: likelihood, free running, and bars laid into sixteen steps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import KeyChainConfig, LossConfig, ModelConfig
from training.models.build import build_model, build_objective
from training.models.key_chain import LAGS, MOST_STROKES, KeyChain, laid_in_sixteens, past_of, struck

SMALL = KeyChainConfig(hidden=6, channels=5, key_channels=4, chain=4)


def chain(seed: int = 0) -> KeyChain:
    torch.manual_seed(seed)
    model = build_model(ModelConfig(representation="pianoroll", task="continue", bars=1, key_chain=SMALL))
    for weight in model.parameters():
        weight.data.mul_(3.0)
    model.head.bias.data[88:] = -2.0
    return model.eval().requires_grad_(False)


def rolls(batch: int, steps: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, steps, 88, generator=generator) < 0.05).float()


def test_a_step_looks_back_on_what_stood_there_and_not_ahead() -> None:
    frames = rolls(1, 80)
    changed = frames.clone()
    changed[:, 70:] = 1 - changed[:, 70:]
    ours, theirs = past_of(frames), past_of(changed)
    assert torch.equal(ours.keys[:, :71], theirs.keys[:, :71])
    assert torch.equal(ours.lags[:, :71], theirs.lags[:, :71])
    for number, lag in enumerate(LAGS):
        assert torch.equal(ours.keys[0, 70, :, 2 + 2 * number], frames[0, 70 - lag])
        assert torch.equal(ours.keys[0, 70, :, 3 + 2 * number], struck(frames)[0, 70 - lag])


def test_a_bar_that_repeats_agrees_wholly_with_the_bar_before() -> None:
    bar = rolls(1, 16)
    bar[:, 0] = bar[:, -1] = 0  # so that the strokes repeat as well
    agreed = past_of(bar.repeat(1, 4, 1)).lags[0, 60, len(LAGS) :]
    strokes = float(struck(bar).sum())
    assert agreed[2] == pytest.approx(strokes / (strokes + 1))
    assert past_of(bar).lags[0, 10].tolist()[:5] == [1, 1, 0, 0, 0]


def test_the_chances_of_all_chords_of_a_step_sum_to_one() -> None:
    """Over three free keys, whatever was before: what is given up from key to key adds up to one."""
    model = chain()
    before = rolls(1, 17)
    before[:, -1] = 0
    total = 0.0
    for chord in range(8):
        frames = torch.cat([before, torch.zeros(1, 1, 88)], dim=1)
        frames[0, -1, [40, 44, 47]] = torch.tensor([float(chord >> bit & 1) for bit in range(3)])
        past = past_of(frames)
        hold, strike = model.bases(model.states(past), past)
        strike[..., [key for key in range(88) if key not in (40, 44, 47)]] = -1e4  # never struck
        model.bases = lambda states, past, logits=(hold, strike): logits
        total += float(model.log_loss(frames, model.states(past), past)[0, -1].neg().exp())
        del model.bases
    assert total == pytest.approx(1, abs=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_what_is_written_free_running_is_what_each_step_decides_given_the_past(seed: int) -> None:
    model, heard = chain(), rolls(2, 32, seed)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(8, 2, 88, generator=generator).clamp(1e-6, 1 - 1e-6).logit()
    written = model.generate(model.encode(heard), noise, heard)
    frames = torch.cat([heard, written], dim=1)
    past, states = past_of(frames), model.states(past_of(frames))
    for step in range(8):
        at = slice(32 + step, 33 + step)
        own = type(past)(*(part[:, at] for part in past))
        assert torch.equal(model._decided(states[:, at], own, noise[step]), written[:, step])
    strokes = (written * (1 - torch.cat([heard[:, -1:], written[:, :-1]], dim=1))).sum(-1)
    assert strokes.max() <= MOST_STROKES


def test_shorter_bars_end_in_a_rest_through_which_ties_sound() -> None:
    frames = torch.zeros(1, 24, 88)
    frames[0, 10:14, 40] = 1  # over the bar line
    frames[0, 8:12, 50] = 1  # up to it
    laid = laid_in_sixteens(frames, 2)
    assert laid.shape == (1, 32, 88)
    assert laid[0, :, 40].nonzero().flatten().tolist() == list(range(10, 18))
    assert laid[0, :, 50].nonzero().flatten().tolist() == list(range(8, 12))
    whole = rolls(2, 32)
    assert laid_in_sixteens(whole, 2) is whole


def test_a_few_steps_of_training_foresee_a_tune_better() -> None:
    model = chain().requires_grad_(True)
    objective = build_objective(model, LossConfig())
    window = torch.zeros(4, 32, 88)
    window[:, ::4, 40] = window[:, 1::4, 40] = window[:, 2::8, 47] = 1
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(12):
        terms = objective(*window.chunk(2, dim=1), None, 1.0, 0.0)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        losses.append(float(terms.loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert float(terms.reconstruction_nats) < losses[-1]
