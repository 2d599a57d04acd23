import pytest

from engine.music.metre import FOUR_FOUR, Metre
from engine.performer.messages import (
    ClearPattern,
    ClockState,
    Connections,
    Feed,
    NoteData,
    Panic,
    Ping,
    Play,
    Played,
    SetClock,
    SetInput,
    SetMetre,
    SetOffset,
    SetPattern,
    SetTempo,
    Stop,
)
from engine.performer.restore import Memory

NOTE = NoteData(0.0, 60, 1.0, 100, 3)
PATTERN = SetPattern(7, (NOTE,), 2, "bar")


def clock_state(source="internal", position_beats=5.0, t_ns=1_000_000_000, bpm=120.0):
    return ClockState("rolling", source, bpm, position_beats, FOUR_FOUR, t_ns, 0.0, True, 0, 0)


def remembering(*commands):
    memory = Memory()
    for command in commands:
        memory.remember(command)
    return memory


def test_the_last_of_each_kind_comes_back_settings_before_music():
    feed = Feed((NOTE,), 1)
    clock, thru = SetClock("internal"), SetInput(thru_notes=True)
    memory = remembering(
        PATTERN, feed, SetTempo(90.0), SetTempo(100.0), thru, SetOffset(5.0), clock, SetMetre(Metre(3, 4))
    )
    assert memory.restoration(0) == [
        SetMetre(Metre(3, 4)),
        SetTempo(100.0),
        SetClock("internal"),
        SetInput(thru_notes=True),
        SetOffset(5.0),
        PATTERN,
        feed,
    ]


@pytest.mark.parametrize("ending", [ClearPattern(), Feed((), 1), Stop()])
def test_what_was_ended_does_not_come_back(ending):
    begun = {ClearPattern: PATTERN, Feed: Feed((NOTE,), 1), Stop: Play()}[type(ending)]
    assert remembering(begun, ending).restoration(0) == []


def test_moments_do_not_come_back():
    assert remembering(Panic(), Ping(3)).restoration(0) == []


def test_the_internal_clock_goes_on_where_it_would_be_now():
    memory = remembering(Play(0.0))
    memory.notice(clock_state(position_beats=5.0, t_ns=1_000_000_000))
    # 120 beats a minute: half a second is one beat.
    assert memory.restoration(1_500_000_000) == [Play(6.0)]


def test_a_position_from_before_play_is_not_taken():
    memory = Memory()
    memory.notice(clock_state())
    memory.remember(Play(2.0))
    assert memory.restoration(9_000_000_000) == [Play(2.0)]


def test_only_a_successor_is_patient_and_silences_the_channels_in_use():
    memory = remembering(PATTERN)
    memory.notice(Played(0, 0, 0.0, b"\x99\x24\x64"))
    assert memory.options(again=False) == []
    assert memory.options(again=True) == ["--patient", "--silence-channel=3", "--silence-channel=9"]


def test_the_wiring_that_was_seen_replaces_what_was_asked_for():
    memory = Memory(("clock",), ("synth",))
    assert memory.options(again=False) == ["--connect-in=clock", "--connect-out=synth"]
    memory.notice(Connections(("Ardour:MIDI Clock out",), ()))
    assert memory.options(again=True) == ["--connect-in=Ardour:MIDI Clock out", "--patient"]
