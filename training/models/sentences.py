"""A model over words: reads the words so far and says what the next one is.

The words themselves are encoded by a model of words that does not learn any more. Of each word the coarse
latent and its relation to the words before it are read (see `engine.music.words`): a GRU goes
along, and the next word is new or related to one of the last eight, by additive attention (Bahdanau et al.
2015, arXiv 1409.0473) used as a pointer. What a related word keeps is a Bernoulli for each beat and half; a
new word's coarse latent comes from a mixture of Gaussians (Bishop 1994, Mixture Density Networks).

Shape legend: B batch, N words, K beats of a word, F features of a word, M components, Zc coarse size,
D = 9 choices of how far back, 0 for a new word.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music.melody import FIRST_NOTE
from engine.music.words import FARTHEST_BACK, RELATED
from training.config import LossConfig, SentencesConfig, WordsConfig
from training.models.losses import Noise, Terms
from training.models.vae import Posterior
from training.models.words import BEAT_STEPS, Words, last_pitches

CHOICES = FARTHEST_BACK + 1
WORD_STEPS = 32
WORD_BEATS = WORD_STEPS // BEAT_STEPS
LEAST_DEVIATION = 0.05
TEMPERATURE_SCALE = 1.1
"""As of words, over sixteen bars."""
MISSING = -1e9
"""Logit of a word that is not there."""


class Related(NamedTuple):
    """The relations of words, as `engine.music.words.Relation` has them."""

    back: Tensor
    """int64 `[B, N]`."""
    rhythm: Tensor
    """bool `[B, N, K]`."""
    pitch: Tensor


class NextWord(NamedTuple):
    """What the model says of the next word after each word, and at the start: `[B, N, ...]`."""

    back: Tensor
    """Logits `[B, N, D]`; `MISSING` for what lies before the first word."""
    kept: Tensor
    """Logits `[B, N, D, 2K]`: rhythm, then pitch."""
    weights: Tensor
    """Logits `[B, N, M]`."""
    means: Tensor
    """`[B, N, M, Zc]`."""
    deviations: Tensor


def relate(words: Tensor) -> Related:
    """Return the relations of words `[B, N, T]`, melody tokens."""
    batch, count, _ = words.shape
    rhythm = words.clamp_max(FIRST_NOTE).reshape(batch, count, -1, BEAT_STEPS)
    pitch = last_pitches(words.flatten(0, 1)).reshape(rhythm.shape)
    scores, kept = (
        [torch.full((batch, count), RELATED - 1e-6)],
        [rhythm.new_zeros(batch, count, 2, rhythm.shape[2]).bool()],
    )
    for back in range(1, FARTHEST_BACK + 1):
        same = torch.zeros_like(kept[0])
        if back < count:
            same_rhythm = (rhythm[:, back:] == rhythm[:, :-back]).all(-1)
            same_pitch = (pitch[:, back:] == pitch[:, :-back]).all(-1) & same_rhythm
            same[:, back:] = torch.stack([same_rhythm, same_pitch], dim=2)
        score = same.float().mean((2, 3))
        score[:, :back] = -1
        scores.append(score - 1e-7 * back)  # of equals the nearest
        kept.append(same)
    best = torch.stack(scores, dim=-1).argmax(-1)  # [B, N]
    chosen = torch.stack(kept, dim=2).gather(
        2, best[:, :, None, None, None].expand(-1, -1, 1, *kept[0].shape[2:])
    )
    return Related(best, chosen[:, :, 0, 0], chosen[:, :, 0, 1])


class Sentences(nn.Module):
    """The model of words that it builds on, and the one that goes over words."""

    def __init__(self, config: SentencesConfig, words: WordsConfig):
        super().__init__()
        self.words = Words(words).requires_grad_(False)
        self.coarse = words.coarse_rhythm + words.coarse_pitch
        self.components, hidden = config.components, config.hidden
        self.read = nn.Linear(self.coarse + CHOICES + 2 * WORD_BEATS, config.channels)
        self.place = nn.Embedding(FARTHEST_BACK, config.channels)
        self.along = nn.GRU(config.channels, hidden, batch_first=True)
        self.from_state = nn.Linear(hidden, config.channels)
        self.from_word = nn.Linear(config.channels, config.channels)
        self.distance = nn.Embedding(CHOICES, config.channels)
        self.score = nn.Linear(config.channels, 1)
        self.keep = nn.Sequential(nn.GELU(), nn.Linear(config.channels, 2 * WORD_BEATS))
        self.mixture = nn.Sequential(
            nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, config.components * (1 + 2 * self.coarse))
        )

    def features(self, related: Related, coarse: Tensor) -> Tensor:
        """Return what is read of words, `[B, N, F]`, for their coarse latents `[B, N, Zc]`."""
        back = functional.one_hot(related.back, CHOICES).to(coarse.dtype)
        return torch.cat(
            [coarse, back, related.rhythm.to(coarse.dtype), related.pitch.to(coarse.dtype)], dim=-1
        )

    def next_words(self, features: Tensor) -> NextWord:
        """Return what comes after each of the first N words and at the start, `[B, N + 1, ...]`."""
        read, words = self._read(functional.pad(features, (0, 0, 1, 0)))
        padded = functional.pad(words[:, 1:], (0, 0, FARTHEST_BACK, 0))  # [B, 8 + N, C]
        candidates = padded.unfold(1, FARTHEST_BACK, 1).permute(0, 1, 3, 2)  # [B, N + 1, 8, C]
        known = torch.arange(features.shape[1] + 1, device=features.device)
        return self._say(self._states(read), candidates, known)

    def after_the_last(self, features: Tensor) -> NextWord:
        """Return what comes after all words, `[B, 1, ...]`; a row of 0 begins `features` `[B, 1 + N, F]`."""
        read, words = self._read(features)
        padded = functional.pad(words, (0, 0, FARTHEST_BACK - 1, 0))
        known = (features[:1].abs().sum(-1) > 0).long().sum(1)
        return self._say(self._states(read)[:, -1:], padded[:, -FARTHEST_BACK:][:, None], known)

    def _read(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the GRU reads and what can be pointed at, `[B, 1 + N, C]` each; a row of 0 stays 0."""
        real = (features.abs().sum(-1, keepdim=True) > 0).to(features.dtype)
        read = self.read(features) * real
        return read, self.from_word(read) * real

    def _states(self, read: Tensor) -> Tensor:
        """Return the GRU's states `[B, 1 + N, H]` at the start and after each word."""
        # Not ones_like, which the exporter folds into a constant of the example's length.
        count = (read[0, :, 0] * 0 + 1).cumsum(0) - 1
        place = count - FARTHEST_BACK * (count / FARTHEST_BACK).floor()
        state, _ = self.along(read + self.place(place.long()))
        return state

    def _say(self, state: Tensor, candidates: Tensor, known: Tensor) -> NextWord:
        """Return what a state `[B, n, H]` makes of the last words `[B, n, 8, C]`, `known` of them real."""
        words = functional.pad(candidates.flip(2), (0, 0, 1, 0))  # first the choice of a new word
        heard = words + self.distance.weight + self.from_state(state)[:, :, None]
        missing = torch.arange(CHOICES, device=state.device) > known[:, None]
        back = self.score(torch.tanh(heard)).squeeze(-1).masked_fill(missing, MISSING)
        mixture = self.mixture(state).reshape(*state.shape[:2], self.components, -1)
        means, raw = mixture[..., 1:].chunk(2, dim=-1)
        deviations = functional.softplus(raw) + LEAST_DEVIATION
        return NextWord(back, self.keep(heard), mixture[..., 0], means, deviations)


class SentencesObjective(nn.Module):
    """The loss of sentences: nats of how far back, of what is kept, of new coarse latents; as `Objective`."""

    def __init__(self, model: Sentences, config: LossConfig):
        super().__init__()
        self.model, self.config = model, config

    def forward(self, heard: Tensor, target: Tensor, noise: Noise, beta: float, own_share: float) -> Terms:
        """Return the loss terms of windows `[B, T, 4]` of whole words, a mean over the batch."""
        nats = word_nats(self.model, target[..., 0], noise.latent)
        total = nats.back.sum(1) + nats.kept.sum(1) + nats.coarse.sum(1)
        return Terms(total.mean(), total.detach().mean(), nats.back.detach().sum(1).mean() / math.log(2))


class WordNats(NamedTuple):
    """Negative log likelihoods `[B, N]`."""

    back: Tensor
    kept: Tensor
    """Of related words, else 0."""
    coarse: Tensor
    """Of new words, else 0."""


def word_nats(model: Sentences, tokens: Tensor, noise: Tensor) -> WordNats:
    """Return what the model makes of melodies `[B, T]` of whole words.

    Args:
        model: a model of sentences.
        tokens: melody tokens in the models' key.
        noise: standard normal `[B, N·Z]`: coarse latents are samples of their posteriors.
    """
    words = tokens.reshape(len(tokens), -1, WORD_STEPS)
    related = relate(words)
    posterior = encoded(model.words, words)
    drawn = posterior.sample(noise.reshape(posterior.mu.shape)).flatten(0, 1)
    coarse = model.words.layout(WORD_BEATS).coarse(drawn).reshape(*words.shape[:2], -1)
    following = NextWord(*(part[:, :-1] for part in model.next_words(model.features(related, coarse))))
    back = functional.cross_entropy(following.back.flatten(0, 1), related.back.flatten(), reduction="none")
    kept = following.kept.gather(2, related.back[..., None, None].expand(-1, -1, 1, 2 * WORD_BEATS))[:, :, 0]
    truth = torch.cat([related.rhythm, related.pitch], dim=-1).to(kept.dtype)
    kept_nats = functional.binary_cross_entropy_with_logits(kept, truth, reduction="none").sum(-1)
    z = (coarse[:, :, None] - following.means) / following.deviations
    density = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) - following.deviations.log().sum(-1)
    coarse_nats = -torch.logsumexp(following.weights.log_softmax(-1) + density, dim=-1)
    is_new = related.back == 0
    return WordNats(back.reshape(is_new.shape), kept_nats * ~is_new, coarse_nats * is_new)


@torch.no_grad()
def encoded(model: Words, words: Tensor) -> Posterior:
    """Return the posteriors `[B, N, Z]` of words `[B, N, T]`."""
    posterior = model.encode(words.flatten(0, 1))
    return Posterior(*(part.reshape(*words.shape[:2], -1) for part in posterior))
