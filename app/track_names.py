"""What the tracks of a written phrase are called, and which instruments they start with."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from engine.inference.bundle.manifest import Voice


class Voicing(TypedDict, total=False):
    """Arguments for `engine.midifile.write.write_phrase`."""

    names: Mapping[int, str]
    programs: Mapping[int, int]


def voicing(voices: Sequence[Voice]) -> Voicing:
    """Return names and programs by channel for a model of several voices; nothing for a single one."""
    if len(voices) < 2:
        return {}
    return {
        "names": {voice.channel: voice.name.capitalize() for voice in voices},
        "programs": {voice.channel: voice.program for voice in voices if voice.program is not None},
    }
