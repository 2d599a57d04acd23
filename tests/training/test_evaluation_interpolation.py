import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.music.representation import representation
from training.evaluation.interpolation import SHARES, Pairs, measure_walks, naive_blend, slerp
from training.evaluation.ngram import NGram
from training.evaluation.symbols import line_vocabularies, symbol_lines

MELODY = representation("melody", 2)


def test_slerp_meets_its_ends_and_keeps_equal_lengths() -> None:
    first, second = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    assert slerp(first, second, 0.0).tolist() == first.tolist()
    assert slerp(first, second, 1.0)[0].tolist() == pytest.approx([0, 3], abs=1e-6)
    assert slerp(first, second, 0.5)[0].tolist() == pytest.approx([4.5**0.5, 4.5**0.5])


@pytest.mark.parametrize("other", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
def test_slerp_of_parallel_and_empty_vectors_is_a_straight_line(other: list[float]) -> None:
    point = slerp(torch.tensor([[1.0, 2.0]]), torch.tensor([other]), 0.25)
    assert torch.isfinite(point).all()
    if other != [0.0, 0.0]:
        wanted = 0.75 * np.array([1, 2]) + 0.25 * np.array(other)
        assert point[0].tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


@given(st.floats(0, 1))
def test_the_naive_blend_takes_a_share_of_steps_whole(share: float) -> None:
    first, second = np.zeros((64, 32, 3), np.int64), np.ones((64, 32, 3), np.int64)
    blend = naive_blend(first, second, share, np.random.default_rng(0))
    assert (blend == blend[..., :1]).all()
    assert blend.mean() == pytest.approx(share, abs=0.05)


def walked(path_of_share) -> dict:
    """Measure a walk from all zeros to all fives."""
    first, second = np.zeros((3, 32, 1), np.int64), np.full((3, 32, 1), 5)
    path = np.stack([np.repeat(path_of_share(share)[None], 3, axis=0) for share in SHARES], axis=1)
    ngram = NGram.fit(np.random.default_rng(0).integers(0, 90, (50, 32)), 90)
    return measure_walks(Pairs(first, second, path), MELODY, [ngram])


def test_an_even_walk_is_the_diagonal() -> None:
    measured = walked(lambda share: np.where(np.arange(32) < round(32 * share), 5, 0)[:, None])
    assert measured["hamming"] == pytest.approx(SHARES, abs=1 / 32)
    assert measured["off_diagonal"] < 0.02
    assert measured["largest_step"] == pytest.approx(4 / 32)  # 3.2 steps each, so 3 or 4
    assert measured["detour"] == 1
    assert measured["cost"][0] == measured["cost"][-1] == pytest.approx(1)
    assert measured["cost_naive"][0] == measured["cost_naive"][-1] == pytest.approx(1)


def test_a_walk_that_jumps_says_so() -> None:
    measured = walked(lambda share: np.full((32, 1), 5 if share > 0.5 else 0))
    assert measured["largest_step"] == 1
    assert measured["off_diagonal"] > 0.25
    there_and_back = walked(lambda share: np.full((32, 1), 7 if 0.3 < share < 0.6 else 5 * (share > 0.5)))
    assert there_and_back["detour"] == 2


def test_a_walk_that_stands_still_has_no_evenness() -> None:
    measured = walked(lambda share: np.zeros((32, 1), np.int64))
    assert np.isnan(measured["largest_step"])
    assert measured["hamming"] == [0.0] * len(SHARES)


def test_a_groove_is_read_by_its_hits() -> None:
    spec = representation("groove", 2)
    frames = np.zeros((1, 32, 27), np.float32)
    frames[0, 3, [0, 2]] = 1
    frames[0, 3, [9, 11]] = 0.5
    lines = symbol_lines(frames, spec)
    assert lines.shape == (1, 32, 1)
    assert lines[0, 3, 0] == 0b101
    assert lines.sum() == 0b101
    assert line_vocabularies(spec) == (512,)
    assert line_vocabularies(representation("trio", 16)) == (90, 90, 512)
