"""A style is read from MIDI files and folders; what cannot be used is said."""

import os
import sys

import pytest

from app.compose import LiveOptions
from engine.errors import AntiphonError
from engine.midifile import style_files
from engine.midifile.read import read_midi
from engine.midifile.style_files import midi_files, name_of, phrases_of, read_style, style_of_files
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note

TUNE = [Note(i / 2, 60 + (0, 2, 4, 7)[i % 4], 0.5) for i in range(32)]


def write_tune(path):
    write_midi(path, [Part("Lead", TUNE)], bars=4)
    return path


def test_the_melodies_of_a_folder_are_read_and_a_broken_file_is_said(tmp_path):
    write_tune(tmp_path / "a.mid")
    (tmp_path / "b").mkdir()
    write_tune(tmp_path / "b" / "c.midi")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    (tmp_path / "cover.jpg").write_bytes(b"x")
    said = []
    style = read_style(tmp_path, said.append)
    assert (style.bars, style.notes, style.onsets) == (8, 64, (8, 0) * 8)
    assert len(style.phrases) == 4
    assert "8 bars of 2 files; 1 file ignored, the first: broken.mid" in said[0]
    assert read_style(tmp_path / "a.mid", said.append).bars == 4


def test_a_live_session_begins_with_a_style(tmp_path):
    write_tune(tmp_path / "a.mid")
    document = LiveOptions(style=tmp_path / "a.mid", given={"style_amount": 0.25}).document()
    assert (document.controls.style.name, document.controls.style_amount) == ("a", 0.25)


def test_nothing_to_learn_from_is_refused_in_one_line(tmp_path):
    with pytest.raises(AntiphonError, match="holds no MIDI file; choose another folder"):
        read_style(tmp_path, print)
    write_midi(tmp_path / "drums.mid", [Part("Drums", [Note(0.0, 36, 1.0, 90, 9)])], bars=1)
    with pytest.raises(AntiphonError, match=r"no style can be learned \(drums.mid: only drums, no melody"):
        read_style(tmp_path, print)
    with pytest.raises(AntiphonError, match=r"no style can be learned \(absent.mid: cannot be read"):
        read_style(tmp_path / "absent.mid", print)


def test_a_melody_of_a_few_notes_is_too_little(tmp_path):
    write_midi(tmp_path / "few.mid", [Part("Lead", TUNE[:3])], bars=1)
    with pytest.raises(AntiphonError, match=r"few: no style can be learned \([03] notes of melody in it\)"):
        read_style(tmp_path / "few.mid", print)


def test_the_progress_is_reported_before_each_file(tmp_path):
    files, reported = [write_tune(tmp_path / f"{number}.mid") for number in range(3)], []
    assert len(list(style_of_files(files, lambda *how_far: reported.append(how_far)))) == 3
    assert reported == [(0, 3), (1, 3), (2, 3)]


def test_of_too_many_files_some_all_over_the_folder_are_read(tmp_path, monkeypatch):
    for number in range(9):
        write_tune(tmp_path / f"{number}.mid")
    monkeypatch.setattr(style_files, "MOST_FILES", 3)
    said, read = [], []
    monkeypatch.setattr(style_files, "read_midi", lambda path: read.append(path.name) or read_midi(path))
    assert read_style(tmp_path, said.append).bars == 12
    assert sorted(read) == ["0.mid", "3.mid", "6.mid"]
    assert "12 bars of 3 files; 6 more are left out" in said[0]


def test_once_enough_was_read_the_rest_is_left_out_and_what_was_read_lay_all_over(tmp_path, monkeypatch):
    for number in range(8):
        write_tune(tmp_path / f"{number}.mid")
    monkeypatch.setattr(style_files, "MOST_BARS", 13)
    said, read = [], []
    monkeypatch.setattr(style_files, "read_midi", lambda path: read.append(path.name) or read_midi(path))
    assert read_style(tmp_path, said.append).bars == 16
    assert read == ["0.mid", "4.mid", "2.mid", "6.mid"]
    assert "16 bars of 4 files; 4 more are left out" in said[0]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_folders_behind_links_are_read_once_and_what_is_hidden_or_no_file_is_not(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    tune = write_tune(there / "a.MID")
    write_tune(there / "._a.mid")
    os.mkfifo(there / "pipe.mid")
    here = tmp_path / "here"
    here.mkdir()
    (here / "one").symlink_to(there)
    (here / "two").symlink_to(there)
    (there / "loop").symlink_to(here)
    assert midi_files([here]) == ([here / "one" / "a.MID"], [])
    assert midi_files([tune, there]) == ([tune], [])


def test_a_folder_that_may_not_be_looked_into_is_said(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(AntiphonError, match=r"closed: cannot be read \(Permission denied\); choose another"):
        read_style(tmp_path, print)


def test_the_name_is_the_folders_the_files_or_how_many(tmp_path):
    (tmp_path / "Bach, J. S.").mkdir()
    assert name_of([tmp_path / "Bach, J. S."]) == "Bach, J. S."
    assert name_of([tmp_path / "air.on.g.mid"]) == "air.on.g"
    assert name_of([tmp_path / "a.mid", tmp_path / "b.mid"]) == "2 files"


def test_notes_are_in_the_window_they_begin_in_and_early_ones_in_the_next(tmp_path):
    tune = [Note(0.0, 60, 1.0), Note(31.5, 62, 1.0), Note(32.0 - 1 / 16, 64, 1.0), Note(40.0, 65, 1.0)]
    write_midi(tmp_path / "a.mid", [Part("Lead", tune)], bars=11)
    windows = [phrase for phrase, _ in phrases_of(read_midi(tmp_path / "a.mid"))]
    assert [phrase.bars for phrase in windows] == [8, 3]
    assert [[note.pitch for note in phrase.notes] for phrase in windows] == [[60, 62], [64, 65]]


def test_of_a_very_long_file_windows_all_over_it_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(style_files, "MOST_WINDOWS", 2)
    tune = [Note(32.0 * bar, 60 + bar, 1.0) for bar in range(4)]
    write_midi(tmp_path / "a.mid", [Part("Lead", tune)], bars=32)
    windows = [phrase for phrase, _ in phrases_of(read_midi(tmp_path / "a.mid"))]
    assert [[note.pitch for note in phrase.notes] for phrase in windows] == [[60], [62]]
