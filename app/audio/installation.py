"""Installing the optional sound into the Python that runs: what the window's Sound button does."""

import importlib.util
import subprocess
import sys
from pathlib import Path

PACKAGE = "sounddevice"
LONGEST_S = 300.0
"""Time after which an installation that does not end is given up."""
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"


def is_missing() -> bool:
    """Return whether the package is not there."""
    importlib.invalidate_caches()
    return importlib.util.find_spec(PACKAGE) is None


def install_command(constraints: Path = CONSTRAINTS) -> list[str]:
    """Return the command line that installs the package, in the pinned version where the pins lie beside."""
    pinned = ["-c", str(constraints)] if constraints.is_file() else []
    return [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        *pinned,
        PACKAGE,
    ]


def install_line() -> str:
    """Return the same as a person types it."""
    return " ".join([sys.executable, "-m", "pip", "install", PACKAGE])


def install(command: list[str] | None = None) -> str:
    """Install the package; return why it failed in one line, or nothing.

    Args:
        command: another command line, for tests.
    """
    if getattr(sys, "frozen", False) and command is None:
        return "this program brings its own Python, into which nothing can be installed"
    try:
        done = subprocess.run(
            command or install_command(), capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"pip cannot be run ({error})"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"pip ended with {done.returncode}"
