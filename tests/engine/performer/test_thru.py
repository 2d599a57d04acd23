"""What the player plays goes on to the output, through a whole performer on the internal clock."""

import pytest

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

MS = 1_000_000
BEND, PRESSURE, KEY_PRESSURE = b"\xe2\x10\x50", b"\xd2\x40", b"\xa2\x3c\x20"
MODULATION, PEDAL, PROGRAM = b"\xb2\x01\x30", b"\xb2\x40\x7f", b"\xc2\x05"
ALL_OFF = b"\xb2\x7b\x00"


def sent(offline: OfflinePerformer) -> list[bytes]:
    return [data for _, _, data in offline.backend.output.log]


def played(*messages: bytes, command: m.SetInput | None = None, gap_ns: int = 10 * MS) -> OfflinePerformer:
    offline = OfflinePerformer()
    if command:
        offline.handle(command)
    offline.play([(offline.now_ns + index * gap_ns, data) for index, data in enumerate(messages)])
    offline.run_for(len(messages) * gap_ns + 50 * MS)
    return offline


def test_controllers_go_through_unless_they_are_not_to():
    every = (BEND, PRESSURE, KEY_PRESSURE, MODULATION, PROGRAM)
    assert sent(played(*every)) == list(every)
    assert sent(played(*every, command=m.SetInput(thru_controllers=False))) == []


def test_what_ends_notes_never_goes_through():
    assert sent(played(ALL_OFF, b"\xb2\x78\x00", b"\xb2\x7f\x00")) == []


@pytest.mark.parametrize("controller", [64, 66])
@pytest.mark.parametrize("lengthens", [True, False])
def test_a_pedal_goes_through_only_where_it_does_not_lengthen(controller, lengthens):
    pedal = bytes((0xB2, controller, 127))
    through = [] if lengthens else [pedal]
    assert sent(played(pedal, command=m.SetInput(sustain_lengthens=lengthens))) == through


def test_notes_go_through_where_wished():
    on, off = b"\x92\x3c\x40", b"\x82\x3c\x00"
    assert sent(played(on, off)) == []
    assert sent(played(on, off, command=m.SetInput(thru_notes=True))) == [on, off]


def test_a_note_that_is_held_through_ends_when_its_cable_is_pulled():
    offline = played(b"\x92\x3c\x40", command=m.SetInput(thru_notes=True))
    assert offline.sounding() == {(2, 60)}
    offline.performer.let_go(offline.now_ns)
    assert offline.sounding() == set()


def test_a_note_that_is_held_through_goes_on_over_a_start_and_a_jump():
    offline = played(b"\x92\x3c\x40", command=m.SetInput(thru_notes=True))
    offline.handle(m.Play())
    offline.run_for(100 * MS)
    offline.handle(m.Play(8.0))
    offline.run_for(100 * MS)
    assert offline.sounding() == {(2, 60)}
    offline.handle(m.Panic())
    assert offline.sounding() == set()


def test_a_fader_does_not_run_round_a_cable_that_leads_back():
    """The output is wired to the input: every message comes back 20 ms later."""
    offline = OfflinePerformer()
    fader = [bytes((0xB0, 7, value)) for value in range(0, 100, 3)]
    offline.play([(offline.now_ns + index * 5 * MS, data) for index, data in enumerate(fader)])
    seen = 0
    for _ in range(2000):
        offline.run_for(MS)
        log = offline.backend.output.log
        offline.play([(sent_ns + 20 * MS, data) for _, sent_ns, data in log[seen:]])
        seen = len(log)
    assert sent(offline) == fader


def test_what_comes_in_is_counted_and_what_is_not_used_says_why():
    offline = played(
        b"\x90\x3c\x40", b"\x80\x3c\x00", BEND, b"\x90\xff\x40", b"\x90\x3c", b"\xf8", b"\xb0\x07\x80"
    )
    counts = offline.of(m.InputCounts)[-1]
    assert (counts.port, counts.notes, counts.controllers, counts.clock) == ("Antiphon In", 2, 1, 1)
    assert counts.ignored == (("it is no whole MIDI message", 3),)
    ignored = [event.data for event in offline.of(m.Heard) if event.ignored]
    assert ignored == [b"\x90\xff\x40", b"\x90\x3c", b"\xb0\x07\x80"]


def test_a_clock_that_is_not_followed_is_counted_as_ignored():
    offline = OfflinePerformer()
    offline.handle(m.SetClock("internal"))
    offline.play([(offline.now_ns + tick * 20 * MS, b"\xf8") for tick in range(5)])
    offline.run_for(200 * MS)
    assert offline.of(m.InputCounts)[-1].ignored == (("our own clock leads", 5),)


def to_send(notes: bool = True, *, lengthens: bool = False) -> m.SetInput:
    return m.SetInput(thru_notes=notes, sustain_lengthens=lengthens)


@pytest.mark.parametrize("controller", [64, 66, 69])
def test_a_pedal_that_was_sent_on_comes_up_when_its_cable_is_pulled(controller):
    down, up = bytes((0xB2, controller, 127)), bytes((0xB2, controller, 0))
    offline = played(down, command=to_send())
    assert sent(offline) == [down]
    offline.performer.let_go(offline.now_ns)
    offline.performer.let_go(offline.now_ns)
    assert sent(offline) == [down, up]


@pytest.mark.parametrize(
    "command",
    [m.SetInput(sustain_lengthens=True), m.SetInput(sustain_lengthens=False, thru_controllers=False)],
)
def test_a_pedal_that_was_sent_on_comes_up_whatever_was_chosen_meanwhile(command):
    offline = played(PEDAL, command=to_send())
    offline.handle(command)
    offline.play([(offline.now_ns, b"\xb2\x40\x00"), (offline.now_ns + 400 * MS, PEDAL)])
    offline.run_for(500 * MS)
    assert sent(offline) == [PEDAL, b"\xb2\x40\x00"]


def test_a_quick_foot_is_no_cable_that_leads_back():
    up = b"\xb2\x40\x00"
    messages = (PEDAL, up, PEDAL, up, PEDAL, up)
    assert sent(played(*messages, command=to_send(), gap_ns=80 * MS)) == list(messages)


def test_a_pedal_does_not_run_round_a_cable_that_leads_back():
    """Every message comes back 20 ms later; the foot moves each 90 ms."""
    offline = OfflinePerformer()
    offline.handle(to_send())
    pedal = [bytes((0xB0, 66, value)) for value in (127, 0, 127, 0, 100, 20)]
    offline.play([(offline.now_ns + index * 90 * MS, data) for index, data in enumerate(pedal)])
    seen = 0
    for _ in range(200):
        offline.run_for(5 * MS)
        log = offline.backend.output.log
        offline.play([(max(offline.now_ns, sent_ns + 20 * MS), data) for _, sent_ns, data in log[seen:]])
        seen = len(log)
    assert sent(offline) == pedal


@pytest.mark.parametrize("mode", [120, 123, 124, 125, 126, 127])
def test_all_notes_off_ends_what_was_sent_on_on_its_channel(mode):
    offline = played(b"\x92\x3c\x40", b"\x93\x3c\x40", bytes((0xB2, mode, 0)), command=to_send())
    assert offline.sounding() == {(3, 60)}
    assert sent(offline) == [b"\x92\x3c\x40", b"\x93\x3c\x40", b"\x82\x3c\x00"]


def test_all_notes_off_leaves_the_answer_alone():
    offline = OfflinePerformer()
    offline.handle(to_send())
    offline.handle(m.SetPattern(1, (m.NoteData(0.0, 60, 4.0, 80, 2),), 1))
    offline.handle(m.Play())
    offline.run_for(100 * MS)
    offline.play([(offline.now_ns, ALL_OFF)])
    offline.run_for(100 * MS)
    assert offline.sounding() == {(2, 60)}


def test_the_edges_of_channels_pitches_and_velocities_go_through_as_they_are():
    messages = (
        b"\x9f\x00\x01",
        b"\x9f\x7f\x7f",
        b"\x9f\x00\x00",
        b"\x8f\x7f\x7f",
        b"\x90\x00\x7f",
        b"\x80\x00\x00",
    )
    offline = played(*messages, command=to_send())
    assert sent(offline) == list(messages)
    assert offline.sounding() == set()
