"""How many bars of random hosts are out of place: every tempo, jitter, jump and fault, by hand and for long.

    nice -n 19 python bench/random_hosts.py [--bars 1000000] [--first 0] [--tally FILE] [--build FOLDER]

The hosts are those of tests/engine/performer/random_host.py, which know nothing of the engine. A bar is
wrong if one of its beats is more than 0.12 beats from where the host played it, and miscounted if at its
first beat the count of ticks is not the host's: one tick is 0.04 beats.

The very source of the transport and of the hosts is compiled with mypyc first: the same steps in about a
fifth of the time, a bar in about a millisecond. It takes a C compiler; `--interpreted` does without. With
`--tally` what was seen so far is kept in a file, from which the same call goes on.

A host plays 200 bars; its number is the seed and, modulo 144, its class, in the order of `classes`.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HOSTS = ROOT / "tests" / "engine" / "performer"
BARS_PER_HOST = 200
COMPILED = (
    "engine/midi/messages.py",
    "engine/performer/clock.py",
    "engine/performer/clock_pairs.py",
    "engine/performer/tick_count.py",
    "engine/performer/tick_grid.py",
    "engine/performer/tick_rows.py",
    "engine/performer/transport.py",
    "random_host.py",
    "followed_bars.py",
)
SAVED_EVERY_S = 20.0
Class = tuple[str, str, bool, bool]


def compiled(folder: Path) -> Path:
    """Compile copies of what is driven in a folder; return the folder, which is to come first on the path."""
    if folder.exists() and list(folder.glob("random_host.*.so")):
        return folder
    shutil.copytree(ROOT / "engine", folder / "engine", ignore=shutil.ignore_patterns("bundles", "*.pyc"))
    for name in ("random_host.py", "followed_bars.py"):
        shutil.copy(HOSTS / name, folder)
    command = [sys.executable, "-m", "mypyc", "--cache-dir", str(folder / "cache"), *COMPILED]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "MYPYPATH": str(folder)}, capture_output=True
    )
    if done.returncode:
        why = done.stderr.decode()[-500:].strip()
        sys.exit(f"mypyc could not compile the transport ({why}); use --interpreted")
    return folder


def classes() -> list[Class]:
    """Return every tempo, noise, and whether the song jumps and the clock has faults."""
    from random_host import NOISES, TEMPI

    return list(itertools.product(TEMPI, NOISES, (False, True), (False, True)))


def follow(number: int, kind: Class) -> tuple[int, int, int]:
    """Let one host be followed; return its bars, how many were wrong, and how many miscounted."""
    from followed_bars import followed
    from random_host import RandomHost

    tempo, jitter, jumps, faults = kind
    return followed(RandomHost(number, BARS_PER_HOST, tempo, jitter, jumps=jumps, faults=faults))


class Tally:
    """What was seen so far; kept in a file if one is given."""

    def __init__(self, file: Path | None, first: int) -> None:
        self._file = file
        self._saved_s = time.monotonic()
        self.seen: dict[str, Any] = {"first": first, "next": first, "bars": 0, "wrong": 0}
        self.seen |= {"miscounted": 0, "cpu_s": 0.0, "bars_by_class": {}, "failing": []}
        if file is not None and file.exists():
            self.seen = json.loads(file.read_text())

    def add(self, number: int, kind: Class, bars: tuple[int, int, int], cpu_s: float) -> None:
        """Take in a host."""
        seen = self.seen
        seen["next"] = number + 1
        found = dict(zip(("bars", "wrong", "miscounted"), bars, strict=True))
        for counted, much in {**found, "cpu_s": cpu_s}.items():
            seen[counted] += much
        name = ", ".join((*kind[:2], *(["jumps"] if kind[2] else []), *(["faults"] if kind[3] else [])))
        seen["bars_by_class"][name] = seen["bars_by_class"].get(name, 0) + bars[0]
        if bars[1] or bars[2]:
            seen["failing"].append({"number": number, "class": name, **found})
        if time.monotonic() - self._saved_s > SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the file anew."""
        self._saved_s = time.monotonic()
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(self.seen, indent=1))
            fresh.replace(self._file)


def main() -> None:
    parser = argparse.ArgumentParser(description="Bars of random hosts that are out of place.")
    parser.add_argument("--bars", type=int, default=1_000_000, help="as many hosts as make so many bars")
    parser.add_argument("--first", type=int, default=0, help="number of the first host")
    parser.add_argument("--tally", type=Path, help="file to keep what was seen, and to go on from")
    parser.add_argument("--build", type=Path, help="folder for what is compiled, to be used again")
    parser.add_argument("--interpreted", action="store_true", help="without a C compiler, five times as slow")
    options = parser.parse_args()
    tally = Tally(options.tally, options.first)
    with tempfile.TemporaryDirectory(prefix="random_hosts_") as folder:
        build = options.build or Path(folder) / "build"
        sys.path[:0] = [str(HOSTS), str(ROOT)] if options.interpreted else [str(compiled(build))]
        kinds = classes()
        for number in range(tally.seen["next"], options.first + max(1, options.bars // BARS_PER_HOST)):
            began_s = time.process_time()
            bars = follow(number, kinds[number % len(kinds)])
            tally.add(number, kinds[number % len(kinds)], bars, time.process_time() - began_s)
    tally.save()
    print(json.dumps(tally.seen, indent=1))


if __name__ == "__main__":
    main()
