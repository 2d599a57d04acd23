"""Drums with a language: what the halves hear, what a free beat is, and where the model may begin from."""

import numpy as np
import pytest
import torch
from small_words import SMALL_WORDS
from torch import Tensor

from training.config import AccompanimentConfig, LossConfig, ModelConfig, VoiceConfig
from training.models.accompaniment import Accompaniment
from training.models.build import build_model, build_objective, latent_size, whole_start
from training.models.drum_words import DrumWords
from training.models.losses import Noise
from training.models.words_loss import coarse_mask

CONFIG = ModelConfig(representation="drums", words=SMALL_WORDS)
Z = 3 + 4 + 8 * (2 + 3)
KICK_AND_SNARE = 0b11


@pytest.fixture(scope="module")
def model() -> DrumWords:
    torch.manual_seed(1)
    built = build_model(CONFIG).eval()
    assert isinstance(built, DrumWords)
    return built


def phrases(batch: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    tokens = np.where(rng.random((batch, 32, 1)) < 0.5, 0, rng.integers(1, 512, (batch, 32, 1)))
    return torch.as_tensor(tokens)


def test_the_backbone_is_kick_and_snare_and_the_rest_is_heard_without_them(model: DrumWords) -> None:
    tokens, half = phrases(4), model.layout.rhythm
    assert model.z_size == latent_size(model, CONFIG, 32) == Z
    mu = model.encode(tokens).mu
    without = model.encode(tokens & KICK_AND_SNARE).mu
    others = model.encode(tokens & ~KICK_AND_SNARE).mu
    assert torch.equal(without[:, :half], mu[:, :half])
    assert not torch.equal(without[:, half:], mu[:, half:])
    assert torch.equal(others[:, half:], mu[:, half:])
    assert not torch.equal(others[:, :half], mu[:, :half])


def test_writing_freely_is_teacher_forcing_on_what_was_written(model: DrumWords) -> None:
    generator = torch.Generator().manual_seed(2)
    z, shift = torch.randn(3, Z, generator=generator), torch.randn(32, 3, 512, generator=generator)
    written = model.generate(z, shift)
    assert written.shape == (3, 32, 1)
    logits = model.logits(model.condition(z), written)[0] + shift.transpose(0, 1)
    assert torch.equal(logits.argmax(-1), written[..., 0])


def test_a_free_half_of_a_beat_is_not_the_same_as_a_pinned_one(model: DrumWords) -> None:
    z = model.encode(phrases(1)).mu
    coarse, (rhythm, pitch) = model.layout.coarse(z), model.layout.fine(z)
    later = pitch * (torch.arange(8) != 0)[:, None]
    first = model.layout.join(coarse[:, :3], rhythm, coarse[:, 3:], later)
    assert int((first != z).sum()) == SMALL_WORDS.fine_pitch
    assert not torch.allclose(model.condition(first), model.condition(z))
    bare = z * coarse_mask(model.layout, z)
    assert not any(part.any() for part in model.layout.fine(bare))


def test_a_few_steps_learn_a_beat_by_its_whole_latent() -> None:
    torch.manual_seed(5)
    model = build_model(CONFIG)
    objective = build_objective(model, LossConfig(free_bits=5, fine_left_out=(0.2, 0.1, 0.1, 0.2)))
    optimizer, window, losses = torch.optim.Adam(model.parameters(), 0.02), phrases(8, 6), []
    for step in range(60):
        noise = Noise.draw(torch.Generator().manual_seed(step), 8, Z, 32)
        terms = objective(window, window, noise, 0.1, 0.0)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        losses.append(float(terms.reconstruction_nats))
    assert np.mean(losses[-10:]) < 0.7 * losses[0]


def test_it_begins_with_the_writer_of_an_accompaniments_drums_where_sizes_agree(model: DrumWords) -> None:
    small = VoiceConfig(coarse=3, fine=2, channels=8, hidden=12)
    voices = Accompaniment(AccompanimentConfig(chords=small, bass=small, drums=small, melody_channels=4))
    weights = whole_start(model, voices.state_dict())
    own = model.state_dict()
    assert set(weights) == set(own)
    drums = voices.writer(2)
    for name in ("lstm.weight_hh_l0", "head.weight", "last.weight"):
        assert torch.equal(weights[f"writer.{name}"], drums.state_dict()[name])
    # What a beat is given, and the style, are of other sizes here.
    assert torch.equal(weights["writer.from_beat.weight"], own["writer.from_beat.weight"])
    assert torch.equal(weights["writer.from_coarse.weight"], own["writer.from_coarse.weight"])


def test_words_are_of_melodies_drums_and_piano_alone() -> None:
    with pytest.raises(ValueError, match=r"model\.words is for representation melody, drums or pianoroll"):
        ModelConfig(representation="groove", words=SMALL_WORDS)
    assert CONFIG.corpus_kind == "drums"
