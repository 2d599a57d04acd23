"""Feel: the source comes back exactly, and changed notes are played like what they replace."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.music.feel import Feel
from engine.music.grid import Grid
from engine.music.notes import Note, Phrase
from engine.music.representation import REPRESENTATIONS, representation

BARS = 2

notes = st.builds(
    Note,
    start_beats=st.one_of(st.floats(-3.0, 9.0), st.integers(-8, 72).map(lambda half: half / 8)),
    pitch=st.integers(0, 127),
    duration_beats=st.floats(0.001, 12.0),
    velocity=st.integers(1, 127),
    channel=st.sampled_from([0, 0, 1, 9, 15]),
)
"""Anything: chords with long lower notes, early and late notes, strays outside the phrase."""

on_few_steps = st.builds(
    Note,
    start_beats=st.builds(lambda step, late: step / 4 + late, st.integers(0, 3), st.floats(-0.12, 0.12)),
    pitch=st.sampled_from([36, 38, 40, 42, 44, 60]),
    duration_beats=st.floats(0.01, 1.0),
    velocity=st.integers(1, 127),
    channel=st.sampled_from([0, 1, 9]),
)
"""Crowded steps: several notes of a pitch or of a drum class in one step."""


@pytest.mark.parametrize("name", sorted(REPRESENTATIONS))
@pytest.mark.parametrize("steps_per_beat", [4, 3, 6])
@settings(max_examples=100)
@given(st.lists(st.one_of(notes, on_few_steps), max_size=24))
def test_the_source_comes_back_exactly(name: str, steps_per_beat: int, played: list[Note]) -> None:
    rep = representation(name, BARS, Grid(steps_per_beat))
    phrase = Phrase.of(played, BARS)
    assert Feel.of(phrase, rep).restore(rep.decode(rep.encode(phrase))) == phrase


@pytest.mark.parametrize("name", sorted(REPRESENTATIONS))
@settings(max_examples=50)
@given(st.lists(notes, max_size=12), st.lists(on_few_steps, max_size=12))
def test_any_other_phrase_keeps_its_steps_and_sounds(
    name: str, played: list[Note], answer: list[Note]
) -> None:
    rep = representation(name, BARS)
    decoded = rep.decode(rep.encode(Phrase.of(answer, BARS)))
    restored = Feel.of(Phrase.of(played, BARS), rep).restore(decoded)
    assert (restored.bars, restored.beats_per_bar) == (BARS, 4.0)
    assert all(note.duration_beats > 0 and 1 <= note.velocity <= 127 for note in restored.notes)


MELODY = representation("melody", 1)
PLAYED = Phrase.of(
    [
        Note(0.02, 60, 0.9, 100, 3),
        Note(0.03, 48, 3.0, 70, 3),
        Note(1.98, 64, 1.0, 40, 3),
        Note(3.05, 67, 0.5, 60, 3),
    ],
    1,
)


def restore(*decoded: Note) -> tuple[Note, ...]:
    return Feel.of(PLAYED, MELODY).restore(Phrase.of(decoded, 1)).notes


def test_an_equal_note_brings_its_chord_back() -> None:
    assert restore(Note(0, 60, 1)) == PLAYED.notes[:2]


def test_another_pitch_or_length_takes_timing_and_velocity() -> None:
    (other,) = restore(Note(2, 65, 0.5))
    assert (other.pitch, other.velocity, other.channel) == (65, 40, 3)
    assert other.start_beats == pytest.approx(1.98)
    assert other.end_beats == pytest.approx(2.5)


def test_a_new_step_is_on_the_grid_with_a_velocity_between_its_neighbours() -> None:
    # 100 at step 0, 40 at step 8
    assert restore(Note(0.5, 62, 0.25)) == (Note(0.5, 62, 0.25, 85, 3),)
    # after the last played note: its velocity
    assert restore(Note(3.75, 62, 0.25)) == (Note(3.75, 62, 0.25, 60, 3),)


def test_a_note_carried_in_is_replaced_at_the_bar_line() -> None:
    carried = Phrase.of([Note(-1.5, 60, 2.0, 33)], 1)
    answer = Feel.of(carried, MELODY).restore(Phrase.of([Note(0, 62, 0.25)], 1))
    assert answer.notes == (Note(0.0, 62, 0.25, 33),)


def test_without_anything_played_the_decoded_notes_stay() -> None:
    decoded = Phrase.of([Note(1, 60, 1)], 1)
    assert Feel.of(Phrase.of([], 1), MELODY).restore(decoded) == decoded
