"""Samples out of MIDI messages: each at its frame, by a soundfont or the built-in tones."""

import heapq
import os
import threading
from pathlib import Path

import numpy as np

from app.audio.builtin_synth import Audio, Instrument, Tones
from engine.midi.messages import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL,
    NOTE_ON,
    is_note_off,
    is_note_on,
    key,
    kind,
)
from engine.music.notes import DRUM_CHANNEL

ANCHOR_SHARE = 0.01
"""How quickly the frame count follows the monotonic clock; blocks are asked for in bursts."""
SOUNDFONT_PLACES = (
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
)
SOUNDFONT_VARIABLE = "ANTIPHON_SOUNDFONT"
"""Names the soundfont to use, in the environment."""


class Mixer:
    """Places MIDI messages at their frame in an endless stream of blocks."""

    def __init__(self, instrument: Instrument, rate: int) -> None:
        self._instrument, self._rate = instrument, rate
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, int, bytes]] = []
        self._count, self._frame = 0, 0
        self._anchor_ns: float | None = None

    def add(self, at_ns: int, data: bytes) -> None:
        """Hand over a message that sounds at `at_ns`; called by any thread."""
        if kind(data) == NOTE_ON:
            self._instrument.prepare(*key(data))
        with self._lock:
            heapq.heappush(self._waiting, (at_ns, self._count, data))
            self._count += 1

    def silence(self) -> None:
        """Forget what waits and cut off what sounds."""
        with self._lock:
            self._waiting.clear()
            self._instrument.silence()

    def render(self, frames: int, now_ns: int) -> Audio:
        """Return the next `[frames, 2]` samples of a stream whose next block sounds from `now_ns` on."""
        with self._lock:
            start_ns = self._block_start_ns(now_ns)
            self._frame += frames
            parts, done = [], 0
            for offset, data in self._due(start_ns, frames):
                parts.append(self._instrument.render(offset - done))
                done = offset
                self._apply(data)
            parts.append(self._instrument.render(frames - done))
            return np.concatenate(parts)

    def _block_start_ns(self, now_ns: int) -> float:
        played_ns = self._frame * 1e9 / self._rate
        if self._anchor_ns is None:
            self._anchor_ns = now_ns - played_ns
        error_ns = now_ns - (self._anchor_ns + played_ns)
        self._anchor_ns += error_ns * (1.0 if abs(error_ns) > 0.5e9 else ANCHOR_SHARE)
        return self._anchor_ns + played_ns

    def _due(self, start_ns: float, frames: int) -> list[tuple[int, bytes]]:
        end_ns = start_ns + frames * 1e9 / self._rate
        due = []
        while self._waiting and self._waiting[0][0] < end_ns:
            at_ns, _, data = heapq.heappop(self._waiting)
            due.append((max(0, min(frames - 1, int((at_ns - start_ns) * self._rate / 1e9))), data))
        return due

    def _apply(self, data: bytes) -> None:
        if len(data) != 3:
            return
        if is_note_on(data):
            self._instrument.note_on(*key(data), data[2])
        elif is_note_off(data):
            self._instrument.note_off(*key(data))
        elif kind(data) == CONTROL and data[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._instrument.silence()


class SoundFontInstrument:
    """A General MIDI soundfont, by tinysoundfont."""

    def __init__(self, path: Path, rate: int) -> None:
        import tinysoundfont

        self._synth = tinysoundfont.Synth(samplerate=rate, gain=-6)
        number = self._synth.sfload(str(path))
        for channel in range(16):
            drums = channel == DRUM_CHANNEL
            self._synth.program_select(channel, number, 128 if drums else 0, 0 if drums else 4, drums)

    def prepare(self, channel: int, pitch: int) -> None:
        """Nothing: the samples are in memory."""

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Start a note."""
        self._synth.noteon(channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a note."""
        self._synth.noteoff(channel, pitch)

    def silence(self) -> None:
        """Cut every note off."""
        self._synth.sounds_off()

    def render(self, frames: int) -> Audio:
        """Return the next `[frames, 2]` samples."""
        if frames == 0:
            return np.zeros((0, 2), np.float32)
        return np.frombuffer(self._synth.generate(frames), np.float32).reshape(frames, 2)


def instrument_at(rate: int) -> tuple[Instrument, str]:
    """Return the best instrument there is and its name: a soundfont, else the built-in tones."""
    path = find_soundfont()
    if path is not None:
        try:
            return SoundFontInstrument(path, rate), path.stem
        except ImportError:
            pass
        except Exception as error:  # a broken soundfont must not cost the player the sound
            return Tones(rate), f"built-in tones ({path.name} cannot be read: {error})"
    return Tones(rate), "built-in tones"


def find_soundfont() -> Path | None:
    """Find a soundfont: the one the environment names, else one in the usual places."""
    named = os.environ.get(SOUNDFONT_VARIABLE)
    if named:
        return Path(named).expanduser() if Path(named).expanduser().is_file() else None
    for place in SOUNDFONT_PLACES:
        found = sorted(Path(place).expanduser().glob("*.sf2"))
        if found:
            return found[0]
    return None
