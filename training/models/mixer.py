"""Small blocks that encoders and decoders are built of.

Shape legend: B batch, N positions (steps or bars), D channels.
"""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn


class MixerBlock(nn.Module):
    """Residual MLP over positions, then over channels, both pre-normalised.

    The MLP-Mixer of Tolstikhin et al. (2021, arXiv 2105.01601). On a fixed bar grid the weights over
    positions learn metre directly, and every weight is used once a sequence instead of once a step,
    which is what makes it fast to train beside an LSTM of equal size.
    """

    def __init__(self, positions: int, channels: int, expansion: int = 2, dropout: float = 0.0):
        super().__init__()
        self.over_positions = nn.Sequential(
            nn.Linear(positions, positions * expansion),
            nn.GELU(),
            # A bias would shift all channels of a position alike, which every later normalisation undoes.
            nn.Linear(positions * expansion, positions, bias=False),
        )
        self.over_channels = nn.Sequential(
            nn.Linear(channels, channels * expansion), nn.GELU(), nn.Linear(channels * expansion, channels)
        )
        self.norm_positions = nn.LayerNorm(channels)
        self.norm_channels = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Mix `x` `[B, N, D]`; same shape out."""
        x = x + self.dropout(self.over_positions(self.norm_positions(x).transpose(1, 2)).transpose(1, 2))
        return x + self.dropout(self.over_channels(self.norm_channels(x)))


def mixer_stack(depth: int, positions: int, channels: int, expansion: int, dropout: float) -> nn.Sequential:
    """Return `depth` mixer blocks in a row."""
    return nn.Sequential(*(MixerBlock(positions, channels, expansion, dropout) for _ in range(depth)))


R = TypeVar("R", bound=nn.RNNBase)


def recurrent(
    kind: Callable[..., R], inputs: int, hidden: int, layers: int, dropout: float, *, both_ways: bool = False
) -> R:
    """Return a batch-first recurrent stack with dropout between its layers.

    Its caller drops out the input of the first layer itself, so that every layer's input is: torch puts no
    dropout there, and warns of one that a single layer would ignore.
    """
    between = dropout if layers > 1 else 0.0
    return kind(inputs, hidden, layers, batch_first=True, dropout=between, bidirectional=both_ways)
