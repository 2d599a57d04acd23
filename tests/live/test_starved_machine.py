"""What conftest.py makes of a failure: a finding on a machine that keeps up, none on one that does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from livekit import AlarmClock

HERE = Path(__file__).parent
CASE = """
import pytest

class Daw:
    def __init__(self, skips):
        self.counted = skips
    def alive(self):
        return True
    def skips(self):
        return self.counted

@pytest.fixture
def daw(request):
    return Daw(request.param)

@pytest.mark.parametrize(("worst_ms", "daw"), [(1.0, 0), (160.0, 0), (1.0, 3)], indirect=["daw"])
def test_it(alarm_clock, daw, worst_ms):
    alarm_clock.worst_ms = lambda: worst_ms
    assert 1 == 2
"""


def test_a_failure_counts_only_where_the_machine_keeps_up(tmp_path):
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_case.py").write_text(CASE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rxf", "-p", "no:cacheprovider", "-p", "no:pytest-qt", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parents[1])))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("1 failed, 2 xfailed"), done.stdout + done.stderr
    outcomes = {line.split(" - ")[0]: line for line in lines if line.startswith(("FAILED", "XFAIL"))}
    case = "test_case.py::test_it"
    assert "assert 1 == 2" in outcomes[f"FAILED {case}[1.0-0]"]
    assert "this machine wakes 160 ms late; " in outcomes[f"XFAIL {case}[160.0-0]"]
    assert "the JACK server skipped periods 3 times; " in outcomes[f"XFAIL {case}[1.0-3]"]


def test_the_alarm_clock_knows_how_late_it_woke():
    clock = AlarmClock()
    first_ms = clock.worst_ms()
    assert 0 <= first_ms <= clock.worst_ms(), "the worst so far never gets better"
    clock.close()
    assert clock.process.returncode == 0
