"""Hearing the answer without a DAW: an optional sound on the default audio device.

Needs the extra `audition` (sounddevice). With tinysoundfont and a General MIDI soundfont on the
system it plays that, else the built-in tones. Nothing here touches the MIDI path: the sound has a
process of its own (`app.audio.sounder`), and without an audio device its status is a hint.
"""

import contextlib
import subprocess
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from app.audio import exit_codes, installation
from engine.performer.messages import Played, encode
from engine.process.child import child_command, child_environment, creation_flags
from engine.process.pipe import Receiver, Sender

RETRY_S = 5.0
"""Time before a lost audio device is tried again."""
CLOSE_S = 1.0
SILENCE = b""
"""The frame that means: cut every note off."""
SOUNDER_FLAG = "--antiphon-sounder"
"""First argument by which a frozen program is asked to be the sounder."""


def sounder_command() -> list[str]:
    """Return the command line that starts the sound's process."""
    return child_command("app.audio.sounder", SOUNDER_FLAG)


class Audition:
    """The sound beside the window. Everything returns at once; `close` takes a second at most."""

    def __init__(
        self, command: Sequence[str] | None = None, install_command: Sequence[str] | None = None
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            command: Another program in place of the sounder's, for tests.
            install_command: Another program in place of pip's, for tests.
        """
        self.status = "Sound: opening"
        """One line for the window: what sounds, or why nothing does and what to do."""
        self._command = list(command) if command is not None else sounder_command()
        self._install_command = None if install_command is None else list(install_command)
        self._sender: Sender | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audition", daemon=True)

    def start(self) -> None:
        """Start the sound's process in the background."""
        self._thread.start()

    def turn_on(self) -> None:
        """Try again after the sound was found missing; what is not installed is installed first."""
        if self._thread.is_alive() or self._closed.is_set():
            return
        self._thread = threading.Thread(target=self._install_and_run, name="audition", daemon=True)
        self._thread.start()

    def hear(self, events: Iterable[Any]) -> None:
        """Sound what left the output; other events are ignored."""
        sender = self._sender
        if sender is None:
            return
        for event in events:
            if isinstance(event, Played):
                sender.put(encode(event))

    def silence(self) -> None:
        """Stop every note now."""
        if self._sender is not None:
            self._sender.put(SILENCE)

    def close(self) -> None:
        """Stop sounding and end the process. Closing twice is harmless."""
        self.silence()
        self._closed.set()
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def _install_and_run(self) -> None:
        if installation.is_missing() or self._install_command is not None:
            self.status = "Sound: being installed; this takes a moment"
            if problem := installation.install(self._install_command):
                self.status = f"Sound off: {problem}. By hand: {installation.install_line()}"
                return
        self.status = "Sound: opening"
        self._run()

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._live_once() == exit_codes.MISSING:
                return
            self._closed.wait(RETRY_S)

    def _live_once(self) -> int:
        """Run one process until it ends; return its exit status."""
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=child_environment(),
                creationflags=creation_flags(),
            )
        except OSError as error:
            self.status = f"Sound off: its process cannot be started ({error})"
            return exit_codes.MISSING
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            self._process = process
            if self._closed.is_set():
                process.kill()
            receiver = Receiver(process.stdout.fileno(), "audition-status", self._take_status, lambda: None)
            self._sender = Sender(process.stdin.fileno(), "audition-notes")
            status = process.wait()
            sender, self._sender = self._sender, None
            receiver.join(CLOSE_S)
            sender.close(CLOSE_S)
        return status

    def _take_status(self, frame: bytes) -> None:
        self.status = frame.decode(errors="replace")
