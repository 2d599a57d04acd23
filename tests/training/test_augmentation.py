"""What is changed of training windows beyond their transposition."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.config import DataConfig
from training.corpus.augmentation import augmented_drums, further_uniforms, octaves_within
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.corpus_kinds import KINDS
from training.corpus.dataset import Corpus

DRUMMED = {"bars_moved": 1.0, "drums_left_out": 0.5}
OCTAVES = {"octaves": 1.0}
CHANGES = {
    "accompaniment": OCTAVES,
    "drums": DRUMMED,
    "groove": {**DRUMMED, "velocity_change": 0.5},
    "melody": OCTAVES,
    "pianoroll": OCTAVES,
    "trio": OCTAVES,
    "words": OCTAVES,
}


def further(*numbers: float) -> np.ndarray:
    """Return the further uniforms of one window: these, then .99 throughout."""
    return np.array([[*numbers, *[0.99] * (23 - len(numbers))]])


def groove(*rows: dict[int, tuple[float, float]]) -> np.ndarray:
    """Return one window whose bars have one step each: velocity and offset by drum."""
    out = np.zeros((1, len(rows), 27), np.float32)
    for step, row in enumerate(rows):
        for drum, (velocity, offset) in row.items():
            out[0, step, [drum, 9 + drum, 18 + drum]] = 1, velocity, offset
    return out


def changed(window: np.ndarray, data: DataConfig, numbers: np.ndarray) -> list[Any]:
    return augmented_drums(window, data, 1, numbers)[0].tolist()


def test_a_window_begins_at_another_of_its_bars_and_goes_round() -> None:
    bars, data = np.array([[[10], [20], [30], [40]]]), DataConfig(bars_moved=0.5)
    assert changed(bars, data, further(0, 0, 0, 0.49, 0.0)) == [[20], [30], [40], [10]]
    assert changed(bars, data, further(0, 0, 0, 0.49, 0.99)) == [[40], [10], [20], [30]]
    assert changed(bars, data, further(0, 0, 0, 0.5, 0.0)) == [[10], [20], [30], [40]]
    assert changed(bars[:, :1], data, further(0, 0, 0, 0.49, 0.99)) == [[10]]


def test_the_steps_of_a_bar_stay_together() -> None:
    window = np.array([[[1], [2], [3], [4]]])
    moved = augmented_drums(window, DataConfig(bars_moved=1), 2, further(0, 0, 0, 0.0, 0.0))
    assert moved[0].tolist() == [[3], [4], [1], [2]]


def test_a_drum_is_left_out_with_all_that_it_plays() -> None:
    window = groove({0: (0.8, 0.1), 2: (0.4, -0.2)}, {2: (0.5, 0.3)})
    numbers = further(0, 0, 0, 0, 0, *[0.9, 0.9, 0.19], *[0.9] * 6)
    expected = groove({0: (0.8, 0.1)}, {})
    assert changed(window, DataConfig(drums_left_out=0.2), numbers) == expected[0].tolist()
    tokens = np.array([[[0b101], [0b100]]])
    assert changed(tokens, DataConfig(drums_left_out=0.2), numbers) == [[0b001], [0b000]]


def test_the_last_drum_that_is_hit_is_not_left_out() -> None:
    numbers = further(0, 0, 0, 0, 0, *[0.0] * 9, *[0.9, 0.5, 0.8], *[0.9] * 6)
    tokens = np.array([[[0b110], [0b010]]])
    assert changed(tokens, DataConfig(drums_left_out=1.0), numbers) == [[0b100], [0b000]]


@pytest.mark.parametrize(
    ("uniform", "velocities"), [(0.0, [0.4, 0.8 / 1.5]), (0.5, [0.6, 0.8]), (1.0, [0.9, 1.0])]
)
def test_velocities_of_a_window_are_multiplied_by_one_factor(uniform: float, velocities: list[float]) -> None:
    window = groove({0: (0.6, 0.1)}, {3: (0.8, -0.2)})
    out = augmented_drums(window, DataConfig(velocity_change=0.5), 1, further(0, 0, uniform))
    expected = groove({0: (velocities[0], 0.1)}, {3: (velocities[1], -0.2)})
    np.testing.assert_allclose(out, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "which", "way", "move"),
    [
        (60, 72, 0.29, 0.49, 12),
        (60, 72, 0.29, 0.50, -12),
        (60, 72, 0.30, 0.49, 0),
        (32, 60, 0.0, 0.9, 12),  # 20 is below the piano
        (60, 97, 0.0, 0.1, -12),  # 109 is above it
        (32, 97, 0.0, 0.1, 0),
        (0, 0, 0.0, 0.1, 0),  # nothing is pitched
    ],
)
def test_an_octave_is_moved_where_it_stays_on_the_piano(
    low: int, high: int, which: float, way: float, move: int
) -> None:
    found = octaves_within(np.array([low]), np.array([high]), 0.3, further(which, way))
    assert found.tolist() == [move]


@given(
    arrays(np.int64, (3, 4, 1), elements=st.integers(0, 511)),
    st.floats(0, 1),
    arrays(np.float64, 3, elements=st.floats(0, 1, exclude_max=True)),
)
def test_no_window_is_emptied_and_nothing_is_added(
    tokens: np.ndarray, share: float, uniforms: np.ndarray
) -> None:
    out = augmented_drums(tokens, DataConfig(drums_left_out=share), 2, further_uniforms(uniforms))
    assert ((out & ~tokens) == 0).all()
    assert out.any((1, 2)).tolist() == tokens.any((1, 2)).tolist()


def test_what_comes_of_a_window_does_not_depend_on_those_beside_it() -> None:
    together = further_uniforms(np.array([0.25, 0.5, 0.75]))
    assert together.shape == (3, 23)
    assert together[1].tolist() == further_uniforms(np.array([0.5]))[0].tolist()
    assert len({*together.ravel().tolist()}) == 69


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_training_windows_of_each_kind_are_changed_by_what_is_for_it(kind: str, tmp_path: Path) -> None:
    for seed in range(3):
        line = np.random.default_rng(seed).integers(0, 12, 160)
        parts = [
            Part(tune((60 + line).tolist()), name="Lead"),
            Part(tune((40 + line).tolist()), name="Bass", program=33),
            Part(tune([36, 38, 42, 36, 38] * 32), name="Kit", channel=9),
        ]
        write_midi(tmp_path / "music" / f"{seed}.mid", parts)
    build_corpus([tmp_path / "music"], tmp_path / "corpus", BuildOptions(kind=kind, bars=(4,)))
    corpus = Corpus.open(tmp_path / "corpus")
    ids, plain = corpus.window_ids("train")[:8], DataConfig(transpose=2)
    uniforms = np.random.default_rng(0).random(len(ids))
    before = corpus.training_batch(ids, plain, uniforms)
    assert (before == corpus.batch(ids, transpose=2, uniforms=uniforms)).all()
    for setting, value in CHANGES[kind].items():
        changed = corpus.training_batch(ids, DataConfig(transpose=2, **{setting: value}), uniforms)
        assert (changed.shape, changed.dtype) == (before.shape, before.dtype)
        assert (changed != before).any(), setting
