"""What a sentence is written of."""

import numpy as np

from engine.inference.sentences import features, write_sentence
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
