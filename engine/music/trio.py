"""Melody, bass and drums together: three token streams, one a channel."""

from dataclasses import dataclass

from engine.music.lines_and_drums import LinesAndDrums
from engine.music.notes import BASS_CHANNEL, MELODY_CHANNEL


@dataclass(frozen=True, slots=True)
class TrioRepresentation(LinesAndDrums):
    """`int64 [T, 3]`: melody (channel 0), bass (channel 1), drums (channel 9).

    Notes on other channels are left out: whoever builds the phrase puts each part on its channel.
    """

    name = "trio"
    voices = ("melody", "bass", "drums")
    line_channels = (MELODY_CHANNEL, BASS_CHANNEL)
