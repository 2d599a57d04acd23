"""Two bars of piano with a language: a coarse latent for the phrase, fine ones for each beat of each hand.

The left hand, the keys below middle C, and the right one have encoders and halves of the latent of their
own; the left hand has the places that the rhythm has in a model of words, the right one those of the pitches.
Keys of a step are decided together by the chain that continues piano (training/models/key_chain.py); here
each of its steps is conditioned on the coarse part and the beats, and what a beat pins is added to the
logits of its keys. In training the fine parts are left out of whole phrases, of hands and of single beats, so
that it learns to write from the coarse part, from what stays and from what it wrote before.

Shape legend: B batch, T steps, K 88 keys, N keys of a hand, Z latent size; C channels, H units of the chain.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.music.pianoroll import KEYS, RIGHT_HAND
from training.config import KeyChainConfig, ModelConfig, WordsConfig
from training.models.key_chain import BAR, KeyChain, earlier, past_of
from training.models.step_writer import BeatsToSteps
from training.models.vae import Autoencoder, Posterior
from training.models.words import BEAT_STEPS, Layout

LEFT_KEYS = RIGHT_HAND
MOST_STROKES = 6
"""Keys struck in one step at most in what is written: held-out pianists strike more in .003 of the steps."""


class HandEncoder(nn.Module):
    """Keys of a hand `[B, T, N]` to a posterior of the coarse part and one of each beat's fine part.

    A beat is heard as what sounds and what is struck at its steps, and what sounded one step before it.
    """

    def __init__(self, keys: int, hidden: int, coarse: int, fine: int) -> None:
        super().__init__()
        heard = (2 * BEAT_STEPS + 1) * keys
        self.beat = nn.Sequential(nn.Linear(heard, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.over_beats = nn.GRU(hidden, hidden // 2, batch_first=True, bidirectional=True)
        self.to_coarse = nn.Linear(hidden // 2 * 2, 2 * coarse)
        self.to_fine = nn.Linear(hidden, 2 * fine)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return `[B, 2·coarse]` and `[B, beats, 2·fine]`: means, then what sigma is the softplus of."""
        before = earlier(frames, 1)
        beats = frames.shape[0], frames.shape[1] // BEAT_STEPS, -1
        steps = [part.reshape(beats) for part in (frames, frames * (1 - before))]
        heard = self.beat(torch.cat([*steps, before[:, ::BEAT_STEPS]], dim=-1))
        _, last = self.over_beats(heard)
        return self.to_coarse(torch.cat([last[0], last[1]], dim=-1)), self.to_fine(heard)


class Pins(nn.Module):
    """The fine latents of a hand's beats to what they add to the logits of its keys."""

    def __init__(self, fine: int, hidden: int, keys: int) -> None:
        super().__init__()
        self.keys = keys
        self.layers = nn.Sequential(
            nn.Linear(fine, hidden), nn.GELU(), nn.Linear(hidden, BEAT_STEPS * 2 * keys)
        )

    def forward(self, fine: Tensor, mark: Tensor) -> Tensor:
        """Return `[B, T, 2, N]`, for holding and for striking; a beat whose mark `[B, beats, 1]` is 0 adds
        nothing."""
        return (self.layers(fine) * mark).reshape(fine.shape[0], -1, 2, self.keys)


class Conditions(NamedTuple):
    """What a latent gives the chain."""

    conditioning: Tensor
    """`[B, T, C]`, added to what each step is given of its past."""
    pinned: Tensor
    """`[B, T, 2K]`, added to the logits of holding each key, then to those of striking each key."""
    start: Tensor
    """`[B, H]`, the state before the first step, within -1 to 1."""


class PianoWords(Autoencoder):
    """The model. `words.channels` are of a beat, `words.hidden` of what is between fine latents and keys."""

    def __init__(self, config: ModelConfig, words: WordsConfig, key_chain: KeyChainConfig) -> None:
        steps = config.bars * BAR
        sizes = words.coarse_rhythm, words.fine_rhythm, words.coarse_pitch, words.fine_pitch
        layout = Layout(*sizes, steps // BEAT_STEPS)
        super().__init__(config, (), steps, layout.size)
        self.choices, self.layout, self.channels = KEYS, layout, key_chain.channels
        right_keys = KEYS - LEFT_KEYS
        self.left_encoder = HandEncoder(
            LEFT_KEYS, words.rhythm_hidden, words.coarse_rhythm, words.fine_rhythm
        )
        self.right_encoder = HandEncoder(right_keys, words.pitch_hidden, words.coarse_pitch, words.fine_pitch)
        beat_size = words.fine_rhythm + words.fine_pitch + 2
        coarse = words.coarse_rhythm + words.coarse_pitch
        self.beats = BeatsToSteps(words.channels, coarse, beat_size, key_chain.channels)
        self.left_pins = Pins(words.fine_rhythm, words.hidden, LEFT_KEYS)
        self.right_pins = Pins(words.fine_pitch, words.hidden, right_keys)
        self.start = nn.Linear(key_chain.channels, key_chain.hidden)
        self.writer = KeyChain(key_chain, KEYS, config.bars)
        self.writer.most_strokes = MOST_STROKES

    def encode(self, x: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of frames float32 `[B, T, K]`."""
        left, right = x[..., :LEFT_KEYS], x[..., LEFT_KEYS:]
        return self.layout.posterior(*self.left_encoder(left), *self.right_encoder(right))

    def conditions(self, z: Tensor) -> Conditions:
        """Return what `z` `[B, Z]` gives the chain.

        A beat whose fine values of a hand are all 0 is free in that hand.
        """
        fine = self.layout.fine(z)
        marks = [(part.abs().sum(-1, keepdim=True) > 0).to(z.dtype) for part in fine]
        conditioning = self.beats.steps(self.layout.coarse(z), torch.cat([*fine, *marks], dim=-1))
        hands = zip((self.left_pins, self.right_pins), fine, marks, strict=True)
        pinned = torch.cat([pins(part, mark) for pins, part, mark in hands], dim=-1)
        return Conditions(conditioning, pinned.flatten(2), self._start(conditioning))

    def _start(self, conditioning: Tensor) -> Tensor:
        return torch.tanh(self.start(conditioning[:, 0]))

    def condition(self, z: Tensor) -> Tensor:
        """Return `conditioning` and `pinned` of `conditions` side by side, `[B, T, C + 2K]`."""
        conditioning, pinned, _ = self.conditions(z)
        return torch.cat([conditioning, pinned], dim=-1)

    def rows(self, x: Tensor) -> Tensor:
        """Return phrases as they are: the writer does not begin again at bar lines."""
        return x

    def logits(self, condition: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return the logits `[B, T, K]` of the keys of `inputs` `[B, T, K]`, each given the steps before
        and the keys of its step that are decided before it."""
        conditioning, pinned, start = self._parts(condition)
        past = past_of(inputs)
        return [self.writer.logits(inputs, self.writer.states(past, start, conditioning), past, pinned)]

    def _parts(self, condition: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
        conditioning, hold, strike = condition.split([self.channels, KEYS, KEYS], dim=-1)
        return conditioning, (hold, strike), self._start(conditioning)

    @torch.no_grad()
    def generate(
        self, z: Tensor, perturbation: Tensor | None = None, ringing: Tensor | None = None
    ) -> Tensor:
        """Write frames `[B, T, K]` of 0 and 1: a key is held or struck where its logit + perturbation
        `[T, B, K]` is above 0; before the phrase all is silent. `ringing` `[T, B, K]` is added to the logits
        of holding alone."""
        conditioning, (hold, strike), start = self._parts(self.condition(z))
        pinned = (hold if ringing is None else hold + ringing.transpose(0, 1), strike)
        shift = z.new_zeros(self.steps, len(z), KEYS) if perturbation is None else perturbation
        return self.writer.generate(start, shift, z.new_zeros(len(z), 0, KEYS), conditioning, pinned)
