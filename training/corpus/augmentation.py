"""What is changed of training windows beyond their transposition, drawn anew each time they come. B batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, hits_of_tokens, tokens_of_hits
from engine.music.groove import VELOCITIES
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from training.config import DataConfig

_OCTAVE, _VELOCITY, _BARS, _DRUMS = 0, 2, 3, 5
"""Places among an example's further uniforms: two for octaves, one, two, and from there two a drum."""
_COUNT = _DRUMS + 2 * CLASSES


def further_uniforms(uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `[B, 23]` further numbers in [0, 1), which only each example's own number `[B]` decides."""
    return np.stack([np.random.default_rng(int(u * 2**53)).random(_COUNT) for u in uniforms])


def octaves_within(
    low: NDArray[np.int64], high: NDArray[np.int64], share: float, further: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return -12, 0 or 12 semitones for each window `[B]`.

    Args:
        low: `[B]` lowest pitch.
        high: `[B]` highest pitch; 0 for a window without pitches, which is not moved.
        share: of the windows are moved, where both ends stay within 21 to 108; of two ways that are open
            one is drawn.
        further: `[B, 23]`, from `further_uniforms`.
    """
    down, up = low - 12 >= LOWEST_PITCH, high + 12 <= HIGHEST_PITCH
    upward = up & (~down | (further[:, _OCTAVE + 1] < 0.5))
    move = np.where(upward, 12, np.where(down, -12, 0))
    return np.where((high > 0) & (further[:, _OCTAVE] < share), move, 0)


def augmented_drums(
    window: NDArray[Any], data: DataConfig, bar_steps: int, further: NDArray[np.float64]
) -> NDArray[Any]:
    """Return windows of drums changed as `data` says.

    Args:
        window: tokens `int64 [B, T, 1]` or a groove `float32 [B, T, 27]`.
        data: its `bars_moved`, `drums_left_out` and, of grooves, `velocity_change`.
        bar_steps: steps of a bar.
        further: `[B, 23]`, from `further_uniforms`.
    """
    if data.bars_moved:
        window = _bars_moved(window, data.bars_moved, bar_steps, further[:, _BARS : _BARS + 2])
    if data.drums_left_out:
        window = _drums_left_out(window, data.drums_left_out, further[:, _DRUMS:])
    if data.velocity_change:
        window = _louder(window, data.velocity_change, further[:, _VELOCITY])
    return window


def _bars_moved(
    window: NDArray[Any], share: float, bar_steps: int, draws: NDArray[np.float64]
) -> NDArray[Any]:
    """Begin a share of the windows at another of their bars, and go round."""
    steps = window.shape[1]
    bars = steps // bar_steps
    first = np.where(draws[:, 0] < share, 1 + np.floor(draws[:, 1] * (bars - 1)), 0).astype(np.int64)
    order = (np.arange(steps) + (first * bar_steps % steps)[:, None]) % steps
    return np.take_along_axis(window, order[..., None], axis=1)


def _drums_left_out(window: NDArray[Any], share: float, draws: NDArray[np.float64]) -> NDArray[Any]:
    """Leave a share of each window's drums out, but not the last one that is hit."""
    is_groove = window.shape[-1] > 1
    hits = window[..., :CLASSES] > 0 if is_groove else hits_of_tokens(window[..., 0])
    heard = hits.any(axis=1)
    kept = draws[:, :CLASSES] >= share
    last = np.where(heard, draws[:, CLASSES:], -1.0).argmax(axis=1)
    kept[np.arange(len(kept)), last] |= ~(kept & heard).any(axis=1)
    if is_groove:
        return window * np.tile(kept, 3)[:, None].astype(window.dtype)
    return tokens_of_hits(hits & kept[:, None])[..., None]


def _louder(window: NDArray[Any], change: float, draws: NDArray[np.float64]) -> NDArray[Any]:
    """Multiply all velocities of a groove by 1 / (1 + change) to 1 + change; the loudest stays 1."""
    factor = (1 + change) ** (2 * draws - 1)
    changed = window.copy()
    changed[..., VELOCITIES] = np.minimum(changed[..., VELOCITIES] * factor[:, None, None], 1)
    return changed
