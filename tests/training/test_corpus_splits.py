import numpy as np

from training.corpus.build.splits import COMMONPLACE, assign_splits, work_groups
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
    everywhere = prints_of(*([1, 2, 3, 4, 5] for _ in range(count)))
    assert work_groups(files(*[""] * count), *everywhere) == list(range(count))


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
