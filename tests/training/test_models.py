import math

import msgspec
import pytest
import torch
from toy_runs import SMALL

from training.config import LossConfig, ModelConfig
from training.evaluation.reconstruction import struck
from training.models.build import build_model
from training.models.losses import (
    ContinuationObjective,
    Noise,
    Objective,
    key_loss,
    reconstruction_nats,
    written,
)
from training.models.seq2seq import Continuer
from training.models.vae import VAE, Posterior, frame_of, one_hot


def model_of(**changes: object) -> VAE:
    torch.manual_seed(0)
    tables = {"z_size": 6, "encoder": SMALL, "decoder": SMALL}
    return build_model(msgspec.convert(tables | changes, ModelConfig)).eval()


CASES = [
    {},
    {"bars": 4},
    {"encoder": {"kind": "bilstm", "hidden": 8}, "decoder": {"kind": "flat", "hidden": 8, "layers": 2}},
    {
        "bars": 3,
        "encoder": {"kind": "hier_bilstm", "hidden": 8},
        "decoder": {"kind": "lstm", "hidden": 8, "bar_channels": 8},
    },
    {"representation": "drums"},
    {"representation": "trio", "bars": 2},
    {"representation": "groove"},
]


def window(model: VAE, batch: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    steps = model.config.bars * 16
    if model.streams:
        columns = [torch.randint(0, size, (batch, steps), generator=generator) for size in model.streams]
        return torch.stack(columns, dim=-1)
    hits = (torch.rand(batch, steps, 9, generator=generator) < 0.2).float()
    velocity, offset = torch.rand(2, batch, steps, 9, generator=generator)
    return torch.cat([hits, hits * velocity, hits * (offset - 0.5)], dim=-1)


@pytest.mark.parametrize("changes", CASES)
def test_free_running_is_teacher_forcing_on_ones_own_output(changes: dict) -> None:
    model = model_of(**changes)
    x = window(model)
    z = model.encode(x).mu
    assert z.shape == (3, 6)
    free = model.generate(z)
    assert free.shape == x.shape
    assert free.dtype == x.dtype
    logits = model.logits(model.condition(z), model.rows(free))
    forced = written(model, logits).reshape(x.shape)
    torch.testing.assert_close(forced, free)


@pytest.mark.parametrize("changes", CASES)
def test_every_weight_learns(changes: dict) -> None:
    model = model_of(**changes).train()
    x = window(model)
    noise = Noise.draw(torch.Generator().manual_seed(0), len(x), 6, x.shape[1])
    Objective(model, LossConfig(free_bits=0.0, withhold=0.0))(x, x, noise, 1.0, 0.0).loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # An LSTM conductor is fed zeros: its input weights have nothing to learn from.
    assert [name for name in without if "conductor.lstm.weight_ih" not in name] == []


def test_bars_do_not_see_each_other_while_decoding() -> None:
    model = model_of(bars=2)
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    push = torch.zeros(32, 1, 90)
    push[3, 0, 40] = 1e4
    plain, pushed = model.generate(z)[0, :, 0], model.generate(z, push)[0, :, 0]
    assert pushed[3] == 40
    assert torch.equal(plain[16:], pushed[16:])


def test_the_perturbation_decides_where_it_is_large() -> None:
    model = model_of(representation="trio", bars=2)
    wanted = window(model, batch=2)
    push = torch.zeros(32, 2, 692)
    for offset, s in ((0, 0), (90, 1), (180, 2)):
        push.scatter_(2, (wanted[..., s].T + offset).unsqueeze(-1), 1e4)
    assert torch.equal(model.generate(torch.zeros(2, 6), push), wanted)


def test_kl_of_known_gaussians() -> None:
    kl = Posterior(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 1.0]])).kl_nats()
    torch.testing.assert_close(kl, torch.tensor([[0.0, 2.0]]))


def test_free_bits_cost_nothing_per_phrase() -> None:
    model = model_of().train()
    x = window(model)
    noise = Noise.draw(torch.Generator().manual_seed(0), 3, 6, 32)
    with_room = Objective(model, LossConfig(free_bits=1e6, withhold=0.0))(x, x, noise, 1.0, 0.0)
    assert float(with_room.loss) == pytest.approx(float(with_room.reconstruction_nats))
    assert float(with_room.kl_bits) > 0


def test_free_bits_are_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phrases that cost 2 and 0.5 nats, with 1 bit (0.6931 nats) free: 1.3069 and 0."""
    model = model_of().train()
    mu = torch.zeros(2, 6)
    mu[0, 0], mu[1, 3] = 2.0, 1.0  # sigma 1: half the square of mu
    monkeypatch.setattr(model, "encode", lambda heard: Posterior(mu, torch.ones(2, 6)))
    x, noise = window(model)[:2], Noise.draw(torch.Generator().manual_seed(0), 2, 6, 32)
    terms = Objective(model, LossConfig(free_bits=1.0, withhold=0.0))(x, x, noise, 3.0, 0.0)
    assert float(terms.loss - terms.reconstruction_nats) == pytest.approx(3 * 1.30685 / 2, abs=1e-4)
    assert float(terms.kl_bits) == pytest.approx(1.25 / 0.693147, abs=1e-4)


def test_groove_loss_counts_velocity_and_offset_only_where_a_drum_hits() -> None:
    model = model_of(representation="groove")
    truth = torch.zeros(1, 1, 27)
    truth[..., 0] = truth[..., 9] = 1.0  # one kick at full velocity, on the grid
    logits = torch.zeros(1, 1, 27)
    config = LossConfig(velocity_weight=2.0, offset_weight=3.0)
    once = reconstruction_nats(model, [logits], truth, config)
    assert float(once) == pytest.approx(9 * 0.693147 + 2.0 * 0.25, abs=1e-4)
    logits[..., 10] = 5.0  # the velocity of a silent snare
    assert float(reconstruction_nats(model, [logits], truth, config)) == pytest.approx(float(once))


def test_a_frame_has_feel_only_where_it_hits() -> None:
    logits = torch.cat([torch.tensor([1.0] + [-1.0] * 8), torch.zeros(9), torch.ones(9)])
    frame = frame_of(logits, 9)
    assert frame.tolist() == pytest.approx([1.0] + [0.0] * 8 + [0.5] + [0.0] * 8 + [0.761594] + [0.0] * 8)


def test_a_frame_of_a_piano_is_the_keys_above_zero_and_its_loss_is_that_of_all_keys() -> None:
    model = model_of(representation="pianoroll")
    assert float(model.cores[0].head.bias.detach().mean()) == -3.0
    logits = torch.full((1, 2, 88), -1.0)
    logits[0, 1, 40] = 2.0
    assert frame_of(logits, 88)[0].nonzero().tolist() == [[1, 40]]
    shift = torch.zeros(88)
    shift[3] = 1.5
    assert frame_of(logits[0], 88, shift).nonzero().tolist() == [[0, 3], [1, 3], [1, 40]]
    truth = torch.zeros(1, 2, 88)
    truth[0, 1, 40] = 1.0
    nats = reconstruction_nats(model, [logits], truth, LossConfig(keys="bce"))
    # log(1 + e^-1) for 175 silent keys, log(1 + e^-2) for the one that sounds
    assert float(nats) == pytest.approx(175 * 0.3132617 + 0.1269280, abs=1e-3)


def test_a_joint_core_hears_all_streams_and_writes_them_together() -> None:
    model = model_of(representation="trio", decoder={**SMALL, "joint": True})
    assert one_hot(torch.tensor([[1, -1, 2]]), (2, 2, 3)).tolist() == [[0, 1, 0, 0, 0, 0, 1]]
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    tokens = model.generate(z)
    assert tokens.shape == (3, 32, 3)
    logits = model.logits(model.condition(z), model.rows(tokens))
    assert [part.shape[-1] for part in logits] == [90, 90, 512]
    assert torch.equal(written(model, logits).reshape(3, 32, 3), tokens)
    bass = tokens.clone()
    bass[:, 0, 1] = (bass[:, 0, 1] + 1) % 90
    other = model.logits(model.condition(z), model.rows(bass))
    assert not torch.equal(other[0], logits[0])  # the melody hears what the bass played a step before


def test_notes_of_a_piano_roll_count_where_they_begin() -> None:
    roll = torch.zeros(1, 4, 88)
    roll[0, :3, 5] = 1.0  # one long note
    roll[0, 0, 7] = roll[0, 2, 7] = 1.0  # struck twice
    assert struck(roll)[0].nonzero().tolist() == [[0, 5], [0, 7], [2, 7]]


def test_key_losses_by_hand() -> None:
    logits, truth = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0])
    bce = 0.693147
    plain = key_loss(logits, truth, LossConfig(keys="bce"))
    focal = key_loss(logits, truth, LossConfig(keys="focal", gamma=2.0, alpha=0.75))
    plus = key_loss(logits, truth, LossConfig(keys="focal_plus", gamma=2.0, alpha=0.75))
    assert plain.tolist() == pytest.approx([bce, bce], abs=1e-5)
    assert focal.tolist() == pytest.approx([0.75 * 0.25 * bce, 0.25 * 0.25 * bce], abs=1e-5)
    assert plus.tolist() == pytest.approx([0.75 * bce, 0.25 * 0.25 * bce], abs=1e-5)


def test_a_continuation_teacher_forced_on_itself_is_itself() -> None:
    tables = {"representation": "pianoroll", "task": "continue", "continuer": {"hidden": 12, "channels": 8}}
    torch.manual_seed(0)
    model = build_model(msgspec.convert(tables, ModelConfig)).eval()
    given = (torch.rand(2, 16, 88, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    z = model.encode(given)
    assert z.shape == (2, 24)
    noise = torch.logit(torch.rand(20, 2, 88, generator=torch.Generator().manual_seed(1)))
    written = model.generate(z, noise)
    assert written.shape == (2, 20, 88)
    previous = torch.nn.functional.pad(written[:, :-1], (0, 0, 1, 0))
    assert torch.equal((model.logits(z, previous) + noise.transpose(0, 1) > 0).float(), written)


def test_streams_count_by_their_weights() -> None:
    model = model_of(representation="trio")
    truth, flat = torch.zeros(1, 1, 3, dtype=torch.long), [torch.zeros(1, 1, v) for v in model.streams]
    nats = float(reconstruction_nats(model, flat, truth, LossConfig(stream_weights=(3.0, 1.5, 1.0))))
    assert nats == pytest.approx(4.5 * math.log(90) + math.log(512), abs=1e-4)


@pytest.mark.parametrize(("share", "learns"), [(0.0, True), (1.0, False)])
def test_a_continuation_from_nothing_does_not_hear(share: float, learns: bool) -> None:
    model = Continuer(ModelConfig(representation="pianoroll", task="continue", bars=1), 88)
    x = (torch.rand(2, 16, 88, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    noise = Noise.draw(torch.Generator().manual_seed(0), 2, 6, 16)
    ContinuationObjective(model, LossConfig(from_nothing=share))(x, x, noise, 0.0, 0.0).loss.backward()
    assert bool(model.encoder.weight_ih_l0.grad.abs().sum() > 0) is learns


def recurrent_model(encoder: str, decoder: str, layers: int, dropout: float):
    shared = {"channels": 8, "bar_channels": 16, "hidden": 12, "layers": layers, "dropout": dropout}
    tables = {
        "z_size": 6,
        "encoder": {"kind": encoder, **shared},
        "decoder": {"kind": decoder, "conductor_layers": layers, **shared},
    }
    torch.manual_seed(0)
    return build_model(msgspec.convert(tables, ModelConfig))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("encoder", ["bilstm", "hier_bilstm"])
def test_dropout_works_in_recurrent_encoders(encoder: str, layers: int) -> None:
    model = recurrent_model(encoder, "flat", layers, 0.5)
    x = window(model)
    model.train()
    assert not torch.equal(model.encode(x).mu, model.encode(x).mu)
    model.eval()
    torch.testing.assert_close(model.encode(x).mu, recurrent_model(encoder, "flat", layers, 0.0).encode(x).mu)


@pytest.mark.parametrize(("decoder", "layers"), [("flat", 1), ("flat", 2), ("lstm", 1), ("lstm", 2)])
def test_dropout_works_in_recurrent_decoders(decoder: str, layers: int) -> None:
    model = recurrent_model("bilstm", decoder, layers, 0.5)
    x, z = window(model), torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    logits = lambda m: m.logits(m.condition(z), m.rows(x))[0]  # noqa: E731
    model.train()
    assert not torch.equal(logits(model), logits(model))
    model.eval()
    plain = recurrent_model("bilstm", decoder, layers, 0.0).eval()
    torch.testing.assert_close(logits(model), logits(plain))


def test_the_conductors_own_layers_drop_out() -> None:
    model = recurrent_model("bilstm", "lstm", 2, 0.5).train()
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(model.condition(z), model.condition(z))


@pytest.mark.parametrize(
    ("layers", "decoder_layers", "from_layers"), [(2, 0, (0, 1)), (2, 1, (0,)), (1, 3, (0, 0, 0))]
)
def test_a_continuation_may_write_with_other_layers_than_it_hears_with(
    layers, decoder_layers, from_layers
) -> None:
    continuer = {
        "hidden": 5,
        "channels": 4,
        "layers": layers,
        "decoder_layers": decoder_layers,
        "dropout": 0.5,
    }
    tables = {"representation": "pianoroll", "task": "continue", "continuer": continuer}
    model = build_model(msgspec.convert(tables, ModelConfig)).eval()
    given = (torch.rand(2, 16, 88, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    z = model.encode(given)
    assert z.shape == (2, 5 * len(from_layers))
    _, states = model.encoder(given)
    torch.testing.assert_close(z, torch.cat([states[layer] for layer in from_layers], dim=1))
    assert model.generate(z, torch.zeros(7, 2, 88)).shape == (2, 7, 88)
    model.train()
    assert not torch.equal(model.encode(given), model.encode(given))
