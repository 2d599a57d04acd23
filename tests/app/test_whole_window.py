"""The whole program with its window, as a process: it opens, says what is missing, and ends well."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.window.drag_and_drop import PhraseFiles, mime_of
from engine.inference.bundle.manifest import Voice
from engine.midifile.read import read_midi

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.window

USER_FOLDERS = ("CONFIG", "DATA", "CACHE", "STATE")

# The window closes once ENOUGH is true of its state, so that a slow machine closes later and not too early;
# `--for` is only the most it is given. The last line of output is the state it closed with.
WATCH = """
import gc, json, os
from PyQt6.QtCore import QTimer
from app.notice_text import notice_line
from app.window import application, window

ENOUGH = os.environ.get("ENOUGH", "False")

def state_of(snapshot):
    live = snapshot.live
    return {
        "notices": [notice_line(notice) for notice in live.notices],
        "model": snapshot.model.name if snapshot.model else "",
        "backend": live.ports.backend,
        "heard": live.heard is not None,
        "playing": live.playing is not None,
        "garbage": gc.isenabled(),
    }

class Watched(window.InstrumentWindow):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._watch = QTimer(self)
        self._watch.timeout.connect(self._close_when_enough)
        self._watch.start(50)

    def _close_when_enough(self):
        if eval(ENOUGH, state_of(self.instrument.snapshot())):
            self.close()

    def shut_down(self):
        if not self._closed:
            self._watch.stop()
            print(json.dumps(state_of(self.instrument.snapshot())), flush=True)
        super().shut_down()

application.InstrumentWindow = Watched
from app.cli import main
main()
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Begin without the sessions and settings that earlier tests of this run have left."""
    for kind in USER_FOLDERS:
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WATCH, "live", *map(str, arguments)]
    settings = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> dict:
    try:
        out, error = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert "Traceback" not in error
    return json.loads(out.splitlines()[-1])


@pytest.mark.jack
def test_the_demo_is_heard_varied_and_played(jack_server, tiny_bundle, tmp_path):
    log = tmp_path / "log.jsonl"
    options = ("--model", tiny_bundle, "--demo", "--tempo", 240, "--log", log)
    process = start(*options, JACK_DEFAULT_SERVER=jack_server)
    for _ in range(600):
        if log.exists() and '"event": "pattern_started"' in log.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    state = finish(process)
    assert state["backend"] == "jack"
    assert state["heard"]
    assert state["playing"]
    assert state["notices"] == []


def test_without_midi_the_window_opens_and_says_why(tiny_bundle):
    environment = {
        "JACK_DEFAULT_SERVER": "antiphon-no-such-server",
        "ENOUGH": "model and (backend or notices)",
    }
    state = finish(start("--model", tiny_bundle, "--for", 60, **environment))
    assert state["model"] == "tiny_melody"
    if not state["backend"]:
        assert any("JACK" in notice or "MIDI" in notice for notice in state["notices"])


def test_garbage_is_collected_once_the_window_shows(tiny_bundle):
    assert finish(start("--model", tiny_bundle, "--for", 60, ENOUGH="model"))["garbage"]


def test_without_the_model_the_window_opens_and_says_so():
    said = "any('nonesuch' in notice for notice in notices)"
    state = finish(start("--model", "nonesuch", "--for", 60, ENOUGH=said))
    assert state["model"] == ""
    assert any("nonesuch" in notice for notice in state["notices"])


def test_a_window_that_is_closed_while_the_model_loads_ends_well():
    finish(start("--for", 1))


def test_a_dragged_phrase_is_a_file_that_stays(tmp_path):
    from app.demo import demo_phrase

    files = PhraseFiles(tmp_path / "clips")
    path = files.cached(demo_phrase(), 97.0)
    assert files.cached(demo_phrase(), 97.0) == path
    assert files.cached(demo_phrase(), 98.0) != path
    song = read_midi(path)
    assert (song.bars, round(song.bpm), len(song.tracks[0])) == (2, 97, 16)
    assert [url.toLocalFile() for url in mime_of(path).urls()] == [str(path)]


def test_a_written_trio_names_its_tracks_and_instruments(tmp_path):
    from engine.music.notes import Note, Phrase

    voices = (Voice(name="melody"), Voice(name="bass", channel=1, program=33), Voice(name="drums", channel=9))
    phrase = Phrase.of([Note(0, 60 - 12 * channel // 9, 1, 90, channel) for channel in (0, 1, 9)], 1)
    song = read_midi(PhraseFiles(tmp_path).write(phrase, 120.0, tmp_path / "trio.mid", voices))
    assert [(track.name, track.channel, track.program) for track in song.tracks] == [
        ("Melody", 0, 0),
        ("Bass", 1, 33),
        ("Drums", 9, 0),
    ]


def test_old_clips_are_forgotten_and_other_files_are_not(tmp_path):
    from app.demo import demo_phrase

    old, other = tmp_path / "antiphon-old.mid", tmp_path / "song.mid"
    for path in (old, other):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    PhraseFiles(tmp_path).cached(demo_phrase(), 120.0)
    assert not old.exists()
    assert other.exists()


def test_an_export_gets_the_ending_of_a_midi_file(tmp_path):
    from app.demo import demo_phrase

    assert PhraseFiles(tmp_path).write(demo_phrase(), 120.0, tmp_path / "take") == tmp_path / "take.mid"
