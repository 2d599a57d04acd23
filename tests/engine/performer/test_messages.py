"""What may stand in a message: everything else is refused by whoever reads it, and not sent."""

import msgspec
import pytest

from engine.music.metre import Metre
from engine.performer.messages import (
    BarCaptured,
    ClockState,
    Connections,
    Heard,
    InputCounts,
    MeasureLoop,
    MessageError,
    NoteData,
    Play,
    Played,
    SetMetre,
    SetPattern,
    SetTempo,
    decode_command,
    decode_event,
    encode,
    encode_command,
)

CLOCK = ClockState("rolling", "internal", 120.0, 5.0, Metre(), 10**9, 0.5, True, 0, 0)


def with_note(**changed):
    return SetPattern(1, (msgspec.structs.replace(NoteData(0.0, 60, 1.0, 90, 0), **changed),), 1)


@pytest.mark.parametrize(
    "command",
    [
        SetTempo(float("nan")),
        SetTempo(-2e9),
        Play(1e308),
        Play(2.0**63),
        Play(float("inf")),
        SetMetre(Metre(0, 4)),
        SetMetre(Metre(4, 3)),
        SetMetre(Metre(255, 4)),
        with_note(pitch=128),
        with_note(pitch=-1),
        with_note(velocity=0),
        with_note(channel=16),
        with_note(duration_beats=-0.01),
        with_note(start_beats=1e10),
        MeasureLoop(clicks=2**70),
        SetPattern(1, (), 1, at_beats=float("nan")),
    ],
    ids=repr,
)
def test_a_command_out_of_range_is_neither_sent_nor_taken(command):
    with pytest.raises(MessageError) as refused:
        encode_command(command)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "event",
    [
        msgspec.structs.replace(CLOCK, metre=Metre(0, 4)),
        msgspec.structs.replace(CLOCK, metre=Metre(4, 0)),
        msgspec.structs.replace(CLOCK, position_beats=float("-inf")),
        msgspec.structs.replace(CLOCK, bpm=1e300),
        BarCaptured(0, (NoteData(0.0, 200, 1.0, 90, 0),), (), 120.0, Metre(), 0),
        BarCaptured(0, (NoteData(0.0, 60, -1.0, 90, 0),), (), 120.0, Metre(), 0),
        Heard(0, 0.0, b"\x90\xff\x40"),
        Heard(0, 0.0, b""),
        Played(0, 0, 0.0, b"\x90"),
        Played(0, 0, 0.0, b"\x12\x34"),
        Connections(("a\0b",), ()),
    ],
    ids=repr,
)
def test_an_event_out_of_range_is_not_taken(event):
    with pytest.raises(MessageError):
        decode_event(encode(event))


def test_what_is_at_the_edge_is_taken():
    for command in (Play(-1.0), Play(1e8), SetMetre(Metre(7, 8)), with_note(start_beats=-0.1, pitch=127)):
        encode_command(command)
        assert decode_command(encode(command)) == command
    counts = InputCounts("Antiphon In", 1, 2, 3, (("it is our own, come back", 4),))
    # What came in broken is reported as it came, with the reason.
    for event in (CLOCK, Heard(0, 0.0, b"\x90\xff", "it is no whole MIDI message"), counts):
        assert decode_event(encode(event)) == event
