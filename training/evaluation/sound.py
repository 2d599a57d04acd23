"""Phrases as sound: FluidSynth where it is installed, else pretty_midi's own additive synthesis.

pretty_midi's synthesis leaves drums silent, so a small kit of sines and noise stands in for them.
"""

import importlib.util
import wave
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from engine.music.drums import drum_classes
from engine.music.kits import NO_CLASS
from engine.music.notes import DRUM_CHANNEL, Phrase

Audio = NDArray[np.float64]
RATE = 22_050
PROGRAMS = {0: 0, 1: 33}
"""Piano, and a bass where the music has a second part."""
TAIL_S = 0.6
PEAK = 0.8
HINT = "plain tones; for instruments install FluidSynth and its Python package: pip install pyfluidsynth"
# Pitch in Hz, share of noise, share of tone, decay in seconds, for each of the nine drums.
_KIT = (
    (55, 0.05, 1.0, 0.16),
    (185, 0.8, 0.5, 0.12),
    (0, 0.5, 0.0, 0.03),
    (0, 0.5, 0.0, 0.18),
    (90, 0.1, 0.8, 0.2),
    (125, 0.1, 0.8, 0.18),
    (170, 0.1, 0.8, 0.16),
    (0, 0.7, 0.0, 0.6),
    (0, 0.4, 0.0, 0.35),
)


def has_fluidsynth() -> bool:
    """Return whether instruments can be rendered."""
    return importlib.util.find_spec("fluidsynth") is not None


def as_pretty_midi(phrase: Phrase, bpm: float = 120.0) -> pretty_midi.PrettyMIDI:
    """Return a phrase as pretty_midi has it; a note played before the start begins at the start."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    beat_s = 60.0 / bpm
    for channel in sorted({note.channel for note in phrase.notes}):
        part = pretty_midi.Instrument(PROGRAMS.get(channel, 0), is_drum=channel == DRUM_CHANNEL)
        for note in phrase.notes:
            if note.channel == channel:
                start, end = max(note.start_beats, 0.0) * beat_s, note.end_beats * beat_s
                part.notes.append(pretty_midi.Note(note.velocity, note.pitch, start, end))
        midi.instruments.append(part)
    return midi


def render(phrase: Phrase, bpm: float = 120.0) -> Audio:
    """Return a phrase as mono samples at `RATE`, its length and a tail, peak `PEAK`."""
    frames = int((phrase.length_beats * 60.0 / bpm + TAIL_S) * RATE)
    midi = as_pretty_midi(phrase, bpm)
    if has_fluidsynth():
        mixed = _fitted(midi.fluidsynth(fs=RATE), frames)
    else:
        mixed = np.zeros(frames)
        for part in midi.instruments:
            tones = _drums(part, frames) if part.is_drum else part.synthesize(fs=RATE, wave=_reed)
            mixed += _fitted(tones, frames)
    loudest = np.abs(mixed).max(initial=0.0)
    return mixed * (PEAK / loudest) if loudest > 0 else mixed


def _reed(phase: Audio) -> Audio:
    """Return a tone of four partials for a phase in radians."""
    partials: Audio = sum(np.sin(n * phase) / n**1.5 for n in range(1, 5))
    return partials


def _drums(part: pretty_midi.Instrument, frames: int) -> Audio:
    mixed = np.zeros(frames)
    rng = np.random.default_rng(0)
    classes = drum_classes([note.pitch for note in part.notes], "gm")
    for note, drum in zip(part.notes, classes.tolist(), strict=True):
        start = int(note.start * RATE)
        if drum == NO_CLASS or start >= frames:
            continue
        sound = _stroke(drum, rng) * (note.velocity / 127) ** 1.5
        end = min(start + len(sound), frames)
        mixed[start:end] += sound[: end - start]
    return mixed


def _stroke(drum: int, rng: np.random.Generator) -> Audio:
    pitch_hz, noise, tone, decay_s = _KIT[drum]
    t = np.arange(int(5 * decay_s * RATE)) / RATE
    hiss = np.diff(rng.standard_normal(len(t) + 1)) / 2  # differencing takes the lows away
    falling = pitch_hz * (t + 0.02 * (1 - np.exp(-t / 0.02)))
    stroke: Audio = (noise * hiss + tone * np.sin(2 * np.pi * falling)) * np.exp(-t / decay_s)
    return stroke


def _fitted(samples: Audio, frames: int) -> Audio:
    """Cut or fill up to `frames`."""
    return np.pad(samples[:frames], (0, max(0, frames - len(samples))))


def write_wav(path: Path, samples: Audio) -> None:
    """Write mono samples in -1 to 1 as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
