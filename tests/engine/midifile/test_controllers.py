from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.midifile.controllers import (
    Message,
    as_columns,
    in_force,
    next_strikes,
    sustained_ends,
    without_gestures,
)
from engine.performer.held_keys import HeldKeys

END_TICKS = 1000
BEND, PROGRAM, CONTROL, PRESSURE, KEY_PRESSURE = 0xE0, 0xC0, 0xB0, 0xD0, 0xA0


def pedal(*tick_and_value, controller=64):
    return np.array([(tick, 0xB0, controller, value) for tick, value in tick_and_value], np.int64).reshape(
        -1, 4
    )


def ends(notes, messages):
    """Of notes given as onset, release and pitch."""
    starts, releases, pitches = np.array(notes, np.int64).T
    return sustained_ends(starts, releases, pitches, messages, END_TICKS).tolist()


def test_a_note_let_go_under_the_pedal_sounds_until_the_pedal_comes_up():
    assert ends([(0, 100, 60), (0, 300, 62)], pedal((50, 127), (200, 0))) == [200, 300]


def test_a_key_struck_again_under_the_pedal_ends_its_first_note_and_no_other():
    notes = [(0, 100, 60), (150, 170, 60), (0, 100, 64)]
    assert ends(notes, pedal((50, 127), (400, 0))) == [150, 400, 400]


def test_a_pedal_pressed_on_the_tick_of_the_release_comes_too_late_and_one_let_up_there_holds_nothing():
    assert ends([(0, 100, 60)], pedal((100, 127), (200, 0))) == [100]
    assert ends([(0, 100, 60)], pedal((50, 127), (100, 0))) == [100]


def test_a_pedal_never_let_up_holds_until_the_song_ends():
    assert ends([(0, 100, 60)], pedal((50, 127))) == [END_TICKS]


@pytest.mark.parametrize(("value", "end"), [(63, 100), (64, 200), (127, 200)])
def test_the_pedal_is_down_from_the_middle_of_its_range(value, end):
    assert ends([(0, 100, 60)], pedal((50, value), (200, 0))) == [end]


def test_a_pedal_reported_twice_in_a_row_goes_down_once():
    assert ends([(0, 100, 60), (260, 280, 60)], pedal((50, 90), (80, 127), (200, 0), (220, 10))) == [200, 280]


def test_sostenuto_holds_the_keys_that_are_down_as_it_is_pressed_and_what_is_struck_there_later():
    notes = [(0, 100, 60), (0, 40, 62), (60, 120, 64), (150, 170, 60), (50, 210, 65)]
    sostenuto = pedal((50, 127), (200, 0), controller=66)
    assert ends(notes, sostenuto) == [150, 40, 120, 200, 210]


def test_sostenuto_comes_too_late_on_the_tick_of_the_release_and_in_time_on_that_of_the_onset():
    assert ends([(0, 50, 60)], pedal((50, 127), (200, 0), controller=66)) == [50]
    assert ends([(50, 100, 60)], pedal((50, 127), (200, 0), controller=66)) == [200]
    assert ends([(0, 100, 60)], pedal((50, 127), controller=66)) == [END_TICKS]


@pytest.mark.parametrize(("sustain_up", "sostenuto_up"), [(300, 200), (200, 300)])
def test_what_both_pedals_hold_ends_with_the_later(sustain_up, sostenuto_up):
    both = as_columns([pedal((20, 127), (sustain_up, 0)), pedal((50, 127), (sostenuto_up, 0), controller=66)])
    assert ends([(0, 100, 60)], both) == [300]
    assert ends([(0, 40, 60)], both) == [sustain_up]


def as_played(turns):
    """Return notes, pedal messages and the ends that live capture hears, of keys and pedals in turn."""
    held: HeldKeys[int] = HeldKeys()
    notes: list[list[int]] = []
    lasting: dict[int, int] = {}
    down: dict[int, int] = {}
    moves = []

    def end(tick, ended):
        for each in ended:
            lasting[each.note] = tick
            each.note = None

    for turn, what in enumerate(turns):
        tick = 10 * turn
        if what in (64, 66):
            is_down = not down.pop(what, None)
            if is_down:
                down[what] = 1
            moves.append((tick, 0xB0, what, 127 * is_down))
            end(tick, held.pedal(0, what, is_down))
        elif what in down:
            notes[down.pop(what)][1] = tick
            end(tick, held.release((0, what), tick * 10**9))
        else:
            end(tick, held.struck_again((0, what)))
            held.press((0, what), len(notes), tick * 10**9)
            down[what] = len(notes)
            notes.append([tick, END_TICKS, what])
    return (
        notes,
        np.array(moves, np.int64).reshape(-1, 4),
        [lasting.get(n, END_TICKS) for n in range(len(notes))],
    )


@given(st.lists(st.sampled_from([60, 62, 64, 66]), min_size=1, max_size=60))
def test_a_file_has_the_lengths_that_live_capture_hears_of_the_same_keys_and_pedals(turns):
    notes, moves, lasting = as_played(turns)
    assume(notes)
    assert ends(notes, moves) == lasting


def test_the_next_strike_of_a_key_is_later_than_its_note_and_of_the_same_key():
    never = np.iinfo(np.int64).max
    starts, pitches = np.array([0, 0, 50, 50, 90]), np.array([60, 62, 60, 60, 62])
    assert next_strikes(starts, pitches).tolist() == [50, 90, never, never, never]


def test_of_a_controller_the_last_value_is_in_force_and_banks_go_before_the_program():
    data = [(CONTROL, 7, 90), (PROGRAM, 5, 0), (CONTROL, 0, 1), (CONTROL, 7, 40), (CONTROL, 32, 2)]
    assert in_force(iter(data)) == [(CONTROL, 0, 1), (CONTROL, 32, 2), (CONTROL, 7, 40), (PROGRAM, 5, 0)]


@pytest.mark.parametrize("moved", [(BEND, 5, 70), (PRESSURE, 90, 0), (KEY_PRESSURE, 60, 80)])
def test_what_came_back_to_rest_is_not_sent_again(moved):
    rest = {BEND: (BEND, 0, 64), PRESSURE: (PRESSURE, 0, 0), KEY_PRESSURE: (KEY_PRESSURE, 60, 0)}[moved[0]]
    assert in_force(iter([moved])) == [moved]
    assert in_force(iter([moved, rest])) == []


def test_a_parameter_set_by_data_entry_is_selected_before_it_is_entered():
    bend_range = [(CONTROL, 101, 0), (CONTROL, 100, 0), (CONTROL, 6, 12)]
    assert in_force(iter([*bend_range, (CONTROL, 6, 24)])) == [
        (CONTROL, 101, 0),
        (CONTROL, 100, 0),
        (CONTROL, 6, 24),
        (CONTROL, 101, 0),
        (CONTROL, 100, 0),
    ]


def test_channel_mode_messages_are_no_state_and_data_entry_without_a_parameter_is_a_controller():
    assert in_force(iter([(CONTROL, 123, 0), (CONTROL, 120, 0)])) == []
    assert in_force(iter([(CONTROL, 6, 3)])) == [(CONTROL, 6, 3)]


def test_music_that_follows_keeps_sound_and_volume_but_no_pedal_bend_or_pressure():
    data = [(PROGRAM, 5, 0), (CONTROL, 7, 90), (CONTROL, 64, 127), (CONTROL, 66, 127)]
    gestures = [(BEND, 1, 2), (PRESSURE, 9, 0), (KEY_PRESSURE, 60, 9)]
    messages = tuple(Message(Fraction(3, 2), each) for each in (*data, *gestures))
    assert without_gestures(messages) == (
        Message(Fraction(0), (PROGRAM, 5, 0)),
        Message(Fraction(0), (CONTROL, 7, 90)),
    )


def test_messages_of_several_chunks_are_joined_in_time_and_those_of_a_tick_keep_their_order():
    one, other = pedal((10, 1), (30, 2)), pedal((0, 3), (10, 4), (30, 5))
    assert as_columns([one, other])[:, [0, 3]].tolist() == [[0, 3], [10, 1], [10, 4], [30, 2], [30, 5]]
    assert as_columns([]).shape == (0, 4)
