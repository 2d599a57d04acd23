"""Moving melodies and biases between the player's key and the one a model knows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.home_key import moved_bias, moved_tokens, semitones_home
from engine.inference.perturbation import FORBIDDEN
from engine.music.key import KEYS, Key
from engine.music.melody import FIRST_NOTE, VOCABULARY

TOKENS = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=32).map(
    lambda row: np.array(row)[:, None]
)
SCALES = st.sampled_from(["major", "minor", "harmonic minor", "dorian"])


@given(TOKENS, st.integers(0, 11), SCALES)
def test_the_way_home_leaves_every_note_on_the_piano_and_ends_on_the_white_keys(tokens, tonic, scale):
    key = Key(tonic, scale)
    way = semitones_home(tokens, key)
    if way:
        assert key.transposed(way).semitones_to_reference == 0
        notes = tokens[tokens >= FIRST_NOTE] + way
        assert ((notes >= FIRST_NOTE) & (notes < VOCABULARY)).all()
    assert np.array_equal(moved_tokens(moved_tokens(tokens, way), -way), tokens)


def test_a_melody_at_the_top_goes_down_instead_of_up():
    top = np.array([[VOCABULARY - 1]])
    assert semitones_home(top, Key(KEYS.index("G"))) == -7
    assert semitones_home(np.array([[40]]), Key(KEYS.index("G"))) == 5
    assert semitones_home(top, None) == 0


@given(st.integers(-12, 12), st.integers(0, VOCABULARY - 1))
def test_a_bias_for_a_token_is_a_bias_for_the_moved_token(semitones, token):
    bias = np.zeros((1, VOCABULARY), np.float32)
    bias[0, token] = 5
    moved = moved_bias(bias, semitones)
    place = token if token < FIRST_NOTE else token + semitones
    if token < FIRST_NOTE or FIRST_NOTE <= place < VOCABULARY:
        assert moved[0, place] == 5
    assert (moved[0, FIRST_NOTE:] == FORBIDDEN).sum() == abs(semitones)
