"""The decoder that writes one voice step by step: an LSTM that is given its past and what stood a bar ago.

What conditions it beside its past is a coarse latent for the whole phrase and some numbers for every beat; a
GRU from the end gives each beat what is to come, so that a beat that is free can lead to one that is not.

Shape legend: B batch, T steps, M steps a bar, K beats, C channels, H units, V tokens, F what a beat is given.
"""

import torch
from torch import Tensor, nn

from training.models.words import BEAT_STEPS

BAR_STEPS = 16


class BeatsToSteps(nn.Module):
    """From the conditions of a phrase and its beats to those of each step, G channels a step."""

    def __init__(self, channels: int, coarse: int, beat_size: int, step_channels: int) -> None:
        super().__init__()
        c = channels
        self.from_coarse = nn.Linear(coarse, c)
        self.from_beat = nn.Linear(beat_size, c)
        self.ahead = nn.GRU(c, c, batch_first=True)
        self.to_steps = nn.Sequential(
            nn.Linear(2 * c, 2 * c), nn.GELU(), nn.Linear(2 * c, BEAT_STEPS * step_channels)
        )

    def steps(self, coarse: Tensor, beat: Tensor) -> Tensor:
        """Return `[B, T, G]` from the coarse latent `[B, Z]` and the numbers of each beat `[B, K, F]`."""
        beats = self.from_beat(beat) + self.from_coarse(coarse)[:, None]
        ahead, _ = self.ahead(beats.flip(1))
        steps: Tensor = self.to_steps(torch.cat([beats, ahead.flip(1)], dim=-1))
        return steps.reshape(beats.shape[0], beats.shape[1] * BEAT_STEPS, -1)


class StepWriter(BeatsToSteps):
    """Conditions to tokens; -1 is a token that is not known."""

    def __init__(self, vocabulary: int, channels: int, hidden: int, coarse: int, beat_size: int) -> None:
        super().__init__(channels, coarse, beat_size, channels)
        c = channels
        self.place = nn.Embedding(2 * BAR_STEPS, c)
        self.last = nn.Embedding(vocabulary + 1, c)
        self.bar_ago = nn.Embedding(vocabulary + 1, c)
        for table in (self.place, self.last, self.bar_ago):
            nn.init.normal_(table.weight, std=0.5 * c**-0.5)
        self.start = nn.Linear(c, 2 * hidden)
        self.lstm = nn.LSTM(c, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)
        self.skip = nn.Linear(c, vocabulary, bias=False)

    def given(self, coarse: Tensor, beat: Tensor) -> Tensor:
        """Return the conditioning of each step by the coarse latent and the numbers of its beat `[B, K, F]`,
        `[B, T, C]`."""
        steps = self.steps(coarse, beat)
        return steps + self.place.weight[: steps.shape[1]]

    def logits(self, condition: Tensor, tokens: Tensor, before: Tensor) -> Tensor:
        """Return logits `[B, T, V]`, teacher-forced on `tokens` `[B, T]`; `before` is `[B, M]`."""
        whole = torch.cat([before, tokens], dim=1) + 1
        steps = tokens.shape[1]
        past = self.last(whole[:, before.shape[1] - 1 : -1]) + self.bar_ago(whole[:, :steps])
        out, _ = self.lstm(condition + past, self.states(condition))
        return self.head(out) + self.skip(condition)

    def states(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the LSTM's start states `[1, B, H]` from the first step's condition."""
        h, c = torch.tanh(self.start(condition[:, 0])).chunk(2, dim=-1)
        return h[None].contiguous(), c[None].contiguous()

    def generate(self, condition: Tensor, before: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Write tokens `[B, T]`: at each step the best of logits + perturbation `[T, B, V]`."""
        state, written = self.states(condition), list((before + 1).unbind(1))
        bar = len(written)
        for t in range(condition.shape[1]):
            past = self.last(written[-1]) + self.bar_ago(written[t])
            out, state = self.lstm((condition[:, t] + past).unsqueeze(1), state)
            logits = self.head(out[:, 0]) + self.skip(condition[:, t])
            written.append((logits if perturbation is None else logits + perturbation[t]).argmax(-1) + 1)
        return torch.stack(written[bar:], dim=1) - 1
