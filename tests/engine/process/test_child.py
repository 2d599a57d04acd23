"""How children are started, on each system by stand-ins for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.process.child import child_command, child_environment, creation_flags

ROOT = Path(__file__).resolve().parents[3]


def test_a_module_is_run_by_this_python_or_by_the_frozen_program_itself(monkeypatch):
    assert child_command("a.b", "--flag") == [sys.executable, "-m", "a.b"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert child_command("a.b", "--flag") == [sys.executable, "--flag"]


def test_the_packages_are_found_from_any_folder(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    first, second = child_environment()["PYTHONPATH"].split(":" if sys.platform != "win32" else ";")
    assert (Path(first), second) == (ROOT, "/elsewhere")


@pytest.mark.parametrize(("own_group", "flags"), [(False, 0x08000000), (True, 0x08000200)])
def test_on_windows_a_child_opens_no_console_window(own_group, flags, monkeypatch):
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    assert creation_flags(own_group=own_group) == flags


@pytest.mark.skipif(sys.platform == "win32", reason="there are no flags elsewhere")
def test_other_systems_have_no_flags():
    assert creation_flags(own_group=True) == 0
