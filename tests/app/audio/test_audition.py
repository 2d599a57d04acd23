"""The audition sound, without a device: notes at their frame, silence when asked, hints when off."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from app.audio import audition, exit_codes, mixer, sounder
from app.audio.audition import Audition
from app.audio.builtin_synth import Tones, drum, tone
from app.audio.mixer import Mixer, find_soundfont
from app.audio.sounder import Inbox, Player
from engine.performer.messages import Heard, Played, encode

RATE = 48_000
ROOT = Path(__file__).parents[3]
BLOCK = 512


class Clicks:
    """An instrument whose every note-on is one sample of its velocity."""

    def __init__(self) -> None:
        self.pending = 0.0
        self.prepared: list[tuple[int, int]] = []
        self.silenced = 0

    def prepare(self, channel: int, pitch: int) -> None:
        self.prepared.append((channel, pitch))

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        self.pending += velocity

    def note_off(self, channel: int, pitch: int) -> None:
        self.pending -= 1

    def silence(self) -> None:
        self.silenced += 1

    def render(self, frames: int) -> np.ndarray:
        out = np.zeros((frames, 2), np.float32)
        if frames:
            out[0] = self.pending
            self.pending = 0.0
        return out


def blocks(mixer: Mixer, count: int, start_ns: int = 0) -> np.ndarray:
    step_ns = BLOCK * 1_000_000_000 / RATE
    return np.concatenate([mixer.render(BLOCK, round(start_ns + n * step_ns)) for n in range(count)])[:, 0]


def test_a_note_sounds_at_its_frame():
    mixer = Mixer(Clicks(), RATE)
    mixer.add(25_000_000, bytes((0x90, 60, 100)))
    assert np.flatnonzero(blocks(mixer, 4)).tolist() == [1200]


def test_a_note_that_comes_too_late_sounds_at_once():
    mixer = Mixer(Clicks(), RATE)
    blocks(mixer, 2)
    mixer.add(1_000, bytes((0x90, 60, 100)))
    assert np.flatnonzero(blocks(mixer, 1, 21_333_333)).tolist() == [0]


def test_velocity_zero_and_note_off_release():
    mixer = Mixer(Clicks(), RATE)
    mixer.add(0, bytes((0x90, 60, 0)))
    mixer.add(2_000_000, bytes((0x80, 60, 64)))
    heard = blocks(mixer, 1)
    assert heard[0] == -1
    assert heard[96] == -1


@pytest.mark.parametrize("controller", [120, 123])
def test_all_notes_off_silences(controller):
    clicks = Clicks()
    mixer = Mixer(clicks, RATE)
    mixer.add(0, bytes((0xB0, controller, 0)))
    blocks(mixer, 1)
    assert clicks.silenced == 1


def test_silence_forgets_what_waits():
    mixer = Mixer(Clicks(), RATE)
    mixer.add(5_000_000, bytes((0x90, 60, 100)))
    mixer.silence()
    assert not blocks(mixer, 2).any()


def test_clock_jitter_of_the_callbacks_does_not_move_the_notes():
    mixer = Mixer(Clicks(), RATE)
    mixer.add(100_000_000, bytes((0x90, 60, 100)))
    step_ns, rng = BLOCK * 1e9 / RATE, np.random.default_rng(3)
    late_ns = [0, *(rng.uniform(0, 8e6, 12))]
    heard = np.concatenate([mixer.render(BLOCK, round(n * step_ns + late)) for n, late in enumerate(late_ns)])
    assert abs(int(np.flatnonzero(heard[:, 0])[0]) - 4800) < 48


def test_a_tone_has_its_pitch_and_dies_away():
    wave = tone(69, RATE)
    spectrum = np.abs(np.fft.rfft(wave[:RATE]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert np.abs(wave[-100:]).max() < 0.01
    assert np.abs(np.diff(wave)).max() < 0.5


def test_a_released_tone_falls_silent_and_a_held_one_goes_on():
    tones = Tones(RATE)
    tones.note_on(0, 60, 100)
    tones.note_on(0, 67, 100)
    tones.note_off(0, 60)
    tones.render(RATE // 2)
    tones.note_off(0, 67)
    assert np.abs(tones.render(480)).max() > 0.01
    tones.render(RATE)
    assert not tones.render(480).any()


def test_many_notes_stay_within_the_scale():
    tones = Tones(RATE)
    for pitch in range(30, 100):
        tones.note_on(0, pitch, 127)
    assert np.abs(tones.render(4800)).max() <= 1.0


def test_drums_differ():
    kick, hat = drum(36, RATE), drum(42, RATE)
    middle = RATE // 20
    assert np.abs(kick[middle : middle + 480]).max() > 4 * np.abs(hat[middle : middle + 480]).max()


def test_only_played_messages_sound():
    clicks = Clicks()
    inbox = Inbox()
    inbox.receive(encode(Played(0, 0, 0.0, bytes((0x90, 40, 90)))))
    inbox.mixer = Mixer(clicks, RATE)
    for frame in (
        encode(Heard(0, 0.0, bytes((0x90, 50, 90)))),
        b"\xff not a message",
        encode(Played(0, 0, 0.0, bytes((0x90, 60, 90)))),
    ):
        inbox.receive(frame)
    assert clicks.prepared == [(0, 60)]
    inbox.receive(b"")
    assert clicks.silenced == 1


class Device:
    """An audio library whose stream takes some blocks and then fails or stands still."""

    PortAudioError = OSError
    latency = 0.05

    def __init__(self, blocks: int, then: str) -> None:
        self.blocks, self.then = blocks, then
        self.written: list[np.ndarray] = []

    def OutputStream(self, **_settings):  # noqa: N802 - the library's name
        if self.then == "refuse":
            raise OSError("no such device")
        return contextlib.nullcontext(self)

    def write(self, block: np.ndarray) -> None:
        self.written.append(block)
        if len(self.written) >= self.blocks:
            if self.then == "fail":
                raise OSError("unplugged")
            threading.Event().wait(30)


def test_a_device_that_fails_or_stands_still_is_noticed(monkeypatch):
    monkeypatch.setattr(sounder, "STALLED_S", 0.2)
    for then in ("fail", "stall", "refuse"):
        device = Device(3, then)
        player = Player(device, Mixer(Clicks(), RATE))
        player.start()
        assert player.opened.wait(60)
        deadline = time.monotonic() + 60
        while not player.stalled() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert player.stalled()
        assert bool(player.error) == (then != "stall")
        assert len(device.written) == (0 if then == "refuse" else 3)


def program(text: str) -> list[str]:
    head = "import os, sys, time\ndef report(b): os.write(1, len(b).to_bytes(4, 'big') + b)\n"
    return [sys.executable, "-c", head + text]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_notes_reach_the_process_and_its_words_reach_the_window(tmp_path):
    got = tmp_path / "got"
    sound = Audition(
        program(f"report(b'Sound: test')\nopen({str(got)!r}, 'wb').write(os.read(0, 1000))\ntime.sleep(60)")
    )
    sound.start()
    wait_for(lambda: sound.status == "Sound: test")
    note = Played(1, 2, 0.0, bytes((0x90, 60, 90)))
    sound.hear([Heard(0, 0.0, b"x"), note])
    wait_for(lambda: got.exists() and got.read_bytes())
    assert got.read_bytes() == len(encode(note)).to_bytes(4, "big") + encode(note)
    sound.close()
    sound.close()
    assert not sound._thread.is_alive()


def test_the_sounder_ends_with_its_input_wherever_it_stands(tmp_path):
    (tmp_path / "sounddevice.py").write_text("import time; time.sleep(600)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.audio.sounder"], stdin=subprocess.PIPE, env=environment
    )
    process.stdin.close()
    assert process.wait(60) == exit_codes.OK


def test_a_process_that_hangs_does_not_hold_up_the_end():
    sound = Audition(
        program(
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nreport(b'up')\ntime.sleep(600)"
        )
    )
    sound.start()
    wait_for(lambda: sound.status == "up")
    sound.close()
    assert not sound._thread.is_alive()


def test_a_lost_device_is_tried_again_and_a_missing_extra_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(audition, "RETRY_S", 0.05)
    count = tmp_path / "count"
    count.write_text("")
    tally = f"open({str(count)!r}, 'a').write('x')\n"
    lost = Audition(program(tally + "sys.exit(1)"))
    lost.start()
    wait_for(lambda: len(count.read_text()) >= 3)
    lost.close()
    missing = Audition(
        program(f"report({sounder.HOW_TO_INSTALL.encode()!r})\nsys.exit({exit_codes.MISSING})")
    )
    missing.start()
    missing._thread.join(60)
    assert not missing._thread.is_alive()
    assert missing.status == sounder.HOW_TO_INSTALL


def test_without_the_extra_the_status_is_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    reports: list[str] = []
    assert sounder.play(Inbox(), reports.append) == exit_codes.MISSING
    assert "The Sound button of the window installs it" in reports[0]


def test_the_environment_names_the_soundfont(monkeypatch, tmp_path):
    path = tmp_path / "piano.sf2"
    path.write_bytes(b"RIFF")
    monkeypatch.setenv(mixer.SOUNDFONT_VARIABLE, str(path))
    assert find_soundfont() == path
    monkeypatch.setenv(mixer.SOUNDFONT_VARIABLE, str(tmp_path / "gone.sf2"))
    assert find_soundfont() is None


def test_a_broken_soundfont_falls_back_to_the_built_in_tones_and_says_so(monkeypatch, tmp_path):
    pytest.importorskip("tinysoundfont")
    path = tmp_path / "broken.sf2"
    path.write_bytes(b"not a soundfont")
    monkeypatch.setenv(mixer.SOUNDFONT_VARIABLE, str(path))
    instrument, name = mixer.instrument_at(RATE)
    assert isinstance(instrument, Tones)
    assert "broken.sf2" in name


def test_turning_it_on_installs_what_is_missing_and_opens_it(tmp_path):
    mark = tmp_path / "installed"
    words = f"b'Sound: test' if os.path.exists({str(mark)!r}) else b'Sound off: missing'"
    command = program(f"report({words})\nsys.exit({exit_codes.MISSING})")
    sound = Audition(command, [sys.executable, "-c", f"open({str(mark)!r}, 'w')"])
    sound.start()
    sound._thread.join(60)
    assert sound.status == "Sound off: missing"
    sound.turn_on()
    sound._thread.join(60)
    assert sound.status == "Sound: test"
    sound.close()


def test_an_installation_that_fails_says_why_and_how_by_hand():
    command = program(f"report(b'Sound off: missing')\nsys.exit({exit_codes.MISSING})")
    sound = Audition(command, [sys.executable, "-c", "import sys; sys.exit('no network')"])
    sound.start()
    sound._thread.join(60)
    sound.turn_on()
    sound._thread.join(60)
    assert sound.status.startswith("Sound off: no network. By hand: ")
    assert sound.status.endswith("-m pip install sounddevice")
    sound.close()
