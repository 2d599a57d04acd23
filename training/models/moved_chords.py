"""Phrases moved with their chords, so that a decoder must follow the chords where its latent says otherwise.

Shape legend: B batch, T steps, K beats, W ways to move.
"""

from functools import lru_cache

import torch
from torch import Tensor

from engine.music.melody import FIRST_NOTE, LOWEST_PITCH, VOCABULARY
from training.models.words import BEAT_STEPS, Surroundings

FARTHEST_SEMITONES = 6
FARTHEST_DEGREES = 3
WHOLE = 0.5
"""Share of the moved phrases that move as a whole; the others move from the middle on."""

_SCALE = (0, 2, 4, 5, 7, 9, 11)


@lru_cache(maxsize=1)
def _ways() -> Tensor:
    """Return how far each pitch class moves, `[W, 12]`: by semitones, or by degrees of C major.

    By degrees a note outside the scale keeps its distance from the degree below it.
    """
    plain = [[way] * 12 for way in range(-FARTHEST_SEMITONES, FARTHEST_SEMITONES + 1) if way]
    degree = [sum(tone <= pitch_class for tone in _SCALE) - 1 for pitch_class in range(12)]
    on_scale = [
        [_SCALE[(place + way) % 7] + 12 * ((place + way) // 7) - _SCALE[place] for place in degree]
        for way in range(-FARTHEST_DEGREES, FARTHEST_DEGREES + 1)
        if way
    ]
    return torch.tensor(plain + 2 * on_scale)


def moved_with_chords(
    tokens: Tensor, around: Surroundings, uniforms: Tensor, share: float
) -> tuple[Tensor, Surroundings, Tensor]:
    """Move some phrases and their chords alike; the bar before stays where it is.

    Args:
        tokens: `[B, T]`.
        around: of them.
        uniforms: `[B, 3]` in [0, 1): whether, which way, and from where on.
        share: of the phrases with chords.

    Returns:
        Tokens, surroundings, and which phrases were moved `[B]`.
    """
    moved = (uniforms[:, 0] < share) & around.chords.flatten(1).any(1)
    ways = _ways().to(tokens.device)
    way = ways[(uniforms[:, 1] * len(ways)).long()]  # [B, 12]
    beats = around.chords.shape[1]
    first = torch.where(uniforms[:, 2] < WHOLE, 0, beats // 2)
    later = moved[:, None] & (torch.arange(beats, device=tokens.device) >= first[:, None])  # [B, K]
    chords = torch.where(later[..., None], _moved_chroma(around.chords, way), around.chords)
    return _moved_tokens(tokens, way, later), around._replace(chords=chords), moved


def _moved_tokens(tokens: Tensor, way: Tensor, later: Tensor) -> Tensor:
    """Move the notes of some beats; one that leaves the piano comes back an octave nearer."""
    pitch_class = (tokens - FIRST_NOTE + LOWEST_PITCH) % 12
    there = tokens + way.gather(1, pitch_class)
    there = there + torch.where(there < FIRST_NOTE, 12, torch.where(there >= VOCABULARY, -12, 0))
    moves = later.repeat_interleave(BEAT_STEPS, dim=1) & (tokens >= FIRST_NOTE)
    return torch.where(moves, there, tokens)


def _moved_chroma(chords: Tensor, way: Tensor) -> Tensor:
    """Move each pitch class of chords `[B, K, 12]` by `way` `[B, 12]`."""
    goal = (torch.arange(12, device=way.device) + way) % 12
    moved = torch.zeros_like(chords)
    index = goal[:, None].expand_as(chords)
    return moved.scatter_reduce(2, index, chords, "amax")
