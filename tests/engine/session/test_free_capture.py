import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.music.metre import FOUR_FOUR
from engine.performer.capture import EARLIEST_BEATS, NOTES_PER_BAR
from engine.performer.messages import Heard, NoteData
from engine.performer.offline import OfflinePerformer
from engine.session.free_capture import FreeCapture
from engine.session.state import State
from engine.session.update import update

S = 1_000_000_000


def played(*messages):
    free = FreeCapture()
    for t_s, data in messages:
        free = free.with_message(10 * S + round(t_s * S), bytes(data))
    return free


def closed(free, *t_s):
    bars = []
    for moment in t_s:
        free, bar = free.closed(10 * S + round(moment * S), 120.0, FOUR_FOUR)
        bars.append(bar)
    return free, bars


def test_bars_are_counted_from_the_first_note_at_the_internal_tempo():
    free = played((0, (0x90, 60, 80)), (0.5, (0x80, 60, 0)), (2.25, (0x91, 64, 70)), (2.5, (0x91, 64, 0)))
    free, bars = closed(free, 1.9, 2.06, 4.06, 6.06)
    assert bars[0] is None
    assert (bars[1].bar, bars[1].notes) == (0, (NoteData(0.0, 60, 1.0, 80, 0),))
    assert (bars[2].bar, bars[2].notes) == (1, (NoteData(0.5, 64, 0.5, 70, 1),))
    assert bars[3] is None
    assert free == FreeCapture()


def test_a_note_just_before_a_line_is_the_early_first_of_the_next_bar():
    free = played(
        (0, (0x90, 60, 80)), (0.5, (0x80, 60, 0)), (1.99, (0x90, 62, 80)), (1.995, (0x80, 62, 0)),
        (3.98, (0x90, 64, 80)), (4.4, (0x80, 64, 0)),
    )  # fmt: skip
    _, bars = closed(free, 2.06, 4.06, 6.06)
    assert [[(n.pitch, round(n.start_beats, 6)) for n in bar.notes] for bar in bars] == [
        [(60, 0.0)],
        [(62, -0.02)],
        [(64, -0.04)],
    ]
    assert [round(bar.notes[0].duration_beats, 6) for bar in bars] == [1.0, 1 / 64, 0.84]
    assert [bar.tied for bar in bars] == [(), (), ()]


def test_a_note_held_over_the_line_is_tied():
    free = played((1.5, (0x90, 60, 80)), (1.75, (0x90, 62, 80)), (3.5, (0x80, 62, 0)), (4.0, (0x80, 60, 0)))
    _, bars = closed(free, 3.6, 5.6)
    assert [(note.pitch, note.duration_beats) for note in bars[0].notes] == [(60, 4.0), (62, 3.5)]
    assert [(note.pitch, note.duration_beats) for note in bars[1].notes] == [(60, 1.0)]
    assert bars[1].tied == (0,)


def test_other_messages_are_no_music():
    assert played((0, (0xB0, 64, 127)), (0, (0xF8,)), (0, (0x80, 60, 0))) == FreeCapture()


@example([(0, 2001, 0), (6000, 1, 0)])  # struck after a silent bar, before that is closed
@given(
    st.lists(
        st.tuples(st.integers(0, 6000), st.integers(1, 3000), st.integers(0, 127)), min_size=1, max_size=20
    )
)
def test_every_note_begins_in_exactly_one_bar(notes):
    messages = [(start, (0x90, pitch, 64)) for start, _, pitch in notes]
    messages += [(start + length, (0x80, pitch, 64)) for start, length, pitch in notes]
    messages.sort(key=lambda each: (each[0], each[1][0]))
    free, began = FreeCapture(), 0
    for t_ms in range(0, 15_000, 50):
        while messages and messages[0][0] <= t_ms:
            at_ms, data = messages.pop(0)
            free = free.with_message(at_ms * 1_000_000, bytes(data))
        free, bar = free.closed(t_ms * 1_000_000, 120.0, FOUR_FOUR)
        if bar is not None:
            began += len(bar.notes) - len(bar.tied)
            early = EARLIEST_BEATS
            assert all(
                -early < note.start_beats <= 4 - early and note.duration_beats > 0 for note in bar.notes
            )
            ends = [note.start_beats + note.duration_beats for note in bar.notes]
            assert all(note.duration_beats > 0 for note in bar.notes)
            assert all(end <= 4 + 1e-9 for end in ends)
    assert began == len(notes)


def test_of_a_flood_of_notes_some_are_kept_and_the_rest_is_counted():
    many = NOTES_PER_BAR + 500
    flood = [(number / many, (status, 60, 80)) for number in range(many) for status in (0x90, 0x80)]
    free = played(*flood)
    assert free.left_out == 500
    free, bars = closed(free, 2.06)
    assert len(bars[0].notes) == NOTES_PER_BAR
    assert (free.notes, free.left_out) == ((), 0)


def test_what_was_played_before_the_music_rolls_is_cut_off_there():
    free = played((0, (0x90, 60, 80)), (0.4, (0x80, 60, 0)), (1.0, (0x90, 62, 80)))
    bar = free.cut_off(120.0, FOUR_FOUR)
    assert [(note.pitch, note.start_beats, note.duration_beats) for note in bar.notes] == [(60, 0.0, 0.8)]


def test_a_note_struck_just_as_the_music_begins_is_no_bar_of_its_own():
    assert played((0, (0x90, 60, 80))).cut_off(120.0, FOUR_FOUR) is None


def test_a_key_whose_note_off_was_lost_ends_the_passage_after_some_bars():
    free, bars = closed(played((0, (0x90, 60, 80))), *[2.0 * bar + 0.1 for bar in range(1, 12)])
    assert free == FreeCapture()
    assert [bar is not None for bar in bars] == [True] * 5 + [False] * 6


def lengths_s(free):
    return [None if note.end_ns is None else (note.end_ns - note.start_ns) / 1e9 for note in free.notes]


def test_the_pedal_holds_what_is_let_go_until_it_is_lifted_on_its_own_channel():
    down = (
        (0.0, bytes((0xB0, 64, 127))),
        (0.1, bytes((0x90, 60, 80))),
        (0.3, bytes((0x80, 60, 0))),
        (0.4, bytes((0xB1, 64, 0))),
    )
    assert lengths_s(played(*down)) == [None]
    assert lengths_s(played(*down, (1.1, bytes((0xB0, 64, 0))))) == [1.0]


def test_sostenuto_holds_the_keys_that_were_down_as_it_was_pressed():
    held = (
        (0.0, bytes((0x90, 60, 80))),
        (0.1, bytes((0xB0, 66, 127))),
        (0.3, bytes((0x80, 60, 0))),
        (0.4, bytes((0x90, 64, 80))),
        (0.5, bytes((0x80, 64, 0))),
    )
    assert lengths_s(played(*held)) == [None, 0.1]
    assert lengths_s(played(*held, (0.75, bytes((0xB0, 66, 0))))) == [0.75, 0.1]
    assert lengths_s(played(*held, (0.75, bytes((0xB0, 121, 0))))) == [0.75, 0.1]


def test_reset_all_controllers_lifts_the_pedal():
    held = ((0.0, b"\xb0\x40\x7f"), (0.1, b"\x90\x3c\x50"), (0.3, b"\x80\x3c\x00"), (0.6, b"\xb0\x79\x00"))
    assert lengths_s(played(*held)) == [0.5]


def test_a_pedal_that_lengthens_nothing_is_left_to_who_plays():
    free = FreeCapture()
    for at_ns, data in ((0, b"\xb0\x40\x7f"), (10, b"\x90\x3c\x50"), (30, b"\x80\x3c\x00")):
        free = free.with_message(at_ns, data, sustains=False)
    assert [note.end_ns for note in free.notes] == [20]


def test_a_key_struck_again_ends_its_note_and_all_notes_off_ends_a_channels():
    twice = ((0.0, bytes((0x90, 60, 80))), (1.0, bytes((0x90, 60, 80))))
    assert lengths_s(played(*twice)) == [1.0, None]
    assert lengths_s(played(*twice, (1.5, bytes((0x91, 64, 80))), (2.0, bytes((0xB0, 123, 0))))) == [
        1.0,
        1.0,
        None,
    ]


def test_a_pulled_cable_lets_go_what_is_held_while_nothing_rolls():
    offline = OfflinePerformer()
    offline.play([(offline.now_ns + 1, b"\xb0\x40\x7f"), (offline.now_ns + 2, b"\x90\x3c\x50")])
    offline.run_for(1_000_000)
    offline.performer.let_go(offline.now_ns)
    released = [event.data for event in offline.of(Heard)[2:]]
    assert released == [b"\x80\x3c\x00", b"\xb0\x40\x00"]
    state = State()
    for event in offline.of(Heard):
        state, _ = update(state, event, event.t_ns)
    assert lengths_s(state.live.free) == [pytest.approx(0.001, abs=1e-5)]
