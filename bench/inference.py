"""How long a bundle takes: encode, decode and whole renderings, on one CPU thread.

    python bench/inference.py BUNDLE [--runs 200] [--threads 1] [--json FILE]

Times are wall-clock milliseconds a call, after a warm-up at each batch size; `best` is what the
machine can do, where p50 and p99 also show what else it was doing. `render` is the
whole way from controls to notes for one phrase, its encoding left out.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.errors import AntiphonError
from engine.inference.bundle.store import load_bundle
from engine.inference.controls import Controls
from engine.inference.graphs import CPU
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase

BATCHES = (1, 8, 64)


def main() -> int:
    arguments = _arguments()
    try:
        rows = measure(arguments.bundle, arguments.runs, arguments.threads)
    except AntiphonError as error:
        print(error, file=sys.stderr)
        return 1
    print(_table(rows))
    if arguments.json:
        about = {"bundle": str(arguments.bundle), "machine": platform.processor() or platform.machine()}
        about["threads"] = arguments.threads
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time a bundle's encoder, decoder and renderings.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--runs", type=int, default=200, help="calls a row at batch 1 (fewer at 8 and 64)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    return parser.parse_args()


def measure(path: Path, runs: int, threads: int) -> list[dict[str, Any]]:
    """Return one row for each form, call and batch size."""
    bundle = load_bundle(path)
    rows = []
    for precision in bundle.precisions:
        model = Model.load(bundle, precision=precision, provider=CPU, threads=threads)
        rows += [_row(precision, *call) for call in _calls(model, runs)]
    return rows


def _calls(model: Model, runs: int) -> list[tuple[str, int, int, Callable[[int], object]]]:
    """List (what, batch, runs, call) to be timed."""
    rng = np.random.default_rng(0)
    phrases = [_phrase(rng, model.bars, model.representation.grid.beats_per_bar) for _ in range(max(BATCHES))]
    x = np.stack([model.representation.encode(phrase) for phrase in phrases])
    mu, _ = model.encode(x)
    noise = rng.gumbel(size=(model.representation.steps, len(x), model.representation.width))
    noise = (0.5 * noise).astype(np.float32)
    calls: list[tuple[str, int, int, Callable[[int], object]]] = []
    for batch in BATCHES:
        some = max(10, runs // batch)
        part = np.ascontiguousarray(noise[:, :batch])
        calls.append(("encode", batch, some, lambda _, b=batch: model.encode(x[:b])))
        calls.append(("decode", batch, some, lambda _, b=batch, n=part: model.decode(mu[:b], n)))
    slots = {"heard": encode_slot(model, phrases[0])}
    mode = model.modes[0]
    takes = [Controls(mode=mode, variation=i % 100 / 99, seed=i // 100) for i in range(runs)]
    calls.append(("render", 1, runs, lambda i: render(model, slots, takes[i])))
    return calls


def _phrase(rng: np.random.Generator, bars: int, beats_per_bar: int) -> Phrase:
    """Make up a line of eighths, some of them left out."""
    steps = [step for step in range(bars * beats_per_bar * 2) if rng.random() < 0.7]
    return Phrase.of(
        [Note(step / 2, int(rng.integers(55, 80)), 0.45) for step in steps], bars, Metre(beats_per_bar)
    )


def _row(precision: str, what: str, batch: int, runs: int, call: Callable[[int], object]) -> dict[str, Any]:
    call(0)
    call(1)
    times_ms = []
    for index in range(runs):
        started = time.perf_counter()
        call(index)
        times_ms.append((time.perf_counter() - started) * 1e3)
    p50, p99 = np.percentile(times_ms, (50, 99))
    return {
        "form": precision,
        "call": what,
        "batch": batch,
        "runs": runs,
        "best_ms": round(min(times_ms), 3),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| form | call | batch | best ms | p50 ms | p99 ms |", "|---|---|---|---|---|---|"]
    for row in rows:
        times = " | ".join(f"{row[key]:.2f}" for key in ("best_ms", "p50_ms", "p99_ms"))
        lines.append(f"| {row['form']} | {row['call']} | {row['batch']} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
