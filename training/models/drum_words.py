"""Two bars of drums with a language: a coarse latent for the phrase, fine ones for each beat.

Kick and snare, the backbone, and all other drums have encoders and halves of the latent of their own; the
backbone has the places that the rhythm has in a model of words, the others those of the pitches. A writer
(training/models/step_writer.py) decodes; in training the fine parts are left out of whole phrases, of halves
and of single beats, so that it learns to write drums from the coarse part and from what stays.

Shape legend: B batch, T steps, K beats, Z latent size, C channels, V = 512 tokens.
"""

import torch
from torch import Tensor

from engine.music.drums import VOCABULARY
from training.config import ModelConfig, WordsConfig
from training.models.step_writer import BAR_STEPS, StepWriter
from training.models.vae import Autoencoder, Posterior
from training.models.words import BEAT_STEPS, HalfEncoder, Layout

BACKBONE_BITS = 2
"""Kick and snare are the first of the nine drums."""


class DrumWords(Autoencoder):
    """The model."""

    def __init__(self, config: ModelConfig, words: WordsConfig) -> None:
        steps = config.bars * BAR_STEPS
        sizes = words.coarse_rhythm, words.fine_rhythm, words.coarse_pitch, words.fine_pitch
        layout = Layout(*sizes, steps // BEAT_STEPS)
        super().__init__(config, (VOCABULARY,), steps, layout.size)
        self.layout = layout
        backbone, others = 2**BACKBONE_BITS, VOCABULARY >> BACKBONE_BITS
        self.backbone_encoder = HalfEncoder(
            backbone, 16, words.rhythm_hidden, words.coarse_rhythm, words.fine_rhythm
        )
        self.others_encoder = HalfEncoder(
            others, 48, words.pitch_hidden, words.coarse_pitch, words.fine_pitch
        )
        beat_size = words.fine_rhythm + words.fine_pitch + 2
        coarse = words.coarse_rhythm + words.coarse_pitch
        self.writer = StepWriter(VOCABULARY, words.channels, words.hidden, coarse, beat_size)

    def encode(self, x: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of tokens `[B, T, 1]`."""
        tokens, size = x[..., 0], 2**BACKBONE_BITS
        others = torch.div(tokens, size, rounding_mode="trunc")  # a shift would be unsigned in ONNX
        backbone = tokens - size * others
        return self.layout.posterior(*self.backbone_encoder(backbone), *self.others_encoder(others))

    def condition(self, z: Tensor) -> Tensor:
        """Return what each step is given beside its past, `[B, T, C]`, for `z` `[B, Z]`.

        A beat whose fine values of a half are all 0 is free in that half.
        """
        fine = self.layout.fine(z)
        marks = [(part.abs().sum(-1, keepdim=True) > 0).to(z.dtype) for part in fine]
        return self.writer.given(self.layout.coarse(z), torch.cat([*fine, *marks], dim=-1))

    def rows(self, x: Tensor) -> Tensor:
        """Return phrases as they are: the writer does not begin again at bar lines."""
        return x

    def logits(self, condition: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return the logits `[B, T, V]`, teacher-forced on `inputs` `[B, T, 1]`."""
        tokens = inputs[..., 0]
        return [self.writer.logits(condition, tokens, nothing_before(tokens))]

    @torch.no_grad()
    def generate(self, z: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Write tokens `[B, T, 1]`: at each step the best of logits + perturbation `[T, B, V]`."""
        tokens = torch.zeros(len(z), 1, dtype=torch.int64, device=z.device)
        written = self.writer.generate(self.condition(z), nothing_before(tokens), perturbation)
        return written.unsqueeze(-1)


def nothing_before(tokens: Tensor) -> Tensor:
    """Return the bar before a phrase of tokens `[B, ...]` where nothing is known of it, `[B, M]`."""
    return tokens.new_full((tokens.shape[0], BAR_STEPS), -1)
