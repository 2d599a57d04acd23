"""Two bars of chords, bass and drums to a melody: one writer a voice, each with a latent of its own.

A writer is an LSTM over the steps of its voice. Its latent has a coarse part, the style, and a fine one for
every beat, which is left out at random in training, so that with it a part is given back and without it one
is written from style and surroundings. Chords and bass are given melody and harmony, the bass also the drums
of the step; the drums are given where accents are and in which beats to fill. Each voice learns from the
files that have it: drums from drummers who played without a melody, comping from piano accompaniments.

Shape legend: B batch, T steps, M steps a bar, K beats, Q = 4 steps a beat, Z latent size, C channels, H
units, V tokens of a voice, F what a beat is given, G what a step is given.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music import drums, melody
from engine.music.melody import FIRST_NOTE
from training.config import AccompanimentConfig, VoiceConfig
from training.models.step_writer import StepWriter
from training.models.vae import MIN_SIGMA, Posterior
from training.models.words import BEAT_STEPS

VOICES = ("chords", "bass", "drums")
VOCABULARIES = (melody.VOCABULARY, melody.VOCABULARY, drums.VOCABULARY)
HARMONY_SIZE = 24
"""12 pitch classes of the chord, and one of 12 for its bass."""


class Surroundings(NamedTuple):
    """What an accompaniment is written into."""

    melody: Tensor
    """`[B, T]` melody tokens; -1 where no melody is known."""
    harmony: Tensor
    """`[B, K, 24]` of 0 and 1: pitch classes of the chord, then of its bass; all 0 where not known."""
    accents: Tensor
    """`[B, T]` 1 where the rhythm that is followed has an onset, else 0; -1 where it is not known."""
    fills: Tensor
    """`[B, K]` 1 in beats of a fill, else 0; -1 where it is not known."""
    before: Tensor
    """`[B, M, 3]` tokens of the bar before, -1 where there is none."""


class Writer(StepWriter):
    """One voice: tokens `[B, T]` to a posterior, and a latent with conditions to tokens; -1: not known."""

    def __init__(self, vocabulary: int, config: VoiceConfig, beat_size: int, step_size: int) -> None:
        c = config.channels
        super().__init__(vocabulary, c, config.hidden, config.coarse, config.fine + 1 + beat_size)
        self.config = config
        self.heard = nn.Embedding(vocabulary + 1, 32)
        self.beat = nn.Sequential(nn.Linear(BEAT_STEPS * 32, c), nn.GELU(), nn.Linear(c, c), nn.GELU())
        self.over_beats = nn.GRU(c, c, batch_first=True, bidirectional=True)
        self.to_coarse = nn.Linear(2 * c, 2 * config.coarse)
        self.to_fine = nn.Linear(c, 2 * config.fine)
        self.from_step = nn.Linear(step_size, c)

    def size(self, beats: int) -> int:
        """Return how many numbers of the latent are this voice's."""
        return self.config.coarse + beats * self.config.fine

    def posterior(self, tokens: Tensor) -> Posterior:
        """Return the posterior `[B, coarse + K·fine]` of tokens `[B, T]`."""
        batch, steps = tokens.shape
        beats = self.beat(self.heard(tokens + 1).reshape(batch, steps // BEAT_STEPS, -1))
        _, last = self.over_beats(beats)
        coarse = self.to_coarse(torch.cat([last[0], last[1]], dim=-1)).float().chunk(2, dim=-1)
        fine = self.to_fine(beats).float().chunk(2, dim=-1)
        mu, raw = (
            torch.cat([whole, part.flatten(1)], dim=-1) for whole, part in zip(coarse, fine, strict=True)
        )
        return Posterior(mu, functional.softplus(raw) + MIN_SIGMA)

    def conditions(self, z: Tensor, beat: Tensor, step: Tensor) -> Tensor:
        """Return what each step is given beside its past, `[B, T, C]`.

        Args:
            z: `[B, coarse + K·fine]`; a beat whose fine values are all 0 is free.
            beat: `[B, K, F]`.
            step: `[B, T, G]`.
        """
        coarse, fine = z[:, : self.config.coarse], z[:, self.config.coarse :]
        fine = fine.reshape(z.shape[0], beat.shape[1], -1)
        pinned = (fine.abs().sum(-1, keepdim=True) > 0).to(z.dtype)
        return self.given(coarse, torch.cat([fine, pinned, beat], dim=-1)) + self.from_step(step)


class Accompaniment(nn.Module):
    """The model: three writers. Tensors of all three have the voices in the order of `VOICES`."""

    streams = VOCABULARIES

    def __init__(self, config: AccompanimentConfig) -> None:
        super().__init__()
        self.config = config
        self.melody = nn.Embedding(melody.VOCABULARY + 1, config.melody_channels)
        pitched = HARMONY_SIZE + 1 + 12 + 4
        hits = drums.CLASSES + 1
        self.writers = nn.ModuleList(
            [
                Writer(VOCABULARIES[0], config.chords, pitched, config.melody_channels),
                Writer(VOCABULARIES[1], config.bass, pitched, config.melody_channels + hits),
                Writer(VOCABULARIES[2], config.drums, 2 + BEAT_STEPS, 2),
            ]
        )

    def writer(self, voice: int) -> Writer:
        """Return the writer of a voice."""
        found = self.writers[voice]
        assert isinstance(found, Writer)
        return found

    def sizes(self, beats: int) -> list[int]:
        """Return how many numbers of z each voice has."""
        return [self.writer(voice).size(beats) for voice in range(len(VOICES))]

    def encode(self, tokens: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of tokens `[B, T, 3]`, -1 for a voice that is not known."""
        parts = [self.writer(voice).posterior(tokens[..., voice]) for voice in range(len(VOICES))]
        return Posterior(*(torch.cat(each, dim=-1) for each in zip(*parts, strict=True)))

    def conditions(self, voice: int, z: Tensor, around: Surroundings, beat: Tensor | None = None) -> Tensor:
        """Return what the steps of a voice are given, `[B, T, C]`.

        Args:
            voice: its number.
            z: its own part of the latent.
            around: surroundings.
            beat: for the bass, drum tokens `[B, T]`, -1 where they are not known; None for not at all.
        """
        if VOICES[voice] == "drums":
            return self.writer(voice).conditions(z, *rhythm_given(around))
        step = self.melody(around.melody + 1)
        if VOICES[voice] == "bass":
            hits = step.new_zeros(*step.shape[:2], drums.CLASSES + 1) if beat is None else hits_given(beat)
            step = torch.cat([step, hits], dim=-1)
        return self.writer(voice).conditions(z, harmony_given(around), step)

    @torch.no_grad()
    def generate(self, z: Tensor, around: Surroundings, perturbation: Tensor | None = None) -> Tensor:
        """Write tokens `[B, T, 3]`, drums first: the best of logits + perturbation `[T, B, V of all]`."""
        parts = z.split(self.sizes(around.harmony.shape[1]), dim=1)
        shifts: tuple[Tensor | None, ...] = (None,) * len(VOICES)
        if perturbation is not None:
            shifts = perturbation.split(VOCABULARIES, dim=-1)
        written: dict[int, Tensor] = {}
        for voice in (2, 1, 0):
            condition = self.conditions(voice, parts[voice], around, written.get(2))
            written[voice] = self.writer(voice).generate(condition, around.before[..., voice], shifts[voice])
        return torch.stack([written[voice] for voice in range(len(VOICES))], dim=-1)


_PITCH_CLASSES = torch.zeros(melody.VOCABULARY + 1, 12)
"""Of a melody token plus 1: its pitch class as one of twelve; none for what is no note."""
for _token in range(FIRST_NOTE, melody.VOCABULARY):
    _PITCH_CLASSES[_token + 1, (_token + melody.LOWEST_PITCH - FIRST_NOTE) % 12] = 1


def harmony_given(around: Surroundings) -> Tensor:
    """Return what each beat of a pitched voice is given, `[B, K, 41]`: harmony, and the melody's notes."""
    note = around.melody >= FIRST_NOTE
    notes = functional.embedding(around.melody + 1, _PITCH_CLASSES.to(around.melody.device))
    batch, steps = note.shape
    beats = steps // BEAT_STEPS
    tones = notes.reshape(batch, beats, BEAT_STEPS, 12).amax(2)
    onsets = note.reshape(batch, beats, BEAT_STEPS).to(around.harmony.dtype)
    known = around.harmony.amax(-1, keepdim=True)
    return torch.cat([around.harmony, known, tones, onsets], dim=-1)


def hits_given(tokens: Tensor) -> Tensor:
    """Return drum hits `[B, T, 9 + 1]` of tokens `[B, T]`, the last 1 where they are known."""
    known = (tokens >= 0).unsqueeze(-1)
    hits = (tokens.clamp_min(0).unsqueeze(-1) >> torch.arange(drums.CLASSES, device=tokens.device)) & 1
    return torch.cat([hits, known.to(hits.dtype)], dim=-1).float()


def rhythm_given(around: Surroundings) -> tuple[Tensor, Tensor]:
    """Return what beats and steps of the drums are given: fills and accents, and whether they are known."""
    fills, accents = around.fills.float(), around.accents.float()
    fill = torch.stack([fills.clamp_min(0), (fills >= 0).float()], dim=-1)
    accent = torch.stack([accents.clamp_min(0), (accents >= 0).float()], dim=-1)
    onsets = accents.clamp_min(0).reshape(*fills.shape, BEAT_STEPS)
    return torch.cat([fill, onsets], dim=-1), accent
