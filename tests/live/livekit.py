"""A JACK server of our own with the dummy driver, and the player that stands for the DAW."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RATE_HZ = 48_000
WAIT_S = 60.0
OUR_INPUT, OUR_OUTPUT = "Antiphon:Antiphon In", "Antiphon:Antiphon Out"


def realtime_granted():
    """Whether a thread here may run in real time; without, JACK loses cycles on a busy machine."""
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


REALTIME = realtime_granted()
PERIOD = int(os.environ.get("ANTIPHON_TEST_JACK_PERIOD", "1024"))
"""Frames of a JACK period. At 256 the dummy driver skips cycles on virtual machines, idle ones too, and
what is written in a skipped cycle is lost outside of us; 1024 it keeps. Set 256 on real hardware."""
EXACT_FRAMES = 2 if REALTIME else PERIOD
"""How far from its due time a note may be written; a starved server's own time jumps about."""


SERVER_NUMBERS = itertools.count(1)


class JackServer:
    """A jackd that can be started, killed and started again under one name."""

    def __init__(self):
        # A killed server leaves semaphores behind that would disturb a later one of its name.
        self.name = f"antiphon-test-{os.getpid()}-{next(SERVER_NUMBERS)}"
        self.process = None

    def start(self):
        mode = ["-R", "-P70"] if REALTIME else ["--no-realtime"]
        command = ["jackd", *mode, "-n", self.name, "-d", "dummy", "-r", str(RATE_HZ), "-p", str(PERIOD)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self):
        self.process.kill()
        self.process.wait(WAIT_S)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        for left in Path("/dev/shm").glob(f"jack_sem.*_{self.name}_*"):
            left.unlink(missing_ok=True)


class AlarmClock:
    """The process that knows how late this machine wakes who sleeps."""

    def __init__(self):
        command = [sys.executable, str(HERE / "alarm_clock.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def worst_ms(self):
        """The longest delay so far, in ms."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.communicate()


class Daw:
    """The player's process as the test sees it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "player.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, "the player has ended"
        return json.loads(line)

    def alive(self):
        """Whether the player runs and can be asked."""
        return self.process.poll() is None

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def wire(self):
        """Connect both ways with Antiphon."""
        self.ask(connect=[["player:out", OUR_INPUT], [OUR_OUTPUT, "player:in"]])

    def play(self, script, after_s=0.2):
        """Play `(offset_frames, bytes)` in order; return the frame of offset 0."""
        events = [[offset, data.hex()] for offset, data in sorted(script, key=lambda event: event[0])]
        return self.ask(play=events, after=int(after_s * RATE_HZ))["start"]

    def play_along(self, script):
        """Play `(offset_frames, bytes)` from the next start of the clock on port `sync` on."""
        self.ask(
            play_along=[[offset, data.hex()] for offset, data in sorted(script, key=lambda each: each[0])]
        )

    def started(self):
        """Return the frame of that start; None before it."""
        return self.ask(started=True)["start"]

    def skips(self):
        """How often the server has skipped periods so far."""
        return self.ask(skips=True)["times"]

    def record(self):
        """Return `(frame, bytes)` of everything that has come back so far."""
        return [(frame, bytes.fromhex(data)) for frame, data in self.ask(record=True)["events"]]

    def wait_frames(self, frame):
        """Wait until the server has passed a frame."""
        while self.frame() < frame:
            time.sleep(0.02)

    def frame(self):
        """The server's frame just now."""
        return self.ask(frame=True)["frame"]

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def wait_for(client, kind, events, timeout_s=WAIT_S):
    """Poll into `events` until one of a kind has come; return it."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        events += client.poll()
        for event in events:
            if isinstance(event, kind):
                return event
        time.sleep(0.01)
    raise AssertionError(f"no {kind.__name__} within {timeout_s} s; there were {events[-5:]}")


def wait_until(condition, timeout_s=WAIT_S):
    """Look again and again until it holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def sounding(recorded):
    """Notes left on by these `(frame, bytes)` messages, in their order."""
    notes = set()
    for _, data in recorded:
        if data[0] & 0xF0 == 0x90 and data[2]:
            notes.add((data[0] & 0x0F, data[1]))
        elif data[0] & 0xF0 in (0x80, 0x90):
            notes.discard((data[0] & 0x0F, data[1]))
    return notes


def onsets(recorded):
    """`(frame, pitch, velocity)` of the note-ons."""
    return [(frame, data[1], data[2]) for frame, data in recorded if data[0] & 0xF0 == 0x90 and data[2]]
