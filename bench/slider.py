"""How long a slider's move takes to become a pattern on its way to the performer, over JACK.

    python bench/slider.py [--model melody_2bar] [--moves 300] [--cards 64] [--json]

A session runs as the window runs it, polled at 60 Hz, with the demo phrase playing; the variation
slider moves again three frames later. The time is the session's own: from the move to the pattern
handed to the performer. With --cards that many takes are computed beside each answer, as with the cards open.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from lateness import jack_server, started

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.compose import LiveOptions, make_client, make_session
from app.model_library import load_model
from engine.session.session import Session

FRAME_S = 1 / 60
REST_FRAMES = 3
PATIENCE_S = 60.0


def wait(session: Session, done: Callable[[], bool]) -> None:
    """Poll as the window does until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"nothing came within {PATIENCE_S:.0f} s")
        session.poll()
        time.sleep(FRAME_S)


def answered_since(session: Session, before_ms: float | None) -> bool:
    """Return whether another pattern was sent; no two take the same time to the nanosecond."""
    return session.snapshot().live.health.pattern_ms != before_ms


def measure(options: LiveOptions, moves: int, cards: int) -> list[float]:
    """Return the milliseconds from each move of the slider to its pattern."""
    client = make_client(options)
    started(client)
    took_ms = []
    with make_session(options, client, takes=bool(cards)) as session:
        session.start(load_model(options.model, options.precision))
        session.set("demo", True)
        if cards:
            session.set("cards", str(cards))
        wait(session, lambda: session.snapshot().live.playing is not None)
        for move in range(moves):
            before = session.snapshot().live.health.pattern_ms
            session.set("variation", 0.05 + 0.9 * (move % 100) / 99)
            wait(session, partial(answered_since, session, before))
            took_ms.append(session.snapshot().live.health.pattern_ms)
            for _ in range(REST_FRAMES):
                session.poll()
                time.sleep(FRAME_S)
    client.close()
    return took_ms


def main() -> None:
    parser = argparse.ArgumentParser(description="From a slider's move to the pattern on its way.")
    parser.add_argument("--model", default="melody_2bar", help="name of an installed model, or a bundle")
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--cards", type=int, default=0, choices=(0, 8, 16, 32, 64), help="takes beside it")
    parser.add_argument("--period", type=int, default=1024, help="frames of a JACK period")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with jack_server(options.period):
        took_ms = measure(
            LiveOptions(model=options.model, midi_backend="jack", given={"tempo_bpm": 240.0}),
            options.moves,
            options.cards,
        )
    p50, p99 = np.percentile(took_ms, (50, 99))
    result = {
        "moves": len(took_ms),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "worst_ms": max(took_ms),
    }
    if options.json:
        print(json.dumps(result))
        return
    print(f"slider to pattern, {options.model}, {options.cards} cards; load {os.getloadavg()[0]:.1f}")
    print(f"{result['moves']} moves   p50 {p50:.2f}   p99 {p99:.2f}   worst {max(took_ms):.2f} ms")


if __name__ == "__main__":
    main()
