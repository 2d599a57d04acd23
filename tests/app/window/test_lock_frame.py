"""The frame that the keys move over the roll stays within the music, and locks what it is over."""

from hypothesis import given
from hypothesis import strategies as st

from app.window.axis import Axis
from app.window.widgets.lock_frame import LockFrame
from engine.inference.constraints import Lock

TUNE = Axis(low=60, high=71)
BAND = Axis(low=60, high=71, lanes=9)
MOVES = st.tuples(st.integers(-20, 20), st.booleans(), st.booleans())


def test_over_all_rows_it_locks_the_time():
    frame = LockFrame().moved(3, 8.0).moved(1, 8.0, wider=True)
    assert frame.lock(TUNE) == Lock(0.75, 1.25)
    assert frame.words(TUNE, 4.0) == "bar 1, step 4, 2 steps"
    assert frame.moved(14, 8.0).words(TUNE, 4.0) == "bar 2, step 2, 2 steps"


def test_up_and_down_choose_rows_and_leave_them_at_the_edges():
    top, lowest = LockFrame().lowered(1, 12), LockFrame().lowered(-1, 12)
    assert (top.lock(TUNE), lowest.lock(TUNE)) == (Lock(0.0, 0.25, 71, 71), Lock(0.0, 0.25, 60, 60))
    assert top.lowered(-1, 12) == lowest.lowered(1, 12) == LockFrame()
    wide = top.lowered(2, 12, wider=True)
    assert wide.lock(TUNE) == Lock(0.0, 0.25, 69, 71)
    assert wide.words(TUNE, 4.0) == "bar 1, step 1, A4 to B4"


def test_drum_lanes_are_locked_as_drums_and_rows_of_both_kinds_as_time():
    kick = LockFrame().lowered(-1, 21)
    assert kick.lock(BAND) == Lock(0.0, 0.25, lanes=(0, 0))
    assert kick.words(BAND, 4.0) == "bar 1, step 1, Kick"
    both = LockFrame(top=11, rows=2)
    assert both.lock(BAND) == Lock(0.0, 0.25)


def test_other_music_takes_rows_and_time_that_it_has():
    frame = LockFrame(start=40, steps=8, top=14)
    assert frame.within(8.0, TUNE) == LockFrame(start=31, steps=1)
    assert frame.within(16.0, BAND) == frame


@given(st.lists(MOVES))
def test_it_never_leaves_the_music(moves):
    frame = LockFrame()
    for by, wider, in_time in moves:
        frame = frame.moved(by, 8.0, wider=wider) if in_time else frame.lowered(by, 12, wider=wider)
        lock = frame.lock(TUNE)
        assert 0 <= lock.start_beats < lock.end_beats <= 8.0
        assert frame.top is None or 0 <= frame.top < frame.top + frame.rows <= 12
