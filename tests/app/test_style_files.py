"""A style is read from MIDI files; what cannot be used is said."""

import pytest

from app.compose import LiveOptions
from app.style_files import read_style
from engine.errors import AntiphonError
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note


def test_the_melodies_of_a_folder_are_read_and_a_broken_file_is_said(tmp_path):
    tune = [Note(i / 2, 60 + (0, 2, 4, 7)[i % 4], 0.5) for i in range(32)]
    write_midi(tmp_path / "a.mid", [Part("Lead", tune)], bars=4)
    (tmp_path / "b").mkdir()
    write_midi(tmp_path / "b" / "c.mid", [Part("Lead", tune)], bars=4)
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    said = []
    style = read_style(tmp_path, said.append)
    assert (style.bars, style.notes, style.onsets) == (8, 64, (8, 0) * 8)
    assert len(style.phrases) == 4
    assert "8 bars of 2 files; 1 file cannot be used, the first: broken.mid" in said[0]
    assert read_style(tmp_path / "a.mid", said.append).bars == 4


def test_a_live_session_begins_with_a_style(tmp_path):
    tune = [Note(i / 2, 60 + (0, 2, 4, 7)[i % 4], 0.5) for i in range(32)]
    write_midi(tmp_path / "a.mid", [Part("Lead", tune)], bars=4)
    document = LiveOptions(style=tmp_path / "a.mid", given={"style_amount": 0.25}).document()
    assert (document.controls.style.name, document.controls.style_amount) == ("a", 0.25)


def test_nothing_to_learn_from_is_refused_in_one_line(tmp_path):
    with pytest.raises(AntiphonError, match=r"holds no \.mid file"):
        read_style(tmp_path, print)
    write_midi(tmp_path / "drums.mid", [Part("Drums", [Note(0.0, 36, 1.0, 90, 9)])], bars=1)
    with pytest.raises(AntiphonError, match="no style can be learned"):
        read_style(tmp_path, print)
