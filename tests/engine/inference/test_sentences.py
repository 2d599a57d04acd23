"""What a sentence is written of."""

import numpy as np

from engine.inference.sentences import features, next_words
from engine.music.words import Relation


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


def sentence(model, words, count, seed):
    rng, written = np.random.default_rng(seed), list(words)
    for _ in range(count):
        written.append(next_words(model, written, 1, rng)[0])
    return written[len(words) :]


def test_a_sentence_goes_on_from_what_was_heard_and_is_the_same_for_a_seed():
    model = Scripted([0, 0, 2, 1])
    written = sentence(model, [], 4, seed=1)
    assert [word.relation.back for word in written] == [0, 0, 2, 1]
    assert np.allclose(written[2].coarse, written[0].coarse)
    assert np.allclose(written[3].coarse, 0, atol=1e-4)
    assert written[2].relation.pitch.all()
    onward = sentence(model, written[:2], 2, seed=1)
    assert model.asked[-2:] == [2, 3]
    assert [word.relation.back for word in onward] == [2, 1]
    again = sentence(model, [], 4, seed=1)
    assert all(np.array_equal(one.coarse, other.coarse) for one, other in zip(written, again, strict=True))


def test_a_word_may_come_from_one_eight_words_back_and_from_none_before_it():
    model = Scripted([0] * 8 + [8, 8])
    written = sentence(model, [], 10, seed=1)
    assert [word.relation.back for word in written] == [0] * 8 + [8, 8]
    assert np.allclose([word.coarse[0] for word in written], [*range(8), 0, 1], atol=1e-4)


def test_of_a_new_word_there_are_several_drafts_and_a_theme_can_be_favoured():
    model = Scripted([0, 0])
    drafts = next_words(model, sentence(model, [], 1, seed=1), 4, np.random.default_rng(2))
    assert [draft.relation.back for draft in drafts] == [0] * 4
    assert len({draft.coarse.tobytes() for draft in drafts}) == 4
    related = next_words(model, sentence(model, [], 1, seed=1), 4, np.random.default_rng(2), [2e9])
    assert [draft.relation.back for draft in related] == [1]  # of equal ones one


def test_what_is_favoured_is_counted_from_the_last_word_back():
    model = Scripted([0, 0, 0])
    words = sentence(model, [], 2, seed=1)
    for favoured, back in (([2e9, 0], 1), ([0, 2e9], 2), ([2e9, 3e9], 2)):
        drafts = next_words(model, words, 4, np.random.default_rng(2), favoured)
        assert [draft.relation.back for draft in drafts] == [back]


def test_a_word_is_read_as_latent_distance_and_what_it_keeps():
    relation = Relation(2, np.array([True, False]), np.array([False, False]))
    row = features(relation, np.array([0.5, -0.5], np.float32))
    assert row.tolist() == [0.5, -0.5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
