"""Groups of files that must stay together, and the split of each group."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.corpus.sources import SPLITS, SourceFile

SHARED_SHARE = 0.3
"""Files are taken for versions of one work if the smaller shares this much of its windows."""
COMMONPLACE = 8
"""A window found in more files than this ties a short file to no longer one."""
MIN_SHARED = 4
"""Fewer shared windows tie no files together."""


def work_groups(
    files: Sequence[SourceFile], prints: NDArray[np.uint64], owner: NDArray[np.int64]
) -> list[int]:
    """Group files by work and by shared material, transposed or not.

    Args:
        files: all files.
        prints: fingerprints of windows.
        owner: the file each window is from.

    Returns:
        For each file the number of the first file of its group.
    """
    groups = _Groups(len(files))
    by_work: dict[str, int] = {}
    for number, file in enumerate(files):
        if file.work:
            groups.join(by_work.setdefault(file.work, number), number)
    for one, other in _shared_pairs(prints, owner):
        groups.join(one, other)
    _join_versions(groups, prints, owner)
    return [groups.root(number) for number in range(len(files))]


class _Groups:
    """Union-find whose roots are the smallest members."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, member: int) -> int:
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low


def _shared_pairs(prints: NDArray[np.uint64], owner: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the pairs of files that share `SHARED_SHARE` of the smaller one's distinct windows."""
    pairs = np.unique(np.stack([prints, owner.astype(np.uint64)], axis=1), axis=0)
    if not len(pairs):
        return []
    distinct = np.bincount(pairs[:, 1].astype(np.int64))
    _, first, counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    shared: dict[tuple[int, int], int] = {}
    for start, count in zip(first[counts > 1], counts[counts > 1], strict=True):
        if count > COMMONPLACE:
            continue
        members = pairs[start : start + count, 1].astype(int).tolist()
        for index, one in enumerate(members):
            for other in members[index + 1 :]:
                shared[one, other] = shared.get((one, other), 0) + 1
    return sorted(
        pair
        for pair, count in shared.items()
        if count >= MIN_SHARED and count >= SHARED_SHARE * min(distinct[pair[0]], distinct[pair[1]])
    )


def _join_versions(groups: _Groups, prints: NDArray[np.uint64], owner: NDArray[np.int64]) -> None:
    """Join the files that share `SHARED_SHARE` of the larger one's windows, in however many files these are.

    That a work is there in many versions makes all its windows commonplaces, so they count here; the larger
    file is the measure, because a short tune may consist of little else.

    What keeps this from comparing all with all is the prefix filter of set similarity joins (Chaudhuri et
    al. 2006): of a set that shares t of its n members with another one, any n - t + 1 members include a
    shared one, so the rarest are enough to find the candidates.
    """
    windows = _distinct_windows(prints, owner)
    members: dict[int, list[int]] = {}
    for file, own in windows.items():
        for window in own:
            members.setdefault(window, []).append(file)
    for file, own in windows.items():
        needed = max(MIN_SHARED, math.ceil(SHARED_SHARE * len(own)))
        rarest = sorted(own, key=lambda window: (len(members[window]), window))[: len(own) - needed + 1]
        for other in sorted({other for window in rarest for other in members[window]}):
            larger = max(len(own), len(windows[other]))
            if groups.root(file) == groups.root(other) or len(own) < SHARED_SHARE * larger:
                continue
            if len(own & windows[other]) >= max(MIN_SHARED, SHARED_SHARE * larger):
                groups.join(file, other)


def _distinct_windows(prints: NDArray[np.uint64], owner: NDArray[np.int64]) -> dict[int, set[int]]:
    """Return the fingerprints found in each file."""
    order = np.argsort(owner, kind="stable")
    files, first = np.unique(owner[order], return_index=True)
    parts = np.split(prints[order], first[1:])
    return {file: set(part.tolist()) for file, part in zip(files.tolist(), parts, strict=False)}


def assign_splits(files: Sequence[SourceFile], groups: Sequence[int], seed: int) -> list[int]:
    """Return the split of each file as an index into `SPLITS`.

    The manifest's split holds where there is one; other groups go 90/5/5 by a hash of the group's
    name and the seed, so that a split does not change when files are added.
    """
    fixed = {group: file.split for file, group in zip(files, groups, strict=True) if file.split}
    names = {group: files[group].work or files[group].sha256 for group in set(groups)}
    found = []
    for file, group in zip(files, groups, strict=True):
        split = file.split or fixed.get(group, "")
        found.append(SPLITS.index(split) if split else _hashed_split(names[group], seed))
    return found


def _hashed_split(name: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return 0 if share < 0.9 else 1 if share < 0.95 else 2
