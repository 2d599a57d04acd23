from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus.build.splits import COMMONPLACE, MIN_SHARED, SHARED_SHARE, assign_splits, work_groups
from training.corpus.sources import SourceFile


def files(*works: str, splits: tuple[str, ...] = ()) -> list[SourceFile]:
    padded = splits + ("",) * (len(works) - len(splits))
    pairs = enumerate(zip(works, padded, strict=True))
    return [
        SourceFile("", f"{number}.mid", f"{number:02d}", work=work, split=split)
        for number, (work, split) in pairs
    ]


def prints_of(*windows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    owner = [number for number, content in enumerate(windows) for _ in content]
    return np.array([value for content in windows for value in content], np.uint64), np.array(owner)


def test_files_of_one_work_and_files_that_share_material_are_one_group() -> None:
    tunes = prints_of([1, 2], list(range(10, 20)), [3, 4], [10, 11, 12, 13, 90], [20, 21])
    assert work_groups(files("a", "b", "a", "", ""), *tunes) == [0, 1, 0, 1, 4]


def test_a_few_shared_windows_or_commonplaces_tie_nothing() -> None:
    few = prints_of([1, 2, 3, 40, 41], [1, 2, 3, 50, 51])
    assert work_groups(files("", ""), *few) == [0, 1]
    count = COMMONPLACE + 1
    everywhere = prints_of(*([1, 2, 3, 4, *range(100 * n, 100 * n + 20)] for n in range(1, count + 1)))
    assert work_groups(files(*[""] * count), *everywhere) == list(range(count))
    short_and_long = prints_of(*([1, 2, 3, 4, *range(100 * n, 100 * n + 20 * (n > 1))] for n in range(1, 12)))
    assert work_groups(files(*[""] * 11), *short_and_long) == list(range(11))


@pytest.mark.parametrize("versions", [2, 8, 9, 10, 40])
def test_a_work_in_any_number_of_versions_is_one_group(versions: int) -> None:
    whole = prints_of(*([*range(10), 100 + n, 200 + n] for n in range(versions)), [300, 301, 302, 303])
    assert work_groups(files(*[""] * (versions + 1)), *whole) == [0] * versions + [versions]


@given(
    st.lists(st.sets(st.integers(0, 25), min_size=1, max_size=14), min_size=2, max_size=14),
    st.lists(st.sets(st.integers(0, 3), max_size=4), min_size=14, max_size=14),
)
def test_whoever_shares_enough_of_the_larger_is_in_one_group(own: list[set[int]], common) -> None:
    contents = [sorted(one | {100 + c for c in more}) for one, more in zip(own, common, strict=False)]
    groups = work_groups(files(*[""] * len(contents)), *prints_of(*contents))
    for (one, a), (other, b) in combinations(enumerate(map(set, contents)), 2):
        shared = len(a & b)
        if shared >= MIN_SHARED and shared >= SHARED_SHARE * max(len(a), len(b)):
            assert groups[one] == groups[other]


def test_groups_join_over_several_steps() -> None:
    chain = prints_of([1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8])
    assert work_groups(files("", "", ""), *chain) == [0, 0, 0]


def test_the_manifest_decides_and_draws_its_group_along() -> None:
    sources = files("a", "", "b", splits=("test", "", "valid"))
    assert assign_splits(sources, [0, 0, 2], seed=0) == [2, 2, 1]


def test_hashed_splits_are_ninety_five_five_and_depend_on_the_seed_alone() -> None:
    sources = files(*(f"work {number}" for number in range(4000)))
    groups = list(range(4000))
    splits = assign_splits(sources, groups, seed=1)
    shares = np.bincount(splits, minlength=3) / 4000
    np.testing.assert_allclose(shares, [0.9, 0.05, 0.05], atol=0.015)
    assert assign_splits(sources[:100], groups[:100], seed=1) == splits[:100]
    assert assign_splits(sources, groups, seed=2) != splits
