"""Kill a playing session at random moments and open its document again; by hand.

    python bench/kill_session.py [--times 200]

A child plays into a session that saves itself, changing a control all the time. It is killed (SIGKILL)
after a random while; the document must open, never be older than the last 2 s of changes, and its log must
be whole but for its last line. The last line printed has the worst age.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.music.metre import FOUR_FOUR
from engine.session.autosave import log_path
from engine.session.store import read_document

LONGEST_PLAY_S = 4.0
DAY_S = 86_400
MOST_LOST_S = 2.0


def play(path: Path) -> None:
    """Play and move a control until killed; each change carries the time it was made, in its seed."""
    from engine.performer.messages import BarCaptured, NoteData
    from engine.session.session import Session

    class Client:
        def __init__(self) -> None:
            self.bar = 0

        def send(self, command: object) -> None: ...

        def poll(self) -> list[BarCaptured]:
            self.bar += 1
            note = NoteData(0.0, 60 + self.bar % 12, 1.0, 80, 0)
            return [BarCaptured(self.bar, (note,), (), 120.0, FOUR_FOUR, 0)]

        def close(self) -> None: ...

    document = read_document(path) if path.exists() else None
    session = Session(Client(), document=document, file=path)
    session.start()
    print("playing", flush=True)
    while True:
        session.poll()
        session.set("seed", round(time.time() % DAY_S * 10))
        time.sleep(0.01)


def killed(path: Path, after_s: float) -> float:
    """Play for a while, kill, and return how many seconds of changes were lost."""
    command = [sys.executable, __file__, "--play", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        if child.stdout.readline().strip() != b"playing":
            sys.exit("the child did not begin to play")
        began_s = time.time()
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        killed_s = time.time()
        child.wait()
    if not path.exists():
        return after_s
    lines = log_path(path).read_bytes().splitlines() if log_path(path).exists() else []
    for line in lines[:-1]:
        json.loads(line)
    return killed_s % DAY_S - max(read_document(path).controls.seed / 10, began_s % DAY_S)


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a playing session and open it again.")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--play", type=Path, help="play into a document; for the child")
    options = parser.parse_args()
    if options.play:
        play(options.play)
    lost_s = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.antiphon"
        for number in range(options.times):
            lost_s.append(killed(path, random.uniform(0, LONGEST_PLAY_S)))
            if lost_s[-1] > MOST_LOST_S:
                sys.exit(f"time {number + 1}: {lost_s[-1]:.2f} s were lost")
    print(f"{len(lost_s)} times killed, every document opened; at worst {max(lost_s):.2f} s were lost")


if __name__ == "__main__":
    main()
