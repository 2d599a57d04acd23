"""The project's own files: pins that hold, commands that exist, a tree that names no machine."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLED_EXTRAS = ("train", "export", "dev")


def pins() -> dict[str, str]:
    """Package name to version, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): number for name, number in pairs}


def requirements() -> list[Requirement]:
    """What the two commands ask for by name, on any system."""
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for extra in INSTALLED_EXTRAS for line in extras[extra])]
    return [Requirement(line) for line in lines]


def tracked_files() -> list[Path]:
    """Text files of the tree as git has it; skips where the tree is no checkout."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(["git", "grep", "-lI", ""], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in done.stdout.splitlines()]


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_requirement_is_pinned(requirement: Requirement) -> None:
    assert canonicalize_name(requirement.name) in pins()


def test_what_is_installed_is_what_is_pinned() -> None:
    wanted = [r for r in requirements() if r.marker is None or r.marker.evaluate()]
    installed = {r.name: version(r.name).split("+")[0] for r in wanted}
    assert installed == {r.name: pins()[canonicalize_name(r.name)] for r in wanted}


def test_torch_is_pinned_without_a_build() -> None:
    assert pins()["torch"] == "2.13.0"


@pytest.mark.parametrize("command", sorted(PROJECT["scripts"]))
def test_command_answers_help(command: str) -> None:
    program = Path(sys.executable).with_name(command)
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_make_help_names_every_target_that_the_readme_uses() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    used = set(re.findall(r"`make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"run", "test"} <= used
    assert used <= set(re.findall(r"^make ([a-z]+)", listed, flags=re.MULTILINE))


def test_licence_is_the_whole_gpl() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 29 June 2007" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "GPL-3.0-or-later"


def test_every_data_set_of_a_shipped_model_is_attributed() -> None:
    text = (ROOT / "docs" / "LICENSES.md").read_text(encoding="utf-8")
    bundles = [json.loads(path.read_text()) for path in ROOT.glob("engine/bundles/*/bundle.json")]
    assert bundles
    used = {data["name"] for bundle in bundles for data in bundle["training"]["data"]}
    assert {name for name in used if f"`{name}`" not in text} == set()


def test_tree_names_no_machine_of_its_makers() -> None:
    package_host = re.compile(r"\b(pypi|pythonhosted|npmjs|download\.pytorch)\.(org|com)\b")
    home = re.compile(r"(?<![\w.])/(home|Users|root|work)/\w")
    for path in tracked_files():
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        assert not package_host.search(text), f"{path} names a package host"
        assert not home.search(text), f"{path} names a folder of one machine"


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/LICENSES.md"]
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    source = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)", source.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (source.parent / target).exists(), f"{document} links to {target}"


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    first, *rest = name.split(".")
    found: object = import_module(first)
    for at, part in enumerate(rest, 2):
        if not hasattr(found, part) and isinstance(found, ModuleType):
            with contextlib.suppress(ImportError):
                import_module(".".join(name.split(".")[:at]))
        fields = getattr(found, "__annotations__", {})
        if not hasattr(found, part):
            return part in fields and at == len(rest) + 1
        found = getattr(found, part)
    return True


def test_files_and_names_that_texts_refer_to_exist() -> None:
    """But for the two logs of what was, the changelog and the one of training."""
    file = re.compile(
        r"(?<![\w/.])(?:engine|app|training|export|bench|tests|scripts|docs)/[\w/.-]*\.(?:py|md|sh)\b"
    )
    name = re.compile(r"`((?:engine|app|training|export)\.[A-Za-z_][\w.]*)")
    gone = []
    for path in tracked_files():
        if path.suffix in (".py", ".md") and path.name not in ("CHANGELOG.md", "LOG.md") and path.exists():
            text, where = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
            gone += [f"{where}: {each}" for each in file.findall(text) if not (ROOT / each).exists()]
            gone += [f"{where}: {each}" for each in name.findall(text) if not exists(each)]
    assert gone == []


def test_the_engine_and_the_app_know_one_clock_only():
    """On Windows `time.monotonic_ns` moves in steps of 15.6 ms, and is not the clock of MIDI stamps."""
    for path in (*Path(ROOT, "engine").rglob("*.py"), *Path(ROOT, "app").rglob("*.py")):
        assert "monotonic_ns" not in path.read_text().replace("`time.monotonic_ns()`", ""), path


def test_no_two_test_files_have_the_same_name():
    """Pytest imports test files by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
