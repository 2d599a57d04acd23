"""Reading the playing phrase along the clock while there are no ports."""

import pytest
from fake_instrument import READY, clock, with_live
from msgspec.structs import replace

from app.audio.preview import Preview
from engine.music.notes import Note, Phrase
from engine.session.live import Sounding

PHRASE = Phrase.of([Note(0.0, 60, 0.5, 90), Note(3.0, 64, 2.0, 70, 9)], bars=1)
SECOND = 1_000_000_000


NO_PORTS = replace(READY.live.ports, backend="")


def state(since_beats=0.0):
    """No ports; one beat a second from 0 at t = 0."""
    moment = clock(source="internal", bpm=60.0, position_beats=0.0, t_ns=0)
    return with_live(READY, ports=NO_PORTS, playing=Sounding(PHRASE, since_beats), clock=moment)


def played_along(snapshot, seconds, step=0.25):
    """The bytes played, by beat, when the window looks every quarter second."""
    preview, found = Preview(), []
    now = -step
    while now < seconds:
        # The clock speaks again at each look, as the performer's does.
        moment = with_live(snapshot, clock=clock(source="internal", bpm=60.0, position_beats=now, t_ns=0))
        found += [(event.position_beats, *event.data) for event in preview.follow(moment, 0)]
        now += step
    return found


def test_notes_begin_and_end_and_the_phrase_loops():
    assert played_along(state(), 5.5) == [
        (0.0, 0x90, 60, 90),
        (0.5, 0x80, 60, 0),
        (3.0, 0x99, 64, 70),
        (4.0, 0x90, 60, 90),
        (4.5, 0x80, 60, 0),
        (5.0, 0x89, 64, 0),
    ]


def test_the_phrase_counts_from_where_it_began():
    assert played_along(state(2.0), 2.5)[-1] == (2.0, 0x90, 60, 90)


def test_with_ports_open_nothing_is_invented():
    assert played_along(with_live(state(), ports=READY.live.ports), 5.0) == []


@pytest.mark.parametrize("then", [{"ports": READY.live.ports}, {"clock": clock(status="stopped")}])
def test_what_sounds_is_released_when_ports_come_or_the_clock_stops(then):
    preview = Preview()
    for beats in (-0.1, 0.1):
        preview.follow(with_live(state(), clock=clock(position_beats=beats, t_ns=0)), 0)
    released = preview.follow(with_live(state(), **then), 0)
    assert [event.data for event in released] == [bytes((0x80, 60, 0))]


def test_a_jump_plays_nothing_it_jumped_over():
    preview = Preview()
    preview.follow(with_live(state(), clock=clock(position_beats=-0.1, t_ns=0)), 0)
    assert preview.follow(with_live(state(), clock=clock(position_beats=40.2, t_ns=0)), 0) == []
