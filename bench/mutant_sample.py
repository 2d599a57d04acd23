"""Changes the engine's code in places drawn by chance and lists which changes no test notices.

usage: python bench/mutant_sample.py [--count 50] [--seed 0] [--tally FILE] [--wide] PACKAGE...

`make mutants` tries every change, which takes many hours; this draws `--count` of the same changes (mutmut's)
for each package, such as engine/performer, in turn from all its modules. Each is written into a copy of the
repository and the tests that bear the module's name are run, with few examples of each property; with
--wide, the survivors of the tally are tried again with all tests of engine and all examples.
The same seed draws the same changes of the same code.

--tally FILE keeps one line of JSON for each mutant, and goes on from there when it is run again.

Prints the share killed for each package, and the survivors as differences.
"""

import argparse
import contextlib
import difflib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import hypothesis
import msgspec  # noqa: F401 - here, so that no test run has to load it again
import numpy as np  # noqa: F401
import pytest
from mutmut.mutation.file_mutation import create_mutations

LEFT_OUT = ("client.py", "main.py", "trial.py", "trial_process.py", "__init__.py")
"""The edges of processes, whose tests start others and take seconds each; `make mutants` has none of them."""
MARKS = "not jack and not window and not strace and not ardour and not dist"
SLOW_TESTS = ("test_random_hosts.py", "test_process_client.py", "test_process_realtime.py")
FEW = "few"
hypothesis.settings.register_profile(FEW, max_examples=15, deadline=None, derandomize=True)
MOST_CPU_S = 300
MOST_S = 1200
"""A test run that takes longer is one that the change made endless."""

Mutant = dict[str, Any]
"""`package`, `module` (a path), `number`, `diff`; `outcome` once tried, `tests` that were run."""


def drawn(package: Path, count: int, seed: int) -> Iterator[tuple[Mutant, str]]:
    """Yield mutants and the changed code of their module, one of each module in turn."""
    rng = random.Random(f"{seed}/{package}")
    modules = [path for path in sorted(package.glob("*.py")) if path.name not in LEFT_OUT]
    rng.shuffle(modules)
    queues = {}
    for path in modules:
        code = path.read_text()
        tree, mutations, *_ = create_mutations(str(path), code)
        numbers = list(range(len(mutations)))
        random.Random(f"{seed}/{path}").shuffle(numbers)
        queues[path] = (code, tree, mutations, numbers)
    made = 0
    while made < count and any(numbers for *_, numbers in queues.values()):
        for path, (code, tree, mutations, numbers) in queues.items():
            if made == count or not numbers:
                continue
            number = numbers.pop()
            mutation = mutations[number]
            changed = tree.deep_replace(mutation.original_node, mutation.mutated_node).code
            lines = difflib.unified_diff(code.splitlines(), changed.splitlines(), lineterm="", n=2)
            made += 1
            diff = "\n".join(list(lines)[2:])
            yield {"package": str(package), "module": str(path), "number": number, "diff": diff}, changed


def tests_of(module: str) -> list[str]:
    """Return the namesake's test files of a module; where there are none, the two shortest that import it."""
    name = module.removesuffix(".py").replace("/", ".")
    package, _, stem = name.rpartition(".")
    imports = re.compile(rf"\b{re.escape(name)}\b|from {re.escape(package)} import .*\b{stem}\b")
    files = sorted(Path("tests", *package.split(".")).glob("test_*.py"))
    files = [path for path in files if path.name not in SLOW_TESTS]
    if namesakes := [path for path in files if path.stem.startswith(f"test_{stem}")]:
        return [str(path) for path in namesakes]
    found = [path for path in files if imports.search(path.read_text())] or files
    return [str(path) for path in sorted(found, key=lambda path: path.stat().st_size)[:2]]


def outcome_of(tests: list[str], log: Path, profile: str) -> str:
    """Run tests in a process of its own and return killed, survived, endless or no tests."""
    child = os.fork()
    if not child:
        code = 3
        with contextlib.suppress(BaseException):
            code = _run_tests(tests, log, profile)
        os._exit(code)
    began_s = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began_s > MOST_S:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)
    if os.WIFSIGNALED(status):
        return "endless"
    return {0: "survived", 5: "no tests"}.get(os.WEXITSTATUS(status), "killed")


def _run_tests(tests: list[str], log: Path, profile: str) -> int:
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    sys.path[:0] = [str(Path.cwd())]
    return int(
        pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", "-m", MARKS, f"--hypothesis-profile={profile}", *tests]
        )
    )


def try_mutant(mutant: Mutant, changed: str, place: Path, tests: list[str], profile: str) -> Mutant:
    """Return a mutant with its outcome; the copy of the repository is whole again afterwards."""
    path = place / mutant["module"]
    whole = path.read_text()
    path.write_text(changed)
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        outcome = outcome_of(tests, place / "log", profile)
    finally:
        path.write_text(whole)
    took_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before_s
    return {**mutant, "outcome": outcome, "tests": tests, "cpu_s": round(took_s, 1)}


def copied(place: Path) -> Path:
    """Copy the repository, compiled so that a changed module is seen by its contents, not by its time."""
    for name in ("app", "engine", "export", "tests", "training", "docs"):
        shutil.copytree(name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(name, place)
    compiled = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "engine", "tests/engine"]
    subprocess.run([sys.executable, *compiled], cwd=place, check=True)
    return place


def run(options: argparse.Namespace, place: Path, tally: TextIO) -> None:
    """Try the drawn mutants that the tally lacks and add them to it."""
    tally.seek(0)
    known = {(mutant["module"], mutant["number"]): mutant for mutant in map(json.loads, tally)}
    packages = [list(drawn(package, options.count, options.seed)) for package in options.package]
    profile = "antiphon" if options.wide else FEW
    os.chdir(place)
    sys.dont_write_bytecode = False  # so that what pytest makes of the tests is made once
    passing = set()
    for mutant, changed in chain.from_iterable(zip(*packages, strict=False)):
        before = known.get((mutant["module"], mutant["number"]))
        tests = ["tests/engine"] if options.wide else tests_of(mutant["module"])
        if before is not None and not (options.wide and before["outcome"] == "survived"):
            continue
        if tuple(tests) not in passing:
            if (outcome := outcome_of(tests, place / "log", profile)) != "survived":
                raise SystemExit(
                    f"{tests}: {outcome} without any change\n{(place / 'log').read_text()[-3000:]}"
                )
            passing.add(tuple(tests))
        print(json.dumps(try_mutant(mutant, changed, place, tests, profile)), file=tally, flush=True)


def report(tally: TextIO) -> None:
    """Print each package's share killed and the survivors; of one tried twice the last outcome counts."""
    tally.seek(0)
    tried = {(mutant["module"], mutant["number"]): mutant for mutant in map(json.loads, tally)}
    for package in sorted({mutant["package"] for mutant in tried.values()}):
        found = Counter(mutant["outcome"] for mutant in tried.values() if mutant["package"] == package)
        left = found["survived"] + found["no tests"]
        print(f"{package}: {1 - left / found.total():.1%} killed of {found.total()}, {dict(found)}")
    for mutant in tried.values():
        if mutant["outcome"] not in ("killed", "endless"):
            print(f"\n{mutant['module']} ({mutant['number']}): {mutant['outcome']}\n{mutant['diff']}")


def main() -> None:
    """Draw, try and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("package", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tally", type=Path, default=None)
    parser.add_argument("--wide", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as place,
        (options.tally or Path(place) / "tally").open("a+") as tally,
    ):
        run(options, copied(Path(place).resolve()), tally)
        report(tally)


if __name__ == "__main__":
    main()
