"""A child's standard output carries frames only, with and without a standard error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import os, sys
from engine.process.streams import claim_stdout, flush_stderr
frames = claim_stdout()
print("printed by a library", flush=True)
os.write(2, b"a fault")
os.write(frames, b"frame")
flush_stderr()
"""


def run(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, stdout=subprocess.PIPE, timeout=60, **options
    )


def test_what_is_printed_goes_to_standard_error():
    done = run(CODE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"frame")
    assert done.stderr.replace(b"\r", b"") == b"printed by a library\na fault"


@pytest.mark.skipif(sys.platform == "win32", reason="a closed descriptor stands for Windows' missing console")
def test_without_a_console_what_is_printed_is_dropped():
    done = run(CODE, preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout) == (0, b"frame")
