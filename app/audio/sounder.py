"""The audition sound's own process: `python -m app.audio.sounder`, started by `app.audio.audition`.

A process of its own because an audio server that dies can hold a thread, and the end of the program
with it, for ever: this one can simply be ended. Frames on standard input are `Played` messages, an
empty one means silence; frames on standard output are lines for the window.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from app.audio import exit_codes
from app.audio.mixer import Mixer, instrument_at
from engine.midi.ports import now_ns
from engine.performer.messages import MessageError, Played, decode_event
from engine.process.pipe import Receiver, Sender
from engine.process.streams import claim_stdout

RATE = 48_000
BLOCK_FRAMES = 512
LATENCY_S = 0.05
DELAY_NS = 120_000_000
"""Every note sounds this much after it left the output, so that all of them are equally late."""
STALLED_S = 2.0
"""Without a block taken for so long the audio device counts as gone."""

HOW_TO_INSTALL = "Sound off: not installed yet. The Sound button of the window installs it"
NO_LIBRARY = "PortAudio is missing; Debian, Ubuntu: apt install libportaudio2"
NO_DEVICE = "no audio device can be opened"


def main() -> int:
    """Sound what comes in until the input ends; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the window, which ends this one
    status_pipe = Sender(claim_stdout(), "status")
    inbox = Inbox()
    # Opening the audio device may hang, and the end of the window must not wait for it.
    Receiver(os.dup(0), "played", inbox.receive, lambda: os._exit(exit_codes.OK))

    def report(text: str) -> None:
        status_pipe.put(text.encode())

    status = play(inbox, report)
    status_pipe.close(0.3)
    return status


class Inbox:
    """Takes the frames of the input; those before there is a mixer are too old to sound."""

    def __init__(self) -> None:
        self.mixer: Mixer | None = None

    def receive(self, frame: bytes) -> None:
        """Take one frame; what is not understood is left out."""
        if self.mixer is None:
            return
        if not frame:
            self.mixer.silence()
            return
        try:
            event = decode_event(frame)
        except MessageError:
            return
        if isinstance(event, Played):
            self.mixer.add(event.due_ns + DELAY_NS, event.data)


def why_silent() -> str:
    """Return why nothing can sound, as what and remedy with a semicolon between; empty where it can."""
    try:
        import sounddevice
    except OSError:
        return NO_LIBRARY
    try:
        sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError) as error:
        return f"{NO_DEVICE} ({error}); connect or switch on an audio output"
    return ""


def play(inbox: Inbox, report: Callable[[str], None]) -> int:
    """Open the device and play until it is lost; return the exit status."""
    try:
        import sounddevice
    except ImportError:
        report(HOW_TO_INSTALL)
        return exit_codes.MISSING
    except OSError:
        report(f"Sound off: {NO_LIBRARY}")
        return exit_codes.MISSING
    instrument, name = instrument_at(RATE)
    mixer = Mixer(instrument, RATE)
    player = Player(sounddevice, mixer)
    player.start()
    if not player.opened.wait(STALLED_S * 2) or player.error:
        report(f"Sound off: {NO_DEVICE} ({player.error or 'it does not answer'})")
        return exit_codes.LOST
    inbox.mixer = mixer
    report(f"Sound: {name}")
    while not player.stalled():
        time.sleep(0.25)
    report("Sound off: the audio device went away; trying again")
    return exit_codes.LOST


class Player(threading.Thread):
    """Writes blocks to the default device: no Python runs in the audio server's own thread."""

    def __init__(self, sounddevice: Any, mixer: Mixer) -> None:
        super().__init__(name="player", daemon=True)
        self._sounddevice, self._mixer = sounddevice, mixer
        self._taken_s = time.monotonic()
        self.opened = threading.Event()
        self.error = ""
        """Why it does not play, empty while it does."""

    def stalled(self) -> bool:
        """Return whether the device has stopped taking blocks."""
        return bool(self.error) or time.monotonic() - self._taken_s > STALLED_S

    def run(self) -> None:
        """Open the device and play until the process ends."""
        try:
            with self._sounddevice.OutputStream(
                samplerate=RATE, channels=2, dtype="float32", blocksize=BLOCK_FRAMES, latency=LATENCY_S
            ) as stream:
                latency_ns = int(stream.latency * 1e9)
                self.opened.set()
                while True:
                    stream.write(self._mixer.render(BLOCK_FRAMES, now_ns() + latency_ns))
                    self._taken_s = time.monotonic()
        except self._sounddevice.PortAudioError as error:
            self.error = str(error.args[0] if error.args else error)
            self.opened.set()


if __name__ == "__main__":
    code = main()
    # The audio library's own farewell can wait for a dead server for ever.
    os._exit(code)
