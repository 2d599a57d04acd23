"""What a model of words is trained to do: write a phrase from what is left of its latent.

Shape legend: B batch, T steps, K beats, Z latent size, V tokens.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import LossConfig
from training.corpus.metres import METRES
from training.models.drum_words import DrumWords
from training.models.losses import Noise, Terms
from training.models.moved_chords import moved_with_chords
from training.models.piano_words import PianoWords
from training.models.vae import Posterior
from training.models.words import BEAT_STEPS, Layout, Surroundings, Words


def tokens_and_surroundings(window: Tensor) -> tuple[Tensor, Surroundings]:
    """Take apart a window `[B, T, 4]`: token, chord mask, token a bar before, metre.

    The tokens a bar before those of the first bar are the bar before; the chords are those of each beat.
    """
    metre = int(window[0, 0, 3])
    masks = window[:, ::BEAT_STEPS, 1]
    chords = (masks.unsqueeze(-1) >> torch.arange(12, device=window.device)) & 1
    bar_steps = tuple(METRES.values())[metre].grid.steps_per_bar
    return window[..., 0], Surroundings(chords.float(), window[:, :bar_steps, 2], metre)


def kept_beats(noise: Noise, beats: int, shares: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Return which beats keep their fine rhythm and their fine pitch, each `[B, K]` of 0 and 1."""
    nothing, no_pitch, no_rhythm, single = (sum(shares[: n + 1]) for n in range(4))
    lot = noise.nothing.unsqueeze(-1)
    some = (noise.withhold[:, :beats] > noise.own[:, :1]).float()
    rhythm = torch.where(lot < single, some, 1.0)
    rhythm = torch.where(lot < no_rhythm, 0.0, rhythm)
    rhythm = torch.where(lot < no_pitch, 1.0, rhythm)
    rhythm = torch.where(lot < nothing, 0.0, rhythm)
    pitch = torch.where(lot < single, some, 1.0)
    pitch = torch.where(lot < no_rhythm, 1.0, pitch)
    pitch = torch.where(lot < no_pitch, 0.0, pitch)
    return rhythm, pitch


def fine_mask(layout: Layout, rhythm: Tensor, pitch: Tensor) -> Tensor:
    """Return `[B, Z]`: 1 for coarse dimensions, and for fine ones what their beat has (`[B, K]` each)."""
    ones = torch.ones_like(rhythm[:, :1])
    return layout.join(
        ones.expand(-1, layout.coarse_rhythm),
        rhythm[:, :, None].expand(-1, -1, layout.fine_rhythm),
        ones.expand(-1, layout.coarse_pitch),
        pitch[:, :, None].expand(-1, -1, layout.fine_pitch),
    )


def coarse_mask(layout: Layout, like: Tensor) -> Tensor:
    """Return `[1, Z]`: 1 for coarse dimensions, 0 for fine ones."""
    none = like.new_zeros(1, layout.beats)
    return fine_mask(layout, none, none)


class WordsObjective(nn.Module):
    """The loss of one batch; the same signature as `Objective`."""

    def __init__(self, model: Words, config: LossConfig):
        super().__init__()
        self.model, self.config = model, config

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms of windows `[B, T, 4]`; see `written_terms`.

        Phrases that are moved with their chords have the latent of what they were, without its fine pitch.
        """
        tokens, around = tokens_and_surroundings(target)
        layout = self.model.layout(around.chords.shape[1])
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.encoder_frozen):
            posterior = self.model.encode(tokens)
        around = self._less(around, noise)
        tokens, around, moved = moved_with_chords(tokens, around, noise.own[:, 3:6], self.config.chords_moved)
        rhythm, pitch = kept_beats(noise, layout.beats, self.config.fine_left_out)
        keep = fine_mask(layout, rhythm, pitch * ~moved[:, None])
        z = posterior.sample(noise.latent) * keep
        logits = self.model.logits(z, tokens, around)
        return written_terms(logits, tokens, posterior, keep, layout, self.config, beta)

    def _less(self, around: Surroundings, noise: Noise) -> Surroundings:
        """Leave chords and the bar before out at random."""
        no_chords = noise.own[:, 1] < self.config.chords_left_out
        no_before = noise.own[:, 2] < self.config.before_left_out
        chords = around.chords * (~no_chords)[:, None, None]
        before = torch.where(no_before[:, None], -1, around.before)
        return Surroundings(chords, before, around.metre)


class PhraseObjective(nn.Module):
    """The loss of one batch of whole phrases of drums or of a piano; the same signature as `Objective`."""

    def __init__(self, model: DrumWords | PianoWords, config: LossConfig):
        super().__init__()
        self.model, self.config = model, config

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms of phrases, `[B, T, 1]` of drums or `[B, T, 88]` of a piano."""
        layout, posterior = self.model.layout, self.model.encode(heard)
        keep = fine_mask(layout, *kept_beats(noise, layout.beats, self.config.fine_left_out))
        condition = self.model.condition(posterior.sample(noise.latent) * keep)
        nats = self.nats(self.model.logits(condition, target)[0].float(), target)
        return latent_terms(nats, posterior, keep, layout, self.config, beta)

    def nats(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return what a phrase costs to write, on average of the batch."""
        raise NotImplementedError


class DrumWordsObjective(PhraseObjective):
    """The loss where one token is written at every step."""

    def nats(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the nats of tokens `[B, T, 1]` by logits `[B, T, V]`."""
        return token_nats(logits, target[..., 0])


class PianoWordsObjective(PhraseObjective):
    """The loss where every key sounds at a step or does not."""

    def nats(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the nats of keys `[B, T, 88]` by logits of the same shape."""
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)


def token_nats(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return what tokens `[B, T]` cost by logits `[B, T, V]`, on average of the batch."""
    return functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="sum") / len(tokens)


def written_terms(
    logits: Tensor,
    tokens: Tensor,
    posterior: Posterior,
    keep: Tensor,
    layout: Layout,
    config: LossConfig,
    beta: float,
) -> Terms:
    """Return the loss terms of logits `[B, T, V]` for tokens `[B, T]`; see `latent_terms`."""
    return latent_terms(token_nats(logits.float(), tokens), posterior, keep, layout, config, beta)


def latent_terms(
    nll: Tensor, posterior: Posterior, keep: Tensor, layout: Layout, config: LossConfig, beta: float
) -> Terms:
    """Return the loss terms where a phrase costs `nll` nats to write; `kl_bits` is of the coarse part.

    The coarse part costs `beta` a nat above the free bits; the fine part `fine_beta` a nat in the dimensions
    that `keep` `[B, Z]` has kept.
    """
    nats, is_coarse = posterior.kl_nats(), coarse_mask(layout, keep)
    coarse, fine = (nats * is_coarse).sum(-1), (nats * keep * (1 - is_coarse)).sum(-1)
    above = (coarse - config.free_bits * math.log(2)).clamp_min(0).mean()
    loss = nll + beta * above + config.fine_beta * fine.mean()
    return Terms(loss, nll.detach(), coarse.detach().mean() / math.log(2))
