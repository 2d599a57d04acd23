from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, write_midi
from hypothesis import given
from hypothesis import strategies as st

from engine.music.grid import Grid
from training.corpus.extract.bars import Run, nearest_steps, on_grid, runs
from training.corpus.extract.reader import Piece, read_piece


def piece_of(tmp_path: Path, notes: list[tuple[float, ...]], metres: list[tuple[float, int, int]]) -> Piece:
    return read_piece(write_midi(tmp_path / "a.mid", [Part(notes)], metres))


def test_a_pickup_bar_of_its_own_metre_comes_before_the_first_run(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, [(0, 1, 60), (1, 8, 60)], [(0, 1, 4), (1, 4, 4)])
    assert runs(piece) == [Run(480, 2)]


def test_cut_time_and_common_time_run_on_into_each_other(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, [(0, 12, 60)], [(0, 4, 4), (4, 2, 2), (8, 4, 4)])
    assert runs(piece) == [Run(0, 3)]


def test_other_metres_and_bars_cut_short_break_the_run(tmp_path: Path) -> None:
    metres = [(0, 4, 4), (6, 4, 4), (14, 3, 4), (17, 6, 8), (20, 4, 4)]
    piece = piece_of(tmp_path, [(0, 25, 60)], metres)
    assert runs(piece) == [Run(0, 1), Run(6 * 480, 2), Run(20 * 480, 2)]


def test_a_hit_that_rounds_into_a_new_bar_gets_that_bar(tmp_path: Path) -> None:
    piece = piece_of(tmp_path, [(0, 1, 60), (3.95, 0.02, 60)], [(0, 4, 4)])
    (run,) = runs(piece)
    assert run.bars == 2
    assert on_grid(piece.tracks[0], run, 480).onset_steps.tolist() == [0, 16]


def test_notes_are_quantised_before_they_are_cut(tmp_path: Path) -> None:
    notes = [(2, 3, 50), (3.9, 1, 60), (4.3, 0.01, 62), (8, 1, 64)]
    piece = piece_of(tmp_path, notes, [(0, 2, 4), (4, 4, 4), (8, 2, 4)])
    steps = on_grid(piece.tracks[0], runs(piece)[0], 480)
    assert steps.pitch.tolist() == [50, 60, 62]  # held from before, early on the downbeat, inside
    assert steps.onset_steps.tolist() == [-8, 0, 1]
    assert steps.end_steps.tolist() == [4, 4, 2]
    assert steps.late_steps[1:].tolist() == pytest.approx([-0.4, 0.2])


@given(st.integers(-100_000, 100_000), st.sampled_from([24, 96, 120, 384, 480, 960, 1024]))
def test_rounding_agrees_with_the_live_grid(ticks: int, ticks_per_beat: int) -> None:
    expected = Grid().nearest_step(ticks / ticks_per_beat)
    assert nearest_steps(np.array([ticks]), ticks_per_beat).tolist() == [expected]
