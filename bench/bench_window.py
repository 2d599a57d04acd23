"""What a frame costs while the window plays: 500 notes in each roll, the playheads moving.

    python bench/bench_window.py [--seconds 8] [--notes 500]

Measured for each frame: the CPU time of the window's tick (poll, snapshot, widgets), the CPU time of each
repaint of a roll, and the distance between frames by the clock, which suffers from other load.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app")]


def crowded_phrase(notes: int) -> Any:
    from engine.music.notes import Note, Phrase

    places = (Note(n * 64.0 / notes, 40 + n * 7 % 40, 0.4, 40 + n * 11 % 80) for n in range(notes))
    return Phrase.of(places, bars=16)


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {p50:6.2f}   p99 {p99:6.2f}   worst {ordered[-1]:6.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--notes", type=int, default=500)
    options = parser.parse_args()

    from fake_instrument import READY, FakeInstrument, clock, with_document, with_live
    from PyQt6.QtCore import QTimer
    from PyQt6.QtWidgets import QApplication

    from app.window import theme
    from app.window.widgets.roll import PianoRoll
    from app.window.window import InstrumentWindow
    from engine.midi.ports import now_ns as monotonic_ns
    from engine.session.document import HeardPhrase
    from engine.session.live import Sounding

    ticks: list[float] = []
    paints: list[float] = []
    frames: list[float] = []
    last = [time.perf_counter()]
    began_ns = monotonic_ns()

    class Playing(FakeInstrument):
        """A session whose clock speaks 30 times a second, as the performer's does."""

        def poll(self) -> list[Any]:
            now_ns = monotonic_ns()
            before = self.state.live.clock
            if before is None or now_ns - before.t_ns > 33_000_000:
                beats = (now_ns - began_ns) / 0.5e9
                self.state = with_live(self.state, clock=clock(position_beats=beats, t_ns=now_ns))
            return []

    class Timed(InstrumentWindow):
        def tick(self) -> None:
            now, cpu = time.perf_counter(), time.thread_time()
            super().tick()
            ticks.append((time.thread_time() - cpu) * 1e3)
            frames.append((now - last[0]) * 1e3)
            last[0] = now

    paint = PianoRoll.paintEvent

    def timed_paint(roll: PianoRoll, event: Any) -> None:
        cpu = time.thread_time()
        paint(roll, event)
        paints.append((time.thread_time() - cpu) * 1e3)

    PianoRoll.paintEvent = timed_paint  # type: ignore[method-assign]
    application = QApplication([])
    theme.apply(application)
    phrase = crowded_phrase(options.notes)
    state = with_live(with_document(READY, source=HeardPhrase(phrase, 0)), playing=Sounding(phrase, 0.0))
    window = Timed(Playing(state))
    window.resize(1280, 820)
    window.show()
    QTimer.singleShot(round(options.seconds * 1000), application.quit)
    application.exec()
    window.close()
    for name, values in (("tick", ticks[10:]), ("repaint", paints[10:]), ("frame distance", frames[10:])):
        print(f"  {name:15} {percentiles(values)}   ({len(values)})")


if __name__ == "__main__":
    main()
