"""Windows over stored segments: which positions are worth training on, and which are the same."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.melody import FIRST_NOTE
from training.corpus.corpus_kinds import Kind
from training.corpus.extract.streams import ACTIVE_BAR, ONSET
from training.corpus.metres import FOUR_FOUR

SEGMENT_DTYPE = np.dtype(
    [("file", "<u4"), ("track", "<u2"), ("first", "<u8"), ("steps", "<u4"), ("start_ticks", "<u4")]
)
"""A segment: file number, part number in the file, first row in the steps, length, place in the file."""
WINDOW_DTYPE = np.dtype(
    [
        ("segment", "<u4"),
        ("first", "<u4"),
        ("head", "u1", (2,)),
        ("low", "u1"),
        ("high", "u1"),
        ("split", "u1"),
        ("flags", "u1"),
    ]
)
"""A window: segment, first step in it, first tokens with held notes put in, pitch bounds, split."""
SEEN_IN_TRAIN = 1
"""Flag of a held-out window whose pattern also is in the training split (see `loose_fingerprint`)."""

_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True, slots=True)
class Streams:
    """The stored arrays of a corpus. N steps in all, M segments."""

    steps: NDArray[np.generic]
    """`[N, W]`"""
    marks: NDArray[np.uint8]
    """`[N]`"""
    held: NDArray[np.uint8]
    """`[N, H]`"""
    segments: NDArray[np.void]
    """`[M]` of `SEGMENT_DTYPE`."""
    bar_steps: int = FOUR_FOUR.grid.steps_per_bar
    """Steps of a bar."""


def candidate_windows(
    segments: NDArray[np.void], bars: int, bar_steps: int = FOUR_FOUR.grid.steps_per_bar
) -> NDArray[np.void]:
    """Return every window of `bars` bars, hopping one bar, as `WINDOW_DTYPE` with zeros elsewhere."""
    length = bars * bar_steps
    spare = segments["steps"].astype(np.int64) - length
    counts = np.where(spare >= 0, spare // bar_steps + 1, 0)
    table = np.zeros(int(counts.sum()), WINDOW_DTYPE)
    table["segment"] = np.repeat(np.arange(len(segments)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    table["first"] = (np.arange(len(table)) - before) * bar_steps
    return table


def judge(streams: Streams, table: NDArray[np.void], bars: int, kind: Kind) -> NDArray[np.uint8]:
    """Return for each window 0 if it is kept, else the index of its reason in `REASONS`."""
    first = positions(streams.segments, table)
    end = first + bars * streams.bar_steps
    onsets = _count(streams.marks & ONSET > 0, first, end)
    faults = _count(streams.marks & kind.fault_marks > 0, first, end)
    silent = bars - _count(streams.marks & ACTIVE_BAR > 0, first, end)
    verdict = np.zeros(len(table), np.uint8)
    verdict[faults > kind.max_fault_share * onsets] = 3
    verdict[silent > max_silent_bars(bars)] = 2
    verdict[onsets < min_onsets(bars)] = 1
    return verdict


REASONS = ("kept", "too few onsets", "too many silent bars", "off the grid or polyphonic")
"""What `judge` says. A single repeated pitch is no reason: each rhythm of it survives only once."""


def min_onsets(bars: int) -> int:
    """Return the fewest onset steps of a window: one a bar, two at least."""
    return max(2, bars)


def max_silent_bars(bars: int) -> int:
    """Return how many bars of a window may be silent: one of 2 or 4 bars, four of 16."""
    return max(1, bars // 4)


def positions(segments: NDArray[np.void], table: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the row of the steps at which each window begins."""
    rows: NDArray[np.int64] = segments["first"][table["segment"]].astype(np.int64) + table["first"]
    return rows


def _count(flags: NDArray[np.bool_], first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(flags, dtype=np.int64)])
    counts: NDArray[np.int64] = total[end] - total[first]
    return counts


def heads(streams: Streams, first: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """Return the tokens `[n, count]` that windows at rows `first` begin with.

    A note held into the window begins there; a note-off for a note from before is nothing. This
    is `engine.music.melody.cut_window` for many windows at once.
    """
    own = streams.steps[first, :count].astype(np.uint8)
    held = streams.held[first, :count]
    return np.where(own >= FIRST_NOTE, own, np.where(own == 0, held, 0)).astype(np.uint8)


def gather(
    steps: NDArray[np.generic], first: NDArray[np.int64], length: int, head: NDArray[np.uint8]
) -> NDArray[Any]:
    """Copy windows out: `[n, length, W]`, their first tokens replaced by `head [n, H]`."""
    block: NDArray[Any] = steps[first[:, None] + np.arange(length)]
    if head.shape[1]:
        block[:, 0, : head.shape[1]] = head
    return block


@dataclass(frozen=True, slots=True)
class Prints:
    """Fingerprints of windows."""

    exact: NDArray[np.uint64]
    """Equal for duplicates up to transposition."""
    loose: NDArray[np.uint64] | None
    """Equal for the same pattern, where the kind has such a measure."""


def describe(streams: Streams, table: NDArray[np.void], bars: int, kind: Kind) -> Prints:
    """Fill `head`, `low` and `high` of the windows in place and return their fingerprints."""
    length = bars * streams.bar_steps
    first = positions(streams.segments, table)
    exact = np.zeros(len(table), np.uint64)
    loose = np.zeros(len(table), np.uint64) if kind.loose_fingerprint else None
    chunk = max(1, _BLOCK_VALUES // (length * kind.width * 4))
    for start in range(0, len(table), chunk):
        part = slice(start, start + chunk)
        head = heads(streams, first[part], kind.heads)
        block = gather(streams.steps, first[part], length, head)
        table["head"][part, : kind.heads] = head
        table["low"][part], table["high"][part] = kind.bounds(block)
        exact[part] = kind.fingerprint(block)
        if loose is not None and kind.loose_fingerprint:
            loose[part] = kind.loose_fingerprint(block)
    return Prints(exact, loose)


def unique_windows(splits: NDArray[np.uint8], exact: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which windows stay: the first of equals, train's before valid's and valid's before test's."""
    order = np.argsort(splits, kind="stable")
    _, first = np.unique(exact[order], return_index=True)
    keep = np.zeros(len(splits), np.bool_)
    keep[order[first]] = True
    return keep


def duplicate_counts(
    splits: NDArray[np.uint8], exact: NDArray[np.uint64], keep: NDArray[np.bool_]
) -> Counter[str]:
    """Count the dropped windows: repeated inside a split, or held out and in train too.

    Args:
        splits: `[n]` 0 for train, 1 for valid, 2 for test.
        exact: `[n]` fingerprints.
        keep: `[n]` what `unique_windows` said.
    """
    known = np.isin(exact, exact[splits == 0]) & (splits > 0)
    counts: Counter[str] = Counter()
    for number, name in enumerate(("train", "valid", "test")):
        dropped = (splits == number) & ~keep
        counts[f"{name}: repeated"] = int((dropped & ~known).sum())
        if number > 0:
            counts[f"{name}: also in train"] = int((dropped & known).sum())
    return counts
