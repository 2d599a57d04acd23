"""What is minimised: reconstruction in nats a phrase, plus beta times the KL above the free bits.

Shape legend: B batch, R rows, N steps of a row, T = R·N, S streams, W width of a frame, Z latent size.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music.drum_styles import PLAYING_CONDITIONS
from training.config import LossConfig
from training.models.conditioning import TEMPO, USUAL_BPM, left_out
from training.models.key_chain import KeyChain, laid_in_sixteens, past_of
from training.models.seq2seq import Continuer
from training.models.vae import DRUM_CLASSES, VAE, Autoencoder, frame_of

STEPS_PER_BEAT = 4
FEWEST_HITS = 32
"""Fewer at one place of the beat say nothing of how they are spread."""
SMALLEST_VARIANCE = 1e-4


class Noise(NamedTuple):
    """All that is random in one step, drawn for the whole batch so that ranks and reruns agree."""

    latent: Tensor
    """Standard normal `[B, Z]`."""
    withhold: Tensor
    """Uniform `[B, T]`: below `LossConfig.withhold` the fed-back step is withheld."""
    own: Tensor
    """Uniform `[B, T]`: below the scheduled share the model is fed its own output."""
    nothing: Tensor
    """Uniform `[B]`: below `LossConfig.from_nothing` a continuation starts from the zero state."""
    choice: Tensor
    """Uniform `[B, T, C]`: decides what the model's own outputs are; C is `choices_of` it, 0 where it is
    never fed them."""
    unsaid: Tensor
    """Uniform `[B, 3]`: below `LossConfig.told_left_out` tempo, style or drummer are not given."""

    @staticmethod
    def draw(generator: torch.Generator, batch: int, z_size: int, steps: int, choices: int = 0) -> "Noise":
        """Draw for one global batch."""
        return Noise(
            torch.randn(batch, z_size, generator=generator),
            torch.rand(batch, steps, generator=generator),
            torch.rand(batch, steps, generator=generator),
            torch.rand(batch, generator=generator),
            torch.rand(batch, steps, choices, generator=generator),
            torch.rand(batch, len(PLAYING_CONDITIONS), generator=generator),
        )


class Terms(NamedTuple):
    """The parts of the loss, each a mean over the batch."""

    loss: Tensor
    reconstruction_nats: Tensor
    kl_bits: Tensor


class Objective(nn.Module):
    """The loss of one batch. A module, so that DistributedDataParallel can wrap it."""

    def __init__(self, model: VAE, config: LossConfig):
        super().__init__()
        self.model, self.config = model, config

    def forward(
        self,
        heard: Tensor,
        target: Tensor,
        noise: Noise,
        beta: float,
        own_share: float,
        conditioning: Tensor | None = None,
    ) -> Terms:
        """Return the loss terms.

        Args:
            heard: what the encoder sees, `[B, T, S]` or `[B, T, W]`.
            target: what the decoder must write, same kind.
            noise: this batch's random numbers.
            beta: weight of the KL term now.
            own_share: share of steps that are fed the model's own output (parallel scheduled
                sampling, Duckworth et al. 2019, arXiv 1906.04331): one pass without gradient on the
                truth, and outputs drawn from what it says stand in for some of the truth in the pass that
                learns. Drawn and not the likeliest: those of a piano roll are nearly silent.
            conditioning: `[B, 3]` for a model that takes it, see `PLAYING_CONDITIONS`.
        """
        model = self.model
        posterior = model.encode(heard)
        given = (
            None if conditioning is None else left_out(conditioning, noise.unsaid, self.config.told_left_out)
        )
        condition, truth = model.condition(posterior.sample(noise.latent), given), model.rows(target)
        inputs = truth
        if own_share > 0:
            with torch.no_grad():
                own = drawn(model, model.logits(condition.detach(), truth), model.rows(noise.choice))
                inputs = _mix(truth, own, model.rows(noise.own) < own_share)
        if self.config.withhold > 0:
            nothing = torch.full_like(inputs, -1 if model.streams else 0)
            inputs = _mix(inputs, nothing, model.rows(noise.withhold) < self.config.withhold)
        bpm = (
            None
            if conditioning is None
            else conditioning[:, TEMPO].repeat_interleave(len(truth) // len(target))
        )
        nll = reconstruction_nats(model, model.logits(condition, inputs), truth, self.config, bpm)
        nll = nll / target.shape[0]
        kl_nats = posterior.kl_nats().sum(-1)  # [B]
        # The hinge is per phrase on the summed KL: the mean over ranks equals the mean over one batch.
        above = (kl_nats - self.config.free_bits * math.log(2)).clamp_min(0).mean()
        return Terms(nll + beta * above, nll.detach(), kl_nats.detach().mean() / math.log(2))


class ContinuationObjective(nn.Module):
    """The loss of continuing given bars: the mean over the batch of the summed loss of all keys."""

    def __init__(self, model: Continuer, config: LossConfig):
        super().__init__()
        self.model, self.config = model, config

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms; arguments as in `Objective`, `[B, T, 88]` both, no KL."""
        started = noise.nothing >= self.config.from_nothing
        z = self.model.encode(heard) * started.unsqueeze(-1)
        previous = functional.pad(target[:, :-1], (0, 0, 1, 0))
        if own_share > 0:
            with torch.no_grad():
                own = (noise.choice < self.model.logits(z, previous).sigmoid()).to(target.dtype)
            own = functional.pad(own[:, :-1], (0, 0, 1, 0))
            previous = _mix(previous, own, noise.own < own_share)
        if self.config.withhold > 0:
            previous = _mix(previous, torch.zeros_like(previous), noise.withhold < self.config.withhold)
        logits = self.model.logits(z, previous).float()
        loss = key_loss(logits, target, self.config).sum() / target.shape[0]
        bce = functional.binary_cross_entropy_with_logits(logits.detach(), target, reduction="sum")
        return Terms(loss, bce / target.shape[0], torch.zeros(()))


class KeyChainObjective(nn.Module):
    """The loss of writing bars key by key: nats of the bars that follow, and of those that are heard."""

    def __init__(self, model: KeyChain, config: LossConfig, bars: int):
        super().__init__()
        self.model, self.config, self.bars = model, config, bars

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms; arguments as in `ContinuationObjective`.

        What is heard is foreseen as well, each step from those before it, which is starting from nothing.
        """
        frames = laid_in_sixteens(torch.cat([heard, target], dim=1), 2 * self.bars)
        past = past_of(frames)
        nats = self.model.log_loss(frames, self.model.states(past), past)
        given, following = (part.sum() / len(frames) for part in nats.chunk(2, dim=1))
        return Terms(following + given, following.detach(), torch.zeros(()))


def key_loss(logits: Tensor, truth: Tensor, config: LossConfig) -> Tensor:
    """Return the loss of each key, shaped like `logits`, in nats (weighted).

    `bce`: binary cross entropy. `focal`: Lin et al. (2017, arXiv 1708.02002): every key's cross
    entropy times alpha (sounding) or 1 - alpha (silent) and (1 - p of the truth)^gamma, so that the many
    silent keys that are sure do not drown the few that sound. `focal_plus`: the same factor on silent
    keys only; a sounding key keeps its whole cross entropy times alpha, so the density is not
    pulled below the truth by gamma.
    """
    bce = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if config.keys == "bce":
        return bce
    sounding = truth > 0.5
    doubt = torch.where(sounding, 1 - logits.sigmoid(), logits.sigmoid()).pow(config.gamma)
    if config.keys == "focal_plus":
        doubt = torch.where(sounding, torch.ones_like(doubt), doubt)
    return torch.where(sounding, config.alpha, 1 - config.alpha) * doubt * bce


def _mix(truth: Tensor, other: Tensor, where: Tensor) -> Tensor:
    return torch.where(where.unsqueeze(-1), other, truth)


def choices_of(model: nn.Module) -> int:
    """Return how many choices a model makes at a step: a token a stream, a hit a drum, a key a piano key."""
    if isinstance(model, Continuer):
        return model.keys
    if isinstance(model, VAE):
        return model.choices or len(model.streams)
    return 0


def drawn(model: Autoencoder, logits: list[Tensor], uniform: Tensor) -> Tensor:
    """Draw an output from each core's logits: tokens `[rows, N, S]`, or frames `[rows, N, W]`.

    Args:
        model: whose logits they are.
        logits: of each core, `[rows, N, V]`.
        uniform: `[rows, N, S]` for tokens, `[rows, N, C]` for the choices of frames.
    """
    if not model.streams:
        noise = torch.logit(uniform, 1e-6)  # chosen where u > sigmoid(-logit)
        return frame_of(logits[0], model.choices, noise)
    return torch.stack([_drawn_token(x, uniform[..., s]) for s, x in enumerate(logits)], dim=-1)


def _drawn_token(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw by the inverse of the distribution function: `[rows, N, V]` and `[rows, N]` to `[rows, N]`."""
    below = logits.float().softmax(-1).cumsum(-1)
    return (below < uniform.unsqueeze(-1)).sum(-1).clamp_max(logits.shape[-1] - 1)


def written(model: Autoencoder, logits: list[Tensor]) -> Tensor:
    """Return the best output for each core's logits: tokens `[rows, N, S]`, or frames."""
    if not model.streams:
        return frame_of(logits[0], model.choices)
    return torch.stack([stream.argmax(-1) for stream in logits], dim=-1)


def reconstruction_nats(
    model: Autoencoder,
    logits: list[Tensor],
    truth: Tensor,
    config: LossConfig,
    bpm: Tensor | None = None,
) -> Tensor:
    """Return the negative log likelihood summed over rows, steps and (weighted) streams, a scalar.

    `bpm` `[rows]` is the tempo of grooves, where it is known.
    """
    if not model.streams:
        if model.config.representation == "pianoroll":
            return key_loss(logits[0].float(), truth, config).sum()
        return _groove_nats(logits[0], truth, config, bpm)
    weights = config.stream_weights or (1.0,) * len(logits)
    losses = [
        weight
        * functional.cross_entropy(stream.flatten(0, 1).float(), truth[..., s].flatten(), reduction="sum")
        for s, (stream, weight) in enumerate(zip(logits, weights, strict=True))
    ]
    return torch.stack(losses).sum()


def _groove_nats(logits: Tensor, truth: Tensor, config: LossConfig, bpm: Tensor | None) -> Tensor:
    """Return the BCE on hits, error of velocity and offset where the drum really hits, and of their spread.

    GrooVAE leaves the two errors unmasked, which drags the rare classes' velocity towards 0;
    the mask is the mend, and the weights restore the balance against the hits.
    """
    hit_logits, velocity, offset = logits.float().split(DRUM_CLASSES, dim=-1)
    hits, true_velocity, true_offset = truth.split(DRUM_CLASSES, dim=-1)
    bce = functional.binary_cross_entropy_with_logits(hit_logits, hits, reduction="sum")
    feel = ((velocity.sigmoid(), true_velocity), (offset.tanh(), true_offset))
    louder, earlier = (hits * (written - played) for written, played in feel)
    if config.feel_error == "squared":
        sizes = louder.square().sum(), earlier.square().sum()
    else:
        step = earlier.new_ones(1) if bpm is None else USUAL_BPM / bpm
        sizes = louder.abs().sum(), (step[:, None, None] * earlier.abs()).sum()
    nats = bce + config.velocity_weight * sizes[0] + config.offset_weight * sizes[1]
    if config.spread_weight == 0:
        return nats
    spread = torch.stack([spread_nats(*pair, hits) for pair in feel]).sum()
    return nats + config.spread_weight * len(truth) * spread


def spread_nats(written: Tensor, played: Tensor, hits: Tensor) -> Tensor:
    """Return how differently values `[rows, N, 9]` of hits are spread: KL of Gaussians, played to written.

    It is the mean over the places of a beat, as grooves are measured. A median alone is played too evenly:
    this lets values go away from it where that costs least.
    """
    nats = []
    for place in range(STEPS_PER_BEAT):
        hit = hits[:, place::STEPS_PER_BEAT] > 0.5
        if int(hit.sum()) < FEWEST_HITS:
            continue
        p, q = played[:, place::STEPS_PER_BEAT][hit], written[:, place::STEPS_PER_BEAT][hit]
        variance = q.var() + SMALLEST_VARIANCE
        ratio = (p.var() + SMALLEST_VARIANCE) / variance
        nats.append(0.5 * (ratio - 1 - ratio.log() + (p.mean() - q.mean()).square() / variance))
    return torch.stack(nats).mean() if nats else written.new_zeros(())
