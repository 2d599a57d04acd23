"""How a process of the program's own is started: command line, environment, creation flags."""

import os
import subprocess
import sys
from pathlib import Path


def child_command(module: str, flag: str) -> list[str]:
    """Return the command line that runs `module`, its options left out.

    A frozen program has no `-m`: its entry point must run the module's work itself when its first
    argument is `flag`.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, flag]
    return [sys.executable, "-m", module]


def child_environment() -> dict[str, str]:
    """Return the child's environment: the packages are found wherever the parent found them."""
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, known)))}


def creation_flags(*, own_group: bool = False) -> int:
    """Return Windows' flags for a child: no console window, and with `own_group` no Ctrl-C of ours.

    Other systems have no such flags; 0 there.
    """
    flags: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return flags | (getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if own_group else 0)
