"""Which words of a melody come from which."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.music.words import FARTHEST_BACK, relations, roots

A = np.array([10, 0, 12, 0, 14, 0, 15, 0] * 2)
B = np.array([40, 0, 0, 41, 0, 0, 42, 0] * 2)
A_UP = np.where(A >= 2, A + 7, A)
A_OTHER_END = np.concatenate([A[:12], [60, 61, 62, 63]])


def test_repeats_variations_and_rhythms_are_related_and_the_rest_is_new():
    found = relations(np.stack([A, B, A, A_OTHER_END, A_UP, np.full(16, 1)]))
    assert [relation.back for relation in found] == [0, 0, 2, 1, 2, 0]
    assert found[2].rhythm.all()
    assert found[2].pitch.all()
    assert found[3].pitch.tolist() == [True, True, True, False]
    assert found[4].rhythm.all()
    assert not found[4].pitch.any()
    assert roots(found) == [0, 1, 0, 0, 0, 5]


def test_of_equal_words_the_nearest_counts_and_none_beyond_eight():
    found = relations(np.stack([A, A, *[np.full(16, 20 + n) for n in range(FARTHEST_BACK)], A]))
    assert found[1].back == 1
    assert found[-1].back == 0


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=12))
def test_words_of_one_kind_have_one_root(kinds):
    tokens = np.stack([(A, B, np.full(16, 70))[kind] for kind in kinds])
    first = {}
    for index, kind in enumerate(kinds):
        first.setdefault(kind, index)
    assert roots(relations(tokens)) == [first[kind] for kind in kinds] or len(kinds) > FARTHEST_BACK
