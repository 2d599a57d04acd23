"""The rules of conftest.py: what may skip itself at home must run in CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OPTIONS = ("-q", "-rfE", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-p", "no:pytest-qt")
CASES = {
    "jack": "@pytest.mark.jack\ndef test_it(): pytest.skip('no server')\n",
    "window": "@pytest.mark.window\n@pytest.mark.skipif(True, reason='no Qt')\ndef test_it(): pass\n",
    "file": "pytest.importorskip('no_such_module')\ndef test_it(): pass\n",
    "unmarked": "def test_it(): pytest.skip('not this system')\n",
    "xfail": "@pytest.mark.jack\n@pytest.mark.xfail\ndef test_it(): assert False\n",
}


def failures(folder: Path, *, ci: str) -> set[str]:
    """The cases that fail when all of them run beside the real conftest.py."""
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    jack\n    window\n")
    for case, text in CASES.items():
        (folder / f"test_{case}.py").write_text(f"import pytest\n{text}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, "."],
        cwd=folder,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    bad = [line.split("::")[0].split(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    failed = {case for case in CASES if f"FAILED test_{case}.py" in bad or f"ERROR test_{case}.py" in bad}
    assert (done.returncode != 0) == bool(failed), done.stdout
    return failed


def test_anything_may_skip_itself_at_home(tmp_path: Path) -> None:
    assert failures(tmp_path, ci="") == set()


def test_live_tests_and_whole_files_may_not_skip_in_ci(tmp_path: Path) -> None:
    assert failures(tmp_path, ci="true") == {"jack", "window", "file"}
