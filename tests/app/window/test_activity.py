"""Lamps and the bar that is being played: drawn as it comes, also while nothing rolls."""

from fake_instrument import clock

from app.window.activity import LIT_NS, Activity
from engine.performer.messages import Heard, Played

ROLLING = clock(position_beats=0.0)
STOPPED = clock(source="internal", status="stopped", bpm=120.0)


def on(pitch: int, at_beats: float, t_ns: int = 0, channel: int = 0) -> Heard:
    return Heard(t_ns, at_beats, bytes((0x90 | channel, pitch, 90)))


def off(pitch: int, at_beats: float, t_ns: int = 0) -> Heard:
    return Heard(t_ns, at_beats, bytes((0x80, pitch, 0)))


def test_a_message_lights_its_lamp_for_a_moment_and_is_named():
    activity = Activity()
    activity.take([on(60, 0.0, 1_000)], ROLLING)
    activity.take([Played(0, 5_000, 0.0, bytes((0x99, 38, 90)))], ROLLING)
    assert activity.port("in", 1_000 + LIT_NS - 1).lit
    assert not activity.port("in", 1_000 + LIT_NS).lit
    assert activity.port("in", 0).last == "ch 1  C4"
    assert activity.port("out", 0).last == "ch 10  38"


def test_a_note_is_drawn_while_it_is_held_and_ends_where_it_was_let_go():
    activity = Activity()
    activity.take([on(60, 4.5)], ROLLING)
    held, done = activity.live_bar(ROLLING, 5.5)
    assert done == 0.375
    assert (held.number, [(n.start_beats, n.duration_beats) for n in held.notes]) == (2, [(0.5, 1.0)])
    activity.take([off(60, 5.0)], ROLLING)
    ended, _ = activity.live_bar(ROLLING, 6.0)
    assert [(n.start_beats, n.duration_beats) for n in ended.notes] == [(0.5, 0.5)]


def test_a_new_bar_begins_empty_but_for_what_is_held():
    activity = Activity()
    activity.take([on(60, 1.0), off(60, 2.0), on(64, 3.0)], ROLLING)
    bar, _ = activity.live_bar(ROLLING, 4.5)
    assert [(n.pitch, n.start_beats, n.duration_beats) for n in bar.notes] == [(64, 0.0, 0.5)]


def test_what_was_played_while_nothing_rolled_is_no_part_of_the_song():
    activity = Activity()
    activity.take([on(60, 0.0, 1_000_000_000)], STOPPED)
    activity.take([off(60, 0.5)], ROLLING)
    assert activity.live_bar(ROLLING, 0.5)[0].notes == ()


def test_pedal_and_bend_light_the_lamp_and_draw_nothing():
    activity = Activity()
    activity.take([Heard(7, 0.0, bytes((0xB0, 64, 127))), Heard(8, 0.0, bytes((0xC0, 3)))], ROLLING)
    assert activity.port("in", 8).lit
    assert activity.live_bar(ROLLING, 1.0)[0].notes == ()
