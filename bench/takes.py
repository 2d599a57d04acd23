"""How long takes beside an answer need: rendered in one decoder call and ranked, on one thread.

    python bench/takes.py [--model words_2bar] [--count 64] [--times 30] [--json]

The time is CPU time of the calling thread, with the model on one thread, and the wall's beside it.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.demo import demo_phrase
from app.model_library import load_model
from engine.inference.controls import Controls
from engine.inference.ranking import ranked
from engine.inference.windows import encode_phrase


def measure(name: str, count: int, times: int) -> tuple[list[float], list[float]]:
    """Return CPU and wall milliseconds of each time that takes were computed, the first one left out."""
    model = load_model(name, None)
    slots = {"heard": encode_phrase(model, demo_phrase())}
    cpu_ms, wall_ms = [], []
    for seed in range(times + 1):
        cpu, wall = time.thread_time(), time.perf_counter()
        ranked(model, slots, Controls(variation=0.4, seed=seed * count), count)
        cpu_ms.append((time.thread_time() - cpu) * 1e3)
        wall_ms.append((time.perf_counter() - wall) * 1e3)
    return cpu_ms[1:], wall_ms[1:]


def main() -> None:
    """Print the quantiles."""
    parser = argparse.ArgumentParser(description="Time of takes beside an answer.")
    parser.add_argument("--model", default="words_2bar", help="name of an installed model, or a bundle")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cpu_ms, wall_ms = measure(options.model, options.count, options.times)
    found = {
        f"{name}_{quantile}_ms": round(float(np.percentile(values, quantile)), 2)
        for name, values in (("cpu", cpu_ms), ("wall", wall_ms))
        for quantile in (50, 99)
    }
    text = ", ".join(f"{name} {value}" for name, value in found.items())
    print(json.dumps(found) if options.json else f"{options.count} takes of {options.model}: {text}")


if __name__ == "__main__":
    main()
