"""Tries bundles that somebody changed or made with ill intent: none may do more than be refused.

usage: python bench/bundle_attacks.py [--no-crafted] [--mutated 4000] [--seed 0] [--tally FILE] [BUNDLE]

Mutated ones: a bundle (the shipped melody_2bar if none is named) with bytes or structure of its bundle.json,
its graphs or its latents changed, hashes put right so that the later checks are reached, or its .zip
changed. A worker with the limits of a trial loads and runs each; should it die, it is started again and
the death counted. With strace on the path, every file that the worker opens besides the mutant is counted.
Crafted ones go through `load_model`, as the program loads a stranger's bundle.

--tally FILE keeps one line of JSON for each mutant, and goes on from there when it is run again.

Prints how many were refused, loaded (the change did no harm), brought the worker down, and escaped with
anything but a `BundleError` of one line, which should be none; and for each crafted one the line a player
would see.
"""

import argparse
import contextlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

from bundle_files import Files, read_files, with_hashes, write_folder
from crafted_bundles import crafted
from mutated_bundles import Mutants

from engine.errors import BundleError
from engine.inference.trial import TRIAL_BYTES, TRIAL_S, load_model
from engine.installed_bundles import SHIPPED
from engine.process.child import child_environment

Tried = dict[str, Any]
"""What became of a mutant: `verdict` and `reason`, `seconds` of wall and CPU, `peak_mb`, `opened` files."""

WORKER = """
import json, resource, signal, sys, time
from pathlib import Path
from engine.process.limits import limit_memory, forbid_writing
from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.trial_run import try_graphs
limit_memory(int(sys.argv[1]))
forbid_writing()
for line in sys.stdin:
    signal.alarm(int(sys.argv[2]))  # ends this process
    began_s, began_cpu_s, reason = time.monotonic(), time.process_time(), ""
    try:
        bundle = load_bundle(Path(json.loads(line)))
        for precision in bundle.precisions: try_graphs(bundle, precision)
        verdict = "loaded"
    except BundleError as error:
        verdict, reason = "refused", str(error)
    except BaseException as error: verdict, reason = "escaped", repr(error)
    signal.alarm(0)
    print(json.dumps({
        "verdict": verdict, "reason": reason,
        "seconds": round(time.monotonic() - began_s, 3), "cpu_s": round(time.process_time() - began_cpu_s, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }), flush=True)
"""


class Worker:
    """A process that loads one bundle after another; it is replaced when it dies or takes too long.

    It loads `whole`, which must load, before anything else, so that what the library opens at its first
    use is not taken for something that a mutant did.
    """

    def __init__(self, whole: Path, trace: Path) -> None:
        self._whole, self._trace = whole, trace
        self._start()

    def _start(self) -> None:
        watch = [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            "trace=open,openat,creat,connect,execve,unlink",
        ]
        traced = [*watch, "-o", str(self._trace)] if shutil.which("strace") else []
        self._trace.write_bytes(b"")
        self._read = 0
        self._process = subprocess.Popen(
            [*traced, sys.executable, "-c", WORKER, str(TRIAL_BYTES), str(round(TRIAL_S))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment(),
        )
        for _ in range(2):
            tried = self.tried(self._whole)
            if tried["verdict"] != "loaded":
                raise SystemExit(f"the bundle itself does not load: {tried}")

    def tried(self, path: Path) -> Tried:
        """Return what became of a bundle."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(str(path)), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            status, opened = self._process.wait(), self._opened(path)
            self._start()
            return {"verdict": "worker died", "reason": f"status {status}", "opened": opened}
        tried: Tried = json.loads(line)
        if tried["verdict"] == "refused" and not _one_line(tried["reason"]):
            tried["verdict"] = "refused in more than a line"
        return {**tried, "opened": self._opened(path)}

    def _opened(self, path: Path) -> list[str]:
        """Return what was opened since the last call, but for what lies in the bundle."""
        with self._trace.open(errors="replace") as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        own = str(path)
        return [line.strip() for line in lines if own not in line and "+++" not in line and "---" not in line]


def _one_line(text: str) -> bool:
    return text.isprintable() and len(text) <= 1000


# The two series -------------------------------------------------------------------------------


def run_mutated(files: Files, count: int, seed: int, place: Path, tally: TextIO) -> None:
    """Try the mutants that the tally lacks, and add them to it."""
    tally.seek(0)
    known = {json.loads(line)["number"] for line in tally}
    mutants = Mutants(files, seed)
    worker = Worker(write_folder(place / "whole", files), place / "trace")
    for number in sorted(set(range(count)) - known):
        folder = place / f"{number}"
        path, how = mutants.write(number, folder)
        tried = {"number": number, "how": how, **worker.tried(path)}
        print(json.dumps(tried).replace(str(path), "BUNDLE"), file=tally, flush=True)
        shutil.rmtree(folder)


def report(tally: TextIO) -> None:
    """Print what became of the mutants: counts, the loaded ones by what was changed, the dearest ones."""
    tally.seek(0)
    tried = [json.loads(line) for line in tally]
    print(f"mutated: {len(tried)}, {dict(Counter(mutant['verdict'] for mutant in tried).most_common())}")
    for how, many in sorted(Counter(mutant["how"] for mutant in tried).items()):
        loaded = sum(mutant["how"] == how and mutant["verdict"] == "loaded" for mutant in tried)
        print(f"  {how:32} {many:5} tried, {loaded:4} loaded")
    for mutant in tried:
        if mutant["verdict"] not in ("loaded", "refused") or mutant["opened"]:
            print(f"  {json.dumps(mutant)[:600]}")
    for key in ("seconds", "cpu_s", "peak_mb") if tried else ():
        dearest = max(tried, key=lambda mutant: mutant.get(key, 0))
        print(f"  most {key}: {dearest.get(key)} (number {dearest['number']}, {dearest['verdict']})")


def run_crafted(files: Files, place: Path) -> None:
    """Load each crafted bundle as the program does and print what a player would see."""
    for number, (name, made) in enumerate(crafted(files)):
        path = place / f"crafted{number}"
        if isinstance(made, bytes):
            path = path.with_suffix(".zip")
            path.write_bytes(made)
        else:
            write_folder(path, made)
        began_s, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            load_model(path)
            verdict = "LOADED"
        except BundleError as error:
            lines = "" if _one_line(str(error)) else " in more than a line"
            verdict = f"refused{lines}: {str(error).replace(str(path), 'BUNDLE')[:150]}"
        took_s = time.monotonic() - began_s
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        print(f"{name:55} {took_s:6.1f} s  +{grown} MB here  {verdict}", flush=True)


def main() -> None:
    """Run both series."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=SHIPPED / "melody_2bar")
    parser.add_argument("--mutated", type=int, default=4000)
    parser.add_argument("--crafted", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tally", type=Path)
    options = parser.parse_args()
    files = with_hashes(read_files(options.bundle))
    with tempfile.TemporaryDirectory() as place:
        if options.crafted:
            print(f"crafted (a trial may take {TRIAL_S:g} s and {TRIAL_BYTES >> 20} MB):")
            run_crafted(files, Path(place))
        with (options.tally or Path(place) / "tally").open("a+") as tally:
            run_mutated(files, options.mutated, options.seed, Path(place), tally)
            report(tally)


if __name__ == "__main__":
    main()
