"""Start-up, from the process's birth: to open MIDI ports, to the painted window, to the first model.

    python bench/bench_startup.py [--runs 7] [--model NAME_OR_PATH]

The window opens offscreen unless QT_QPA_PLATFORM says otherwise; ports are those of `--midi-backend`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARKS = ("qt", "window", "ports", "model")


def child(began_ns: int, model: str, backend: str) -> None:
    """Run the real start-up and print when each mark was reached, in milliseconds."""
    import app.one_blas_thread  # noqa: F401 - as the command does it
    from app.compose import LiveOptions
    from app.launch import run_with_window

    reached: dict[str, float] = {}

    def mark(name: str) -> None:
        if name not in reached:
            reached[name] = (time.monotonic_ns() - began_ns) / 1e6
            reached[f"{name} cpu"] = time.process_time_ns() / 1e6

    from app.window import application, window

    mark("qt")

    class Watched(window.InstrumentWindow):
        def tick(self) -> None:
            super().tick()
            snapshot = self.instrument.snapshot()
            if snapshot.live.ports.backend or any("ports" in n.text for n in snapshot.live.notices):
                mark("ports")
            if snapshot.model is not None:
                mark("model")
            if len(reached) == 2 * len(MARKS):
                self.close()

        def paintEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
            super().paintEvent(event)  # type: ignore[arg-type]
            mark("window")

    application.InstrumentWindow = Watched  # type: ignore[misc]
    run_with_window(LiveOptions(model=model, midi_backend=backend), for_s=20.0, log=None)
    print(json.dumps(reached))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--model", default="melody_2bar")
    parser.add_argument("--midi-backend", default="auto")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.model, options.midi_backend)
        return
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "PYTHONPATH": str(ROOT)}
    runs = []
    for _ in range(options.runs):
        command = [sys.executable, __file__, "--model", options.model, "--midi-backend", options.midi_backend]
        command += ["--child", str(time.monotonic_ns())]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout.strip():
            sys.exit(f"start-up failed: {done.stderr.strip() or done.stdout}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"start-up, {options.runs} runs, milliseconds since the process was started")
    for name in MARKS:
        values = sorted(run[name] for run in runs if name in run)
        if values:
            cpu = statistics.median(run[f"{name} cpu"] for run in runs)
            row = f"median {statistics.median(values):6.0f}   worst {values[-1]:6.0f}   own CPU {cpu:5.0f}"
            print(f"  {name:7} {row}")


if __name__ == "__main__":
    main()
