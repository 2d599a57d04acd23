"""A scripted session with Ardour as the DAW, by hand: `pytest -m scripted -k ardour tests/live`.

Ardour, without a window, leads by its clock and records what comes back. A player plays along, with a knob,
pads and a pedal of the default map; the program runs as it is started from a terminal, moved by MIDI and OSC
alone, is killed, and opened again. Four minutes. `ANTIPHON_RECORDING=session.mid` keeps what was played.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from headless_ardour import CLOCK_PORT, HeadlessArdour, find_ardour
from livekit import OUR_INPUT, OUR_OUTPUT, RATE_HZ, sounding, wait_until
from test_scripted_session import BAR, CHORDS, LINES, VOICINGS, in_chord_scale, note, notes_of

from engine.midifile.write import Part, write_midi
from engine.session.default_map import BUTTONS, KNOBS, ON_BUTTONS, ON_KNOBS, ON_PROGRAMS

pytestmark = pytest.mark.scripted

MELODY, CHORD, DRUMS = 0, 1, 9
"""Channels of the player."""
MORPH_FROM, MORPH_BARS = 12, 8
LOCK, TRADE = 23, 32
ACCOMPANY, CONTINUE, GROOVE, LAST = 48, 60, 66, 74
KILLED, BARS = 80, 82
AGAIN_BARS = 8
PLAYER_TURNS = (range(TRADE, TRADE + 4), range(TRADE + 8, TRADE + 12))
ANSWER_TURNS = (range(TRADE + 4, TRADE + 8), range(TRADE + 12, TRADE + 16))
SUNG = (*range(8), *PLAYER_TURNS[0], *PLAYER_TURNS[1], *range(ACCOMPANY, CONTINUE))
"""Bars in which the player plays the melody, over the chords."""
LATEST_BEATS = 0.1
"""How late a note may be heard or recorded against the player's: Ardour shifts its clock and recordings."""


def knob(bar, name, value):
    return [(round(bar * BAR), bytes((0xB0, KNOBS + ON_KNOBS.index(name), value)))]


def turned(bar, name, first, last):
    """Turn a knob that stands where its parameter does: from another place it would take nothing over."""
    way = range(first, last + 1, 5) if first < last else range(first, last - 1, -5)
    for step, value in enumerate((*way, last)):
        yield from knob(bar + step / 32, name, value)


def pad(bar, name):
    """Press and let go a pad or the pedal."""
    number = BUTTONS + ON_BUTTONS.index(name)
    return [
        (round((bar + later) * BAR), bytes((0xB0, number, value))) for later, value in ((0, 127), (0.1, 0))
    ]


def tool(bar, name):
    return [(round(bar * BAR), bytes((0xC0, ON_PROGRAMS.index(f"mode.{name}"))))]


def melody_and_chords():
    for bar in range(GROOVE):
        for pitch in VOICINGS[CHORDS[bar % 4]]:
            yield from note(4 * bar, CHORD, pitch, 4)
        if bar in SUNG:
            line = LINES[bar % 4]
            ends = [*(beat for beat, _ in line[1:]), 4]
            for (beat, pitch), end in zip(line, ends, strict=True):
                yield from note(4 * bar + beat, MELODY, pitch, end - beat)


def beat():
    for bar in range(GROOVE, LAST):
        for eighth in range(8):
            yield from note(4 * bar + eighth / 2, DRUMS, 42, 0.2)
        for at, pitch in ((0, 36), (1, 38), (2, 36), (3, 38)):
            yield from note(4 * bar + at, DRUMS, pitch, 0.2)


def hands():
    """What the hands do besides the keys, by the default map."""
    for bar, slot in ((2.3, "A"), (4.3, "B")):
        yield from (*pad(bar, "pick_last.2"), *pad(bar + 0.1, f"store.{slot}"), *pad(bar + 0.2, "live"))
    yield from (*tool(MORPH_FROM - 3, "morph"), *turned(MORPH_FROM - 2.9, "morph", 64, 0))
    turn = range(0, 128, 4)
    for step, value in enumerate((*turn, 127)):
        yield from knob(MORPH_FROM + MORPH_BARS * step / len(turn), "morph", value)
    again = MORPH_FROM + MORPH_BARS + 0.5
    yield from (*tool(again, "vary"), *pad(again, "recall.A"), *turned(again, "variation", 51, 114))
    yield from (*pad(LOCK + 1.5, "new_take"), *pad(LOCK + 3.5, "new_take"), *pad(LOCK + 5.5, "undo"))
    yield from (
        *pad(TRADE - 1.5, "unlock_all"),
        *pad(TRADE - 1.4, "live"),
        *turned(TRADE - 1, "variation", 114, 51),
    )
    for line in (4, 8, 12, 16):
        yield from pad(TRADE + line - 0.5, "take_turn")
    for bar, name in ((ACCOMPANY + 1, "accompany"), (CONTINUE - 2, "continue"), (GROOVE + 2.1, "groove")):
        yield from tool(bar, name)
    yield from (*tool(LAST, "vary"), *pad(LAST + 0.2, "recall.A"))


def script():
    return [*melody_and_chords(), *beat(), *hands()]


class Program:
    """The program as it is started from a terminal, and what it logs."""

    def __init__(self, folder):
        self.folder, self.logs = folder, []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.osc_port = probe.getsockname()[1]

    def start(self):
        log = self.folder / f"log{len(self.logs)}.jsonl"
        self.logs.append(log)
        options = {
            "session": self.folder / "session.antiphon",
            "log": log,
            "midi-backend": "jack",
            "chords-from": "channel",
            "follow-chords": 1,
            "variation": 0.4,
            "takes-over": "bar",
            "osc-port": self.osc_port,
        }
        if len(self.logs) > 1:  # all else is in the session
            options = {name: options[name] for name in ("session", "log", "midi-backend")}
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "app", "live", "--headless", "--osc", *given]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ports"), line + self.process.stdout.read()
        os.set_blocking(self.process.stdout.fileno(), False)

    def ask(self, address, *value):
        from pythonosc.udp_client import SimpleUDPClient

        SimpleUDPClient("127.0.0.1", self.osc_port).send_message(f"/antiphon/{address}", list(value))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
            self.process.stdout.close()

    def events(self, name, log=0):
        """Return the events of a kind from a log; the last line of a killed program may be cut."""
        lines = self.logs[log].read_text().splitlines()
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [each for each in found if each["event"] == name]


class Stage:
    """Ardour, the player and the program, wired to each other."""

    def __init__(self, ardour, daw, program):
        self.ardour, self.daw, self.program = ardour, daw, program
        self.start = 0

    def wire(self):
        self.ardour.ask("clock", OUR_INPUT)
        self.ardour.ask("listen", "Answer", OUR_OUTPUT)
        self.daw.ask(connect=[["player:out", OUR_INPUT], [OUR_OUTPUT, "player:in"]])

    def roll(self, played):
        """Let Ardour record from the beginning, the player along with it."""
        self.ardour.ask("locate", 0)
        self.daw.play_along(played)
        self.ardour.ask("record")
        wait_until(lambda: self.daw.started() is not None)
        self.start = self.daw.started()

    def to_bar(self, bar):
        wait_until(lambda: self.daw.frame() >= self.start + bar * BAR, timeout_s=400)

    def played(self, recorded, first, last, channels=range(16)):
        """Return what the program played in bars, as (bar, pitch) of each note; drums too."""
        ons = [(f, d) for f, d in recorded if d[0] & 0xF0 == 0x90 and d[2] and d[0] & 0x0F in channels]
        places = [((frame - self.start) / BAR, data[1]) for frame, data in ons if frame >= self.start]
        return [(at, pitch) for at, pitch in places if first - 0.03 <= at < last - 0.03]


@pytest.fixture
def stage(request, jack_server, daw, tmp_path, monkeypatch):
    if "scripted" not in request.config.getoption("markexpr"):
        pytest.skip("runs by hand: pytest -m scripted tests/live")
    ardour = find_ardour()
    if ardour is None:
        pytest.skip("Ardour is missing: install ardour (7 or later)")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = Stage(HeadlessArdour(ardour, tmp_path / "ardour", 120.0), daw, Program(tmp_path))
    daw.ask(connect=[[CLOCK_PORT, "player:sync"]])
    made.ardour.ask("track", "Answer")
    made.ardour.ask("arm", "Answer", "on")
    yield made
    made.program.close()
    made.ardour.close()


def test_a_session_with_ardour(stage):
    stage.program.start()
    stage.wire()
    stage.roll(script())
    stage.to_bar(LOCK + 0.1)
    stage.program.ask("lock_bar")
    stage.to_bar(TRADE - 1)
    stage.program.ask("turns", "on cue")
    stage.to_bar(ACCOMPANY + 0.5)
    stage.program.ask("turns", "follow")
    stage.to_bar(LAST + 0.5)
    stage.program.ask("seed", 1234)
    stage.to_bar(KILLED)
    stage.program.kill()
    stage.to_bar(BARS)
    stage.ardour.ask("stop")
    recorded = stage.daw.record()
    assert sounding(recorded) == set()
    if path := os.environ.get("ANTIPHON_RECORDING"):
        write_recording(Path(path), recorded, stage.start)
    check_bars(stage, stage.program)
    check_music(stage, recorded)
    came = [note for note in notes_of(recorded, stage.start) if note.start_beats > LATEST_BEATS]
    check_opened_again(stage, recorded)
    stage.ardour.close()  # which writes its recordings
    check_recording(stage, came)


def check_bars(stage, program):
    """Every bar was heard where it was played, and every answer began on a bar line."""
    captured = {event["bar"]: event["notes"] for event in program.events("bar_captured")}
    assert set(captured) >= set(range(KILLED - 1))
    for bar in (*SUNG, *range(CONTINUE, GROOVE)):
        line = LINES[bar % 4] if bar in SUNG else ()
        heard = sorted((n["start_beats"], n["pitch"]) for n in captured[bar] if n["channel"] == MELODY)
        assert [pitch for _, pitch in heard] == [pitch for _, pitch in line], bar
        late = [at - beat for (at, _), (beat, _) in zip(heard, line, strict=True)]
        assert all(abs(each) < LATEST_BEATS for each in late), (bar, late)
    lines = [event["at_beats"] / 4 for event in program.events("pattern_started")]
    assert len(lines) > 20
    assert [line for line in lines if abs(line - round(line)) > 1e-6] == []


def check_music(stage, recorded):
    """Each answer is in the scale of its chords, and each part of the session sounds as it was asked for."""
    pitched = stage.played(recorded, 0, KILLED, channels=[c for c in range(16) if c != DRUMS])
    assert len(pitched) > 200
    foreign = [(at, pitch) for at, pitch in pitched if not in_chord_scale(pitch, int(at + 0.05))]
    assert foreign == []
    slot_a = [[(round(beat * 4), pitch) for beat, pitch in LINES[bar]] for bar in (0, 1)]
    assert [_bar(stage, recorded, MORPH_FROM - 2 + bar) for bar in (0, 1)] == slot_a
    locked = [_bar(stage, recorded, LOCK + later) for later in (0, 2, 4, 6)]
    assert locked[0] and locked == [locked[0]] * 4
    takes = [_bar(stage, recorded, LOCK + later) for later in (3, 5, 7)]
    assert takes[0] != takes[1] and takes[2] == takes[0]  # another take, and undo
    for turn in PLAYER_TURNS:
        assert stage.played(recorded, turn[0] + 0.05, turn[-1] + 1) == []
    for turn in ANSWER_TURNS:
        assert stage.played(recorded, turn[0], turn[-1] + 1)
    arranged = {c for c in range(16) if stage.played(recorded, ACCOMPANY + 7, CONTINUE - 2, [c])}
    assert DRUMS in arranged and len(arranged) == 3  # chords, bass and drums
    assert stage.played(recorded, CONTINUE, GROOVE)
    drummed = {pitch for _, pitch in stage.played(recorded, LAST, KILLED, [DRUMS])}
    assert drummed <= {36, 38, 42}  # the slot's melody is varied, not given a drummer's feel
    grooved = stage.played(recorded, GROOVE + 4, LAST, [DRUMS])
    assert any(abs(at * 16 - round(at * 16)) > 0.05 for at, _ in grooved)  # played, not on the grid


def _bar(stage, recorded, bar):
    """Return the notes of a bar as (step, pitch)."""
    return [(round((at - bar) * 16), pitch) for at, pitch in stage.played(recorded, bar, bar + 1)]


def check_recording(stage, came):
    """Ardour has recorded what came out, note for note, but for the first tick it cuts off."""
    taken = max(stage.ardour.recordings("Answer"), key=len)
    kept = [n for n in taken if n.start_beats > LATEST_BEATS]
    assert sorted((n.channel, n.pitch) for n in kept) == sorted((n.channel, n.pitch) for n in came)


def check_opened_again(stage, recorded):
    """The program, opened again after it was killed, plays the notes of the same seed."""
    before = [_bar(stage, recorded, bar) for bar in range(KILLED - 2, KILLED)]
    assert all(before)
    stage.program.start()
    stage.wire()
    seen = len(recorded)
    stage.roll([])
    stage.to_bar(AGAIN_BARS)
    stage.ardour.ask("stop")
    again = stage.daw.record()[seen:]
    stage.daw.wait_frames(stage.daw.frame() + RATE_HZ)
    stage.program.close()
    assert sounding(stage.daw.record()) == set()
    assert [_bar(stage, again, bar) for bar in (4, 5)] == before


def write_recording(path, recorded, start):
    """Write what was played and what came back as tracks of one file."""
    played = notes_of(script(), 0)
    names = {MELODY: "Melody", CHORD: "Chords", DRUMS: "Drums"}
    tracks = [Part(name, [n for n in played if n.channel == channel]) for channel, name in names.items()]
    answers = notes_of(recorded, start)
    tracks += [
        Part(f"Antiphon {channel + 1}", [n for n in answers if n.channel == channel])
        for channel in sorted({n.channel for n in answers})
    ]
    write_midi(path, tracks, bars=BARS)
