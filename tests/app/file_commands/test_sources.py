"""Which parts of a file a model hears, and how the files of a trio come out."""

from pathlib import Path

import pytest
import tinybundle

from app.file_commands import commands, sources
from engine.errors import MidiFileError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.midifile.read import read_midi
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note

LEAD = Part("Lead", [Note(i / 2, 67 + i % 5, 0.5, 90, 2) for i in range(8, 32)], 80)
BASS = Part("Bass", [Note(float(i), 36, 0.75, 85, 4) for i in range(16)], 38)
KICK = Part("Kick", [Note(float(i), 36, 0.25, 100, 9) for i in range(16)])
SNARE = Part("Snare", [Note(2.0 * i + 1, 38, 0.25, 100, 9) for i in range(8)])
RIGHT = Part("Right hand", [Note(i / 2, 72 + i % 3, 0.5, 70, 0) for i in range(32)])
LEFT = Part("Left hand", [Note(i / 2, 48 + i % 3, 0.5, 60, 1) for i in range(32)])


@pytest.fixture(scope="module")
def trio(tmp_path_factory) -> Model:
    return Model.load(tinybundle.write_trio(tmp_path_factory.mktemp("trio") / "bundle"))


@pytest.fixture(scope="module")
def piano(tmp_path_factory) -> Model:
    return Model.load(tinybundle.write_task(tmp_path_factory.mktemp("piano") / "bundle", "continue"))


def read(tmp_path: Path, model: Model, *parts: Part, **asked):
    """Return what was read of a song of these parts in four bars, and the line that was said."""
    write_midi(tmp_path / "song.mid", parts, 97.0, bars=4)
    said: list[str] = []
    source = sources.read_source(tmp_path / "song.mid", model, said.append, sources.Asked(**asked))
    (line,) = said
    return source, line


def heard(source: sources.Source) -> dict[int, list[int]]:
    """Return the pitches by channel."""
    notes = source.slot.phrase.notes
    return {
        channel: [note.pitch for note in notes if note.channel == channel]
        for channel in sorted({note.channel for note in notes})
    }


def test_a_trio_hears_three_parts_on_its_channels(tmp_path, trio):
    source, line = read(tmp_path, trio, KICK, LEAD, SNARE, BASS)
    assert line == (
        "song.mid: melody track 3 'Lead' (channel 3), the only one that is no bass; bass track 5 'Bass' "
        "(channel 5), by its name; drums track 2 'Kick' (channel 10), track 4 'Snare' (channel 10), "
        "all drum tracks together; bars 2 to 3, the first with every part in every bar; 97.0 bpm"
    )
    lead = [67 + i % 5 for i in range(8, 24)]
    assert heard(source) == {0: lead, 1: [36] * 8, 9: [36, 36, 38] * 4}


def test_missing_parts_are_silent_and_said(tmp_path, trio):
    source, line = read(tmp_path, trio, LEAD)
    assert "; no bass track: bass stays silent; no drum track: drums stay silent; bars 2 to 3" in line
    assert set(heard(source)) == {0}
    source, line = read(tmp_path, trio, KICK, BASS)
    assert line.startswith("song.mid: no melody track: melody stays silent; bass track 3")
    assert set(heard(source)) == {1, 9}


def test_parts_and_bars_of_a_trio_can_be_named(tmp_path, trio):
    source, line = read(
        tmp_path, trio, RIGHT, LEAD, LEFT, KICK, track="melody=right,bass=4,drums=10", first_bar=1
    )
    assert "melody track 2 'Right hand' (channel 1), as asked; bass track 4 'Left hand'" in line
    assert "bars 1 to 2, as asked" in line
    assert heard(source)[1][:3] == [48, 49, 50]


def test_a_part_that_rests_in_the_bars_is_said(tmp_path, trio):
    late = Part("Lead", [note for note in LEAD.notes if note.start_beats >= 8])
    _, line = read(tmp_path, trio, late, KICK, first_bar=1)
    assert "bars 1 to 2, as asked, without melody" in line
    with pytest.raises(MidiFileError, match=r"bars 1 to 2 of track 2 'Lead' \(channel 3\) are silent"):
        read(tmp_path, trio, late, first_bar=1)


def test_a_trio_is_written_as_three_named_tracks(tmp_path, trio):
    source, _ = read(tmp_path, trio, LEAD, BASS, KICK, SNARE)
    near = Controls(variation=0.0, seed=1)
    commands.from_source(trio, source, tmp_path / "out", lambda _: None, count=2, controls=near)
    for path in (tmp_path / "out").iterdir():
        tracks = read_midi(path).tracks
        assert [(track.name, track.channel, track.program) for track in tracks] == [
            ("Melody", 2, 80),
            ("Bass", 4, 38),
            ("Drums", 9, 0),
        ]
        assert [note.pitch for note in tracks[1].notes] == [36] * 8
    far = Controls(variation=1.0, seed=1)
    commands.from_source(trio, source, tmp_path / "far", lambda _: None, count=2, controls=far)
    for path in (tmp_path / "far").iterdir():
        assert {track.name for track in read_midi(path).tracks} <= {"Melody", "Bass", "Drums"}


def test_a_part_that_the_file_has_not_stays_silent(tmp_path, trio):
    source, _ = read(tmp_path, trio, LEAD)
    band, _ = read(tmp_path, trio, LEAD, BASS, KICK)
    far = Controls(variation=1.0, temperature=1.0, seed=1)
    (alone,) = commands.from_source(trio, source, tmp_path / "alone", lambda _: None, count=1, controls=far)
    assert [track.name for track in read_midi(alone).tracks] == ["Melody"]
    there = Controls(mode="morph")
    walk = commands.morph(trio, source, band, tmp_path / "walk", lambda _: None, steps=2, controls=there)
    names = [[track.name for track in read_midi(path).tracks] for path in walk]
    assert names == [["Melody"], ["Melody", "Bass", "Drums"]]


def test_a_corner_of_the_pad_is_the_phrase_of_its_file(tmp_path, trio):
    lead, band = read(tmp_path, trio, LEAD)[0], read(tmp_path, trio, LEAD, BASS, KICK)[0]
    corner = Controls(mode="morph", pad_x=1.0, pad_y=0.0)
    (made,) = commands.pad(
        trio, {"A": lead, "B": band, "C": lead}, tmp_path / "pad", lambda _: None, controls=corner
    )
    end = Controls(mode="morph")
    walk = commands.morph(trio, lead, band, tmp_path / "walk", lambda _: None, steps=2, controls=end)
    written, expected = read_midi(made), read_midi(walk[-1])
    assert [track.notes for track in written.tracks] == [track.notes for track in expected.tracks]
    assert [track.name for track in written.tracks] == ["Melody", "Bass", "Drums"]


def test_a_piano_hears_both_hands_and_no_drums(tmp_path, piano):
    source, line = read(tmp_path, piano, RIGHT, LEFT, KICK)
    assert line == (
        "song.mid: track 2 'Right hand' (channel 1), track 3 'Left hand' (channel 2), all pitched tracks "
        "together; bars 1 to 2, the first with notes in every bar; 97.0 bpm"
    )
    assert heard(source) == {0: [pitch for i in range(16) for pitch in (48 + i % 3, 72 + i % 3)]}
    source, line = read(tmp_path, piano, RIGHT, LEFT, KICK, track="left")
    assert "track 3 'Left hand' (channel 2), as asked" in line
    assert heard(source) == {0: [48 + i % 3 for i in range(16)]}


def test_a_key_that_two_tracks_strike_sounds_once(tmp_path, piano):
    held = Part("Held", [Note(0.0, 60, 6.0, 80, 1)])
    struck = Part("Struck", [Note(0.0, 60, 1.0, 90, 2), Note(4.0, 60, 1.0, 90, 2)])
    source, _ = read(tmp_path, piano, held, struck)
    notes = [(note.start_beats, note.duration_beats) for note in source.slot.phrase.notes]
    assert notes == [(0.0, 4.0), (4.0, 1.0)]


def test_more_bars_than_the_file_has_are_not_made_up(tmp_path, piano):
    """The tiny model takes two bars, the song has four: sixteen asked for are four, said once as they are."""
    source, line = read(tmp_path, piano, RIGHT, LEFT, length=16)
    assert source.bars == source.slot.phrase.bars == 4
    assert "bars 1 to 4" in line
