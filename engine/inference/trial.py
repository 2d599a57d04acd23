"""Models by their place on disk: one that did not come with the program is tried in a child process first.

What the checks of `engine.inference.bundle` let through is still a stranger's program that a large
library compiles and runs. So that neither a graph that takes hours or all memory nor a fault of that
library ends the music, the child loads it and runs it once, under limits of memory and time; only
then is it loaded here.
"""

import json
import subprocess
from pathlib import Path

from engine.errors import BundleError
from engine.inference.bundle.manifest import Precision
from engine.inference.bundle.store import load_bundle
from engine.inference.model import Model
from engine.installed_bundles import is_shipped
from engine.process.child import child_command, child_environment, creation_flags

TRIAL_FLAG = "--antiphon-trial"
"""First argument by which a frozen program is asked to try a bundle."""
TRIAL_S = 60.0
"""How long loading and running a bundle may take; those that come with the program take a second."""
TRIAL_BYTES = 2 << 30
"""How much memory it may take; those that come with the program need less than 0.2 GB."""


def load_model(path: Path | str, precision: Precision | None = None) -> Model:
    """Load the model at `path`: a folder or a .zip. One from elsewhere is tried first.

    Graphs are not inspected here once more: those that came with the program never change, and of others
    the trial has inspected the very bytes, as their hash shows.

    Raises:
        BundleError: it does not fit, or did not stand the trial.
    """
    path = Path(path)
    tried = None if is_shipped(path) else try_bundle(path)
    bundle = load_bundle(path, inspected=True)
    if tried not in (None, bundle.hash):
        raise BundleError(f"{path}: was changed while it was read; try again")
    return Model.load(bundle, precision)


def try_bundle(path: Path, *, most_s: float = TRIAL_S, most_bytes: int = TRIAL_BYTES) -> str:
    """Load and run a bundle in a child process, and return its hash.

    Raises:
        BundleError: it does not fit, fails, takes more than `most_s` seconds or `most_bytes` of memory.
    """
    command = [*child_command("engine.inference.trial_process", TRIAL_FLAG), str(path)]
    child = subprocess.Popen(
        [*command, str(most_s), str(most_bytes)],
        stdin=subprocess.PIPE,  # it ends with us: its watch sees this pipe close
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        creationflags=creation_flags(own_group=True),
    )
    with child:
        try:
            child.wait(timeout=most_s)
        except subprocess.TimeoutExpired:
            child.kill()
            raise BundleError(f"{path}: {_too_much(most_s, most_bytes)}") from None
        except BaseException:
            child.kill()
            raise
        assert child.stdout is not None
        output = child.stdout.read()  # a verdict is short: it fits into the pipe
    return _verdict(path, output, child.returncode, _too_much(most_s, most_bytes))


def _verdict(path: Path, output: bytes, status: int, too_much: str) -> str:
    try:
        verdict = json.loads(output)
    except ValueError:
        raise BundleError(f"{path}: {too_much}, or it crashes (status {status})") from None
    if "refused" in verdict:
        raise BundleError(verdict["refused"])
    return str(verdict["hash"])


def _too_much(most_s: float, most_bytes: int) -> str:
    return (
        f"did not stand its trial: it takes more than {most_s:g} s or {most_bytes >> 20} MB to load and run"
    )
