"""Encoders: a phrase's tensors to one vector.

Shape legend: B batch, T steps, S streams, D channels, E size of the encoder's vector.
Every encoder takes embedded steps `[B, T, D]` and returns `[B, E]`; `size` is E.
"""

import torch
from torch import Tensor, nn

from training.config import EncoderConfig
from training.models.mixer import mixer_stack, recurrent


class StepEmbedding(nn.Module):
    """Tokens or frames of each step as one vector, the streams summed, plus a learned position."""

    def __init__(self, steps: int, streams: tuple[int, ...], frame_width: int, channels: int):
        super().__init__()
        tables = [nn.Embedding(size, channels) for size in streams]
        self.tables = nn.ModuleList(tables)
        self.frames = nn.Linear(frame_width, channels) if not streams else None
        self.position = nn.Parameter(torch.zeros(steps, channels))
        for table in tables:
            nn.init.normal_(table.weight, std=channels**-0.5)
        nn.init.normal_(self.position, std=channels**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Embed int64 `[B, T, S]` or float32 `[B, T, W]` to `[B, T, D]`."""
        if self.frames is not None:
            return self.frames(x) + self.position
        return sum((table(x[..., s]) for s, table in enumerate(self.tables)), self.position)


class Encoder(nn.Module):
    """What all encoders are: a module from embedded steps to a vector."""

    size: int
    """E."""


class MixerEncoder(Encoder):
    """Hierarchical mixer: steps within each bar (weights shared over bars), then bars."""

    def __init__(self, bars: int, steps_per_bar: int, config: EncoderConfig):
        super().__init__()
        self.bars, self.steps_per_bar = bars, steps_per_bar
        self.in_bar = mixer_stack(
            config.step_depth, steps_per_bar, config.channels, config.expansion, config.dropout
        )
        self.to_bar = nn.Linear(steps_per_bar * config.channels, config.bar_channels)
        self.over_bars = mixer_stack(
            config.bar_depth, bars, config.bar_channels, config.expansion, config.dropout
        )
        self.norm = nn.LayerNorm(config.bar_channels)
        self.size = bars * config.bar_channels

    def forward(self, x: Tensor) -> Tensor:
        """Encode embedded steps `[B, T, D]` to `[B, E]`."""
        batch, _, channels = x.shape
        x = self.in_bar(x.reshape(batch * self.bars, self.steps_per_bar, channels))
        x = self.to_bar(x.flatten(1)).reshape(batch, self.bars, -1)  # [B, bars, bar_channels]
        return self.norm(self.over_bars(x)).flatten(1)


class BiLSTMEncoder(Encoder):
    """Stacked bidirectional LSTM; the vector is the top layer's last state of both directions.

    The flat encoder of MusicVAE (Roberts et al. 2018, arXiv 1803.05428).
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = recurrent(
            nn.LSTM, config.channels, config.hidden, config.layers, config.dropout, both_ways=True
        )
        self.size = 2 * config.hidden

    def forward(self, x: Tensor) -> Tensor:
        """Encode embedded steps `[B, T, D]` to `[B, E]`."""
        _, (h, _) = self.lstm(self.dropout(x))
        return torch.cat([h[-2], h[-1]], dim=-1)


class HierarchicalLSTMEncoder(Encoder):
    """A BiLSTM over the steps of each bar, then one over the bars' vectors (MusicVAE's hier encoder)."""

    def __init__(self, bars: int, steps_per_bar: int, config: EncoderConfig):
        super().__init__()
        self.bars, self.steps_per_bar = bars, steps_per_bar
        self.in_bar = BiLSTMEncoder(config)
        self.dropout = nn.Dropout(config.dropout)
        self.over_bars = nn.LSTM(2 * config.hidden, config.hidden, batch_first=True, bidirectional=True)
        self.size = 2 * config.hidden

    def forward(self, x: Tensor) -> Tensor:
        """Encode embedded steps `[B, T, D]` to `[B, E]`."""
        batch, _, channels = x.shape
        bars = self.in_bar(x.reshape(batch * self.bars, self.steps_per_bar, channels))
        _, (h, _) = self.over_bars(self.dropout(bars.reshape(batch, self.bars, -1)))
        return torch.cat([h[-2], h[-1]], dim=-1)


def build_encoder(bars: int, steps_per_bar: int, config: EncoderConfig) -> Encoder:
    """Return the encoder that `config.kind` names."""
    if config.kind == "mixer":
        return MixerEncoder(bars, steps_per_bar, config)
    if config.kind == "hier_bilstm":
        return HierarchicalLSTMEncoder(bars, steps_per_bar, config)
    return BiLSTMEncoder(config)
