"""Window tests run offscreen, whatever display there is; Qt's warnings fail the test they fall in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"
HARMLESS = (
    "This plugin does not support propagateSizeHints()",
    "This plugin does not support raise()",
    "This plugin does not support grabbing the keyboard",
)


@pytest.fixture
def qt_messages(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fail the test when Qt warned of anything."""
    from PyQt6.QtCore import qInstallMessageHandler

    warnings: list[str] = []
    before = qInstallMessageHandler(lambda kind, context, text: warnings.append(text or ""))
    yield warnings
    qInstallMessageHandler(before)
    serious = [text for text in warnings if text not in HARMLESS]
    assert not serious, f"Qt warned: {serious}"


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genuine bundle with random weights: melody, 2 bars."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "inference"))
    import tinybundle

    return tinybundle.write(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the player's own JACK server out of the tests; it may play, or hang."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "antiphon-there-is-no-such-server")


AWAITING = """
import sys, time, jack
while True:
    try:
        jack.Client("waiting", no_start_server=True, servername=sys.argv[1]).close()
        break
    except jack.JackOpenError:
        time.sleep(0.05)
"""
"""Waits until a server takes clients, in a process of its own: another one that hangs cannot hold it up."""


@pytest.fixture
def jack_server() -> Iterator[str]:
    """The name of a JACK server of our own, on the dummy driver."""
    program = shutil.which("jackd")
    if program is None:
        pytest.skip("jackd is not installed")
    name = f"antiphon-app-{os.getpid()}"
    command = [program, "-n", name, "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "1024"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        subprocess.run([sys.executable, "-c", AWAITING, name], check=True, capture_output=True, timeout=120)
        yield name
    finally:
        server.terminate()
        server.wait(60)
