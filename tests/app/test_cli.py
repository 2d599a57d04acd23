"""The command line on real files and a real (tiny) model; every refusal is one line and not zero."""

import inspect
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text
from typer.testing import CliRunner

from app import cli, doctor
from app.demo import demo_phrase
from engine.midifile.read import read_midi
from engine.midifile.write import Part, write_midi, write_phrase
from engine.music.notes import Note

ROOT = Path(__file__).parents[2]


def run(*arguments: object):
    return CliRunner().invoke(cli.application, [str(value) for value in arguments])


def run_main(monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["antiphon", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.fixture
def song(tmp_path) -> Path:
    """Bass, a melody that begins in bar 3, and drums, at 97 bpm."""
    melody = [
        Note(8 + n.start_beats, n.pitch + 12, n.duration_beats, n.velocity) for n in demo_phrase().notes
    ]
    bass = [Note(4.0 * bar, 36, 3.5, 90, 1) for bar in range(4)]
    drums = [Note(1.0 * beat, 36, 0.2, 100, 9) for beat in range(16)]
    path = tmp_path / "song.mid"
    parts = [Part("Bass", bass), Part("Lead", melody), Part("Drums", drums)]
    write_midi(path, parts, 97.0, bars=4)
    return path


def test_vary_says_what_it_took_and_keeps_tempo_and_bars(song, tmp_path, tiny_bundle):
    out = tmp_path / "out"
    done = run("vary", song, "-o", out, "--count", 3, "--seed", 7, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    first = done.output.splitlines()[0]
    assert "'Lead'" in first
    assert "bars 3 to 4" in first
    assert "97.0 bpm" in first
    written = sorted(out.glob("*.mid"))
    assert [path.name for path in written] == ["song-vary-1.mid", "song-vary-2.mid", "song-vary-3.mid"]
    for path in written:
        again = read_midi(path)
        assert again.bars == 2
        assert again.bpm == pytest.approx(97.0, abs=0.01)


def test_accompany_writes_the_melody_with_three_voices_under_names_of_their_own(song, tmp_path):
    done = run("accompany", song, "-o", tmp_path / "out", "--count", 2, "--length", 2, "--no-with-chords")
    assert done.exit_code == 0, done.output
    first, second = (read_midi(path) for path in sorted((tmp_path / "out").glob("*.mid")))
    assert [track.name for track in first.tracks] == ["Melody", "Bass", "Drums"]
    tune = [(note.pitch, note.velocity) for note in first.tracks[0].notes]
    assert tune == [(note.pitch + 12, note.velocity) for note in demo_phrase().notes]
    assert [note.pitch for note in second.tracks[0].notes] == [pitch for pitch, _ in tune]
    assert first.tracks[2].notes != second.tracks[2].notes
    assert first.bpm == pytest.approx(97.0, abs=0.01)


def test_variation_0_writes_what_was_played(song, tmp_path, tiny_bundle):
    done = run("vary", song, "-o", tmp_path, "--count", 1, "--variation", 0, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    (track,) = read_midi(tmp_path / "song-vary-1.mid").tracks
    expected = [(note.pitch + 12, note.velocity) for note in demo_phrase().notes]
    assert [(note.pitch, note.velocity) for note in track.notes] == expected


def test_the_same_seed_writes_the_same_bytes(song, tmp_path, tiny_bundle):
    for name in ("one", "two"):
        run("vary", song, "-o", tmp_path / name, "--count", 2, "--seed", 5, "--model", tiny_bundle)
    one, two = ([p.read_bytes() for p in sorted((tmp_path / n).iterdir())] for n in ("one", "two"))
    assert one == two
    assert one[0] != one[1]


def test_track_and_bar_can_be_named(song, tmp_path, tiny_bundle):
    done = run("vary", song, "-o", tmp_path, "--track", "bass", "--bar", 2, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    assert "'Bass'" in done.output
    assert "bars 2 to 3, as asked" in done.output


def test_morph_ends_are_the_two_phrases(song, tmp_path, tiny_bundle):
    other = tmp_path / "other.mid"
    write_phrase(other, demo_phrase(), bpm=140.0)
    out = tmp_path / "walk"
    done = run("morph", song, other, "-o", out, "--steps", 5, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    files = sorted(out.iterdir())
    assert len(files) == 5
    pitches = [[note.pitch for note in read_midi(path).tracks[0].notes] for path in (files[0], files[-1])]
    demo = [note.pitch for note in demo_phrase().notes]
    assert pitches == [[pitch + 12 for pitch in demo], demo]


@pytest.fixture
def two_parts(tmp_path):
    """Two bars in which a flute and a bass play different lines."""
    flute = [Note(step / 2, 72 + step % 5, 0.5) for step in range(16)]
    bass = [Note(float(step), 48 + 2 * (step % 4), 1.0) for step in range(8)]
    write_midi(tmp_path / "two.mid", [Part("Flute", flute), Part("Bass", bass)], 100.0, bars=2)
    return tmp_path / "two.mid"


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        (["--track", "bass"], ["bass", "bass"]),
        (["--track", 3, "--second-track", 2], ["bass", "flute"]),
        (["--track", "flute", "--second-track", "bass"], ["flute", "bass"]),
    ],
)
def test_the_tracks_of_a_morph_are_named(options, ends, two_parts, tmp_path, tiny_bundle):
    out = tmp_path / "walk"
    done = run("morph", two_parts, two_parts, "-o", out, "--steps", 2, *options, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    lines = {
        "flute": [72 + step % 5 for step in range(16)],
        "bass": [48 + 2 * (step % 4) for step in range(8)],
    }
    first, last = ([note.pitch for note in read_midi(path).tracks[0].notes] for path in sorted(out.iterdir()))
    assert [first, last] == [lines[name] for name in ends]


def test_a_track_that_is_not_in_the_second_file_is_said(two_parts, song, tmp_path, tiny_bundle):
    done = run("morph", two_parts, song, "-o", tmp_path / "w", "--track", "flute", "--model", tiny_bundle)
    assert done.exit_code == 1
    assert "song.mid: no track 'flute'" in str(done.exception)


@pytest.mark.parametrize(("metre", "says"), [("3/4", ""), ("5/4", "the model plays 3/4: each bar in 2 bars")])
def test_music_from_nothing_is_written_in_the_metre_asked_for(tmp_path, metre, says):
    done = run("generate", "-o", tmp_path, "--count", 1, "--metre", metre, "--model", "words_2bar")
    assert done.exit_code == 0
    assert says in done.output
    (written,) = read_midi(next(tmp_path.glob("*.mid"))).metres
    assert str(written.metre) == metre


def test_generate_writes_playable_files(tmp_path, tiny_bundle):
    done = run("generate", "-o", tmp_path, "--count", 2, "--tempo", 90, "--model", tiny_bundle)
    assert done.exit_code == 0, done.output
    songs = [read_midi(path) for path in sorted(tmp_path.glob("*.mid"))]
    assert [(song.bars, round(song.bpm)) for song in songs] == [(2, 90), (2, 90)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vary", "gone.mid", "-o", "out"], "gone.mid: cannot be read"),
        (["vary", "text.mid", "-o", "out"], "text.mid"),
        (["vary", "song.mid", "-o", "out", "--track", "flute"], "no track 'flute'"),
        (["vary", "song.mid", "-o", "out", "--bar", "1", "--track", "lead"], "choose others with --bar"),
        (["vary", "song.mid", "-o", "text.mid"], "cannot be made a folder"),
        (["generate", "-o", "out", "--model", "nonesuch"], 'model "nonesuch" is not installed'),
    ],
)
def test_a_refusal_is_one_line_and_not_zero(
    arguments, words, song, tmp_path, tiny_bundle, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mid").write_text("no music here")
    if "--model" not in arguments:
        arguments = [*arguments, "--model", str(tiny_bundle)]
    assert run_main(monkeypatch, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("antiphon: ")
    assert error.count("\n") == 1
    assert words in error


def test_an_internal_error_is_one_line_too(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: 1 / 0)
    assert run_main(monkeypatch, "doctor") == 1
    error = capsys.readouterr().err
    assert "internal error, ZeroDivisionError" in error
    assert error.count("\n") == 1


def test_a_value_out_of_range_is_refused_by_name(tmp_path):
    done = run("vary", "x.mid", "-o", tmp_path, "--variation", 1.5)
    assert done.exit_code == 2
    assert "--variation" in done.output


def test_doctor_reports_as_json_and_fails_where_something_is_bad(monkeypatch):
    checks = [doctor.Check("python", "ok", "3.11"), doctor.Check("model", "bad", "gone", "reinstall")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    done = run("doctor", "--json")
    report = json.loads(done.output)
    assert done.exit_code == 1
    assert report["healthy"] is False
    assert report["checks"][1] == {"name": "model", "state": "bad", "detail": "gone", "remedy": "reinstall"}


def test_doctor_prints_each_remedy(monkeypatch):
    checks = [doctor.Check("ports", "hint", "none [yet]", "start the DAW")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    done = run("doctor")
    assert done.exit_code == 0
    assert "none [yet]" in done.output
    assert "start the DAW" in done.output


def test_the_real_doctor_finds_the_packages_and_measures_time(monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_SLEEPS", 5)
    found = {check.name: check for check in doctor.examine()}
    assert found["numpy"].state == "ok"
    assert found["window"].state == "ok"
    assert "p99" in found["timing"].detail
    assert all(
        check.remedy for check in found.values() if check.state == "bad" and check.name.startswith("midi")
    )


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            "raise OSError('PortAudio library not found')",
            ("hint", "PortAudio is missing", "Debian, Ubuntu: apt install libportaudio2"),
        ),
        (
            "class PortAudioError(Exception): ...\n"
            "def query_devices(kind): raise PortAudioError('Error querying device -1')",
            (
                "hint",
                "no audio device can be opened (Error querying device -1)",
                "connect or switch on an audio output",
            ),
        ),
        ("1 / 0", ("hint", "ZeroDivisionError: division by zero", "")),
        ("def query_devices(kind): return {}", ("ok", "built-in tones", "")),
    ],
)
def test_the_doctor_says_what_the_sound_lacks(tmp_path, monkeypatch, module, said):
    (tmp_path / "sounddevice.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.setattr(doctor, "_version", lambda package: "1" if package == "sounddevice" else "")
    (check,) = doctor._sound()
    assert (check.state, check.detail, check.remedy) == said


def test_a_sound_system_that_hangs_does_not_hang_the_doctor(tmp_path, monkeypatch):
    (tmp_path / "sounddevice.py").write_text("import time; time.sleep(3600)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.setattr(doctor, "_version", lambda _package: "1")
    monkeypatch.setattr(doctor, "RUN_S", 0.5)
    (check,) = doctor._sound()
    assert (check.state, check.detail, check.remedy) == (
        "hint",
        "the sound system does not answer",
        "end its server (JACK, PipeWire or PulseAudio) and start it again",
    )


def test_a_check_that_hangs_is_a_line(monkeypatch):
    for name in ("_packages", "_jack", "_display", "_midi", "_ports", "_models", "_sound"):
        monkeypatch.setattr(doctor, name, list)
    monkeypatch.setattr(doctor, "RUN_S", 0.0001)
    found = {check.name: (check.state, check.detail) for check in doctor.examine()}
    assert found["qt"] == found["timing"] == ("bad", "no answer within 0 s")


def test_a_check_that_fails_is_a_line(monkeypatch):
    def broken():
        raise RuntimeError("no such thing")
        yield

    for name in ("_packages", "_jack", "_qt", "_display", "_midi", "_ports", "_models", "_timing", "_sound"):
        monkeypatch.setattr(doctor, name, broken)
    found = doctor.examine()
    assert found[-1].state == "bad"
    assert "RuntimeError: no such thing" in found[-1].detail


def test_python_m_app_is_the_command_and_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "app", "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0
    for name in ("live", "vary", "morph", "generate", "doctor", "ports"):
        assert f" {name} " in done.stdout


def test_no_sentence_of_the_help_is_broken_in_its_middle_by_80_columns():
    for command in (cli.application.registered_callback, *cli.application.registered_commands):
        for paragraph in (inspect.getdoc(command.callback) or "").split("\n\n")[1:]:
            lines = [Text.from_markup(line).plain for line in paragraph.splitlines()]
            assert all(len(line) <= 78 for line in lines[:-1]), command.callback.__name__


def test_help_loads_nothing_heavy():
    code = "import sys, app.cli; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    for heavy in ("numpy", "onnxruntime", "PyQt6", "mido"):
        assert f"'{heavy}'" not in done.stdout


def test_a_frozen_program_is_its_own_performer(monkeypatch):
    from engine.performer import client, process

    monkeypatch.setattr(process, "main", lambda options: 3 if options == ["--backend", "jack"] else 1)
    assert run_main(monkeypatch, client.PERFORMER_FLAG, "--backend", "jack") == 3


def test_a_frozen_program_tries_bundles_as_its_own_child(monkeypatch):
    from engine.inference import trial, trial_process

    monkeypatch.setattr(trial_process, "main", lambda options: 4 if options == ["b.zip"] else 1)
    monkeypatch.setattr("os._exit", sys.exit)
    assert run_main(monkeypatch, trial.TRIAL_FLAG, "b.zip") == 4


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("output", ["all.wav", "each"])
def test_a_render_that_is_stopped_says_so_and_leaves_nothing(
    tmp_path, song, monkeypatch, number, status, output
) -> None:
    def interrupted(*_):
        yield np.zeros((64, 2))
        signal.raise_signal(number)

    monkeypatch.setattr("app.audio.render.sound_of", interrupted)
    before = set(tmp_path.rglob("*"))
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    done = run("render", song, "-o", tmp_path / "sound" / output)
    assert (done.exit_code, done.stderr) == (status, "antiphon: stopped\n")
    assert set(tmp_path.rglob("*")) == before
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
