from fractions import Fraction

import numpy as np
import pytest

from engine.midifile.controllers import (
    Message,
    as_columns,
    in_force,
    next_strikes,
    sustained_ends,
    without_gestures,
)

END_TICKS = 1000
BEND, PROGRAM, CONTROL, PRESSURE, KEY_PRESSURE = 0xE0, 0xC0, 0xB0, 0xD0, 0xA0


def pedal(*tick_and_value):
    return np.array([(tick, 0xB0, 64, value) for tick, value in tick_and_value], np.int64).reshape(-1, 4)


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
