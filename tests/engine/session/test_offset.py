"""The output offset: nudged by ear, or half of the way that was measured."""

import pytest

from engine.performer import messages as m
from engine.session import intents as i
from engine.session.state import Send, State
from engine.session.update import update


def test_it_is_nudged_by_a_millisecond_and_stops_at_its_ends():
    later, effects = update(State(), i.Do("offset.later"), 1)
    assert later.shown.value("offset_ms") == 1.0
    assert Send(m.SetOffset(1.0)) in effects
    assert update(later, i.Do("offset.earlier"), 2)[0].shown.value("offset_ms") == 0.0
    end, _ = update(State(), i.Set("offset_ms", 200.0), 1)
    assert update(end, i.Do("offset.later"), 2)[0].shown.value("offset_ms") == 200.0


def test_measuring_sends_the_clicks_of_the_metronome():
    state, _ = update(State(), i.Set("click_pitch", 76), 1)
    _, effects = update(state, i.Do("offset.measure"), 2)
    assert effects == (Send(m.MeasureLoop(10, 9, 76)),)


def test_half_of_the_median_way_is_what_everything_plays_earlier_and_it_can_be_undone():
    ways = (12.0, 11.0, 40.0, 12.4, 11.6, 12.0)
    state, effects = update(State(), m.LoopMeasured(ways, 10), 1)
    assert state.shown.value("offset_ms") == -6.0
    assert Send(m.SetOffset(-6.0)) in effects
    (notice,) = state.live.notices
    assert notice.text == (
        "Out and back takes 12.0 ms, at most 28.0 ms more or less; the output offset is -6 ms now."
    )
    assert update(state, i.Do("undo"), 2)[0].shown.value("offset_ms") == 0.0


@pytest.mark.parametrize("back", [0, 5])
def test_where_too_few_came_back_the_offset_stays_and_the_remedy_is_said(back):
    before, _ = update(State(), i.Set("offset_ms", 7.0), 0)
    state, effects = update(before, m.LoopMeasured((8.0,) * back, 10), 1)
    assert (state.shown.value("offset_ms"), effects) == (7.0, ())
    assert state.live.notices[0].text == f"{back} of 10 clicks came back, so the offset stays as it is."
    assert "Antiphon In" in state.live.notices[0].remedy
