"""Piano with a language: what the hands hear, what a free beat is, the likelihood, and where it begins."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training.config import KeyChainConfig, LossConfig, ModelConfig, RunConfig, WordsConfig
from training.errors import ConfigError
from training.evaluation.loaded_model import Subject
from training.evaluation.musicality.played_model import PlayedModel
from training.model_files import Start, check_start
from training.models.build import build_model, build_objective, latent_size, whole_start
from training.models.key_chain import past_of
from training.models.losses import Noise
from training.models.piano_words import LEFT_KEYS, MOST_STROKES, PianoWords
from training.models.words_loss import coarse_mask

SMALL = WordsConfig(
    coarse_rhythm=3,
    coarse_pitch=4,
    fine_rhythm=2,
    fine_pitch=5,
    rhythm_hidden=8,
    pitch_hidden=10,
    channels=8,
    hidden=12,
)
CHAIN = KeyChainConfig(hidden=9, channels=7, key_channels=4, chain=6)
CONFIG = ModelConfig(representation="pianoroll", words=SMALL, key_chain=CHAIN)
LEFT, RIGHT = 3 + 8 * 2, 4 + 8 * 5
B3, C4 = 38, 39
"""Places of two keys next to each other: the highest of the left hand and the lowest of the right one."""


def fresh(seed: int = 1) -> PianoWords:
    torch.manual_seed(seed)
    built = build_model(CONFIG)
    assert isinstance(built, PianoWords)
    return built


@pytest.fixture(scope="module")
def model() -> PianoWords:
    """Return one whose weights are large enough to play."""
    built = fresh().eval().requires_grad_(False)
    for weight in built.parameters():
        weight.mul_(2.0)
    built.writer.head.bias[88:] = -2.0
    return built


def rolls(batch: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, 32, 88, generator=generator) < 0.05).float()


def noise(batch: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(32, batch, 88, generator=generator).clamp(1e-6, 1 - 1e-6).logit()


def test_the_hands_part_at_middle_c_and_do_not_hear_each_other(model: PianoWords) -> None:
    assert model.z_size == latent_size(model, CONFIG, 32) == LEFT + RIGHT == 63
    assert model.layout.rhythm == LEFT
    frames = rolls(4)
    mu = model.encode(frames).mu
    for key, changed, kept in ((B3, slice(LEFT), slice(LEFT, None)), (C4, slice(LEFT, None), slice(LEFT))):
        other = frames.clone()
        other[..., key] = 1 - other[..., key]
        theirs = model.encode(other).mu
        assert torch.equal(theirs[:, kept], mu[:, kept])
        assert not torch.equal(theirs[:, changed], mu[:, changed])
    assert LEFT_KEYS == C4


def test_the_fine_part_of_a_beat_is_of_that_beat_and_the_step_before_it_alone(model: PianoWords) -> None:
    frames = rolls(1)
    other = frames.clone()
    other[0, 12:16] = 1 - other[0, 12:16]  # the fourth beat
    ours, theirs = (model.layout.fine(model.encode(x).mu) for x in (frames, other))
    for one, two in zip(ours, theirs, strict=True):
        differing = [beat for beat in range(8) if not torch.equal(one[0, beat], two[0, beat])]
        assert differing == [3, 4]  # the fifth has heard what sounds as it begins
    other = frames.clone()
    other[0, 12:15] = 1 - other[0, 12:15]
    for one, two in zip(ours, model.layout.fine(model.encode(other).mu), strict=True):
        assert torch.equal(one[0, 4], two[0, 4])


def test_a_beat_that_is_left_free_pins_nothing_and_is_told_apart_from_a_pinned_one(
    model: PianoWords,
) -> None:
    z = model.encode(rolls(1)).mu
    coarse, (left, right) = model.layout.coarse(z), model.layout.fine(z)
    later = right * (torch.arange(8) != 2)[:, None]
    free = model.layout.join(coarse[:, :3], left, coarse[:, 3:], later)
    assert int((free != z).sum()) == SMALL.fine_pitch
    pinned, held = model.conditions(z), model.conditions(free)
    assert held.pinned.shape == (1, 32, 176)
    hold, strike = held.pinned.split(88, dim=-1)
    for logits, theirs in zip((hold, strike), pinned.pinned.split(88, dim=-1), strict=True):
        assert not logits[:, 8:12, C4:].any()
        assert torch.equal(logits[..., :C4], theirs[..., :C4])  # the left hand keeps what it pins
        kept = [step for step in range(32) if not 8 <= step < 12]
        assert torch.equal(logits[:, kept], theirs[:, kept])
    assert not torch.allclose(held.conditioning[:, 8:12], pinned.conditioning[:, 8:12])
    bare = model.conditions(z * coarse_mask(model.layout, z))
    assert not bare.pinned.any()


def test_what_a_phrase_costs_is_what_deciding_its_keys_one_by_one_costs(model: PianoWords) -> None:
    frames = rolls(2, seed=3)
    frames[..., ::2] = 0  # few enough strokes a step for the chain to decide all of them
    frames[:, 5] = 0
    frames[:, 6, ::14] = 1
    z = torch.randn(2, 63, generator=torch.Generator().manual_seed(4))
    conditions, pinned, start = model.conditions(z)
    logits = model.logits(model.condition(z), frames)[0]
    chain, past = model.writer, past_of(frames)
    for phrase in range(2):
        state = start[phrase][None, None]
        sounded = torch.zeros(88)
        for step in range(32):
            own = type(past)(*(part[phrase : phrase + 1, step : step + 1] for part in past))
            fed = chain.fed(own, step % 16) + conditions[phrase, step]
            out, state = chain.gru(fed, state)
            hold, strike = (part[0, 0] for part in chain.bases(out, own))
            hold, strike = hold + pinned[phrase, step, :88], strike + pinned[phrase, step, 88:]
            decided = frames[phrase, step] * sounded
            for key in reversed(range(88)):
                expected = hold[key]
                if not sounded[key]:
                    given = chain.chain_state(out[0, 0])
                    expected = chain.struck_given(strike[None], given[None], decided[None])[0, key]
                    decided[key] = frames[phrase, step, key]
                assert float(logits[phrase, step, key]) == pytest.approx(float(expected), abs=1e-4)
            sounded = frames[phrase, step]


def test_writing_freely_is_teacher_forcing_on_what_was_written(model: PianoWords) -> None:
    z, shift = torch.randn(3, 63, generator=torch.Generator().manual_seed(2)), noise(3, 5)
    written = model.generate(z, shift)
    assert written.shape == (3, 32, 88)
    assert 0.02 < float(written.mean()) < 0.9
    struck = (written * (1 - functional.pad(written[:, :-1], (0, 0, 1, 0)))).sum(-1)
    decided = struck < MOST_STROKES  # where as many keys were struck as can be, those below were not asked
    logits = model.logits(model.condition(z), written)[0] + shift.transpose(0, 1)
    assert torch.equal((logits > 0)[decided], (written > 0)[decided])
    assert torch.equal(model.generate(z), model.generate(z, torch.zeros(32, 3, 88)))


def test_the_loss_is_the_cost_of_the_keys_and_of_what_the_latent_gives() -> None:
    model, window = fresh().eval(), rolls(2, 7)
    config = LossConfig(free_bits=0, fine_beta=0.25, fine_left_out=(1.0, 0.0, 0.0, 0.0))
    drawn = Noise.draw(torch.Generator().manual_seed(0), 2, 63, 32)
    terms = build_objective(model, config)(window, window, drawn, 0.5, 0.0)
    posterior, mask = model.encode(window), coarse_mask(model.layout, torch.zeros(1, 63))
    logits = model.logits(model.condition(posterior.sample(drawn.latent) * mask), window)[0]
    nats = functional.binary_cross_entropy_with_logits(logits, window, reduction="sum") / 2
    coarse = (posterior.kl_nats() * mask).sum() / 2
    assert terms.reconstruction_nats.tolist() == pytest.approx(nats.tolist(), rel=1e-5)
    assert terms.loss.tolist() == pytest.approx((nats + 0.5 * coarse).tolist(), rel=1e-5)


def test_a_few_steps_learn_a_beat_by_its_whole_latent() -> None:
    model = fresh(5)
    objective = build_objective(model, LossConfig(free_bits=5, fine_left_out=(0.2, 0.1, 0.1, 0.2)))
    optimizer, window, losses = torch.optim.Adam(model.parameters(), 0.02), rolls(4, 6), []
    for step in range(40):
        drawn = Noise.draw(torch.Generator().manual_seed(step), 4, 63, 32)
        terms = objective(window, window, drawn, 0.1, 0.0)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        losses.append(float(terms.reconstruction_nats))
    assert np.mean(losses[-10:]) < 0.7 * losses[0]


def test_it_begins_with_the_chain_of_a_continuation_of_the_same_sizes() -> None:
    torch.manual_seed(8)
    continuation = ModelConfig(representation="pianoroll", task="continue", key_chain=CHAIN)
    chain, model = build_model(continuation).state_dict(), fresh()
    own, weights = model.state_dict(), whole_start(model, chain)
    assert set(weights) == set(own)
    for name, value in weights.items():
        inherited = name.removeprefix("writer.")
        assert torch.equal(value, chain[inherited] if inherited != name else own[name])
    assert whole_start(model, own) is own
    check_start(Start(weights, "chain", continuation, None), model, CONFIG)
    wider = KeyChainConfig(hidden=10, channels=7, key_channels=4, chain=6)
    others = build_model(ModelConfig(representation="pianoroll", task="continue", key_chain=wider))
    start = Start(whole_start(model, others.state_dict()), "wider", None, None)
    with pytest.raises(
        ConfigError, match=r"writer\.chain_state\.weight is \(6, 10\) there and \(6, 9\) here"
    ):
        check_start(start, model, CONFIG)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"representation": "pianoroll", "words": SMALL},
            r"model\.words of a pianoroll needs model\.key_chain",
        ),
        ({"words": SMALL, "key_chain": CHAIN}, r"model\.words of a pianoroll needs model\.key_chain"),
        ({"representation": "pianoroll", "key_chain": CHAIN}, r"model\.key_chain is for task continue"),
    ],
)
def test_words_of_a_piano_need_both_tables(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)  # type: ignore[arg-type]


def test_what_is_played_for_the_measures_hears_what_keys_that_ring_are_favoured_by(
    model: PianoWords,
) -> None:
    config = RunConfig(name="piano", corpus="none", model=CONFIG)
    played = PlayedModel(Subject(Path("none"), config, model, is_bundle=False))
    z = torch.randn(2, 63, generator=torch.Generator().manual_seed(9))
    shift, ringing = noise(2, 10), torch.full((32, 2, 88), -1e6)
    written = played.decode(z.numpy(), shift.numpy(), ringing=ringing.transpose(0, 1).numpy())
    assert torch.equal(torch.as_tensor(written), model.generate(z, shift, ringing).transpose(0, 1))
    assert not (written[1:] * written[:-1]).any()  # no key is ever held
    assert (written.sum((0, 2)) > 0).all()
