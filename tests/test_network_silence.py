"""Nothing leaves the machine: the commands run with every network call of theirs watched."""

import os
import subprocess
import sys
from pathlib import Path

import mido
import pytest
import tinybundle

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = """
import importlib.abc, os, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("switch", os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
import {module}
"""


@pytest.mark.strace
def test_the_watch_sees_a_lookup_and_an_address_outside(watched):
    lookup = "import socket\ntry: socket.getaddrinfo('antiphon.invalid', 443)\nexcept OSError: pass"
    assert watched("-c", lookup)[0]
    # 192.0.2.1 is reserved for documentation, and connecting a datagram socket sends nothing.
    connect = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('{}', {}))"
    assert watched("-c", connect.format("192.0.2.1", 443))[0]
    assert watched("-c", connect.format("127.0.0.1", 53))[0]
    assert not watched("-c", connect.format("127.0.0.1", 9))[0]


@pytest.mark.strace
def test_the_stream_asks_nobody_and_leaves_nothing(watched):
    stream = ("-m", "app", "live", "--headless", "--demo", "--for", 6, "--model", "melody_2bar")
    assert watched(*stream) == ([], [])


@pytest.mark.strace
def test_a_command_on_files_asks_nobody_and_leaves_nothing(watched, tmp_path):
    song = mido.MidiFile()
    melody = [(kind, pitch, 480 * (kind == "note_off")) for pitch in (60, 64, 67, 72) * 4
              for kind in ("note_on", "note_off")]  # fmt: skip
    song.tracks.append(
        mido.MidiTrack(mido.Message(kind, note=pitch, time=time) for kind, pitch, time in melody)
    )
    song.save(tmp_path / "song.mid")
    bundle = tinybundle.write(tmp_path / "bundle")
    assert watched("-m", "app", "vary", tmp_path / "song.mid", "-o", tmp_path / "out", "--model", bundle) == (
        [],
        [],
    )
    assert len(list((tmp_path / "out").glob("*.mid"))) == 8


@pytest.mark.parametrize("module", ["engine.inference.model", "engine.inference.runtime", "export.quantise"])
def test_the_switch_is_set_before_onnxruntime_is_imported(module, monkeypatch):
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {"switch 1"}


def test_ray_is_started_without_its_reports_of_use(monkeypatch):
    from training.corpus.build import ray_cluster

    monkeypatch.setitem(sys.modules, "ray", "stands for Ray")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    assert ray_cluster.ray_library() == "stands for Ray"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
