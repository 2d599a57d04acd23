"""Sounding keys, and how a key struck again shows."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from engine.music.grid import Grid
from engine.music.notes import Note, Phrase
from engine.music.pianoroll import PianorollRepresentation, piano_roll

ROLL = PianorollRepresentation(1)


def column(onsets: list[int], ends: list[int], steps: int = 8) -> list[int]:
    return piano_roll(onsets, ends, [60] * len(onsets), steps)[:, 39].astype(int).tolist()


def test_a_chord_by_hand() -> None:
    roll = ROLL.encode(Phrase.of([Note(0, 21, 0.5), Note(0, 108, 0.25), Note(0.25, 60, 1)], 1))
    expected = np.zeros((16, 88), dtype=np.float32)
    expected[0:2, 0] = 1
    expected[0, 87] = 1
    expected[1:5, 39] = 1
    assert roll.dtype == np.float32
    assert roll.tolist() == expected.tolist()


def test_a_key_struck_again_takes_the_last_step_of_the_note_before() -> None:
    assert column([0, 4], [4, 8]) == [1, 1, 1, 0, 1, 1, 1, 1]
    assert column([0, 4], [8, 6]) == [1, 1, 1, 0, 1, 1, 0, 0]
    assert column([0, 4], [3, 6]) == [1, 1, 1, 0, 1, 1, 0, 0]


def test_single_steps_struck_again_at_once_merge_unless_the_grid_is_finer() -> None:
    assert column([0, 1], [1, 2], 4) == [1, 1, 0, 0]
    phrase = Phrase.of([Note(0, 60, 0.25), Note(0.25, 60, 0.25)], 1)
    fine = PianorollRepresentation(1, Grid(steps_per_beat=8))
    assert [note.start_beats for note in fine.decode(fine.encode(phrase)).notes] == [0, 0.25]


def test_notes_carried_in_and_out() -> None:
    assert column([-4, 6], [2, 30]) == [1, 1, 0, 0, 0, 0, 1, 1]
    assert column([-4], [0]) == [0] * 8
    assert column([8, -9], [9, -2]) == [0] * 8


def test_drums_and_keys_outside_the_piano_are_left_out() -> None:
    assert not ROLL.encode(Phrase.of([Note(0, 60, 1, channel=9), Note(0, 20, 1), Note(0, 109, 1)], 1)).any()


@given(arrays(np.bool_, (16, 88)))
def test_rolls_go_round(sounding) -> None:
    roll = sounding.astype(np.float32)
    assert ROLL.encode(ROLL.decode(roll)).tolist() == roll.tolist()
