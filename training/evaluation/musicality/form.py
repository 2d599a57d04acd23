"""Form: bars that come back, leaps where pieces were put together, motifs that return."""

from collections.abc import Sequence

import numpy as np

from engine.music.grid import SIXTEENTHS, Grid
from training.evaluation.musicality.lines import Line

WIDEST_STEP = 2
"""Semitones by which the notes of a repeated bar may differ."""
GRAM = 3
"""Tokens of a motif: this many intervals with the times between their notes."""


def bars_of(line: Line, bars: int, per_bar: int) -> list[Line]:
    """Return a line bar by bar, each counted from its own start."""
    return [line.between(bar * per_bar, (bar + 1) * per_bar) for bar in range(bars)]


def repeats(earlier: Line, bar: Line) -> bool:
    """Return whether a bar is an earlier one again: exactly, transposed, or each note within a step."""
    if len(bar.onset) < 2 or not np.array_equal(earlier.onset, bar.onset):
        return False
    moved = bar.pitch - earlier.pitch
    return bool(np.ptp(moved) == 0 or np.abs(moved).max() <= WIDEST_STEP)


def repeated_bars(lines: Sequence[Line], bars: int, grid: Grid = SIXTEENTHS) -> float:
    """Return the share of bars with two notes or more that repeat an earlier bar of their own line."""
    found = total = 0
    for line in lines:
        parts = bars_of(line, bars, grid.steps_per_bar)
        for index, bar in enumerate(parts):
            total += len(bar.onset) >= 2
            found += any(repeats(earlier, bar) for earlier in parts[:index])
    return found / max(total, 1)


def extra_leap(lines: Sequence[Line], seam_bars: int, grid: Grid = SIXTEENTHS) -> float:
    """Return by how many semitones intervals across every `seam_bars`-th bar line exceed the others."""
    across, inside = [], []
    length = seam_bars * grid.steps_per_bar
    for line in lines:
        seam = np.diff(line.onset // length) > 0
        size = np.abs(np.diff(line.pitch))
        across.append(size[seam])
        inside.append(size[~seam])
    both = np.concatenate(across), np.concatenate(inside)
    return float(both[0].mean() - both[1].mean()) if len(both[0]) and len(both[1]) else float("nan")


def motifs(line: Line) -> set[tuple[int, ...]]:
    """Return the runs of three intervals with the times between their onsets, of the top voice."""
    last = np.flatnonzero(np.diff(line.onset, append=np.iinfo(np.int64).max) > 0)
    tokens = list(zip(np.diff(line.pitch[last]).tolist(), np.diff(line.onset[last]).tolist(), strict=True))
    return {
        tuple(value for token in tokens[start : start + GRAM] for value in token)
        for start in range(len(tokens) - GRAM + 1)
    }


def returning_motifs(prompts: Sequence[Line], answers: Sequence[Line]) -> float:
    """Return the share of the prompts' motifs that come back in their answers, over prompts that have any."""
    shares = [
        len(heard & motifs(answer)) / len(heard)
        for prompt, answer in zip(prompts, answers, strict=True)
        if (heard := motifs(prompt))
    ]
    return float(np.mean(shares)) if shares else float("nan")
