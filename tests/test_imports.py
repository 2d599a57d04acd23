"""The parts stay apart at run time too: what a fresh process has loaded after an import."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "engine", "training", "export")


def modules_of(package: str) -> list[str]:
    """All modules below a package, by their files."""
    files = sorted((ROOT / package).rglob("*.py"))
    parts = [file.relative_to(ROOT).with_suffix("").parts for file in files]
    return [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]


def loaded_after_importing(modules: list[str]) -> set[str]:
    """Top-level names in `sys.modules` of a fresh process that imported these modules."""
    code = (
        "import importlib, json, sys\n"
        "for name in json.load(sys.stdin): importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(modules),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def without_jack(modules: list[str]) -> list[str]:
    """JACK-Client cannot be imported where the system has no libjack, so its door stays shut here."""
    return [name for name in modules if name != "engine.midi.jack"]


def test_engine_brings_neither_torch_nor_qt() -> None:
    loaded = loaded_after_importing(without_jack(modules_of("engine")))
    assert "numpy" in loaded
    assert not loaded & {"torch", "PyQt6", "onnx", "symusic", "app", "training", "export"}


def test_performer_process_brings_no_inference() -> None:
    performer = [*modules_of("engine/performer"), *without_jack(modules_of("engine/midi"))]
    loaded = loaded_after_importing(performer)
    assert "msgspec" in loaded
    assert not loaded & {"onnxruntime", "torch", "PyQt6"}


def test_command_line_brings_neither_torch_nor_qt_before_it_is_needed() -> None:
    loaded = loaded_after_importing(["app.cli"])
    assert not loaded & {"torch", "PyQt6", "training", "export"}


def test_window_brings_no_torch() -> None:
    loaded = loaded_after_importing(modules_of("app/window"))
    assert "PyQt6" in loaded
    assert not loaded & {"torch", "onnx", "training", "export"}


def test_window_shows_before_numpy_is_loaded() -> None:
    first = ["app.launch", "app.session_files", "app.model_library", "app.demo", "app.audio.audition"]
    loaded = loaded_after_importing([*first, "engine.session.session", "app.window.application"])
    assert "PyQt6" in loaded
    assert "numpy" not in loaded


def test_training_brings_neither_qt_nor_the_live_engine() -> None:
    loaded = loaded_after_importing(modules_of("training"))
    assert "torch" in loaded
    assert not loaded & {"PyQt6", "onnxruntime", "rtmidi", "jack", "app", "export"}


@pytest.mark.parametrize("module", modules_of("engine/music"))
def test_music_imports_numpy_msgspec_and_the_standard_library_only(module: str) -> None:
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = ["engine.music" if node.level else str(node.module)]
        for name in names:
            top = name.partition(".")[0]
            known = top in sys.stdlib_module_names or top in ("numpy", "msgspec")  # arrays and frozen values
            assert name.startswith("engine.music") or known, name


@pytest.mark.parametrize("package", PACKAGES)
def test_package_files_hold_a_docstring_only(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{path} should hold its docstring and nothing else"
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
