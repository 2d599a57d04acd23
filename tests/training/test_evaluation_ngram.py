import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.ngram import NGram


def test_a_bigram_by_hand() -> None:
    model = NGram.fit(np.array([[0, 1, 0]]), vocabulary=2, order=2)
    # One token: c(0) = 2, c(1) = 1, two kinds seen: p(0) = (2 + 2/2) / (3 + 2), p(1) = (1 + 2/2) / 5.
    # After the start mark: 0 once; after 0: 1 once; after 1: 0 once. Each context has one kind.
    p0, p1 = 3 / 5, 2 / 5
    first, second, third = (1 + p0) / 2, (1 + p1) / 2, (1 + p0) / 2
    wanted = -(math.log(first) + math.log(second) + math.log(third)) / 3
    assert model.nats(np.array([[0, 1, 0]])) == pytest.approx([wanted])
    # An unseen pair, 1 after 1, backs off to the single token: (0 + 1 * p1) / (1 + 1).
    unseen = -(math.log(p1 / 2) + math.log(p1 / 2)) / 2
    assert model.nats(np.array([[1, 1]])) == pytest.approx([unseen])


@given(
    data=st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=6),
    context=st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
def test_the_next_token_has_probability_one_in_all(data: list[list[int]], context: list[int]) -> None:
    model = NGram.fit(np.array(data), vocabulary=4, order=4)
    # The whole sequence's cost minus its context's is the cost of the last token.
    whole = model.nats(np.array([[*context, token] for token in range(4)])) * 4
    before = model.nats(np.array([context])) * 3
    assert np.exp(before - whole).sum() == pytest.approx(1.0)


def test_what_was_counted_is_cheaper_than_its_shuffle() -> None:
    rng = np.random.default_rng(0)
    scales = (np.arange(32) + rng.integers(0, 8, size=(64, 1))) % 8
    model = NGram.fit(scales[:48], vocabulary=90)
    shuffled = rng.permuted(scales[48:], axis=1)
    assert model.nats(scales[48:]).mean() < 0.3 * model.nats(shuffled).mean()


def test_keys_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="lower the order"):
        NGram.fit(np.zeros((1, 4), np.int64), vocabulary=512, order=8)
