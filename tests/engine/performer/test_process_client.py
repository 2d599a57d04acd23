"""The client against stand-ins for the performer's program: refusals, silence, death."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from engine.errors import PerformerError, PortError
from engine.performer import client as client_module
from engine.performer.client import PERFORMER_FLAG, PerformerClient, performer_command
from engine.performer.messages import (
    Fault,
    NoteData,
    Panic,
    Play,
    PortBack,
    PortLost,
    Ready,
    SetPattern,
    SetTempo,
    Stop,
)

WAIT_S = 60.0
HEAD = """
import os, sys, time
from engine.performer.messages import *
from engine.process.pipe import Receiver, Sender
events = Sender(os.dup(1), "events")
send = lambda event: events.put(encode(event))
ready = Ready("recording", "in", "out", False)
"""
ECHOING = (
    HEAD
    + """
log = open(sys.argv[1], "a")
print(*sys.argv[2:], file=log, flush=True)
def on_frame(frame):
    command = decode_command(frame)
    if isinstance(command, Ping):
        send(Pong(command.number, 0, 0))
        return
    print(command, file=log, flush=True)
    if isinstance(command, Shutdown):
        send(Bye()); events.close(1); os._exit(0)
    if isinstance(command, Panic):
        os._exit(9)
    if isinstance(command, Stop):
        time.sleep(60)
send(ready)
Receiver(0, "commands", on_frame, lambda: os._exit(0)).join(600)
"""
)


def program(tmp_path, text, *arguments):
    path = tmp_path / "performer.py"
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path), *arguments]


def wait_until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def collect(client, into, kind):
    """Poll and return whether an event of a kind is there by now."""
    into += client.poll()
    return any(isinstance(event, kind) for event in into)


def test_refused_ports_are_an_error_with_the_remedy(tmp_path):
    text = HEAD + 'send(PortLost("JACK: no server runs; start one", "")); events.close(1); sys.exit(3)'
    client = PerformerClient(command=program(tmp_path, text))
    with pytest.raises(PortError, match=r"^JACK: no server runs; start one$"):
        client.start()
    assert client.poll() == []
    client.close()


def test_a_program_that_ends_is_an_error_with_its_status(tmp_path):
    client = PerformerClient(command=program(tmp_path, "import sys; sys.exit(7)"))
    with pytest.raises(PerformerError, match=r"The performer ended with status 7; `antiphon doctor`"):
        client.start()


def test_a_program_that_says_nothing_is_no_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "START_S", 0.3)
    client = PerformerClient(command=program(tmp_path, "import time; time.sleep(60)"))
    with pytest.raises(PerformerError, match="said nothing"):
        client.start()


SLOW = (
    HEAD
    + """
log = open(sys.argv[1], "a")
print("start", file=log, flush=True)
def on_frame(frame):
    command = decode_command(frame)
    if isinstance(command, Ping):
        print("ping", file=log, flush=True)
        send(Pong(command.number, 0, 0))
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
send(PortLost("JACK: the server does not answer", ""))
Receiver(0, "commands", on_frame, lambda: os._exit(0)).join(600)
"""
)


def test_one_that_says_nothing_is_replaced_where_nobody_waits_for_ports(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "START_S", 0.3)
    log, go_on, events = tmp_path / "log", tmp_path / "go_on", []
    client = PerformerClient(command=program(tmp_path, SLOW, str(log), str(go_on)))
    client.start(patient=True)
    wait_until(lambda: collect(client, events, Fault))
    monkeypatch.setattr(client_module, "START_S", WAIT_S)
    go_on.touch()
    wait_until(lambda: collect(client, events, PortLost))
    client.close()
    faults = [event.text for event in events if isinstance(event, Fault)]
    assert re.fullmatch(r"The performer has not answered for \d+\.\d s; a new one takes over", faults[0])


def test_a_refusal_that_comes_late_is_an_answer(tmp_path, monkeypatch):
    """A frozen server is waited for longer than a performer that plays may be silent."""
    clock_ns = [0]
    monkeypatch.setattr(client_module, "now_ns", lambda: clock_ns[0])
    log, go_on = tmp_path / "log", tmp_path / "go_on"
    client = PerformerClient(command=program(tmp_path, SLOW, str(log), str(go_on)))
    starting = threading.Thread(target=client.start, kwargs={"patient": True})
    starting.start()
    wait_until(log.exists)
    clock_ns[0] += 3_600_000_000_000
    go_on.touch()
    wait_until(lambda: log.read_text().count("ping") >= 2)
    starting.join(WAIT_S)
    client.close()
    assert log.read_text().split()[:3] == ["start", "ping", "ping"]
    assert not collect(client, [], Fault)


def test_a_missing_program_is_an_error():
    with pytest.raises(PerformerError, match="cannot be started"):
        PerformerClient(command=["/nonexistent/performer"]).start()


def test_a_dead_performer_is_replaced_and_gets_what_it_must_know(tmp_path):
    log = tmp_path / "log"
    pattern = SetPattern(3, (NoteData(0.0, 60, 1.0, 90, 4),), 2)
    events = []
    with PerformerClient(command=program(tmp_path, ECHOING, str(log))) as client:
        for command in (SetTempo(99.0), pattern, Play()):
            client.send(command)
        first = client.pid
        client.send(Panic())
        wait_until(lambda: client.pid not in (None, first) and collect(client, events, Fault))
        wait_until(lambda: log.read_text().count("Play(") == 2)
    lines = log.read_text().splitlines()
    again = [line for line in lines if "--patient" in line]
    assert len(again) == 1 and "--silence-channel=4" in again[0]
    after = lines[lines.index(again[0]) + 1 :]
    assert after[:2] == [str(SetTempo(99.0)), str(pattern)]
    assert "a new one takes over" in next(event.text for event in events if isinstance(event, Fault))


LOSING = (
    HEAD
    + """
send(ready)
if "--patient" not in sys.argv:
    send(PortLost("gone", "start it")); events.close(1); os._exit(1)
Receiver(0, "commands", lambda frame: None, lambda: os._exit(0)).join(600)
"""
)


def test_ports_lost_by_one_and_opened_by_its_successor_are_back(tmp_path):
    events = []
    with PerformerClient(command=program(tmp_path, LOSING)) as client:
        wait_until(lambda: collect(client, events, PortBack))
    kinds = [type(event) for event in events]
    assert kinds.index(PortLost) < kinds.index(PortBack)
    assert events[kinds.index(PortBack)] == PortBack("recording")


def test_a_hung_performer_is_killed_and_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "ANSWER_S", 0.5)
    monkeypatch.setattr(client_module, "HEARTBEAT_S", 0.05)
    log, events = tmp_path / "log", []
    with PerformerClient(command=program(tmp_path, ECHOING, str(log))) as client:
        first = client.pid
        client.send(Stop())
        wait_until(lambda: client.pid != first and collect(client, events, Fault))
    assert any("has not answered" in event.text for event in events if isinstance(event, Fault))


GARBLING = (
    HEAD
    + """
garbage = {"a length": b"\\xff\\xff\\xff\\xff", "half a frame": b"\\0\\0\\0\\x09half"}[sys.argv[1]]
again = "--patient" in sys.argv
def on_frame(frame):
    command = decode_command(frame)
    if isinstance(command, Ping) and (again or sys.argv[1] != "half a frame"):
        send(Pong(command.number, 0, 0))
    if isinstance(command, Panic) and not again:
        events.close(1); os.write(1, garbage)
send(Fault("again") if again else Fault("first"))
events.put(b"noise")
events.put(b"")
send(ready)
Receiver(0, "commands", on_frame, lambda: os._exit(0)).join(600)
"""
)


@pytest.mark.parametrize("garbage", ["a length", "half a frame"])
def test_one_that_garbles_the_pipe_is_replaced_and_what_it_says_else_is_left_out(
    tmp_path, monkeypatch, garbage
):
    monkeypatch.setattr(client_module, "ANSWER_S", 0.5)
    monkeypatch.setattr(client_module, "HEARTBEAT_S", 0.05)
    events = []
    with PerformerClient(command=program(tmp_path, GARBLING, garbage)) as client:
        first = client.pid
        client.send(Panic())
        wait_until(lambda: client.pid != first and collect(client, events, Fault) and said("again", events))
        # Of each the two frames of noise.
        wait_until(lambda: collect(client, events, Fault) and said("An event of the", events) >= 4)
    assert said("first", events) == 1


def said(text, events):
    return sum(isinstance(event, Fault) and event.text.startswith(text) for event in events)


DYING = (
    HEAD
    + """
log = open(sys.argv[1], "a")
print("silence" if "--only-silence" in sys.argv else "play", file=log, flush=True)
if "--only-silence" not in sys.argv:
    send(ready); events.close(1)
os._exit(5)
"""
)


def test_one_that_dies_again_and_again_is_silenced_and_started_again_after_growing_pauses(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(client_module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(client_module, "LONGEST_PAUSE_S", 0.1)
    log, events = tmp_path / "log", []
    client = PerformerClient(command=program(tmp_path, DYING, str(log)))
    client.start()

    def pauses():
        collect(client, events, Fault)
        return [event.text for event in events if isinstance(event, Fault) and "too often" in event.text]

    wait_until(lambda: len(pauses()) >= 3)
    client.send(SetTempo(100.0))
    client.close()
    lines = log.read_text().splitlines()
    first = lines.index("silence")
    # Five deaths are mended at once; from the sixth on there is silence before each next try.
    assert lines[:first] == ["play"] * 6
    assert lines[first:][:4] == ["silence", "play", "silence", "play"]
    assert re.match(
        r"The performer ended \(status \w+\), too often now: it is started again in ", pauses()[0]
    )


def test_a_number_that_is_not_finite_is_not_sent_and_not_kept_for_a_successor(tmp_path):
    log, events = tmp_path / "log", []
    with PerformerClient(command=program(tmp_path, ECHOING, str(log))) as client:
        first = client.pid
        client.send(SetTempo(float("nan")))
        client.send(Panic())
        wait_until(lambda: client.pid not in (None, first) and collect(client, events, Fault))
        client.send(SetTempo(90.0))
        wait_until(lambda: "SetTempo(bpm=90.0)" in log.read_text())
    assert "nan" not in log.read_text()
    texts = [event.text for event in events if isinstance(event, Fault)]
    assert any(text.startswith("A command was left out: SetTempo: ") and "`$.bpm`" in text for text in texts)


def test_closing_asks_first_and_twice_is_harmless(tmp_path):
    log = tmp_path / "log"
    client = PerformerClient(command=program(tmp_path, ECHOING, str(log)))
    client.start()
    assert isinstance(client.poll()[0], Ready)
    client.close()
    client.close()
    assert "Shutdown()" in log.read_text()


def test_the_options_reach_the_program(tmp_path):
    log = tmp_path / "log"
    command = program(tmp_path, ECHOING, str(log))
    with PerformerClient("alsa", client_name="Two", connect_in=["Keys -1"], command=command):
        pass
    assert log.read_text().splitlines()[0] == "--backend alsa --client-name Two --connect-in=Keys -1"


def test_a_frozen_program_is_asked_by_a_flag(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert performer_command() == [sys.executable, PERFORMER_FLAG]


def test_the_performers_process_imports_nothing_heavy():
    code = "import sys, engine.performer.process, engine.performer.main; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.split(".")[0] for name in done.stdout.split()}
    assert not modules & {"PyQt6", "onnxruntime", "torch", "numpy", "scipy", "mido", "pretty_midi"}


def test_an_impossible_back_end_ends_the_real_process_with_one_line():
    client = PerformerClient("tin can")
    with pytest.raises(PortError, match='MIDI back end "tin can" is unknown; choose auto, jack'):
        client.start()


def test_what_is_sent_before_the_start_holds(tmp_path):
    log = tmp_path / "log"
    client = PerformerClient(command=program(tmp_path, ECHOING, str(log)))
    client.send(SetTempo(140.0))
    client.send(Play())
    client.start()
    client.close()
    said = log.read_text()
    assert said.index("SetTempo(bpm=140.0)") < said.index("Play(")


def test_a_close_during_the_start_leaves_no_performer(tmp_path):
    log = tmp_path / "log"
    text = (
        HEAD + "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1); send(ready); time.sleep(600)"
    )
    client = PerformerClient(command=program(tmp_path, text, str(log)))
    starting = threading.Thread(target=client.start)
    starting.start()
    wait_until(lambda: log.exists() and log.read_text())
    client.close()
    starting.join(WAIT_S)
    assert client.pid is None
    assert not starting.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)
