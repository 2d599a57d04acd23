"""What an accompaniment is trained to do: write each voice of a window from what is left of all else.

Shape legend: B batch, T steps, K beats, Z latent size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music.drums import CLASSES
from training.config import LossConfig
from training.models.accompaniment import VOICES, Accompaniment, Surroundings
from training.models.losses import Noise, Terms
from training.models.step_writer import BAR_STEPS
from training.models.words import BEAT_STEPS

TOMS = (4, 5, 6)
"""Classes of drums that are hit in fills and seldom elsewhere."""
FILL_HITS = 2
"""Toms in one beat that make it a beat of a fill."""
STRAY_ACCENTS = 0.04
"""Share of steps without a hit that are accented all the same: not all that is accented is doubled."""


def voices_and_surroundings(window: Tensor) -> tuple[Tensor, Surroundings]:
    """Take apart a window `[B, T, 9]`; see `present_accompaniment`. Accents are all hits of the drums."""
    tokens, beats = window[..., 1:4], window[:, ::BEAT_STEPS]
    bits = (beats[..., 4].unsqueeze(-1) >> torch.arange(12, device=window.device)) & 1
    bass = functional.one_hot(beats[..., 5], 13)[..., 1:]
    harmony = torch.cat([bits * (beats[..., 5:6] > 0), bass], dim=-1).float()
    drums = tokens[..., 2]
    accents = torch.where(drums >= 0, (drums > 0).long(), -1)
    return tokens, Surroundings(window[..., 0], harmony, accents, fills_of(drums), window[:, :BAR_STEPS, 6:9])


def fills_of(drums: Tensor) -> Tensor:
    """Return the beats `[B, K]` of drum tokens `[B, T]` that are fills, -1 where there are no drums."""
    hits = (drums.clamp_min(0).unsqueeze(-1) >> torch.arange(CLASSES, device=drums.device)) & 1
    toms = hits[..., list(TOMS)].sum(-1).reshape(drums.shape[0], -1, BEAT_STEPS).sum(-1)
    return torch.where(drums[:, ::BEAT_STEPS] >= 0, (toms >= FILL_HITS).long(), -1)


def style_mask(model: Accompaniment, beats: int) -> Tensor:
    """Return `[Z]`: 1 for the coarse dimensions of each voice, 0 for fine ones."""
    parts = []
    for voice, size in enumerate(model.sizes(beats)):
        mask = torch.zeros(size)
        mask[: model.writer(voice).config.coarse] = 1
        parts.append(mask)
    return torch.cat(parts)


class AccompanimentObjective(nn.Module):
    """The loss of one batch; the same signature as `Objective`."""

    def __init__(self, model: Accompaniment, config: LossConfig) -> None:
        super().__init__()
        self.model, self.config = model, config

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms of windows `[B, T, 9]`; `kl_bits` is of the styles of the voices there are.

        The style of a voice costs `beta` a nat above its free bits; the fine part `fine_beta` a nat in the
        beats that keep it.
        """
        tokens, around = voices_and_surroundings(target)
        pinned = self._pinned(noise, around.harmony.shape[1])
        around, beat = self._less(tokens, around, noise)
        parts = noise.latent.split(self.model.sizes(pinned.shape[1]), dim=1)
        terms = [
            self._voice(voice, tokens, around, beat, pinned, parts[voice], beta)
            for voice in range(len(VOICES))
        ]
        loss, reconstruction, style = (
            torch.stack(each).sum() / len(tokens) for each in zip(*terms, strict=True)
        )
        return Terms(loss, reconstruction.detach(), style.detach() / math.log(2))

    def _voice(
        self,
        voice: int,
        tokens: Tensor,
        around: Surroundings,
        beat: Tensor,
        pinned: Tensor,
        noise: Tensor,
        beta: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return loss, reconstruction and KL of one voice's style, summed over the windows that have it."""
        writer, has = self.model.writer(voice), (tokens[:, 0, voice] >= 0).nonzero()[:, 0]
        if len(has) == 0:  # every weight takes part in every step, which several ranks need
            nothing = torch.stack([0 * weight.sum() for weight in writer.parameters()]).sum()
            return nothing, nothing, nothing
        own, near = tokens[has][..., voice], Surroundings(*(part[has] for part in around))
        posterior = writer.posterior(own)
        coarse, fine = writer.config.coarse, writer.config.fine
        free = pinned[has][:, :, None].expand(-1, -1, fine).flatten(1)
        keep = torch.cat([free.new_ones(len(has), coarse), free], dim=1)
        condition = self.model.conditions(voice, posterior.sample(noise[has]) * keep, near, beat[has])
        logits = writer.logits(condition, own, near.before[..., voice])
        nll = functional.cross_entropy(logits.flatten(0, 1).float(), own.flatten(), reduction="sum")
        nats = posterior.kl_nats()
        style = nats[:, :coarse].sum(-1)
        above = (style - self.config.free_bits * math.log(2)).clamp_min(0).sum()
        return nll + beta * above + self.config.fine_beta * (nats * keep)[:, coarse:].sum(), nll, style.sum()

    def _pinned(self, noise: Noise, beats: int) -> Tensor:
        """Return which beats keep their fine latent, `[B, K]` of 0 and 1."""
        nothing, *_, single = self.config.fine_left_out
        lot = noise.nothing.unsqueeze(-1)
        some = (noise.withhold[:, :beats] > noise.own[:, :1]).float()
        return torch.where(lot < nothing, 0.0, torch.where(lot < nothing + single, some, 1.0))

    def _less(self, tokens: Tensor, around: Surroundings, noise: Noise) -> tuple[Surroundings, Tensor]:
        """Leave out what is given at random, and most accents; also return the drums given to the bass."""
        config, lot, drums = self.config, noise.own, tokens[..., 2]
        chance = noise.withhold.flip(1)
        kept = chance < lot[:, 7:8]
        stray = chance > 1 - STRAY_ACCENTS
        accents = ((around.accents > 0) & kept | stray).long()
        no_chords, no_before = lot[:, 1] < config.chords_left_out, lot[:, 2] < config.before_left_out
        without = [lot[:, place] < config.given_left_out for place in (3, 4, 5, 6)]
        return Surroundings(
            torch.where(without[0][:, None], -1, around.melody),
            around.harmony * (~no_chords)[:, None, None],
            torch.where((without[1] | (drums[:, 0] < 0))[:, None], -1, accents),
            torch.where(without[2][:, None], -1, around.fills),
            torch.where(no_before[:, None, None], -1, around.before),
        ), torch.where(without[3][:, None], -1, drums)
