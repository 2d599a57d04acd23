"""What every test gets: no real display, no user folders, and in CI no silent skip of the live tests."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

MUST_RUN_IN_CI = ("jack", "window")

# Machines that run tests are shared and slow: a test fails for what it finds, not for how long it took.
hypothesis.settings.register_profile("antiphon", deadline=None, print_blob=True)
hypothesis.settings.load_profile("antiphon")


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Settings, history and caches of this run and its child processes go to a folder of their own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CONFIG", "DATA", "CACHE", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        yield home


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
