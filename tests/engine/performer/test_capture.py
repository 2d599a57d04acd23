"""Bars, captured from notes at known positions of an internal clock at 120 BPM (a beat is 0.5 s)."""

import pytest

from engine.music.metre import FOUR_FOUR, Metre
from engine.performer import messages as m
from engine.performer.capture import NOTES_PER_BAR, Capture
from engine.performer.transport import Transport

BEAT = 500_000_000


class Player:
    """Plays notes by position into a capture that rolls from beat 0."""

    def __init__(self, metre: Metre = FOUR_FOUR, start_beats: float = 0.0):
        self.transport = Transport("internal")
        self.transport.metre = metre
        self.transport.play(0, 0.0, 0)
        self.capture = Capture(self.transport)
        self.capture.start(self.t(start_beats), start_beats)

    def t(self, beats: float) -> int:
        return round(beats * BEAT)

    def on(self, beats: float, pitch: int, velocity: int = 90, channel: int = 0) -> None:
        self.capture.take(self.t(beats), beats, bytes((0x90 | channel, pitch, velocity)))

    def off(self, beats: float, pitch: int, channel: int = 0) -> None:
        self.capture.take(self.t(beats), beats, bytes((0x80 | channel, pitch, 0)))

    def bars_by(self, beats: float) -> list[m.BarCaptured]:
        return self.capture.close_bars(self.t(beats))


def shape(bar: m.BarCaptured) -> list[tuple[float, int, float]]:
    return [(round(n.start_beats, 3), n.pitch, round(n.duration_beats, 3)) for n in bar.notes]


def test_a_bar_is_reported_once_its_grace_time_is_over():
    player = Player()
    player.on(1.0, 60)
    player.off(1.5, 60)
    assert player.bars_by(4.03) == []
    (bar,) = player.bars_by(4.05)
    assert (bar.bar, shape(bar), bar.tied, bar.ended_ns) == (0, [(1.0, 60, 0.5)], (), 4 * BEAT)
    assert player.bars_by(4.1) == []


def test_an_empty_bar_is_reported_too():
    assert [bar.notes for bar in Player().bars_by(8.1)] == [(), ()]


@pytest.mark.parametrize(
    ("onset", "bar_of_it", "start"), [(3.9, 1, -0.1), (3.89, 0, 3.89), (3.875, 0, 3.875), (4.0, 1, 0.0)]
)
def test_shortly_before_the_line_belongs_to_the_new_bar_a_32nd_before_to_the_old(onset, bar_of_it, start):
    player = Player()
    player.on(onset, 60)
    player.off(onset + 0.05, 60)
    bars = player.bars_by(8.1)
    assert shape(bars[bar_of_it])[0][0] == pytest.approx(start)
    assert shape(bars[1 - bar_of_it]) == []


def test_a_held_note_is_cut_at_the_line_and_tied_across():
    player = Player()
    player.on(3.0, 60)
    first = player.bars_by(4.1)
    player.off(9.0, 60)
    rest = player.bars_by(12.1)
    assert [shape(bar) for bar in first + rest] == [[(3.0, 60, 1.0)], [(0.0, 60, 4.0)], [(0.0, 60, 1.0)]]
    assert [bar.tied for bar in first + rest] == [(), (0,), (0,)]


def test_a_note_let_go_within_the_grace_time_ends_on_the_line():
    player = Player()
    player.on(3.0, 60)
    player.off(4.03, 60)
    assert [shape(bar) for bar in player.bars_by(8.1)] == [[(3.0, 60, 1.0)], []]


def test_a_note_let_go_later_is_tied_even_if_the_bar_was_still_open():
    player = Player()
    player.on(3.0, 60)
    player.off(4.5, 60)
    bars = player.bars_by(8.1)
    assert [shape(bar) for bar in bars] == [[(3.0, 60, 1.0)], [(0.0, 60, 0.5)]]
    assert bars[1].tied == (0,)


def test_joining_in_the_middle_reports_the_first_whole_bar_first():
    player = Player(start_beats=1.5)
    player.on(2.0, 60)
    player.on(4.5, 62)
    player.off(4.75, 62)
    (bar,) = player.bars_by(8.1)
    assert bar.bar == 1
    assert shape(bar) == [(0.0, 60, 4.0), (0.5, 62, 0.25)]
    assert bar.tied == (0,)


def test_a_note_struck_again_ends_the_one_before():
    player = Player()
    player.on(0.0, 60)
    player.on(1.0, 60, velocity=50)
    player.off(2.0, 60)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 1.0), (1.0, 60, 1.0)]
    assert [note.velocity for note in bar.notes] == [90, 50]


def test_channels_are_kept_apart():
    player = Player()
    player.on(0.0, 60, channel=0)
    player.on(0.5, 60, channel=9)
    player.off(1.0, 60, channel=9)
    player.off(2.0, 60, channel=0)
    (bar,) = player.bars_by(4.1)
    assert [(n.channel, n.duration_beats) for n in bar.notes] == [(0, 2.0), (9, 0.5)]


@pytest.mark.parametrize("controller", [120, 123, 124, 127])
def test_all_notes_off_ends_what_is_held_and_is_no_music(controller):
    player = Player()
    player.on(0.0, 60)
    player.on(0.0, 64, channel=1)
    player.capture.take(player.t(1.0), 1.0, bytes((0xB0, controller, 0)))
    player.off(2.0, 64, channel=1)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 1.0), (0.0, 64, 2.0)]


def test_a_note_just_before_the_start_is_an_early_first_note():
    player = Player()
    player.capture.stop(0, 0.0)
    start_ns = 10 * BEAT
    player.capture.take(start_ns - 400_000_000, 0.0, bytes((0x90, 50, 90)))
    player.capture.take(start_ns - 10_000_000, 0.0, bytes((0x90, 60, 90)))
    player.capture.take(start_ns - 5_000_000, 0.0, bytes((0x90, 62, 90)))
    player.capture.take(start_ns - 2_000_000, 0.0, bytes((0x80, 62, 0)))
    player.transport.play(start_ns, 0.0, start_ns)
    player.capture.start(start_ns, 0.0)
    player.capture.take(start_ns + BEAT, 1.0, bytes((0x80, 60, 0)))
    (bar,) = player.capture.close_bars(start_ns + player.t(4.1))
    assert shape(bar) == [(-0.02, 60, 1.02), (-0.01, 62, 0.01)]


def test_a_stop_near_the_line_reports_the_bar_and_one_in_the_middle_does_not():
    for stopped_beats, count in ((3.9, 1), (3.0, 0)):
        player = Player()
        player.on(1.0, 60)
        bars = player.capture.stop(player.t(stopped_beats), stopped_beats)
        assert len(bars) == count
    assert shape(Player().capture.stop(0, 3.9)[0]) == []


def test_a_loop_turn_carries_held_and_early_notes_to_the_first_bar():
    player = Player()
    player.on(3.0, 60)  # held across the turn
    player.on(3.95, 72)  # early for what comes
    (bar,) = player.capture.jump(player.t(3.99), 3.99, 0.0)
    assert shape(bar) == [(3.0, 60, 1.0)]
    player.off(1.0, 60)
    player.off(2.0, 72)
    (again,) = player.bars_by(4.1)
    assert shape(again) == [(-0.05, 72, 2.05), (0.0, 60, 1.0)]
    assert again.tied == (1,)


def test_bars_of_six_eighths_say_so():
    player = Player(metre=Metre(6, 8))
    player.on(3.0, 60)
    player.off(4.0, 60)
    bars = player.bars_by(6.1)
    assert [(bar.bar, bar.metre, shape(bar)) for bar in bars] == [
        (0, Metre(6, 8), []),
        (1, Metre(6, 8), [(0.0, 60, 1.0)]),
    ]


def test_a_note_off_just_after_the_key_was_struck_again_is_that_of_the_note_before():
    player = Player()
    for beat in range(4):
        player.on(float(beat), 60)
        if beat:
            player.off(beat + 0.008, 60)
    player.off(4.0, 60)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 1.0), (1.0, 60, 1.0), (2.0, 60, 1.0), (3.0, 60, 1.0)]


def test_of_two_note_offs_of_one_key_the_second_ends_the_second_note():
    player = Player()
    player.on(0.0, 60)
    player.on(1.0, 60)
    player.off(2.0, 60)
    player.off(3.0, 60)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 1.0), (1.0, 60, 2.0)]


def test_overlapping_notes_of_one_key_on_two_channels_do_not_meet():
    player = Player()
    player.on(0.0, 60, channel=0)
    player.on(1.0, 60, channel=1)
    player.off(2.0, 60, channel=0)
    player.off(3.0, 60, channel=1)
    (bar,) = player.bars_by(4.1)
    assert [(n.channel, n.start_beats, n.duration_beats) for n in bar.notes] == [(0, 0.0, 2.0), (1, 1.0, 2.0)]


def pedal(player: Player, beats: float, value: int, channel: int = 0, controller: int = 64) -> None:
    player.capture.take(player.t(beats), beats, bytes((0xB0 | channel, controller, value)))


def test_the_pedal_lengthens_what_was_let_go_until_it_goes_up():
    player = Player()
    pedal(player, 0.0, 127)
    player.on(0.0, 60)
    player.off(0.25, 60)
    player.on(1.0, 64)
    player.off(1.25, 64)
    player.on(0.0, 40, channel=1)
    player.off(0.5, 40, channel=1)
    pedal(player, 3.0, 63)
    player.on(3.0, 67)
    player.off(3.5, 67)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 40, 0.5), (0.0, 60, 3.0), (1.0, 64, 2.0), (3.0, 67, 0.5)]


def test_a_key_struck_again_under_the_pedal_ends_the_note_before():
    player = Player()
    pedal(player, 0.0, 100)
    for beat in (0.0, 1.0):
        player.on(beat, 60)
        player.off(beat + 0.25, 60)
    pedal(player, 2.0, 0)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 1.0), (1.0, 60, 1.0)]


def test_sostenuto_lengthens_the_keys_that_are_down_as_it_is_pressed():
    player = Player()
    player.on(0.0, 48)
    pedal(player, 0.25, 127, controller=66)
    player.off(0.5, 48)
    player.on(1.0, 64)
    player.off(1.25, 64)
    player.on(1.0, 48, channel=1)
    player.off(1.25, 48, channel=1)
    pedal(player, 3.0, 0, controller=66)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 48, 3.0), (1.0, 48, 0.25), (1.0, 64, 0.25)]


@pytest.mark.parametrize("controller", [64, 66])
def test_a_pedal_that_is_to_stay_one_lengthens_nothing(controller):
    player = Player()
    player.capture.set_sustain(False, 0, 0.0)
    player.on(0.0, 60)
    pedal(player, 0.1, 127, controller=controller)
    player.off(0.25, 60)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 0.25)]


def test_a_key_held_while_its_cable_is_pulled_is_let_go_and_comes_in_no_later_bar():
    player = Player()
    player.on(1.0, 60)
    player.on(1.0, 62)
    player.off(1.5, 62)
    player.capture.let_go(player.t(2.0), 2.0)
    bars = player.bars_by(8.1)
    assert [shape(bar) for bar in bars] == [[(1.0, 60, 1.0), (1.0, 62, 0.5)], []]


def test_a_note_behind_the_line_is_not_taken_along_by_a_jump():
    player = Player()
    player.on(3.95, 72)  # early for what comes at the line
    player.off(3.99, 72)
    player.on(4.01, 60)  # behind it
    player.off(4.02, 60)
    (bar,) = player.capture.jump(player.t(4.03), 4.03, 16.0)
    assert (bar.bar, shape(bar)) == (0, [])
    later = player.capture.close_bars(player.t(20.1))
    assert shape(later[-1]) == [(-0.05, 72, 0.04)]


def test_a_bar_keeps_so_many_notes_and_says_which_it_does_not():
    player = Player()
    taken = []
    for index in range(NOTES_PER_BAR + 10):
        beats = 1.0 + index * 1e-4
        taken.append(player.capture.take(player.t(beats), beats, bytes((0x90, index % 128, 90))))
    assert taken == [True] * NOTES_PER_BAR + [False] * 10
    player.off(2.0, NOTES_PER_BAR % 128)
    player.on(4.5, 60)
    first, second = player.bars_by(8.1)
    assert len(first.notes) == NOTES_PER_BAR
    assert (4.5 - 4, 60) in [(start, pitch) for start, pitch, _ in shape(second)]


def test_a_pedal_that_stops_lengthening_lets_go_what_it_held_on_every_channel():
    player = Player()
    for channel in (0, 15):
        pedal(player, 0.0, 127, channel)
        player.on(0.0, 60, channel=channel)
        player.off(0.5, 60, channel=channel)
    player.on(0.0, 72)
    player.capture.set_sustain(False, player.t(2.0), 2.0)
    player.off(3.0, 72)
    (bar,) = player.bars_by(4.1)
    assert shape(bar) == [(0.0, 60, 2.0), (0.0, 60, 2.0), (0.0, 72, 3.0)]


def test_a_note_held_by_the_pedal_before_the_start_goes_on_from_the_first_beat():
    player = Player()
    player.capture.stop(0, 0.0)
    start_ns = 10 * BEAT
    player.capture.take(start_ns - 10_000_000, 0.0, bytes((0x90, 60, 77)))
    player.capture.take(start_ns - 5_000_000, 0.0, bytes((0xB0, 64, 127)))
    player.transport.play(start_ns, 8.0, start_ns)
    player.capture.start(start_ns, 8.0)
    player.capture.take(start_ns + BEAT, 9.0, bytes((0x80, 60, 0)))
    player.capture.take(start_ns + 2 * BEAT, 10.0, bytes((0xB0, 64, 0)))
    (bar,) = player.capture.close_bars(start_ns + player.t(4.1))
    assert (bar.bar, shape(bar)) == (2, [(-0.02, 60, 2.02)])
    assert bar.notes[0].velocity == 77


def test_reset_all_controllers_lifts_the_pedal_of_its_channel():
    player = Player()
    for channel in (0, 15):
        pedal(player, 0.0, 127, channel)
        player.on(0.5, 60, channel=channel)
        player.off(0.75, 60, channel=channel)
    player.capture.take(player.t(1.0), 1.0, bytes((0xB0, 121, 0)))
    player.on(2.0, 62)
    player.off(2.25, 62)
    (bar,) = player.bars_by(4.1)
    assert [(n.channel, *at) for n, at in zip(bar.notes, shape(bar), strict=True)] == [
        (0, 0.5, 60, 0.5),
        (15, 0.5, 60, 3.5),
        (0, 2.0, 62, 0.25),
    ]


def test_a_pedal_over_the_bar_line_ties_what_it_holds_and_one_lifted_on_it_does_not():
    player = Player()
    pedal(player, 3.0, 127)
    player.on(3.0, 60)
    player.off(3.25, 60)
    pedal(player, 5.0, 0)
    pedal(player, 7.0, 127)
    player.on(7.0, 62)
    player.off(7.25, 62)
    pedal(player, 8.0, 0)
    first, second, third = player.bars_by(12.1)
    assert [shape(bar) for bar in (first, second, third)] == [
        [(3.0, 60, 1.0)],
        [(0.0, 60, 1.0), (3.0, 62, 1.0)],
        [],
    ]
    assert second.tied == (0,)


@pytest.mark.parametrize("to_beats", [0.0, 1.0, 4.0, 7.0])
def test_bars_before_the_place_where_the_music_began_are_kept_after_a_jump_to_them(to_beats):
    """A host that plays from bar 3 and goes back without a stop: what is played there is no count-in."""
    player = Player(start_beats=8.0)
    player.capture.jump(player.t(12.0), 12.0, to_beats)
    line = 4.0 * (to_beats // 4 + 1)
    player.on(line, 62)
    player.off(line + 0.5, 62)
    *_, bar = player.bars_by(line + 4.1)
    assert (bar.bar, shape(bar)) == (line // 4, [(0.0, 62, 0.5)])
