import struct
from pathlib import Path

import pytest
from corpus_files import Part, write_midi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.corpus.extract.reader import MAX_BEATS, UnusableFileError, read_piece


def header(form: int = 1, tracks: int = 1, division: int = 480, length: int = 6, extra: bytes = b"") -> bytes:
    return b"MThd" + struct.pack(">IHHH", length, form, tracks, division) + extra


def chunk(events: bytes) -> bytes:
    return b"MTrk" + struct.pack(">I", len(events)) + events


NOTE = bytes.fromhex("00 90 3c 40 60 80 3c 00 00 ff 2f 00")
SOUND = header() + chunk(NOTE)


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file.mid"
    path.write_bytes(data)
    return path


def test_notes_metres_and_tempo_come_out_in_ticks(tmp_path: Path) -> None:
    part = Part([(1, 0.5, 62, 90), (0, 2, 60, 70)], name="Flute", program=73)
    piece = read_piece(write_midi(tmp_path / "a.mid", [part], metres=[(0, 3, 4), (3, 4, 4)], bpm=100))
    (track,) = piece.tracks
    assert (track.name, track.program, track.is_drum) == ("Flute", 73, False)
    assert track.start_ticks.tolist() == [0, 480]
    assert track.end_ticks.tolist() == [960, 720]
    assert (track.pitch.tolist(), track.velocity.tolist()) == ([60, 62], [70, 90])
    assert piece.metres == ((0, 3, 4), (1440, 4, 4))
    assert piece.tempos_bpm == ((0, pytest.approx(100)),)
    assert (piece.end_ticks, piece.notes) == (960, 2)


def test_the_tenth_channel_is_drums_and_no_metre_means_four_four(tmp_path: Path) -> None:
    piece = read_piece(write_midi(tmp_path / "a.mid", [Part([(0, 1, 36)], channel=9)], metres=()))
    assert piece.tracks[0].is_drum
    assert piece.metres == ((0, 4, 4),)


@pytest.mark.parametrize(
    "data",
    [
        SOUND,
        header(length=10, extra=b"abcd") + chunk(NOTE),
        b"RIFF" + struct.pack("<I", len(SOUND) + 12) + b"RMIDdata" + struct.pack("<I", len(SOUND)) + SOUND,
    ],
    ids=["plain", "longer header", "RIFF wrapper"],
)
def test_sound_files_give_their_note(tmp_path: Path, data: bytes) -> None:
    assert read_piece(saved(tmp_path, data)).tracks[0].pitch.tolist() == [60]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am a text", "no MIDI header"),
        (b"MThd\0\0", "file ends inside its header"),
        (header(form=2) + chunk(NOTE), "MIDI format 2"),
        (header(form=7) + chunk(NOTE), "unknown MIDI format"),
        (header(division=0xE728) + chunk(NOTE), "SMPTE time division"),
        (header(division=0) + chunk(NOTE), "time division 0"),
        (SOUND[:-6], "truncated"),
        (header() + chunk(bytes.fromhex("00 3c 40 00 ff 2f 00")), "bad status byte"),
        (header() + chunk(bytes.fromhex("00 90 bc 40 00 ff 2f 00")), "data byte above 127"),
        (header() + chunk(bytes.fromhex("00 ff 2f 00")), "no notes"),
        (
            header(division=1) + chunk(bytes.fromhex("00 90 3c 40 ff ff 7f 80 3c 00 00 ff 2f 00")),
            str(MAX_BEATS),
        ),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UnusableFileError, match=reason):
        read_piece(saved(tmp_path, data))


def test_a_missing_file_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match="cannot be opened"):
        read_piece(tmp_path / "none.mid")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(4, len(SOUND) - 1), st.integers(0, 255)), max_size=6))
def test_no_damage_raises_anything_else(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND)
    for place, value in changes:
        data[place] = value
    try:
        piece = read_piece(saved(tmp_path, bytes(data)))
    except UnusableFileError as error:
        assert str(error)
    else:
        assert piece.notes > 0
        assert all((track.end_ticks > track.start_ticks).all() for track in piece.tracks)
