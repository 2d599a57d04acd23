"""What the window asks of an audition sound."""

from collections.abc import Iterable
from typing import Any, Protocol


class Sound(Protocol):
    """Sounds what leaves the output, where an audio device can be opened."""

    status: str

    def hear(self, events: Iterable[Any]) -> None:
        """Sound what left the output."""

    def silence(self) -> None:
        """Stop every note now."""

    def start(self) -> None:
        """Open the audio device beside the window."""

    def turn_on(self) -> None:
        """Try again to open it; install what is missing first."""

    def close(self) -> None:
        """Give the audio device back."""
