"""How much of one core the whole program takes while it plays: window, performer and all else it started.

    python bench/program_cpu.py [--seconds 60] [--cards 8] [--json]

The program is started as a player starts it, with its window, the demo phrase playing over a JACK server of
its own; the seconds in which it starts and loads its model are left out. Linux only: times are those of
/proc. Without a screen, `QT_QPA_PLATFORM=offscreen` draws into memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lateness import jack_server

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP_S = 20.0


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process and of all that it started and that still run."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return own_s(pid) + sum(used_s(int(child)) for each in children for child in each.read_text().split())


def measure(seconds: float, cards: int) -> tuple[float, float]:
    """Return the shares of one core that the window's process and its children took."""
    command = [sys.executable, "-m", "app", "live", "--demo", "--midi-backend", "jack", "--cards", str(cards)]
    with tempfile.TemporaryDirectory() as folder:
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        environment = {**os.environ, **dict.fromkeys(names, folder), "PYTHONPATH": str(ROOT)}
        program = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            time.sleep(WARM_UP_S)
            before, own_before = used_s(program.pid), own_s(program.pid)
            time.sleep(seconds)
            after, own_after = used_s(program.pid), own_s(program.pid)
        finally:
            program.terminate()
            program.wait()
    own = own_after - own_before
    return own / seconds, (after - before - own) / seconds


def own_s(pid: int) -> float:
    """Return the CPU seconds of a process alone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description="CPU of the whole program while it plays.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cards", type=int, default=8, choices=(8, 16, 32, 64))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with jack_server(1024):
        window, rest = measure(options.seconds, options.cards)
    found = {"window_percent": round(100 * window, 1), "rest_percent": round(100 * rest, 1)}
    text = ", ".join(f"{name.replace('_percent', '')} {value} %" for name, value in found.items())
    print(json.dumps(found) if options.json else f"of one core: {text}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
