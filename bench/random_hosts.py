"""How many bars of random hosts are out of place: every tempo, jitter, jump and fault, by hand and for long.

    python bench/random_hosts.py [--bars 1000000] [--processes 2] [--minutes 60] [--json]

The hosts are those of tests/engine/performer/random_host.py, which know nothing of the engine. A bar is
wrong if one of its beats is more than 0.12 beats from where the host played it.
"""

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "engine" / "performer"))

from random_host import NOISES, TEMPI, RandomHost
from test_random_hosts import wrong_bars

BARS_PER_HOST = 200
Case = tuple[int, str, str, bool, bool]


def cases(bars: int, first_seed: int) -> Iterator[Case]:
    """Yield as many hosts as make so many bars, each class in turn."""
    kinds = list(itertools.product(TEMPI, NOISES, (False, True), (False, True)))
    for index in range(max(1, bars // BARS_PER_HOST)):
        yield first_seed + index, *kinds[index % len(kinds)]


def follow(case: Case) -> tuple[Case, int, int]:
    """Let one host be followed; return its case, its bars and how many were wrong."""
    seed, tempo, jitter, jumps, faults = case
    host = RandomHost(seed, BARS_PER_HOST, tempo, jitter, jumps=jumps, faults=faults)
    return case, *wrong_bars(host)


def main() -> None:
    parser = argparse.ArgumentParser(description="Bars of random hosts that are out of place.")
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="end after so long with what was seen"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bars = wrong = 0
    failing: list[Case] = []
    end_s = time.monotonic() + 60 * options.minutes
    with ProcessPoolExecutor(options.processes) as pool:
        for case, seen, off in pool.map(follow, cases(options.bars, options.seed), chunksize=4):
            bars, wrong = bars + seen, wrong + off
            if off:
                failing.append(case)
            if time.monotonic() > end_s:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    if options.json:
        print(json.dumps({"bars": bars, "wrong": wrong, "failing": failing}))
        return
    print(f"{bars} bars, {wrong} wrong")
    for case in failing:
        print("  seed {}, tempo {}, jitter {}, jumps {}, faults {}".format(*case))


if __name__ == "__main__":
    main()
