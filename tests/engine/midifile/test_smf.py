"""The reader of MIDI file bytes: what it forgives, what it refuses, and its bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MidiFileError
from engine.midifile.smf import MAX_BYTES, clean_text, parse_smf

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x50\x60\x80\x3c\x40"  # one beat of C4 at 96 ticks a beat


def smf(*bodies: bytes, form: int = 1, division: bytes = b"\x00\x60", promised: int | None = None) -> bytes:
    count = len(bodies) if promised is None else promised
    head = b"MThd\x00\x00\x00\x06" + form.to_bytes(2) + count.to_bytes(2) + division
    return head + b"".join(b"MTrk" + len(body).to_bytes(4) + body for body in bodies)


def rows(data: bytes) -> list[list[int]]:
    """Start, end, pitch, velocity and channel of the first track's notes."""
    return [list(map(int, row)) for row in zip(*parse_smf(data, "x.mid").tracks[0].columns(), strict=True)]


def refusal(data: bytes) -> str:
    with pytest.raises(MidiFileError) as caught:
        parse_smf(data, "x.mid")
    line = str(caught.value)
    assert line.startswith("x.mid: ")
    assert "; " in line
    assert "\n" not in line
    return line


def test_notes_with_running_status_and_velocity_0() -> None:
    body = b"\x00\x92\x3c\x50\x30\x40\x51\x30\x3c\x00\x00\x40\x00" + END
    assert rows(smf(body)) == [[0, 96, 60, 80, 2], [48, 96, 64, 81, 2]]


def test_a_pitch_struck_again_ends_the_oldest_first_and_strays_mean_nothing() -> None:
    body = b"\x00\x80\x3c\x00\x00\x90\x3c\x50\x10\x90\x3c\x51\x10\x80\x3c\x00\x10\x80\x3c\x00\x10\x80\x3c\x00"
    assert rows(smf(body + END)) == [[0, 32, 60, 80, 0], [16, 48, 60, 81, 0]]


def test_notes_without_an_end_last_to_the_end_of_the_track() -> None:
    parsed = parse_smf(smf(b"\x00\x90\x3c\x50\x60\xff\x2f\x00"), "x.mid")
    assert parsed.tracks[0].rows == [0, 96, 60, 80, 0]
    assert parsed.warnings == ["track 1: 1 note without an end closed at the end of the track"]


def test_running_status_lives_through_meta_events_but_not_through_sysex() -> None:
    meta, sysex = b"\x00\xff\x01\x02ab", b"\x00\xf0\x02\x01\xf7"
    assert len(rows(smf(b"\x00\x90\x3c\x50" + meta + b"\x60\x3c\x00" + END))) == 1
    assert "data byte without a status" in refusal(smf(b"\x00\x90\x3c\x50" + sysex + b"\x60\x3c\x00" + END))


ESCAPED_NOTE = b"\x00\xf7\x03\x90\x3c\x50"
ONE_NOTE = "track 1: 1 escape (F7), 1 note among them, ignored"
NO_NOTE = "track 1: 1 escape (F7) ignored"
TWO_NOTES = "track 1: 1 escape (F7), 2 notes among them, ignored"
ESCAPES = {
    "a note": (ESCAPED_NOTE, ONE_NOTE),
    "its end": (b"\x00\xf7\x03\x90\x3c\x00", NO_NOTE),
    "running status": (b"\x00\xf7\x05\x91\x3c\x50\x40\x50", TWO_NOTES),
    "two": (ESCAPED_NOTE * 2, "track 1: 2 escapes (F7), 2 notes among them, ignored"),
    "a program": (b"\x00\xf7\x02\xc0\x05", NO_NOTE),
    "song select": (b"\x00\xf7\x02\xf3\x01", NO_NOTE),
    "after a whole message": (b"\x00\xf0\x02\x01\xf7" + ESCAPED_NOTE, ONE_NOTE),
    "after one without an end": (b"\x00\xf0\x02\x01\x02" + ESCAPED_NOTE, ONE_NOTE),
    "cut short": (b"\x00\xf7\x02\x90\x3c", NO_NOTE),
}


@pytest.mark.parametrize(("events", "said"), ESCAPES.values(), ids=list(ESCAPES))
def test_what_is_escaped_is_ignored_and_counted(events: bytes, said: str) -> None:
    parsed = parse_smf(smf(events + NOTE + END), "x.mid")
    assert parsed.tracks[0].rows == [0, 96, 60, 80, 0]
    assert parsed.warnings == [said]


@pytest.mark.parametrize(
    "message",
    [
        b"\x00\xf0\x03\x43\x12\x00\x10\xf7\x02\x43\x12\x10\xf7\x02\x01\xf7",
        b"\x00\xf0\x01\x43\x10\xf7\x01\xf7",
        b"\x00\xf7\x01\xf7",
        b"\x00\xf7\x00",
        b"\x00\xf0\x00\x00\xf7\x00\x00\xf7\x03\x01\x02\xf7",
    ],
    ids=["in three packets", "its end apart", "an end alone", "empty", "empty packets"],
)
def test_packets_of_a_system_exclusive_message_are_no_escapes(message: bytes) -> None:
    assert parse_smf(smf(message + NOTE + END), "x.mid").warnings == []


def test_tempo_metre_name_and_program() -> None:
    body = b"\x00\xff\x03\x05Piano\x00\xff\x51\x03\x07\xa1\x20\x60\xff\x58\x04\x06\x03\x18\x08"
    body += b"\x00\xc3\x05\x00\x93\x3c\x50\x00\xc3\x06\x60\x83\x3c\x00" + END
    track = parse_smf(smf(body), "x.mid").tracks[0]
    assert (track.name, track.tempos, track.metres) == ("Piano", [(0, 500_000)], [(96, 6, 8)])
    assert track.programs == {3: 5}  # the one its first note is played with


def test_invalid_tempo_and_metre_are_ignored_with_a_warning() -> None:
    body = b"\x00\xff\x51\x03\x00\x00\x00\x00\xff\x51\x01\x09\x00\xff\x58\x04\x00\x02\x18\x08"
    parsed = parse_smf(smf(body + b"\x00\xff\x58\x04\x04\xff\x18\x08" + NOTE + END), "x.mid")
    assert (parsed.tracks[0].tempos, parsed.tracks[0].metres) == ([], [])
    assert parsed.warnings == [
        "track 1: an invalid tempo at tick 0 ignored",
        "track 1: an invalid time signature at tick 0 ignored",
    ]


def test_wrappers_and_wrong_counts_are_forgiven_with_a_warning() -> None:
    assert parse_smf(b"RIFF\xff\x00\x00\x00RMIDdata\xff\x00\x00\x00" + smf(NOTE + END), "x").warnings
    parsed = parse_smf(smf(NOTE + END, NOTE, promised=5) + b"\x00\x01junk at the end", "x.mid")
    assert len(parsed.tracks) == 2
    assert "the header promises 5 tracks, there: 2" in parsed.warnings
    assert "track 2 has no end-of-track event" in parsed.warnings
    assert "bytes after the last track ignored" in parsed.warnings


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a MIDI file"),
        (smf()[:10], "ends inside its header"),
        (smf(NOTE, division=b"\xe7\x28"), "SMPTE time division is not supported"),
        (smf(NOTE, division=b"\x00\x00"), "0 ticks per quarter note"),
        (smf(promised=3), "promises 3 tracks, none follow"),
        (smf(NOTE[:-1]), "cut short inside an event"),
        (smf(b"\x81\x81\x81\x81\x01\x90\x3c\x50"), "a variable length of more than 4 bytes"),
        (smf(b"\x00\x3c\x50"), "a data byte without a status at tick 0"),
        (smf(b"\x05\x90\x3c\x80"), "a data byte above 127 at tick 5"),
        (smf(b"\x00\xf4"), "undefined status F4"),
        (smf(b"\x00\xff\x01\xff\xff\xff\x7f" + NOTE), "an event of 268435455 bytes reaches beyond"),
        (smf(*[END] * 1025), "more than 1024 tracks"),
        (smf(b"\x00\xff\x51\x00" * 50_001), "more than 50000 changes of tempo and metre"),
        (smf(b"\x00\xc0\x00" * 900_001), "more than 900000 events"),
        (bytes(MAX_BYTES + 1), "more than the 8 MB"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_refusals_of_one_line(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_names_of_any_bytes_fit_on_one_short_line() -> None:
    assert clean_text("Größe".encode()) == "Größe"
    assert clean_text("Größe".encode("latin-1")) == "Größe"
    assert clean_text(b"a\x00b\x1b[31m\n\tc") == "a b [31m c"
    assert len(clean_text(b"x" * 65536)) == 128


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    st.integers(0, 200),
    st.sampled_from([smf(NOTE * 8 + END, NOTE * 8 + END), smf(b"\x00\xff\x03\x03abc" + NOTE + END)]),
)
def test_damaged_files_read_or_are_refused(damage: list[tuple[int, int]], length: int, data: bytes) -> None:
    broken = bytearray(data)
    for place, byte in damage:
        broken[place % len(broken)] = byte
    try:
        parsed = parse_smf(bytes(broken[:length]), "x.mid")
    except MidiFileError as error:
        assert "\n" not in str(error)
    else:
        for track in parsed.tracks:
            starts, ends, *rest = track.columns()
            assert (ends >= starts).all()
            assert all((column >= 0).all() and (column <= 127).all() for column in rest)


@pytest.mark.parametrize("kind", [b"XFIH", b"\xff\xfe\x00\x00", b"    "])
def test_a_chunk_of_any_name_between_tracks_is_passed_over(kind) -> None:
    alien = kind + (33).to_bytes(4) + b"a" * 33
    data = smf(NOTE + END, promised=2)
    parsed = parse_smf(data + alien + smf(NOTE + NOTE + END)[14:], "x.mid")
    assert [len(track.rows) // 5 for track in parsed.tracks] == [1, 2]
    assert parsed.warnings == []


@pytest.mark.parametrize("mode", [120, 123, 124, 125, 126, 127])
def test_all_notes_off_ends_what_sounds_on_its_channel(mode) -> None:
    body = (
        b"\x00\x90\x3c\x50\x00\x90\x40\x51\x00\x9f\x3c\x52"  # C and E on channel 1, C on 16
        + bytes((0x20, 0xB0, mode, 0))
        + b"\x10\x80\x3c\x00"  # means nothing any more
        + b"\x10\x90\x3c\x53\x20\x80\x3c\x00\x00\x8f\x3c\x00"
        + END
    )
    assert rows(smf(body)) == [
        [0, 32, 60, 80, 0],
        [0, 32, 64, 81, 0],
        [0, 96, 60, 82, 15],
        [64, 96, 60, 83, 0],
    ]


@pytest.mark.parametrize("controller", [64, 66])
def test_reset_all_controllers_lifts_a_pedal_that_is_down_and_no_other(controller: int) -> None:
    reset, down = b"\x79\x00", bytes((controller, 127))
    body = b"\x00\xb0" + reset + b"\x08\xb0" + down + b"\x08\xb1" + reset + b"\x08\xb0" + reset
    track = parse_smf(smf(body + b"\x08\xb0" + reset + END), "x.mid").tracks[0]
    pedal = [row for row in track.message_columns().tolist() if row[2] in (64, 66)]
    assert pedal == [[8, 0xB0, controller, 127], [24, 0xB0, controller, 0]]
