"""What every test gets: no real display, no user folders, and in CI no silent skip of the live tests."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell lets what it runs in the background ignore Ctrl+C, and so its children; tests send it to both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MUST_RUN_IN_CI = ("jack", "window", "strace")
USER_FOLDERS = ("CONFIG", "DATA", "CACHE", "STATE")

ROOT = Path(__file__).resolve().parents[1]
LOOKED_UP = re.compile(r'open(?:at)?\(.*"/etc/(?:resolv\.conf|hosts)"|io\.systemd\.Resolve')
"""What the C library reads, or asks, to turn a host's name into an address."""
ADDRESS = re.compile(r'inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"')
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
DNS_PORT = "53"

# Machines that run tests are shared and slow: a test fails for what it finds, not for how long it took.
# CI tries the same examples each time, so a change is judged by what it changes; elsewhere they are new ones.
hypothesis.settings.register_profile(
    "antiphon", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("antiphon")


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Settings, history and caches of this run and its child processes go to a folder of their own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for kind in USER_FOLDERS:
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        yield home


def outside(trace: str) -> list[str]:
    """Return the lines of a trace in which a name is looked up or an address outside is used."""
    found = []
    for line in trace.splitlines():
        addresses = [four or six for four, six in ADDRESS.findall(line)]
        near = all(address.startswith("127.") or address == "::1" for address in addresses)
        if LOOKED_UP.search(line) or (addresses and (not near or DNS_PORT in PORT.findall(line))):
            found.append(line)
    return found


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """Runs a command under strace in a home of its own; returns what it did outside and left there."""
    probe = ["strace", "-o", os.devnull, "true"]
    if not shutil.which("strace") or subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("strace is missing, or may not trace here")
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    for name in ("ORT_DISABLE_TELEMETRY", *(f"XDG_{kind}_HOME" for kind in USER_FOLDERS)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))

    def run(*arguments: object) -> tuple[list[str], list[Path]]:
        traced = "trace=network,open,openat"
        watch = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "200", "-e", traced, "-o", str(trace)]
        done = subprocess.run(
            [*watch, sys.executable, *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        left = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
        return outside(trace.read_text(errors="replace")), left

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test of the ports or the window is a failed one: its machine must have both."""
    report = yield
    marks = [mark for mark in MUST_RUN_IN_CI if item.get_closest_marker(mark)]
    if os.environ.get("CI") and report.skipped and marks and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where {marks[0]} tests must run: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a whole file that skips itself is a failure too: nobody would see what it left out."""
    report = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI as a whole: {report.longrepr}"
    return report
