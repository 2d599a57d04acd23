"""A DAW of its own in a process of its own: plays at exact frames, records with frames.

Commands come as JSON lines on standard input, answers as JSON lines on standard output:
`{"play": [[offset_frames, "hex"], ...], "after": frames}` answers `{"start": frame}`;
`{"play_along": [[offset_frames, "hex"], ...]}` waits for the first clock tick after a start on the port
`sync`, and is played from there; `{"started": true}` answers `{"start": frame}`, null until then;
`{"skips": true}` answers `{"times": count}`, how often the server skipped periods;
`{"record": true}` answers `{"events": [[frame, "hex"], ...]}`;
`{"frame": true}` answers `{"frame": now}`;
`{"connect": [[source, sink], ...]}` waits until all are made;
`{"disconnect": [[source, sink], ...]}` cuts them. The end of input ends it.
"""

import contextlib
import gc
import json
import os
import sys
import threading
import time

import jack

CLOCK, START, CONTINUE = b"\xf8", b"\xfa", b"\xfb"


class Player:
    """A JACK client with a MIDI output that plays a script and an input that records."""

    def __init__(self, name):
        self.client = open_client(name)
        self.output = self.client.midi_outports.register("out")
        self.input = self.client.midi_inports.register("in")
        self.sync = self.client.midi_inports.register("sync")
        self.events = []
        self._script, self._next = [], 0
        self._waiting, self._start_seen = None, False
        self.start = None
        """Frame of offset 0 of what is played along with a clock."""
        self.skips = 0
        self._expected = None
        self._lock = threading.Lock()
        self.client.set_process_callback(self._process)
        self.client.set_shutdown_callback(lambda *_: None)
        self.client.activate()

    def _process(self, frames):
        now = self.client.last_frame_time
        self.skips += self._expected not in (None, now)
        self._expected = now + frames
        for offset, data in self.input.incoming_midi_events():
            self.events.append([now + offset, bytes(data).hex()])
        self.output.clear_buffer()
        with self._lock:
            for offset, data in self.sync.incoming_midi_events():
                self._follow(now + offset, bytes(data))
            while self._next < len(self._script) and self._script[self._next][0] < now + frames:
                frame, data = self._script[self._next]
                self.output.write_midi_event(max(0, frame - now), data)
                self._next += 1

    def _follow(self, frame, data):
        """Begin what waits with the first tick after a start."""
        if self._waiting is None:
            return
        self._start_seen |= data in (START, CONTINUE)
        if self._start_seen and data == CLOCK:
            self.start = frame
            self._script = [(frame + offset, data) for offset, data in self._waiting]
            self._waiting, self._next = None, 0

    def play_along(self, script):
        """Play `[offset, hex]` pairs from the next start of the clock on `sync` on."""
        with self._lock:
            self._waiting = [(offset, bytes.fromhex(data)) for offset, data in script]
            self._start_seen, self.start = False, None

    def play(self, script, after):
        """Play `[offset, hex]` pairs from `after` frames on; return the frame of offset 0."""
        start = self.client.frame_time + after
        with self._lock:
            self._script = [(start + offset, bytes.fromhex(data)) for offset, data in script]
            self._next = 0
        return start

    def connect(self, pairs):
        """Make every connection, waiting for ports that are not there yet."""
        end = time.monotonic() + 60
        for source, sink in pairs:
            while not self._try(source, sink):
                if time.monotonic() > end:
                    raise SystemExit(f"cannot connect {source} to {sink}")
                time.sleep(0.02)

    def _try(self, source, sink):
        try:
            port = self.client.get_port_by_name(source)
            if sink not in [other.name for other in self.client.get_all_connections(port)]:
                self.client.connect(source, sink)
        except jack.JackError:
            return False
        return True


def open_client(name):
    """Open a client, waiting for the server."""
    jack.set_error_function(lambda _text: None)
    for _ in range(1200):
        try:
            return jack.Client(name, no_start_server=True)
        except jack.JackOpenError:
            time.sleep(0.05)
    raise SystemExit("no JACK server")


def be_punctual():
    """Let no thread here that holds the interpreter be put to sleep by other programs."""
    sys.setswitchinterval(0.0005)
    gc.disable()
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


def main():
    be_punctual()
    player = Player("player")
    print(json.dumps({"rate": player.client.samplerate, "period": player.client.blocksize}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        answer = {}
        if "play" in command:
            answer["start"] = player.play(command["play"], command["after"])
        if "play_along" in command:
            player.play_along(command["play_along"])
        if "started" in command:
            answer = {"start": player.start}
        if "connect" in command:
            player.connect(command["connect"])
        for source, sink in command.get("disconnect", ()):
            player.client.disconnect(source, sink)
        if "skips" in command:
            answer = {"times": player.skips}
        if "record" in command:
            answer = {"events": list(player.events)}
        if "frame" in command:
            answer["frame"] = player.client.frame_time
        print(json.dumps(answer), flush=True)
    player.client.deactivate()
    player.client.close()


if __name__ == "__main__":
    main()
