"""Encoder-decoder GRU on an 88-key piano roll: given bars in, the bars that follow out.

The sequence-to-sequence model of Cho et al. (2014, arXiv 1406.1078) with independent keys. The
state between the two halves is the latent: zero starts from nothing, a random one from anywhere, an
encoded one goes on from given bars. The output may be of any length.

Shape legend: B batch, T steps in, U steps out, K 88 keys, L layers, H units, Z = L·H.
"""

import torch
from torch import Tensor, nn

from training.config import ModelConfig
from training.models.mixer import recurrent


class Continuer(nn.Module):
    """Continues polyphonic music frame by frame."""

    def __init__(self, config: ModelConfig, keys: int):
        super().__init__()
        self.config, self.keys = config, keys
        gru = config.continuer
        written = gru.decoder_layers or gru.layers
        self.state_layers = tuple(min(layer, gru.layers - 1) for layer in range(written))
        """For each layer that writes the layer that hears whose state it begins with; the topmost repeats."""
        self.dropout = nn.Dropout(gru.dropout)
        self.encoder = recurrent(nn.GRU, keys, gru.hidden, gru.layers, gru.dropout)
        self.feed = nn.Linear(keys, gru.channels, bias=False)
        self.reminder = nn.Linear(written * gru.hidden, gru.channels)
        self.decoder = recurrent(nn.GRU, gru.channels, gru.hidden, written, gru.dropout)
        self.head = nn.Linear(gru.hidden, keys)
        self.skip = nn.Linear(gru.channels, keys, bias=False)
        # A key is silent most of the time: start there instead of spending steps on it.
        nn.init.constant_(self.head.bias, -3.0)

    def encode(self, given: Tensor) -> Tensor:
        """Return the state z `[B, Z]`, within -1 to 1, after hearing `given` float32 `[B, T, K]`."""
        _, state = self.encoder(self.dropout(given))
        return state[list(self.state_layers)].transpose(0, 1).flatten(1)

    def logits(self, z: Tensor, previous: Tensor) -> Tensor:
        """Return logits `[B, U, K]` with the frames one step before, `[B, U, K]`, given."""
        fed = self.feed(previous) + self.reminder(z).unsqueeze(1)
        out, _ = self.decoder(self.dropout(fed), self._states(z))
        return self.head(out) + self.skip(fed)

    @torch.no_grad()
    def generate(self, z: Tensor, perturbation: Tensor) -> Tensor:
        """Write frames free-running: a key sounds where logit + perturbation is above 0.

        Args:
            z: `[B, Z]`.
            perturbation: `[U, B, K]`; logistic noise samples at temperature 1, zeros are greedy.

        Returns:
            float32 `[B, U, K]` of 0 and 1.
        """
        state, reminder = self._states(z), self.reminder(z)
        frame, frames = z.new_zeros(z.shape[0], self.keys), []
        for shift in perturbation:
            fed = self.feed(frame) + reminder
            out, state = self.decoder(fed.unsqueeze(1), state)
            frame = (self.head(out[:, 0]) + self.skip(fed) + shift > 0).to(z.dtype)
            frames.append(frame)
        return torch.stack(frames, dim=1)

    def _states(self, z: Tensor) -> Tensor:
        """Unfold z to the decoder's start state `[L, B, H]`."""
        return z.reshape(z.shape[0], self.decoder.num_layers, -1).transpose(0, 1).contiguous()
