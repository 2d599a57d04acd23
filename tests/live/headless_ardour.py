"""Ardour without a window as the DAW: it leads by MIDI clock, plays, and records."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from engine.midifile.read import read_midi
from engine.music.notes import Note

SCRIPT = Path(__file__).with_name("ardour.lua")
CLOCK_PORT = "ardour:MIDI Clock out"


def find_ardour() -> str | None:
    """Return the program that runs Ardour's scripts without a window; None if Ardour is not installed."""
    names = ("ardour8-lua", "ardour7-lua", "ardour9-lua")
    return next((found for name in names if (found := shutil.which(name))), None)


class HeadlessArdour:
    """A new session of Ardour on the JACK server of `JACK_DEFAULT_SERVER`, led by commands."""

    def __init__(self, program: str, folder: Path, bpm: float) -> None:
        """Start it; RuntimeError if it ends."""
        self._folder = folder
        environment = {**os.environ, "ANTIPHON_SESSION": str(folder), "ANTIPHON_BPM": str(bpm)}
        self._process = subprocess.Popen(
            [program, str(SCRIPT)], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def ask(self, *words: object) -> None:
        """Give a command of ardour.lua and wait until it is done; RuntimeError if it cannot be."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._process.stdin.flush()
        self._wait()

    def _wait(self) -> None:
        """Wait for the answer; Ardour prints lines of its own before it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("error "):
                raise RuntimeError(f"Ardour: {line.removeprefix('error ').strip()}")
            if line.strip() == "ok":
                return
        raise RuntimeError(f"Ardour ended with status {self._process.wait()}")

    def close(self) -> None:
        """Save the session and end; doing it twice is harmless."""
        if self._process.poll() is None:
            try:
                self.ask("quit")
                self._process.wait(60)
            except (RuntimeError, OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()

    def recordings(self, track: str) -> list[list[Note]]:
        """Return the notes of each recording on a track, oldest first, in beats from where it began."""
        found = self._folder.glob(f"interchange/*/midifiles/Take*_{track}-*.mid")
        files = sorted(found, key=lambda file: [int(digits) for digits in re.findall(r"\d+", file.stem)])
        return [sorted(note for part in read_midi(file).tracks for note in part.notes) for file in files]
