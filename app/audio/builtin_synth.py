"""The built-in audition sound: an electric piano and a small drum kit, made of sines and noise."""

from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.music.notes import DRUM_CHANNEL

Audio = NDArray[np.float32]

RELEASE_S = 0.09
"""Time in which a released note falls to a third."""
LENGTH_S = 3.0
MOST_VOICES = 48
KICKS, SNARES, HATS, OPEN_HATS = {35, 36}, {37, 38, 39, 40}, {42, 44}, {46}
CYMBALS = {49, 51, 52, 53, 55, 57, 59}


class Instrument(Protocol):
    """Turns notes into samples; called by the audio thread alone, but for `prepare`."""

    def prepare(self, channel: int, pitch: int) -> None:
        """Do what is slow about a note ahead of time; called by the thread that hands it over."""
        ...

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Start a note."""
        ...

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a note."""
        ...

    def silence(self) -> None:
        """Cut every note off."""
        ...

    def render(self, frames: int) -> Audio:
        """Return the next `[frames, 2]` samples in -1 to 1."""
        ...


class Voice(msgspec.Struct):
    """One sounding note."""

    channel: int
    pitch: int
    wave: Audio
    gain: float
    at: int = 0
    release: float = 1.0
    released: bool = False


class Tones:
    """The built-in instrument."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._voices: list[Voice] = []
        self._fade = np.exp(-1.0 / (RELEASE_S * rate))

    def prepare(self, channel: int, pitch: int) -> None:
        """Compute the wave of a note, so that the audio thread finds it ready."""
        self._wave(channel, pitch)

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Start a note; the oldest gives way when too many sound."""
        self._voices.append(Voice(channel, pitch, self._wave(channel, pitch), 0.3 * (velocity / 127) ** 1.6))
        del self._voices[:-MOST_VOICES]

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a note; drums ring out."""
        for voice in self._voices:
            if (voice.channel, voice.pitch) == (channel, pitch) and channel != DRUM_CHANNEL:
                voice.released = True

    def silence(self) -> None:
        """Cut every note off."""
        self._voices.clear()

    def render(self, frames: int) -> Audio:
        """Return the next `[frames, 2]` samples, softly limited."""
        mono = np.zeros(frames, np.float32)
        for voice in self._voices:
            part = voice.wave[voice.at : voice.at + frames] * voice.gain
            if voice.released:
                part = part * (voice.release * self._fade ** np.arange(len(part))).astype(np.float32)
                voice.release *= float(self._fade**frames)
            mono[: len(part)] += part
            voice.at += frames
        self._voices = [v for v in self._voices if v.at < len(v.wave) and v.release > 1e-3]
        return np.repeat(np.tanh(mono)[:, None], 2, axis=1)

    def _wave(self, channel: int, pitch: int) -> Audio:
        return drum(pitch, self._rate) if channel == DRUM_CHANNEL else tone(pitch, self._rate)


@lru_cache(maxsize=128)
def tone(pitch: int, rate: int) -> Audio:
    """Return a decaying electric-piano tone of a MIDI pitch."""
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    t_s = np.arange(int(LENGTH_S * rate)) / rate
    decay = 1.1 * 2.0 ** ((pitch - 60) / 30)
    bell = 1.6 * np.exp(-7.0 * t_s) * np.sin(2 * np.pi * hertz * t_s)
    body = np.sin(2 * np.pi * hertz * t_s + bell) * np.exp(-decay * t_s)
    tine = 0.12 * np.sin(2 * np.pi * hertz * 7 * t_s) * np.exp(-18.0 * t_s) if hertz * 7 < rate / 2 else 0.0
    return _shaped(body + tine, rate)


@lru_cache(maxsize=64)
def drum(pitch: int, rate: int) -> Audio:
    """Return a drum of the General MIDI map."""
    t_s = np.arange(int(0.9 * rate)) / rate
    noise = np.random.default_rng(pitch).standard_normal(len(t_s))
    if pitch in KICKS:
        return _shaped(
            1.6 * np.sin(2 * np.pi * (48 * t_s + 5 * (1 - np.exp(-30 * t_s)))) * np.exp(-7 * t_s), rate
        )
    if pitch in SNARES:
        body = np.sin(2 * np.pi * 190 * t_s) * np.exp(-22 * t_s)
        return _shaped(0.7 * body + 0.45 * noise * np.exp(-17 * t_s), rate)
    if pitch in HATS | OPEN_HATS | CYMBALS:
        speed = 60.0 if pitch in HATS else 9.0 if pitch in OPEN_HATS else 4.0
        return _shaped(0.3 * np.diff(noise, prepend=0.0) * np.exp(-speed * t_s), rate)
    hertz = 80.0 + 12.0 * max(0, pitch - 41)
    return _shaped(np.sin(2 * np.pi * hertz * t_s) * np.exp(-9 * t_s), rate)


def _shaped(wave: NDArray[np.float64], rate: int) -> Audio:
    """Round the first 2 ms and the last 20 ms off, so that nothing clicks."""
    rise, fall = int(0.002 * rate), int(0.02 * rate)
    wave[:rise] *= np.linspace(0.0, 1.0, rise)
    wave[-fall:] *= np.linspace(1.0, 0.0, fall)
    return wave.astype(np.float32)
