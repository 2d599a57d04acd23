"""The model of words: what its halves and parts may depend on, teacher forcing, what the loss leaves out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_words import SMALL_WORDS
from torch import Tensor

from engine.music.melody import FIRST_NOTE, NOTE_OFF
from training.config import LossConfig
from training.corpus.metres import METRES
from training.models.losses import Noise
from training.models.vae import Posterior
from training.models.words import Surroundings, Words, last_pitches
from training.models.words_loss import WordsObjective, coarse_mask, kept_beats, tokens_and_surroundings

BAR_STEPS = {name: metre.grid.steps_per_bar for name, metre in METRES.items()}


@pytest.fixture(scope="module")
def model() -> Words:
    torch.manual_seed(1)
    return Words(SMALL_WORDS).eval()


def phrases(batch: int, steps: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    tokens = np.where(rng.random((batch, steps)) < 0.5, 0, rng.integers(1, 90, (batch, steps)))
    return torch.as_tensor(tokens)


def alone(batch: int, metre: str = "4/4") -> Surroundings:
    bar = BAR_STEPS[metre]
    before = torch.full((batch, bar), -1)
    return Surroundings(torch.zeros(batch, 2 * bar // 4, 12), before, list(METRES).index(metre))


def test_the_last_pitch_holds_through_rests_and_is_none_before_the_first_note() -> None:
    tokens = torch.tensor([[0, NOTE_OFF, FIRST_NOTE + 9, 0, NOTE_OFF, 0, FIRST_NOTE, 0]])
    assert last_pitches(tokens).tolist() == [[0, 0, 10, 10, 10, 10, 1, 1]]


def test_rhythm_is_encoded_without_pitches_and_pitch_without_rests(model: Words) -> None:
    tokens = phrases(4, 32)
    layout = model.layout(8)
    moved = torch.where(tokens >= FIRST_NOTE, (tokens + 30 - FIRST_NOTE) % 88 + FIRST_NOTE, tokens)
    silenced = torch.where(tokens == NOTE_OFF, 0, tokens)
    mu = model.encode(tokens).mu
    assert torch.equal(model.encode(moved).mu[:, : layout.rhythm], mu[:, : layout.rhythm])
    assert torch.equal(model.encode(silenced).mu[:, layout.rhythm :], mu[:, layout.rhythm :])


@pytest.mark.parametrize("metre", METRES)
def test_writing_freely_is_teacher_forcing_on_what_was_written(model: Words, metre: str) -> None:
    steps = 2 * BAR_STEPS[metre]
    z = torch.randn(3, model.layout(steps // 4).size, generator=torch.Generator().manual_seed(2))
    around = alone(3, metre)
    around = around._replace(
        before=phrases(3, BAR_STEPS[metre], 1),
        chords=(torch.arange(12) % 4 == 0).float().expand(3, steps // 4, 12),
    )
    shift = torch.randn(steps, 3, 90, generator=torch.Generator().manual_seed(3))
    written = model.generate(z, shift, around)
    logits = model.logits(z, written, around) + shift.transpose(0, 1)
    assert torch.equal(logits.argmax(-1), written)


@settings(max_examples=20, deadline=None)
@given(step=st.integers(0, 31), seed=st.integers(0, 99))
def test_no_step_hears_what_comes_at_it_or_after(model: Words, step: int, seed: int) -> None:
    tokens = phrases(1, 32, seed)
    other = tokens.clone()
    other[:, step:] = phrases(1, 32, seed + 1)[:, step:]
    z = torch.zeros(1, model.layout(8).size)
    first, second = (model.logits(z, each, alone(1)) for each in (tokens, other))
    torch.testing.assert_close(first[:, : step + 1], second[:, : step + 1])


def test_a_beat_left_out_is_not_the_same_as_one_with_the_commonest_notes(model: Words) -> None:
    z = model.encode(phrases(1, 32)).mu
    bare = z * coarse_mask(model.layout(8), z)
    assert not torch.equal(model.conditions(z, alone(1)), model.conditions(bare, alone(1)))
    layout = model.layout(8)
    assert torch.equal(layout.coarse(z), layout.coarse(bare))
    assert not any(part.any() for part in layout.fine(bare))


def test_the_shares_decide_what_is_kept_of_the_fine_latent() -> None:
    noise = Noise.draw(torch.Generator().manual_seed(4), 4000, 1, 32)
    rhythm, pitch = kept_beats(noise, 8, (0.4, 0.1, 0.1, 0.3))
    whole_rhythm, whole_pitch = rhythm.all(1), pitch.all(1)
    no_rhythm, no_pitch = ~rhythm.any(1), ~pitch.any(1)
    assert float((no_rhythm & no_pitch).float().mean()) == pytest.approx(0.4 + 0.3 / 9, abs=0.03)
    assert float((whole_rhythm & no_pitch).float().mean()) == pytest.approx(0.1, abs=0.02)
    assert float((no_rhythm & whole_pitch).float().mean()) == pytest.approx(0.1, abs=0.02)
    assert float((whole_rhythm & whole_pitch).float().mean()) == pytest.approx(0.1 + 0.3 / 9, abs=0.03)


def test_a_window_comes_apart_into_tokens_chords_the_bar_before_and_the_metre() -> None:
    window = torch.zeros(2, 24, 4, dtype=torch.int64)
    window[..., 0] = torch.arange(24)
    window[:, 4:8, 1] = 0b100000000101
    window[..., 2] = torch.arange(24) - 1
    window[..., 3] = list(METRES).index("6/8")
    tokens, around = tokens_and_surroundings(window)
    assert tokens.shape == (2, 24)
    assert around.chords.shape == (2, 6, 12)
    assert around.chords[0].nonzero().tolist() == [[1, 0], [1, 2], [1, 11]]
    assert around.before[0].tolist() == list(range(-1, 11))
    assert around.metre == 2


def test_free_bits_are_bits_of_the_coarse_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phrases whose coarse parts cost 2 nats and none, with 1 bit (0.6931 nats) free: 1.3069 and 0."""
    model = Words(SMALL_WORDS)
    window = torch.zeros(2, 32, 4, dtype=torch.int64)
    window[..., 0], window[..., 2] = phrases(2, 32, 6), -1
    mu = torch.zeros(2, model.layout(8).size)
    mu[0, int(coarse_mask(model.layout(8), mu)[0].nonzero()[0])] = 2.0  # sigma 1: half the square of mu
    monkeypatch.setattr(model, "encode", lambda tokens: Posterior(mu, torch.ones_like(mu)))
    noise = Noise.draw(torch.Generator().manual_seed(0), 2, mu.shape[1], 32)
    terms = WordsObjective(model, LossConfig(free_bits=1.0))(window, window, noise, 3.0, 0.0)
    assert float(terms.loss - terms.reconstruction_nats) == pytest.approx(3 * 1.30685 / 2, abs=1e-4)
    assert float(terms.kl_bits) == pytest.approx(1.0 / 0.693147, abs=1e-4)


def test_a_few_steps_learn_a_phrase_by_its_whole_latent() -> None:
    torch.manual_seed(5)
    model = Words(SMALL_WORDS)
    objective = WordsObjective(model, LossConfig(free_bits=5, fine_left_out=(0.2, 0.1, 0.1, 0.2)))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    window = torch.zeros(8, 32, 4, dtype=torch.int64)
    window[..., 0] = phrases(8, 32, 6)
    window[..., 2] = -1
    losses = []
    for step in range(60):
        noise = Noise.draw(torch.Generator().manual_seed(step), 8, model.layout(8).size, 32)
        terms = objective(window, window, noise, 0.1, 0.0)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        losses.append(float(terms.reconstruction_nats))
    assert np.mean(losses[-10:]) < 0.6 * losses[0]
