"""Held-out sections of pieces, for a corpus of too few works to hold whole ones out."""

import hashlib
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from training.corpus.metres import FOUR_FOUR
from training.corpus.sources import SourceFile

WORKS, SECTIONS = "works", "sections"
"""What the splits valid and test consist of."""
TRAIN, VALID, TEST = 0, 1, 2
CROSSING = 255
"""Mark of a window that lies partly in a held-out section; it goes into no split."""
HELD_SHARE = 0.05
"""Share of all windows that each of valid and test gets, if the pieces are long enough."""
MIN_HELD = 4
"""Fewest windows that valid and test get, if the pieces are long enough; evaluation needs as many."""


def held_out_sections(
    segments: NDArray[np.void],
    table: NDArray[np.void],
    bars: int,
    files: Sequence[SourceFile],
    seed: int,
    bar_steps: int = FOUR_FOUR.grid.steps_per_bar,
) -> NDArray[np.uint8]:
    """Return the split of each window, `CROSSING` for those that overlap a held-out section. `[n]`

    Segments give their last bars in turn to test and valid, in an order that the files' content and the seed
    decide, until both have `HELD_SHARE` of all windows and at least `MIN_HELD`. If that is not enough, they
    give their first bars too, then more of both. Something of every segment stays in train.

    Args:
        segments: of `SEGMENT_DTYPE`.
        table: windows of `bars` bars, of `WINDOW_DTYPE`.
        bars: their length.
        files: of the corpus.
        seed: salt of the order.
        bar_steps: steps of a bar.
    """
    split = np.zeros(len(table), np.uint8)
    goal = max(MIN_HELD, int(HELD_SHARE * len(table)))
    counts = {TEST: 0, VALID: 0}
    order, before = _order(segments, table, files, seed), -1
    while before < sum(counts.values()):  # as long as the last turn brought any
        before = sum(counts.values())
        for at_end, number in product((True, False), order):
            wanting = min(counts, key=lambda name: counts[name])
            if counts[wanting] >= goal:
                return split
            mine = np.flatnonzero(table["segment"] == number)
            marked = _with_section(
                split[mine], table["first"][mine].astype(np.int64) // bar_steps, bars, wanting, at_end
            )
            if marked is not None:
                counts[wanting] += int((marked == wanting).sum() - (split[mine] == wanting).sum())
                split[mine] = marked
    return split


def _with_section(
    split: NDArray[np.uint8], begin: NDArray[np.int64], bars: int, name: int, at_end: bool
) -> NDArray[np.uint8] | None:
    """Give one end of a segment's training windows to `name`; None where too little would be left.

    Args:
        split: `[n]` splits of the segment's windows, in order.
        begin: `[n]` the bar at which each begins.
        bars: length of a window.
        name: the split that gets the section.
        at_end: take the last bars, else the first.
    """
    free = np.flatnonzero(split == TRAIN)
    if not len(free):
        return None
    low, high = int(begin[free].min()), int(begin[free].max()) + bars  # the bars that train has
    length = max(bars + MIN_HELD - 1, (high - low) // 4)
    length = min(length, high - low - bars)
    if length < bars:
        return None
    held = (high - length, high) if at_end else (low, low + length)
    inside = (begin >= held[0]) & (begin + bars <= held[1]) & (split == TRAIN)
    overlaps = (begin < held[1]) & (begin + bars > held[0]) & (split == TRAIN)
    if not inside.any() or not (~overlaps & (split == TRAIN)).any():
        return None
    return np.where(inside, name, np.where(overlaps, CROSSING, split)).astype(np.uint8)


def _order(
    segments: NDArray[np.void], table: NDArray[np.void], files: Sequence[SourceFile], seed: int
) -> list[int]:
    """Return the numbers of the segments that have windows, shuffled by content and seed."""

    def key(number: int) -> bytes:
        name = f"{seed}:{files[segments['file'][number]].sha256}:{segments['track'][number]}:{number}"
        return hashlib.sha256(name.encode()).digest()

    return sorted(np.unique(table["segment"]).tolist(), key=key)
