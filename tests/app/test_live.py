"""The headless stream: one line a bar, a whole log, and an end that is silent."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_instrument import clock
from msgspec.structs import replace

from app import session_files
from app.compose import LiveOptions, make_session
from app.display_check import missing_display
from app.event_log import EventLog, opened, record_of
from app.launch import Started
from app.live import Stream
from app.notice_text import notice_line
from engine.errors import AntiphonError, BundleError, RenderError
from engine.inference.controls import Controls
from engine.music.metre import FOUR_FOUR
from engine.performer import messages as m
from engine.session.captured_bars import CapturedBars
from engine.session.document import Document
from engine.session.live import Health, Live, Notice, Ports
from engine.session.snapshot import ModelFacts, Snapshot
from engine.session.store import write_document

ROOT = Path(__file__).parents[2]


JACK = Ports(backend="jack", input_name="Antiphon In", output_name="Antiphon Out", realtime=True)
READY = Snapshot(
    document=Document(controls=Controls(variation=0.4, seed=7)),
    live=Live(ports=JACK),
    model=ModelFacts(name="melody_2bar"),
)


def rolling(position_beats: float, **changes: object):
    moment = clock(source="internal", position_beats=position_beats, t_ns=0, **changes)
    return replace(READY, live=replace(READY.live, clock=moment))


def test_the_stream_says_one_line_a_bar():
    said: list[str] = []
    stream = Stream(said.append)
    for position in (0.0, 1.0, 3.9, 4.0, 7.9, 8.1):
        stream.follow(rolling(position), 0)
    assert [line[:10] for line in said[1:]] == ["bar    1  ", "bar    2  ", "bar    3  "]
    assert said[0].startswith("ports    jack: Antiphon In -> Antiphon Out")


def test_bars_that_are_heard_while_nothing_rolls_are_said_once_and_kept(tmp_path):
    said: list[str] = []
    note = m.NoteData(0.0, 60, 1.0, 80, 0)
    bars = [m.BarCaptured(number, (note,) * (number + 1), (), 120.0, FOUR_FOUR, 5) for number in range(2)]
    with opened(tmp_path / "log") as log:
        stream = Stream(said.append, log.write_free)
        heard = CapturedBars().with_bar(bars[0]).with_bar(bars[0], free=True)
        for captured in (heard, heard, heard.with_bar(bars[1], free=True)):
            stream.follow(replace(READY, live=replace(READY.live, captured=captured)), 0)
    assert said[1:] == [
        "free   1   120.0 bpm  nothing rolls   heard   1",
        "free   2   120.0 bpm  nothing rolls   heard   2",
    ]
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(each["event"], each["bar"], each["free"]) for each in lines] == [
        ("bar_captured", 0, True),
        ("bar_captured", 1, True),
    ]


def test_the_line_of_a_bar_counts_what_was_heard():
    said: list[str] = []
    stream = Stream(said.append)
    note = m.NoteData(0.0, 60, 1.0, 80, 0)
    stream.on_event(m.BarCaptured(0, (note, note), (), 120.0, FOUR_FOUR, 0))
    stream.follow(rolling(4.0), 0)
    assert "heard   2" in said[-1]
    assert "vary 0.40 seed 7" in said[-1]


def test_after_a_stop_the_same_bar_is_reported_again():
    said: list[str] = []
    stream = Stream(said.append)
    for state in (rolling(0.0), rolling(0.5, status="stopped"), rolling(0.0)):
        stream.follow(state, 0)
    assert sum(line.startswith("bar    1") for line in said) == 2


def test_a_notice_is_reported_once():
    said: list[str] = []
    stream = Stream(said.append)
    lost = Live(notices=(Notice("The server went away.", "Start it."),))
    stream.follow(replace(READY, live=lost), 0)
    stream.follow(replace(READY, live=replace(lost, health=Health(late_sends=1))), 0)
    assert said == ["notice   The server went away. Start it."]


def test_the_log_has_musical_and_monotonic_time():
    played = record_of(m.Played(1_000, 1_007, 4.5, bytes((0x90, 60, 100))))
    assert played == {
        "event": "played",
        "due_ns": 1_000,
        "sent_ns": 1_007,
        "t_ns": 1_007,
        "position_beats": 4.5,
        "data": [144, 60, 100],
    }
    heard = record_of(m.Heard(5, 0.25, bytes((0x80, 60, 0))))
    expected = {"t_ns": 5, "position_beats": 0.25, "data": [128, 60, 0], "ignored": ""}
    assert heard == {"event": "heard", **expected}
    bar = record_of(m.BarCaptured(2, (m.NoteData(0.0, 60, 1.0, 80, 0),), (0,), 120.0, FOUR_FOUR, 99))
    assert (bar["event"], bar["t_ns"], bar["position_beats"]) == ("bar_captured", 99, 12.0)
    assert bar["notes"][0] == {
        "start_beats": 0.0, "pitch": 60, "duration_beats": 1.0, "velocity": 80, "channel": 0,
    }  # fmt: skip
    assert record_of(m.Pong(1, 0, 0)) is None


def test_the_log_keeps_the_clocks_changes_only(tmp_path):
    log = EventLog(tmp_path / "log.jsonl")
    for state in (
        clock(),
        clock(position_beats=1.0),
        clock(status="stopped"),
        clock(status="stopped", bpm=90.0),
    ):
        log.write(state)
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["status"], line["bpm"]) for line in lines] == [
        ("rolling", 120.0), ("stopped", 120.0), ("stopped", 90.0),
    ]  # fmt: skip


def test_a_log_that_cannot_be_written_is_refused_in_one_line(tmp_path):
    with (
        pytest.raises(AntiphonError, match="the log cannot be written"),
        opened(tmp_path / "no" / "log.jsonl"),
    ):
        pass


@pytest.mark.parametrize("mode", ["vary", "groove", "drumify", "accompany"])
def test_a_tool_that_is_named_stays_with_a_control_that_counts_in_it(mode):
    document = LiveOptions(given={"variation": 0.4, "mode": mode}).document()
    assert (document.controls.mode, document.controls.variation) == (mode, 0.4)


@pytest.mark.parametrize(
    ("mode", "name", "value", "words"),
    [
        (
            "groove",
            "density",
            0.1,
            r"^density does not count in Groove; it counts in Vary, Morph, .*, so",
        ),
        ("continue", "variation", 0.4, "^variation does not count in Continue; it counts in Vary, "),
        ("vary", "morph", 0.5, "^morph does not count in Vary; it counts in Morph, so choose such a tool"),
        (
            "continue",
            "attribute.register",
            1.0,
            "^attribute.register does not count in Continue; it",
        ),
    ],
)
def test_a_control_that_does_not_count_in_the_tool_named_beside_it_is_refused(mode, name, value, words):
    for given in ({"mode": mode, name: value}, {name: value, "mode": mode}):
        with pytest.raises(RenderError, match=words):
            LiveOptions(given=given).document()


class Nobody:
    """A performer that hears and says nothing."""

    def send(self, command: m.Command) -> None:
        pass

    def poll(self) -> list[m.Event]:
        return []

    def close(self) -> None:
        pass


def test_a_session_led_to_another_tool_by_what_is_given_says_so(tmp_path):
    file = tmp_path / "s.antiphon"
    write_document(file, Document(controls=Controls(mode="groove")))
    said = []
    for given in ({"morph": 0.5}, {"variation": 0.5}, {"mode": "morph"}):
        session = make_session(LiveOptions(given=given), Nobody(), session_files.named(file))
        said.append([notice_line(each) for each in session.snapshot().live.notices])
        session.close()
    moved = "The tool is Morph; the session had Groove. What was given counts in it."
    assert said == [[moved], [], []]


def test_options_become_controls_or_one_clear_refusal():
    document = LiveOptions(given={"variation": 0.7, "morph": 0.2, "tempo_bpm": 90.0}).document()
    assert (document.controls.variation, document.controls.mode) == (0.7, "morph")
    assert (document.settings.tempo_bpm, document.model.name) == (90.0, "words_2bar")
    with pytest.raises(RenderError, match=r"variation 1\.7"):
        LiveOptions(given={"variation": 1.7}).document()


def test_work_done_beside_hands_its_refusal_over():
    def refuse() -> None:
        raise BundleError("not there")

    with pytest.raises(BundleError, match="not there"):
        Started(refuse, "test").result()


@pytest.mark.parametrize(
    ("environment", "platform", "found"),
    [
        ({}, "linux", "no display"),
        ({"DISPLAY": ":4711"}, "linux", "does not answer"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", ""),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", ""),
        ({"DISPLAY": "far:0"}, "linux", ""),
        ({}, "darwin", ""),
        ({}, "win32", ""),
    ],
)
def test_a_missing_display_is_found_out(environment, platform, found, tmp_path):
    said = missing_display(environment, platform, tmp_path)
    assert found in said
    assert bool(said) == bool(found)


@pytest.mark.jack
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_silences_and_ends_well(number, jack_server, tiny_bundle, tmp_path):
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "app", "live", "--headless", "--demo", "--tempo", "240"]
    command += ["--model", str(tiny_bundle), "--log", str(log), "--variation", "0"]
    environment = {**os.environ, "JACK_DEFAULT_SERVER": jack_server}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        _wait_for(log, "played")
        process.send_signal(number)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert said.splitlines()[-1].startswith("silent")
    assert sum(line.startswith("bar ") for line in said.splitlines()) >= 2
    assert _left_sounding(log) == set()


@pytest.mark.parametrize("options", [("--demo", "--for", "3"), ("--for", "3")], ids=["demo", "no demo"])
def test_only_the_demo_plays_on_without_ports(options, tiny_bundle):
    command = [sys.executable, "-m", "app", "live", "--headless", "--midi-backend", "jack", *options]
    command += ["--model", str(tiny_bundle)]
    environment = {
        **os.environ,
        "JACK_DEFAULT_SERVER": "antiphon-no-such-server",
        "JACK_NO_START_SERVER": "1",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)
    if "--demo" in options:
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0].startswith("notice")
        assert any(line.startswith("bar ") for line in done.stdout.splitlines())
    else:
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_log_is_a_notice_and_the_music_goes_on(tiny_bundle):
    command = [
        sys.executable,
        "-m",
        "app",
        "live",
        "--headless",
        "--demo",
        "--for",
        "5",
        "--log",
        "/dev/full",
    ]
    done = subprocess.run(
        [*command, "--model", str(tiny_bundle)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert any("/dev/full: the log ends here (no space left on device)" in line for line in said)
    assert said[-1].startswith("silent")
    assert any(line.startswith("bar ") for line in said)


def _wait_for(log: Path, kind: str) -> None:
    for _ in range(600):
        if log.exists() and f'"event": "{kind}"' in log.read_text():
            return
        time.sleep(0.1)
    raise AssertionError(f"no {kind} event was logged")


def _left_sounding(log: Path) -> set[int]:
    sounding: set[int] = set()
    for line in log.read_text().splitlines():
        record = json.loads(line)
        if record["event"] == "played" and record["data"][0] & 0xF0 == 0x90:
            sounding.add(record["data"][1])
        elif record["event"] == "played" and record["data"][0] & 0xF0 == 0x80:
            sounding.discard(record["data"][1])
    return sounding
