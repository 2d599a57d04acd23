"""What the encoder hears and what the decoder must write, for each task.

GrooVAE's tasks (Gillick et al. 2019, arXiv 1905.06118) on frames of 27: hits, velocities and offsets
of nine drum classes, each a third.
"""

import torch
from torch import Tensor

from training.config import ModelConfig
from training.models.vae import DRUM_CLASSES

TAP_CLASS = 3
"""A tapped rhythm is written on the open hi-hat, as GrooVAE does."""


def heard_and_target(
    window: Tensor, config: ModelConfig, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return what the encoder hears and what is to be written, for a window `[B, T, ...]`.

    `generator` draws the notes a drummer's tapping leaves out; None leaves none out.
    """
    if config.task == "continue":
        given, following = window.chunk(2, dim=1)
        return given, following
    return heard_of(window, config, generator), window


def heard_of(target: Tensor, config: ModelConfig, generator: torch.Generator | None = None) -> Tensor:
    """Return what the encoder hears when `target` is to be written.

    Args:
        target: int64 `[B, T, S]` or float32 frames `[B, T, 27]`.
        config: its `task` decides.
        generator: draws the notes a drummer's tapping leaves out; None leaves none out.
    """
    if config.task == "humanize":
        return quantised(target)
    if config.task == "drumify":
        return tapped(drop_notes(target, generator) if generator else target)
    return target


def quantised(frames: Tensor) -> Tensor:
    """Keep the hits; velocities and offsets become 0."""
    hits = frames[..., :DRUM_CLASSES]
    return torch.cat([hits, torch.zeros_like(hits), torch.zeros_like(hits)], dim=-1)


def tapped(frames: Tensor) -> Tensor:
    """Keep the loudest hit of each step with its offset, on the tap class, without velocity."""
    hits, velocities, offsets = frames.split(DRUM_CLASSES, dim=-1)
    loudest = (velocities * hits).argmax(-1, keepdim=True)  # [B, T, 1]
    out = torch.zeros_like(frames)
    out[..., TAP_CLASS] = hits.amax(-1)
    out[..., 2 * DRUM_CLASSES + TAP_CLASS] = offsets.gather(-1, loudest).squeeze(-1) * hits.amax(-1)
    return out


def drop_notes(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Drop quiet notes more often: a share p, uniform to 0.8 a phrase, times max(0.2, 1 - velocity)."""
    hits, velocities, _ = frames.split(DRUM_CLASSES, dim=-1)
    share = 0.8 * torch.rand(frames.shape[0], 1, 1, generator=generator)
    keep = torch.rand(hits.shape, generator=generator) >= share * (1 - velocities).clamp_min(0.2)
    return frames * keep.to(frames.dtype).repeat(1, 1, 3)
