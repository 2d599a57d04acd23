"""How late notes leave: the real performer process on a JACK server, under three loads.

    python bench/lateness.py [--seconds 20] [--json]

Lateness is the time of the frame a message was written at, minus the time it was due. The loads
run in processes of their own, as the window and its inference do: `repaint` paints 500 notes at 60
frames a second with Qt, `inference` multiplies matrices for 10 ms out of every 40.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from engine.errors import AntiphonError
from engine.performer.client import PerformerClient
from engine.performer.messages import NoteData, Play, Played, Ready, SetClock, SetPattern, SetTempo

BPM = 240.0
SETTLE_S = 2.0
LATE_NS = 1_000_000
REPAINT = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PyQt6.QtCore import QRectF, QTimer
from PyQt6.QtGui import QColor, QGuiApplication, QImage, QPainter
application = QGuiApplication([])
image = QImage(1280, 600, QImage.Format.Format_RGB32)
frame = 0
def paint():
    global frame
    frame += 1
    image.fill(QColor(20, 20, 24))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for note in range(500):
        painter.fillRect(QRectF((note * 37 + frame) % 1280, note % 88 * 6.8, 20, 6), QColor(90, 160, 220))
    painter.end()
timer = QTimer()
timer.timeout.connect(paint)
timer.start(16)
application.exec()
"""
INFERENCE = """
import time
import numpy as np
matrix = np.ones((512, 512), np.float32)
while True:
    end = time.perf_counter() + 0.010
    while time.perf_counter() < end:
        matrix @ matrix
    time.sleep(0.030)
"""
LOADS: dict[str, tuple[str, ...]] = {
    "idle": (),
    "repaint": (REPAINT,),
    "inference": (INFERENCE,),
    "repaint + inference": (REPAINT, INFERENCE),
}


@dataclass(frozen=True, slots=True)
class Result:
    """Lateness under one load, in milliseconds."""

    load: str
    messages: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    over_1ms: int
    realtime: bool


@contextlib.contextmanager
def jack_server(period: int) -> Iterator[None]:
    """Start a JACK server with the dummy driver for us alone."""
    name = f"antiphon-bench-{os.getpid()}"
    os.environ["JACK_DEFAULT_SERVER"] = name
    command = ["jackd", "-R", "-P70", "-n", name, "-d", "dummy", "-r", "48000", "-p", str(period)]
    quiet = subprocess.DEVNULL
    try:
        server = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    except FileNotFoundError:
        raise SystemExit("jackd is missing: install jackd2") from None
    try:
        yield
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def loads(programs: Sequence[str]) -> Iterator[None]:
    """Run programs beside us."""
    running = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def started(client: PerformerClient) -> bool:
    """Start the performer, waiting for the server; return whether it runs in real time."""
    for attempt in range(50):
        try:
            client.start()
            break
        except AntiphonError:
            if attempt == 49:
                raise
            time.sleep(0.1)
    return any(isinstance(event, Ready) and event.realtime for event in client.poll())


def measure(load: str, seconds: float) -> Result:
    """Play sixteenths for so long under a load."""
    notes = tuple(NoteData(step / 4, 48 + step, 0.2, 90, 0) for step in range(16))
    client = PerformerClient("jack")
    with loads(LOADS[load]):
        realtime = started(client)
        for command in (SetClock("internal"), SetTempo(BPM), SetPattern(1, notes, 1), Play()):
            client.send(command)
        time.sleep(SETTLE_S)
        client.poll()
        end = time.monotonic() + seconds
        late_ns: list[int] = []
        while time.monotonic() < end:
            time.sleep(1 / 60)
            late_ns += [event.sent_ns - event.due_ns for event in client.poll() if isinstance(event, Played)]
        client.close()
    return summary(load, late_ns, realtime)


def summary(load: str, late_ns: Sequence[int], realtime: bool) -> Result:
    """Sum up; a message up to half a frame early counts as in time."""
    if not late_ns:
        raise SystemExit(f"{load}: nothing was played")
    ordered = [max(0, value) for value in sorted(late_ns)]

    def share(part: float) -> float:
        return round(ordered[int(part * (len(ordered) - 1))] / 1e6, 4)

    over = sum(value > LATE_NS for value in ordered)
    return Result(load, len(ordered), share(0.5), share(0.99), share(1.0), over, realtime)


def main() -> None:
    parser = argparse.ArgumentParser(description="Lateness of sent notes over JACK.")
    parser.add_argument("--seconds", type=float, default=20.0, help="time measured for each load")
    parser.add_argument("--period", type=int, default=256, help="frames of a JACK period")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with jack_server(options.period):
        results = [measure(load, options.seconds) for load in LOADS]
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    print(f"period {options.period} frames at 48 kHz; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'load':<20} {'messages':>8} {'p50 ms':>8} {'p99 ms':>8} {'worst':>8} {'> 1 ms':>7}  real time")
    for r in results:
        times = f"{r.p50_ms:>8.3f} {r.p99_ms:>8.3f} {r.worst_ms:>8.3f}"
        print(f"{r.load:<20} {r.messages:>8} {times} {r.over_1ms:>7}  {'yes' if r.realtime else 'no'}")


if __name__ == "__main__":
    main()
