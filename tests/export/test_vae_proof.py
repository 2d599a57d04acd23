import numpy as np
import pytest
import tinyrun
import torch

from engine.music.representation import representation
from export.errors import ExportError
from export.vae_proof import compare, prove_vae, same_alone, samples


@pytest.fixture(scope="module")
def model():
    return tinyrun.model(tinyrun.model_config())


class Torch:
    """Decodes by torch itself, with changes of its tokens `[T, B, S]` on request."""

    def __init__(self, model, change=lambda tokens: tokens):
        self.model, self.change = model, change
        self.representation = representation(model.config.representation, model.config.bars)

    def decode(self, z, perturbation):
        tokens = self.model.generate(torch.from_numpy(z), torch.from_numpy(perturbation))
        return self.change(tokens.transpose(0, 1).contiguous().numpy().copy())

    def encode(self, x):
        posterior = self.model.encode(torch.from_numpy(x))
        return posterior.mu.numpy() + self.shift, posterior.sigma.numpy()

    shift = 0.0


def test_samples_cover_batch_sizes_and_temperatures(model):
    drawn = samples(model, 90)
    assert [tuple(sample.perturbation.shape) for sample in drawn[::2]] == [
        (32, 1, 90),
        (32, 3, 90),
        (32, 64, 90),
    ]
    assert not drawn[0].perturbation.any()
    assert drawn[1].perturbation.std() == pytest.approx(np.pi / np.sqrt(6), rel=0.1)  # Gumbel


def test_the_same_tokens_prove_a_decoder(model):
    measured = prove_vae(model, Torch(model))
    assert measured == {
        "float_mu_error": 0,
        "float_sigma_error": 0,
        "float_choices": 2 * (1 + 3 + 64) * 32,
        "float_same_choices": 1,
        "float_near_ties": 0,
        "float_frame_error": 0,
    }


def test_one_wrong_token_in_one_batch_is_a_fault(model):
    def change(tokens):
        if tokens.shape[1] == 3:
            tokens[20, 2, 0] = (tokens[20, 2, 0] + 1) % 90
        return tokens

    with pytest.raises(ExportError, match=r"2 of 4352 choices differ .*\(2 not near ties\)"):
        prove_vae(model, Torch(model, change))


def tied(model, margin):
    """A sample whose perturbation leaves the two best tokens of step 5 only `margin` apart."""
    sample = samples(model, 90, batches=(2,))[1]
    tokens = model.generate(sample.z, sample.perturbation)
    logits = model.logits(model.condition(sample.z), model.rows(tokens))[0].reshape(2, 32, 90)
    best = (logits + sample.perturbation.transpose(0, 1)).topk(2, dim=-1)
    second = best.indices[1, 5, 1]
    sample.perturbation[5, 1, second] += best.values[1, 5, 0] - best.values[1, 5, 1] - margin
    return sample, int(second)


def test_a_near_tie_and_what_follows_it_in_its_bar_is_allowed_and_counted(model):
    sample, second = tied(model, margin=2e-5)

    def change(tokens):
        tokens[5, 1, 0] = second
        tokens[6:16, 1, 0] = 1  # fed another token, the rest of the bar went elsewhere
        return tokens

    agreement = compare(model, Torch(model, change), [sample])
    assert (agreement.near_ties, agreement.faults) == (1, 0)
    assert agreement.same_phrases == 0.5


def test_a_wider_margin_is_no_near_tie(model):
    sample, second = tied(model, margin=0.01)

    def change(tokens):
        tokens[5, 1, 0] = second
        return tokens

    assert compare(model, Torch(model, change), [sample]).faults == 1


def test_encoder_that_is_off_is_refused_with_the_numbers(model):
    graphs = Torch(model)
    graphs.shift = 0.01
    with pytest.raises(ExportError, match="mu differs by"):
        prove_vae(model, graphs)


def test_grooves_compare_hits_exactly_and_the_rest_within_tolerance():
    model = tinyrun.model(tinyrun.model_config("groove"))
    assert prove_vae(model, Torch(model))["float_frame_error"] == 0

    def louder(frames):
        frames[..., 9:18] *= 1.01
        return frames

    with pytest.raises(ExportError, match="velocities or offsets differ"):
        prove_vae(model, Torch(model, louder))

    def fewer(frames):
        frames[0] = 0
        return frames

    with pytest.raises(ExportError, match="choices differ"):
        prove_vae(model, Torch(model, fewer))


def test_same_alone_counts_phrases_that_depend_on_their_batch(model):
    sample = samples(model, 90, batches=(4,))[0]
    assert same_alone(Torch(model), sample) == 1

    def batch_dependent(tokens):
        tokens[3, 0] += tokens.shape[1] == 4
        return tokens

    assert same_alone(Torch(model, batch_dependent), sample) == 0.75


def test_a_piano_key_that_flips_is_a_fault():
    model = tinyrun.model(tinyrun.model_config("pianoroll"))
    assert prove_vae(model, Torch(model))["float_choices"] == 2 * (1 + 3 + 64) * 32 * 88

    def flipped(frames):
        frames[7, 0, 40] = 1 - frames[7, 0, 40]
        return frames

    with pytest.raises(ExportError, match=r"6 of 382976 choices differ .*\(6 not near ties\)"):
        prove_vae(model, Torch(model, flipped))
