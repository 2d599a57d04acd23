"""The rows of a roll: they hold what is played, grow and never shrink, and name the drums."""

from hypothesis import given
from hypothesis import strategies as st

from app.window.axis import MOST_ROWS, Axis, note_name
from engine.music.notes import Note

NOTES = st.lists(
    st.builds(
        Note,
        st.floats(0, 8),
        st.integers(0, 127),
        st.floats(0.1, 4),
        st.integers(1, 127),
        st.sampled_from([0, 1, 9]),
    ),
    max_size=40,
)


@given(st.lists(NOTES, max_size=5))
def test_rows_never_shrink_and_every_note_has_one(phrases):
    axis = Axis()
    for notes in phrases:
        grown = axis.grown(notes)
        assert grown.rows >= axis.rows
        assert grown.lanes >= axis.lanes
        if axis.pitched:
            assert grown.low <= axis.low
            assert grown.high >= axis.high
        assert all(0 <= grown.row(note) < grown.rows for note in notes)
        axis = grown


@given(NOTES)
def test_one_stray_pitch_makes_no_hairlines(notes):
    assert Axis().grown(notes).pitched_rows <= MOST_ROWS


@given(NOTES)
def test_the_same_notes_again_change_nothing(notes):
    once = Axis().grown(notes)
    assert once.grown(notes) == once


def test_one_note_does_not_fill_the_roll():
    axis = Axis().grown([Note(0, 60, 1)])
    assert axis.rows == 19
    assert axis.low <= 58
    assert axis.high >= 62
    assert axis.row(Note(0, axis.high, 1)) == 0
    assert axis.row(Note(0, axis.low, 1)) == 18


def test_what_lies_outside_is_at_the_edge():
    axis = Axis().grown([Note(0, 60, 1), Note(1, 62, 1)])
    lowest, highest = Note(0, 0, 1), Note(0, 127, 1)
    assert (axis.outside(lowest), axis.outside(highest), axis.outside(Note(0, 60, 1))) == (-1, 1, 0)
    assert (axis.row(highest), axis.row(lowest)) == (0, axis.rows - 1)


def test_drums_have_named_lanes_with_the_kick_lowest():
    kick, snare, ride = Note(0, 36, 1, channel=9), Note(0, 38, 1, channel=9), Note(0, 51, 1, channel=9)
    axis = Axis().grown([kick])
    assert not axis.pitched
    assert axis.lane_names() == (
        "Ride", "Crash", "High tom", "Mid tom", "Low tom", "Open hi-hat", "Closed hi-hat", "Snare", "Kick",
    )  # fmt: skip
    assert [axis.row(note) for note in (ride, snare, kick)] == [0, 7, 8]


def test_a_trio_has_its_drums_below_its_pitches():
    axis = Axis().grown([Note(0, 60, 1), Note(0, 36, 1, channel=9)])
    assert axis.rows == 19 + 9
    assert axis.row(Note(0, 36, 1, channel=9)) == 27
    assert axis.row(Note(0, 36, 1, channel=1)) <= 18


def test_pitches_are_named_as_musicians_do():
    assert [note_name(pitch) for pitch in (60, 61, 69, 0)] == ["C4", "C♯4", "A4", "C-1"]
