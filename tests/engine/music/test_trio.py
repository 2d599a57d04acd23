"""Three streams over three channels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.notes import Note, Phrase
from engine.music.trio import TrioRepresentation

TRIO = TrioRepresentation(1)


def test_each_channel_is_a_stream_and_others_are_left_out() -> None:
    phrase = Phrase.of(
        [
            Note(0, 60, 1, channel=0),
            Note(0, 36, 4, channel=1),
            Note(1, 36, 0.1, channel=9),
            Note(1, 42, 0.1, channel=9),
            Note(2, 72, 1, channel=5),
        ],
        1,
    )
    tokens = TRIO.encode(phrase)
    expected = np.zeros((16, 3), dtype=np.int64)
    expected[0] = [41, 17, 0]
    expected[4] = [1, 0, 5]
    assert tokens.dtype == np.int64
    assert tokens.tolist() == expected.tolist()
    assert TRIO.decode(tokens).notes == (
        Note(0, 36, 4, channel=1),
        Note(0, 60, 1, channel=0),
        Note(1, 36, 0.25, channel=9),
        Note(1, 42, 0.25, channel=9),
    )


def test_lanes() -> None:
    lanes = [TRIO.lane(Note(0, 38, 1, channel=channel)) for channel in (0, 1, 9, 2)]
    assert lanes == [0, 1, 3, None]


rows = st.tuples(st.sampled_from([0, 0, 2, 41, 89]), st.sampled_from([0, 0, 2, 30, 89]), st.integers(0, 511))


@given(st.lists(rows, min_size=16, max_size=16))
def test_tokens_go_round(tokens) -> None:
    array = np.array(tokens, dtype=np.int64)
    assert TRIO.encode(TRIO.decode(array)).tolist() == array.tolist()


def test_a_token_of_another_stream_is_refused() -> None:
    array = np.zeros((16, 3), dtype=np.int64)
    array[0, 1] = 300
    with pytest.raises(ValueError, match="leave the range 0 to 89"):
        TRIO.decode(array)
