"""27 values a step: a matrix by hand, the decided faults, and the way round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.groove import GrooveRepresentation, groove_rows
from engine.music.notes import Note, Phrase

hits = st.builds(
    Note,
    start_beats=st.builds(lambda step, late: step / 4 + late, st.integers(0, 15), st.floats(-0.124, 0.124)),
    pitch=st.sampled_from([36, 38, 42, 46, 45, 48, 50, 49, 51]),
    duration_beats=st.just(0.25),
    velocity=st.integers(1, 127),
    channel=st.just(9),
)


def test_rows_by_hand() -> None:
    # kick on the grid; snare 1/16 beat (a quarter step) early on step 4; hat 1/16 beat late on step 6
    rows = groove_rows([0, 0.9375, 1.5625], [36, 38, 42], [127, 64, 32], 8, "gm")
    expected = np.zeros((8, 27), dtype=np.float32)
    expected[0, [0, 9]] = [1, 1]
    expected[4, [1, 10, 19]] = [1, 64 / 127, 0.5]
    expected[6, [2, 11, 20]] = [1, 32 / 127, -0.5]
    assert rows.dtype == np.float32
    assert rows.tolist() == expected.tolist()


def test_the_loudest_of_a_class_in_a_step_counts_and_of_equal_ones_the_first() -> None:
    assert groove_rows([0, 0.05], [36, 35], [50, 90], 1, "gm")[0, [9, 18]].tolist() == pytest.approx(
        [90 / 127, -0.4]
    )
    assert groove_rows([0.05, 0.0], [36, 35], [90, 90], 1, "gm")[0, 18] == 0


def test_windows_keep_hits_played_early_on_their_downbeat() -> None:
    rows = groove_rows([3.95], [36], [100], 32, "gm")
    window = rows[16:]
    assert window[0, 0] == 1
    assert window[0, 18] == pytest.approx(0.4)


def test_unmapped_pitches_are_no_error() -> None:
    assert not groove_rows([0.0], [127], [100], 4, "roland").any()


def decode(*values: tuple[int, int, float]) -> tuple[Note, ...]:
    array = np.zeros((16, 27), dtype=np.float32)
    for step, value, number in values:
        array[step, value] = number
    return GrooveRepresentation(1).decode(array).notes


def test_a_sounding_hit_is_never_silent_and_velocities_stay_in_range() -> None:
    assert [note.velocity for note in decode((0, 0, 1), (1, 0, 0.51), (1, 9, 1.2), (2, 0, 0.5))] == [1, 127]


def test_only_the_very_first_step_is_clamped() -> None:
    early = decode((0, 0, 1), (0, 18, 0.8), (4, 0, 1), (4, 18, 0.8))
    assert [note.start_beats for note in early] == pytest.approx([0.0, 0.9])


def test_half_a_step_late_stays_in_its_step() -> None:
    (late,) = decode((3, 0, 1), (3, 18, -1.0))
    assert late.start_beats < 0.875


@given(st.lists(hits, max_size=30))
def test_phrases_go_round(played) -> None:
    rep = GrooveRepresentation(1)
    once = rep.decode(rep.encode(Phrase.of(played, 1)))
    loudest = {}
    for note in played:
        place = (rep.grid.nearest_step(note.start_beats), note.pitch)
        loudest[place] = max(loudest.get(place, 0), note.velocity)
    decoded = {(rep.grid.nearest_step(note.start_beats), note.pitch): note.velocity for note in once.notes}
    assert decoded == loudest
    starts = {note.start_beats for note in played}
    assert all(min(abs(max(start, 0) - note.start_beats) for start in starts) < 1e-6 for note in once.notes)
    again = rep.encode(once)
    assert np.allclose(again, rep.encode(rep.decode(again)), atol=1e-6)
