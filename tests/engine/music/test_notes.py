"""The grid's rounding, and phrases cut and repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.grid import Grid
from engine.music.notes import Note, Phrase


def test_steps_of_a_grid_and_ties_to_the_later_step() -> None:
    grid = Grid()
    assert (grid.steps_per_bar, grid.step_beats) == (16, 0.25)
    assert [grid.nearest_step(beats) for beats in (0.0, 0.124, 0.125, 0.25, -0.1, -0.125, -0.13)] == [
        0, 0, 1, 1, 0, 0, -1
    ]  # fmt: skip
    assert Grid(steps_per_beat=3, beats_per_bar=3).steps_per_bar == 9


def test_a_window_keeps_held_and_early_notes_and_ends_at_its_bar_line() -> None:
    phrase = Phrase.of(
        [Note(1, 60, 4), Note(3.95, 62, 0.5), Note(6, 64, 9), Note(7.9, 65, 1), Note(0, 67, 4)], 3
    )
    window = phrase.window(1, 1)
    assert [(note.pitch, note.start_beats, note.end_beats) for note in window.notes] == [
        (62, pytest.approx(-0.05), pytest.approx(0.45)),
        (60, 0.0, 1.0),
        (64, 2.0, 4.0),
    ]
    assert (window.bars, window.beats_per_bar) == (1, 4.0)


def test_a_short_hit_played_early_is_not_lost_though_it_ends_before_the_line() -> None:
    hit = Phrase.of([Note(3.9, 36, 0.05, channel=9)], 2)
    assert hit.window(0, 1).notes == ()
    (early,) = hit.window(1, 1).notes
    assert (early.start_beats, early.duration_beats) == (pytest.approx(-0.1), 0.05)


def test_tiling_repeats_and_cuts_the_last_repeat() -> None:
    phrase = Phrase.of([Note(0, 60, 1), Note(4, 62, 1)], 2)
    starts = [(note.start_beats, note.pitch) for note in phrase.tiled(3).notes]
    assert starts == [(0, 60), (4, 62), (8, 60)]
    assert phrase.tiled(2) == phrase


@given(
    st.lists(st.builds(Note, st.floats(-0.1, 15.8), st.integers(0, 127), st.floats(0.01, 3.0)), max_size=20)
)
def test_every_onset_is_in_exactly_one_window(notes: list[Note]) -> None:
    phrase = Phrase.of(notes, 4)
    windows = [phrase.window(bar, 1) for bar in range(4)]
    carried = sum(
        note.start_beats < bar * 4 - 2 / 19 and note.end_beats > bar * 4 for note in notes for bar in range(4)
    )
    assert sum(len(window.notes) for window in windows) == len(notes) + carried
    assert all(note.duration_beats > 0 for window in windows for note in window.notes)


def test_transposing_leaves_drums_and_stays_in_the_range_of_midi():
    phrase = Phrase.of(
        [Note(0.0, 60, 1.0), Note(1.0, 3, 1.0), Note(2.0, 126, 1.0), Note(3.0, 38, 1.0, 80, 9)], 1
    )
    assert [note.pitch for note in phrase.transposed(5).notes] == [65, 8, 119, 38]
    assert [note.pitch for note in phrase.transposed(-5).notes] == [55, 10, 121, 38]
    assert phrase.transposed(0) is phrase


@given(st.integers(0, 127), st.integers(-24, 24))
def test_a_transposed_note_keeps_its_distance_but_for_octaves(pitch, semitones):
    (note,) = Phrase.of([Note(0.0, pitch, 1.0)], 1).transposed(semitones).notes
    assert 0 <= note.pitch <= 127
    assert (note.pitch - pitch - semitones) % 12 == 0
