"""The audition sound, without a device: notes at their frame, silence when asked, hints when off."""

import numpy as np
import pytest

from app import audition
from app.audition import Audition, Mixer, find_soundfont
from app.tones import Tones, drum, tone
from engine.performer.messages import Heard, Played

RATE = 48_000
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


def test_only_played_messages_sound(monkeypatch):
    clicks = Clicks()
    sound = Audition()
    sound._mixer = Mixer(clicks, RATE)
    sound.hear([Heard(0, 0.0, bytes((0x90, 50, 90))), Played(0, 0, 0.0, bytes((0x90, 60, 90)))])
    assert clicks.prepared == [(0, 60)]
    sound.silence()
    assert clicks.silenced == 1


def test_without_the_extra_the_status_is_a_hint(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    sound = Audition()
    sound.start()
    sound._thread.join()
    assert "pip install" in sound.status
    sound.hear([Played(0, 0, 0.0, bytes((0x90, 60, 90)))])
    sound.close()
    sound.close()


def test_the_environment_names_the_soundfont(monkeypatch, tmp_path):
    path = tmp_path / "piano.sf2"
    path.write_bytes(b"RIFF")
    monkeypatch.setenv(audition.SOUNDFONT_VARIABLE, str(path))
    assert find_soundfont() == path
    monkeypatch.setenv(audition.SOUNDFONT_VARIABLE, str(tmp_path / "gone.sf2"))
    assert find_soundfont() is None


def test_a_broken_soundfont_falls_back_to_the_built_in_tones_and_says_so(monkeypatch, tmp_path):
    pytest.importorskip("tinysoundfont")
    path = tmp_path / "broken.sf2"
    path.write_bytes(b"not a soundfont")
    monkeypatch.setenv(audition.SOUNDFONT_VARIABLE, str(path))
    instrument, name = audition.instrument_at(RATE)
    assert isinstance(instrument, Tones)
    assert "broken.sf2" in name
