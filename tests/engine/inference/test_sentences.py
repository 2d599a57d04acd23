"""Which words come from which, and what a sentence is written of."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.sentences import FARTHEST_BACK, Relation, features, relations, roots, write_sentence

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


class Scripted:
    """Says what the test wants, and keeps what it was asked."""

    def __init__(self, backs):
        self.backs, self.asked = backs, []

    def next_word(self, words):
        self.asked.append(len(words))
        back = np.full(9, -1e9, np.float32)
        back[self.backs[len(words)]] = 0
        return {
            "back": back,
            "kept": np.full((9, 8), 50, np.float32),
            "weights": np.zeros(2, np.float32),
            "means": np.full((2, 3), len(words), np.float32),
            "deviations": np.full((2, 3), 1e-6, np.float32),
        }


def test_a_sentence_goes_on_from_what_was_heard_and_is_the_same_for_a_seed():
    model = Scripted([0, 0, 2, 1])
    written = write_sentence(model, [], 4, seed=1)
    assert [word.relation.back for word in written] == [0, 0, 2, 1]
    assert np.allclose(written[2].coarse, written[0].coarse)
    assert np.allclose(written[3].coarse, 0, atol=1e-4)
    assert written[2].relation.pitch.all()
    onward = write_sentence(model, written[:2], 2, seed=1)
    assert model.asked[-2:] == [2, 3]
    assert [word.relation.back for word in onward] == [2, 1]
    again = write_sentence(model, [], 4, seed=1)
    assert all(np.array_equal(one.coarse, other.coarse) for one, other in zip(written, again, strict=True))


def test_a_word_is_read_as_latent_distance_and_what_it_keeps():
    relation = Relation(2, np.array([True, False]), np.array([False, False]))
    row = features(relation, np.array([0.5, -0.5], np.float32))
    assert row.tolist() == [0.5, -0.5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
