"""Melody, bass and drums together: three token streams, one a channel."""

from engine.music.lines_and_drums import LinesAndDrums
from engine.music.notes import BASS_CHANNEL, MELODY_CHANNEL


class TrioRepresentation(LinesAndDrums, frozen=True):
    """`int64 [T, 3]`: melody (channel 0), bass (channel 1), drums (channel 9).

    Notes on other channels are left out: whoever builds the phrase puts each part on its channel.
    """

    name = "trio"
    voices = ("melody", "bass", "drums")
    line_channels = (MELODY_CHANNEL, BASS_CHANNEL)
