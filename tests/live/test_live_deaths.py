"""No note hangs for ever, whoever dies: over a real JACK server, several deaths at a time.

One trial each; `ANTIPHON_TEST_TRIALS=30` makes more of them, at other moments.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from livekit import OUR_OUTPUT, WAIT_S, Daw, sounding, wait_for, wait_until

from engine.performer import client as client_module
from engine.performer.client import PerformerClient
from engine.performer.messages import (
    NoteData,
    Play,
    Played,
    PortBack,
    PortLost,
    Ready,
    SetClock,
    SetPattern,
    Stop,
)

pytestmark = pytest.mark.jack

TRIALS = pytest.mark.parametrize("trial", range(int(os.environ.get("ANTIPHON_TEST_TRIALS", "1"))))
CHORD = SetPattern(1, tuple(NoteData(0.0, 48 + 4 * i, 3.95, 100, i) for i in range(4)), 1)
"""Four keys on four channels, held nearly all the time."""


def play(client: PerformerClient) -> None:
    client.send(SetClock("internal"))
    client.send(CHORD)
    client.send(Play())


def some_time(trial: int) -> None:
    time.sleep(random.Random(trial).uniform(0.05, 0.6))


@TRIALS
def test_a_start_silences_what_a_controller_and_performer_killed_together_left_on(daw, trial):
    controller = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "controller.py")], stdout=subprocess.PIPE, text=True
    )
    pid = int(controller.stdout.readline())
    daw.wire()
    wait_until(lambda: sounding(daw.record()))
    some_time(trial)
    os.kill(pid, 9)
    controller.kill()
    controller.wait(WAIT_S)
    controller.stdout.close()
    with PerformerClient("jack"):
        daw.wire()
        wait_until(lambda: not sounding(daw.record()))


@TRIALS
def test_a_performer_killed_again_and_again_leaves_silence_and_comes_back(performer, daw, monkeypatch, trial):
    # Six deaths are too many however slow the machine is.
    monkeypatch.setattr(client_module, "RESTART_WINDOW_S", 600.0)
    events = []
    play(performer)
    for _ in range(6):
        wait_until(lambda: performer.pid is not None and sounding(daw.record()))
        some_time(trial)
        pid = performer.pid
        os.kill(pid, 9)
        wait_until(lambda pid=pid: performer.pid != pid)
    wait_until(lambda: not sounding(daw.record()))
    wait_until(lambda: performer.pid is not None and sounding(daw.record()), timeout_s=2 * WAIT_S)
    events += performer.poll()
    assert any("too often" in getattr(event, "text", "") for event in events)
    performer.close()
    assert sounding(daw.record()) == set()


@TRIALS
def test_a_receiver_that_comes_long_after_the_server_is_reset(performer, daw, jack_server, trial):
    play(performer)
    wait_until(lambda: len(sounding(daw.record())) == 4)
    some_time(trial)
    before = daw.record()
    jack_server.kill()
    performer.send(Stop())
    wait_for(performer, PortLost, [])
    daw.close()
    jack_server.start()
    wait_for(performer, PortBack, [])
    time.sleep(2.0)
    late = Daw()
    try:
        late.wire()
        wait_until(lambda: not sounding(before + late.record()))
    finally:
        late.close()


@TRIALS
def test_a_cable_cut_while_notes_sound_is_silenced_when_it_is_joined_again(performer, daw, trial):
    play(performer)
    wait_until(lambda: len(sounding(daw.record())) == 4)
    some_time(trial)
    daw.ask(disconnect=[[OUR_OUTPUT, "player:in"]])
    performer.send(Stop())
    time.sleep(random.Random(trial).choice([0.0, 0.05, 0.4]))
    daw.ask(connect=[[OUR_OUTPUT, "player:in"]])
    wait_until(lambda: not sounding(daw.record()))


@TRIALS
def test_a_second_instance_says_its_real_name(performer, daw, trial):
    first = wait_for(performer, Ready, [])
    with PerformerClient("jack") as second:
        ready = wait_for(second, Ready, [])
    assert first.client_name == "Antiphon"
    assert ready.client_name != first.client_name
    assert ready.input_name == f"{ready.client_name}:Antiphon In"


@TRIALS
def test_a_key_on_a_cable_that_is_pulled_is_let_go(performer, daw, trial):
    performer.send(SetClock("internal"))
    performer.send(Play())
    start = daw.play([(0, b"\x90\x40\x50")])
    daw.wait_frames(start + 4800)
    daw.ask(disconnect=[["player:out", "Antiphon:Antiphon In"]])
    events = []

    def bars():
        events.extend(event for event in performer.poll() if not isinstance(event, Played))
        return [event.notes for event in events if type(event).__name__ == "BarCaptured"]

    wait_until(lambda: len(bars()) >= 3)
    assert [len(notes) for notes in bars()][1:3] == [0, 0]
    assert sum(len(notes) for notes in bars()) == 1
