"""Ctrl+C while a program still loads."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine.program import run

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


@pytest.mark.parametrize("begun", ["", "def main():\n    "])
def test_ctrl_c_while_loading_or_running_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], begun: str
) -> None:
    name = "loads_slowly_a" if begun else "loads_slowly_b"
    (tmp_path / f"{name}.py").write_text(f"{begun}raise KeyboardInterrupt\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        run("antiphon-train", name)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "antiphon-train: stopped\n"


def test_what_main_returns_is_the_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "returns_three.py").write_text("def main():\n    return 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        run("antiphon", "returns_three")
    assert ended.value.code == 3


@pytest.mark.parametrize("script", ["antiphon", "antiphon-train", "antiphon-export"])
def test_a_program_loads_next_to_nothing_before_ctrl_c_is_heard(script: str) -> None:
    module, function = SCRIPTS[script].split(":")
    program = f"import sys, {module}; assert callable({module}.{function}); print(len(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    bare = subprocess.run(
        [sys.executable, "-I", "-c", "import sys, importlib, typing; print(len(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout) - int(bare.stdout) <= 8
