import wave
from pathlib import Path

import mido
import numpy as np
import pytest
from typer.testing import CliRunner

from app.audio.render import RATE, TAIL_S, events_of, render_files, seconds_at
from app.cli import application
from engine.errors import AntiphonError
from engine.midifile.read import read_midi


@pytest.fixture(autouse=True)
def no_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIPHON_SOUNDFONT", "/nowhere.sf2")


def write_song(path: Path) -> Path:
    """Write one beat at 120 bpm, then 60 bpm: notes at 0 and 1 beats, each a beat long."""
    midi = mido.MidiFile(ticks_per_beat=100)
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.Message("note_on", note=60, velocity=100))
    track.append(mido.Message("note_off", note=60, time=100))
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    track.append(mido.Message("note_on", note=64, velocity=90))
    track.append(mido.Message("note_off", note=64, time=100))
    midi.tracks.append(track)
    midi.save(path)
    return path


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32_767


def test_times_follow_every_tempo_before_them(tmp_path: Path) -> None:
    song = read_midi(write_song(tmp_path / "a.mid"))
    assert [seconds_at(song, ticks) for ticks in (0, 50, 100, 150, 200)] == [0, 0.25, 0.5, 1.0, 1.5]
    assert events_of(song) == [
        (0, 1, 0, 60, 100),
        (RATE // 2, 0, 0, 60, 0),
        (RATE // 2, 1, 0, 64, 90),
        (3 * RATE // 2, 0, 0, 64, 0),
    ]


def test_a_file_sounds_from_its_first_note_and_rings_out(tmp_path: Path) -> None:
    said: list[str] = []
    render_files([write_song(tmp_path / "a.mid")], tmp_path / "a.wav", said.append)
    sound = samples(tmp_path / "a.wav")
    assert len(sound) == int((1.5 + TAIL_S) * RATE)
    assert np.abs(sound[: RATE // 10]).max() > 0.02
    assert np.abs(sound[-RATE // 10 :]).max() < 0.01
    assert said == [f"{tmp_path / 'a.wav'}: 3.0 s by built-in tones"]


def test_several_files_go_in_a_row_or_each_to_its_own(tmp_path: Path) -> None:
    files = [write_song(tmp_path / name) for name in ("a.mid", "b.mid")]
    render_files(files, tmp_path / "all.wav", lambda line: None)
    assert len(samples(tmp_path / "all.wav")) == 2 * int((1.5 + TAIL_S) * RATE)
    written = render_files(files, tmp_path / "each", lambda line: None)
    assert written == [tmp_path / "each" / "a.wav", tmp_path / "each" / "b.wav"]


def test_nothing_is_overwritten_and_no_half_file_is_left(tmp_path: Path) -> None:
    song = write_song(tmp_path / "a.mid")
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(AntiphonError, match="is there already"):
        render_files([song], tmp_path / "a.wav", lambda line: None)
    assert (tmp_path / "a.wav").read_text() == "mine"


def test_the_command_refuses_what_is_no_midi_file(tmp_path: Path) -> None:
    (tmp_path / "text.mid").write_text("no music")
    result = CliRunner().invoke(
        application, ["render", str(tmp_path / "text.mid"), "-o", str(tmp_path / "x.wav")]
    )
    assert result.exit_code != 0
    assert "text.mid" in str(result.exception)
    assert not (tmp_path / "x.wav").exists()


def test_another_format_than_wav_is_no_folder(tmp_path: Path) -> None:
    song = write_song(tmp_path / "a.mid")
    refused = CliRunner().invoke(application, ["render", str(song), "-o", str(tmp_path / "a.mp3")])
    assert isinstance(refused.exception, AntiphonError)
    assert str(refused.exception).endswith("a.mp3: sound is written as WAV alone; name it a.wav")
    assert not (tmp_path / "a.mp3").exists()


def test_sequences_of_a_file_sound_one_after_the_other_at_their_own_tempos(tmp_path: Path) -> None:
    file = mido.MidiFile(type=2, ticks_per_beat=480)
    for microseconds in (1_000_000, 250_000):
        line = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=microseconds)])
        line += [mido.Message("note_on", note=60, time=480), mido.Message("note_off", note=60, time=480)]
        file.tracks.append(line)
    file.save(tmp_path / "two.mid")
    render_files([tmp_path / "two.mid"], tmp_path / "two.wav", lambda line: None)
    sound = np.abs(samples(tmp_path / "two.wav")).max(axis=1)
    first_s, second_s = 2 + TAIL_S, 0.5 + TAIL_S
    assert len(sound) == round((first_s + second_s) * RATE)
    assert not sound[: RATE - 1].any()
    assert sound[RATE : RATE + 1000].any()
    second = sound[round(first_s * RATE) :]
    assert not second[: RATE // 4 - 1].any()
    assert second[RATE // 4 : RATE // 4 + 1000].any()


def test_faults_of_a_file_are_said_and_one_without_notes_is_refused(tmp_path: Path) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("track_name", name="nothing")]))
    file.save(tmp_path / "a.mid")
    with pytest.raises(AntiphonError, match=r"^a.mid: no notes to render; choose a file that has some$"):
        render_files([tmp_path / "a.mid"], tmp_path / "a.wav", lambda line: None)
    file.tracks[0].append(mido.Message("note_on", note=60))
    file.tracks[0].append(mido.Message("program_change", program=3, time=480))
    file.save(tmp_path / "b.mid")
    said: list[str] = []
    render_files([tmp_path / "b.mid"], tmp_path / "b.wav", said.append)
    assert said[0] == "b.mid: track 1: 1 note without an end closed at the end of the track"
    assert len(said) == 2
