"""What a groove's decoder is given besides its latent: how fast the music is, in which style, and who plays.

Shape legend: B batch, C channels.
"""

import torch
from torch import Tensor, nn

from engine.music.drum_styles import DRUM_STYLES, DRUMMERS, PLAYING_CONDITIONS

USUAL_BPM = 120.0
TEMPO, STYLE, DRUMMER = range(len(PLAYING_CONDITIONS))
"""Columns of `PLAYING_CONDITIONS`: beats a minute, and numbers of engine/music/drum_styles.py; 0 where one is
not known."""


class Conditioning(nn.Module):
    """Tempo as octaves from the usual one, whether it is known, and vectors for style and drummer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.size = 2 + 2 * channels
        self.style = nn.Embedding(len(DRUM_STYLES) + 1, channels)
        self.drummer = nn.Embedding(DRUMMERS + 1, channels)

    def forward(self, bpm: Tensor, style: Tensor, drummer: Tensor) -> Tensor:
        """Return `[B, 2 + 2 C]` for beats a minute float32 `[B]`, and styles and drummers int64 `[B]`."""
        known = (bpm > 0).to(bpm.dtype)
        octaves = known * torch.log2(bpm.clamp_min(1.0) / USUAL_BPM)
        tempo = torch.stack([octaves, known], dim=-1)
        return torch.cat([tempo, self.style(style), self.drummer(drummer)], dim=-1)


def left_out(conditioning: Tensor, uniform: Tensor, share: float) -> Tensor:
    """Return conditions `[B, 3]` without the entries whose `uniform` `[B, 3]` is below a share."""
    return conditioning * (uniform >= share)
