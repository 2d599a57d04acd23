import pytest

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

PHRASE = (m.NoteData(0.0, 60, 0.5, 80, 0), m.NoteData(3.0, 64, 1.0, 90, 1))


def heard(offline: OfflinePerformer) -> list[tuple[float, str]]:
    return [(round(event.position_beats, 2), event.data.hex()) for event in offline.of(m.Heard)]


def test_the_phrase_is_heard_from_the_next_bar_on_and_loops():
    offline = OfflinePerformer()
    offline.handle(m.Play())
    offline.run_for(600_000_000)
    offline.handle(m.Feed(PHRASE, 1))
    offline.run_for(5_900_000_000)
    assert heard(offline)[:5] == [
        (4.0, "903c50"),
        (4.5, "803c00"),
        (7.0, "91405a"),
        (8.0, "814000"),
        (8.0, "903c50"),
    ]
    bars = offline.of(m.BarCaptured)
    assert [bar.bar for bar in bars] == [0, 1, 2]
    assert bars[0].notes == ()
    for bar in bars[1:]:
        assert [(n.pitch, n.velocity, n.channel) for n in bar.notes] == [(60, 80, 0), (64, 90, 1)]
        assert [n.start_beats for n in bar.notes] == pytest.approx([0.0, 3.0], abs=1e-6)
        assert [n.duration_beats for n in bar.notes] == pytest.approx([0.5, 1.0], abs=1e-6)
        assert bar.tied == ()


def test_an_empty_feed_lets_go_of_what_it_held():
    offline = OfflinePerformer()
    offline.handle(m.Feed((m.NoteData(0.0, 60, 4.0, 80, 0),), 1))
    offline.handle(m.Play())
    offline.run_for(800_000_000)
    offline.handle(m.Feed((), 1))
    offline.run_for(4_000_000_000)
    assert [data for _, data in heard(offline)] == ["903c50", "803c00"]


@pytest.mark.parametrize("command", [m.Stop(), m.Play()])
def test_a_stop_or_a_new_start_lets_go_of_what_it_held(command):
    offline = OfflinePerformer()
    offline.handle(m.Feed((m.NoteData(0.0, 60, 4.0, 80, 0),), 1))
    offline.handle(m.Play())
    offline.run_for(800_000_000)
    offline.handle(command)
    assert [data for _, data in heard(offline)] == ["903c50", "803c00"]


def test_the_demo_is_heard_even_while_our_output_loops_back():
    offline = OfflinePerformer()
    offline.performer._echo.looped = True
    offline.handle(m.SetPattern(1, PHRASE, 1))
    offline.handle(m.Feed(PHRASE, 1))
    offline.handle(m.Play())
    offline.run_for(2_100_000_000)
    assert [n.pitch for n in offline.of(m.BarCaptured)[0].notes] == [60, 64]
