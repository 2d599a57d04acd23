"""The whole way over a real JACK server: a player's clock and melody in, the pattern back."""

import itertools
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from livekit import EXACT_FRAMES, PERIOD, RATE_HZ, WAIT_S, Daw, onsets, sounding, wait_for, wait_until

from engine.errors import PortError
from engine.midi.backends import list_ports
from engine.midi.rtmidi import RtMidiBackend
from engine.performer.client import PerformerClient
from engine.performer.messages import (
    BarCaptured,
    Connections,
    Fault,
    NoteData,
    Play,
    Played,
    PortBack,
    PortLost,
    Ready,
    SetClock,
    SetPattern,
    SetTempo,
)

pytestmark = pytest.mark.jack

TICK = 500
"""Frames of a clock tick at 240 BPM, 48 kHz."""
STEP = 6 * TICK
BAR = 16 * STEP
START, STOP, CLOCK = b"\xfa", b"\xfc", b"\xf8"
GRACE = PERIOD + RATE_HZ // 1000
"""One period and 1 ms, in frames: what a note may be off the clock's grid."""
FRAME_NS = 1e9 / RATE_HZ
NEIGHBOUR_FRAMES = 24
"""Half a millisecond; a back end that wrote at the period's edge would be off by half a period."""
PITCHES = (60, 62, 64, 65, 67, 69, 71, 72)


def eighths(starts_at="step"):
    """A bar of eighth notes on channel 1, velocities 90, 91, ..."""
    notes = tuple(NoteData(i * 0.5, pitch, 0.4, 90 + i, 1) for i, pitch in enumerate(PITCHES))
    return SetPattern(1, notes, 1, starts_at)


def drone():
    """Notes that sound nearly all the time."""
    notes = tuple(NoteData(beat, 48 + beat, 3.9 if beat == 0 else 0.95, 100, 0) for beat in range(4))
    return SetPattern(2, notes, 1)


def clock(bars):
    """Start and so many bars of clock; the first tick, the downbeat, at offset 0."""
    return [(-48, START), *((tick * TICK, CLOCK) for tick in range(bars * 96))]


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1))]


def test_the_answer_sits_on_the_players_clock(performer, daw):
    melody = [(60, 100, 0), (64, 90, 4), (67, 80, 8), (72, 110, 12)]
    script = [*clock(4), (4 * BAR - STEP, STOP)]
    for bar in range(4):
        for pitch, velocity, step in melody:
            onset = bar * BAR + step * STEP
            script += [(onset, bytes((0x90, pitch, velocity))), (onset + 3 * STEP, bytes((0x80, pitch, 0)))]
    performer.send(SetClock("external"))
    performer.send(eighths())
    start = daw.play(script, after_s=0.5)
    daw.wait_frames(start + 4 * BAR + RATE_HZ // 3)
    recorded, events = daw.record(), performer.poll()

    heard = onsets(recorded)
    assert [pitch for _, pitch, _ in heard] == list(PITCHES) * 4
    assert [velocity for _, _, velocity in heard[:8]] == list(range(90, 98))
    off_grid = [abs(frame - (start + i * 2 * STEP)) for i, (frame, _, _) in enumerate(heard)]
    # The first tick is heard when its time has come, and a wire back to where it came from
    # costs one more period: JACK has to cut the circle somewhere.
    assert off_grid[0] <= GRACE + PERIOD, "it starts on the bar line"
    assert percentile(off_grid, 0.99) <= GRACE
    assert sounding(recorded) == set()

    played = [event for event in events if isinstance(event, Played) and event.data[0] == 0x91]
    assert len(played) == len(heard)
    # Where the performer meant them: the first is meant for a tick that is past when it is heard.
    meant_off = [abs(event.sent_ns - event.due_ns) / FRAME_NS for event in played[1:]]
    assert max(meant_off) <= EXACT_FRAMES

    bars = [event for event in events if isinstance(event, BarCaptured)]
    assert [(note.pitch, note.velocity) for note in bars[1].notes] == [(p, v) for p, v, _ in melody]
    assert [note.start_beats for note in bars[1].notes] == pytest.approx([0, 1, 2, 3], abs=0.02)


def test_the_performer_knows_at_which_frame_each_note_left(performer, daw):
    performer.send(SetClock("internal"))
    performer.send(SetTempo(240.0))
    performer.send(eighths())
    performer.send(Play())
    daw.wait_frames(daw.frame() + 3 * RATE_HZ)
    performer.close()
    frames = [frame for frame, _, _ in onsets(daw.record())]
    events = [event for event in performer.poll() if isinstance(event, Played) and event.data[0] == 0x91]
    sent = [event.sent_ns for event in events][: len(frames)]
    assert len(frames) >= 20
    # Between neighbours: over longer times the server's own estimate of its frames wanders.
    gaps = [later - earlier for earlier, later in itertools.pairwise(frames)]
    meant = [(later - earlier) / FRAME_NS for earlier, later in itertools.pairwise(sent)]
    off = [abs(gap - frames) for gap, frames in zip(gaps, meant, strict=False)]
    assert statistics.median(off) <= NEIGHBOUR_FRAMES


def test_stop_silences_at_any_moment(performer, daw):
    rng = random.Random(4)
    performer.send(SetClock("external"))
    performer.send(drone())
    script, ends, at = [], [], 0
    for _ in range(12):
        length = rng.randrange(2 * STEP, BAR)
        script += [(at + offset, data) for offset, data in clock(1) if offset < length]
        script.append((at + length, STOP))
        ends.append(at + length)
        at += length + RATE_HZ // 5
    start = daw.play(script, after_s=0.5)
    daw.wait_frames(start + at)
    recorded = daw.record()
    for end in ends:
        until = start + end + RATE_HZ // 6
        before = [event for event in recorded if event[0] <= until]
        assert sounding(before) == set(), f"after Stop at {end}"
    assert len(onsets(recorded)) >= 12


def test_a_killed_controller_leaves_no_note_on(daw):
    controller = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "controller.py")], stdout=subprocess.PIPE, text=True
    )
    pid = int(controller.stdout.readline())
    daw.wire()
    wait_until(lambda: sounding(daw.record()))
    controller.kill()
    controller.wait(WAIT_S)
    controller.stdout.close()
    wait_until(lambda: not alive(pid))
    assert sounding(daw.record()) == set()


def since(recorded, frame):
    return [event for event in recorded if event[0] >= frame]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that its new parent has not collected has ended all the same.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_performer_that_dies_is_replaced_and_leaves_no_note_on(performer, daw, how):
    performer.send(SetClock("internal"))
    performer.send(drone())
    performer.send(Play())
    wait_for(performer, Played, [])
    time.sleep(0.3)
    first = performer.pid
    os.kill(first, how)
    died = daw.frame()
    wait_for(performer, Fault, [])
    # The successor is wired as its predecessor was, silences, and plays on.
    wait_for(performer, Ready, [])
    assert performer.pid != first
    wait_until(lambda: onsets(since(daw.record(), died)))
    # Note-offs are repeated half a second after the start.
    wait_until(lambda: b"\x80\x30\x00" in [data for _, data in since(daw.record(), died)])
    performer.close()
    assert sounding(daw.record()) == set()


def test_a_dead_server_is_reported_and_music_returns_with_it(performer, daw, jack_server):
    performer.send(SetClock("internal"))
    performer.send(drone())
    performer.send(Play())
    wait_for(performer, Played, [])
    pid = performer.pid
    jack_server.kill()
    killed = time.monotonic()
    lost = wait_for(performer, PortLost, [])
    assert time.monotonic() - killed < 2.0
    assert lost.reason.startswith("MIDI ports lost (jack)")
    assert "comes back by itself" in lost.remedy
    # Left alone it would go on waiting for the same semaphore as its successor of the same name.
    daw.close()
    jack_server.start()
    back = Daw()
    try:
        wait_for(performer, PortBack, [])
        back.wire()
        wait_until(lambda: onsets(back.record()))
        assert performer.pid == pid, "the same performer has found the new server"
        performer.close()
        assert sounding(back.record()) == set()
    finally:
        back.close()


@contextmanager
def frozen(server):
    """A server that stands still meanwhile."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_a_frozen_server_is_reported_and_its_thaw_as_well(performer, jack_server):
    pid, events = performer.pid, []
    with frozen(jack_server):
        lost = wait_for(performer, PortLost, events)
        time.sleep(4.0)  # it is tried again meanwhile, more than once
    assert "stopped answering" in lost.reason
    wait_for(performer, PortBack, events)
    assert [event for event in events if isinstance(event, Fault)] == []
    assert performer.pid == pid, "the same performer has gone on"


def test_a_server_that_is_frozen_from_the_start_is_waited_for(daw, jack_server):
    client, events = PerformerClient("jack"), []
    with frozen(jack_server):
        client.start(patient=True)
        lost = wait_for(client, PortLost, events)
        pid = client.pid
        time.sleep(3.0)
    assert lost.reason.startswith("JACK: the server does not answer; ")
    wait_for(client, PortBack, events)
    assert [event for event in events if isinstance(event, Fault)] == []
    assert client.pid == pid
    client.close()


def test_a_frozen_server_hangs_neither_the_list_of_ports_nor_a_start_nor_an_end(performer, jack_server):
    with frozen(jack_server):
        with pytest.raises(PortError, match=r"^JACK: the server does not answer; "):
            PerformerClient("jack").start()
        command = [sys.executable, "-m", "app", "ports"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=600)
        performer.close()
    assert listed.stdout.startswith("  jack: JACK: the server does not answer; ")
    assert listed.returncode == 0


def test_the_way_without_jack_client_hears_and_plays(daw):
    backend = RtMidiBackend("jack")
    try:
        ports = [port.name for port in list_ports()]
        ours = [next(port for port in ports if name in port) for name in ("Antiphon In", "Antiphon Out")]
        daw.ask(connect=[["player:out", ours[0]], [ours[1], "player:in"]])
        daw.play([(0, CLOCK), (480, b"\x90\x3c\x40"), (960, b"\xfe"), (1440, b"\xb0\x01\x02")])
        heard = []
        wait_until(lambda: heard.extend(backend.input.drain()) or len(heard) >= 3)
        assert [event.data for event in heard] == [CLOCK, b"\x90\x3c\x40", b"\xb0\x01\x02"]
        backend.output.send(0, b"\x90\x3e\x50")
        wait_until(lambda: [data for _, data in daw.record()] == [b"\x90\x3e\x50"])
        assert backend.alive()
    finally:
        backend.close()


STRANGER = """
import jack
client = jack.Client("stranger", no_start_server=True)
kinds = {b"gr\\xfc out": jack._lib.JackPortIsOutput, b"gr\\xfc in": jack._lib.JackPortIsInput}
ports = [jack._lib.jack_port_register(client._ptr, name, b"8 bit raw midi", kind, 0)
         for name, kind in kinds.items()]
client.activate()
print("there", flush=True)
while input() == "wires":
    print(*(jack._lib.jack_port_connected(port) for port in ports), flush=True)
"""


def test_ports_whose_names_are_not_utf_8_are_listed_and_wired(daw):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", STRANGER], **pipes) as stranger:

        def wires():
            print("wires", file=stranger.stdin, flush=True)
            return stranger.stdout.readline().split()

        assert stranger.stdout.readline() == "there\n"
        names = {(port.direction, port.name) for port in list_ports() if port.backend == "jack"}
        assert names >= {("source", r"stranger:gr\xfc out"), ("sink", r"stranger:gr\xfc in")}
        with PerformerClient("jack", connect_in=["stranger"], connect_out=["stranger"]) as client:
            wait_until(lambda: wires() == ["1", "1"])
            wired = wait_for(client, Connections, [])
            assert wired == Connections((r"stranger:gr\xfc out",), (r"stranger:gr\xfc in",))
        print("end", file=stranger.stdin, flush=True)
