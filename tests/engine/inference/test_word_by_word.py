"""Graphs of one word, applied to phrases of several."""

import numpy as np

from engine.inference.word_by_word import encode_words


def test_a_phrase_of_two_words_is_encoded_word_after_word():
    words = np.array([[[1], [2], [3], [4]], [[5], [6], [7], [8]]])
    mu, sigma = encode_words(lambda x: (x[:, :, 0] * 10.0, x.sum(1) / 4.0), words, steps=2)
    assert mu.tolist() == [[10, 20, 30, 40], [50, 60, 70, 80]]
    assert sigma.tolist() == [[0.75, 1.75], [2.75, 3.75]]
