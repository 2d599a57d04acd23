"""Fixtures of the live tests: a JACK server, the player, a performer wired to it."""

import os
import shutil

import pytest
from livekit import Daw, JackServer

from engine.performer.client import PerformerClient


@pytest.fixture
def jack_server(monkeypatch):
    """A running JACK server, the default one for everything the test starts."""
    if shutil.which("jackd") is None:
        if os.environ.get("CI"):
            pytest.fail("jackd is missing: install jackd2; these tests must run in CI")
        pytest.skip("jackd is missing: install jackd2")
    server = JackServer()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def daw(jack_server):
    """The player, once the server answers."""
    player = Daw()
    yield player
    player.close()


@pytest.fixture
def performer(daw):
    """A performer on the server, wired to the player both ways."""
    client = PerformerClient("jack")
    client.start()
    daw.wire()
    yield client
    client.close()
