"""The way out and back, through a loop that the test makes: times by hand."""

import pytest

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

MS = 1_000_000


def looped(
    way_ms: float, *, lead_ns: int = 0, keep=lambda number: True, run_ms: int = 6_000
) -> OfflinePerformer:
    """Measure through a loop that takes so long; clicks that are not kept do not come back."""
    offline = OfflinePerformer(lead_ns=lead_ns)
    offline.handle(m.MeasureLoop())
    passed = ons = 0
    end_ns = offline.now_ns + run_ms * MS
    while offline.now_ns < end_ns:
        offline.run_for(MS)
        for due_ns, sent_ns, data in offline.backend.output.log[passed:]:
            ons += data[0] == 0x99
            if data[0] in (0x89, 0x99) and keep(ons):
                offline.play(
                    [(max(due_ns, sent_ns) + round(way_ms * MS), bytes((data[0] & 0xF0, *data[1:])))]
                )
        passed = len(offline.backend.output.log)
    return offline


@pytest.mark.parametrize("lead_ns", [0, 30_000_000])
@pytest.mark.parametrize("way_ms", [2.0, 11.5, 180.0, 900.0])
def test_the_way_of_each_click_is_timed(way_ms, lead_ns):
    offline = looped(way_ms, lead_ns=lead_ns, run_ms=12_000)
    (found,) = offline.of(m.LoopMeasured)
    assert found.clicks == 10
    assert found.round_trips_ms == pytest.approx([way_ms] * 10, abs=0.01)
    assert not offline.sounding()
    assert all(heard.ignored for heard in offline.of(m.Heard))


def test_clicks_that_do_not_come_back_are_not_waited_for_longer_than_a_second():
    offline = looped(5.0, keep=lambda number: number % 2, run_ms=12_000)
    (found,) = offline.of(m.LoopMeasured)
    assert (len(found.round_trips_ms), found.clicks) == (5, 10)


def test_without_a_loop_nothing_came_back_and_nothing_sounds():
    offline = OfflinePerformer()
    offline.handle(m.MeasureLoop(3))
    offline.run_for(5_000 * MS)
    assert offline.of(m.LoopMeasured) == [m.LoopMeasured((), 3)]
    assert not offline.sounding()


def test_what_is_played_meanwhile_on_other_keys_is_heard():
    offline = OfflinePerformer()
    offline.handle(m.MeasureLoop(1))
    offline.play([(offline.now_ns + MS, b"\x90\x3c\x50")])
    offline.run_for(10 * MS)
    (heard,) = offline.of(m.Heard)
    assert not heard.ignored
