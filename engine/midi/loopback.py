"""Loopback ports: the way into other programs where a system has no virtual ports.

There are two kinds. A one-way loopback (loopMIDI, LoopBe, macOS's IAC buses, ALSA's Midi Through)
gives back what is sent to it under the same name, so hearing and playing need two of them. A
cross-wired pair (Windows' "Default App Loopback (A)" and "(B)") delivers at one end what is sent to the
other, so we take one end for both directions and the other program takes the other end.
"""

import re
from collections.abc import Sequence

from engine.errors import PortError

PAIR = re.compile(r"^(?P<root>.*loop.*)\((?P<end>[AB])\)", re.IGNORECASE)
"""An end of a cross-wired pair."""
ONE_WAY = re.compile(r"loopMIDI|LoopBe|IAC|Midi Through|loopback", re.IGNORECASE)
"""A one-way loopback."""
OUR_END = "B"
"""The end of a pair that we take; the DAW takes A."""
_APPENDED = {"winmm": re.compile(r" \d+$"), "alsa": re.compile(r" \d+:\d+$")}
"""What python-rtmidi appends to a name, by back end."""


def bare_name(backend: str, port: str) -> str:
    """Return the name without the number that python-rtmidi appends."""
    pattern = _APPENDED.get(backend)
    return (pattern.sub("", port) if pattern else port).casefold()


def loops(backend: str, source: str, sink: str) -> bool:
    """Return whether what is sent to `sink` comes back from `source`.

    A device with one name for both directions is no loop: only known loopbacks are judged.
    """
    one, other = PAIR.match(source), PAIR.match(sink)
    if one and other:
        return one["root"] == other["root"] and one["end"].upper() != other["end"].upper()
    return bool(ONE_WAY.search(sink)) and bare_name(backend, source) == bare_name(backend, sink)


def choose_loopbacks(
    sources: Sequence[str], sinks: Sequence[str], source: str | None = None, sink: str | None = None
) -> tuple[str, str]:
    """Pick loopback ports on Windows: our end of a cross-wired pair, else two one-way ones.

    Args:
        sources: Ports one can hear.
        sinks: Ports one can play to.
        source: The port to hear, where a person has named it.
        sink: The port to play to, where a person has named it.

    Raises:
        PortError: There are none that would not loop.
    """
    candidates = [
        (one, other)
        for one in ([source] if source else sources)
        for other in ([sink] if sink else sinks)
        if _usable(one, given=bool(source)) and _usable(other, given=bool(sink))
    ]
    if source and sink:
        return candidates[0]
    for one, other in sorted(candidates, key=lambda pair: not _is_our_end(*pair)):
        if not loops("winmm", one, other) and bool(PAIR.match(one)) == bool(PAIR.match(other)):
            return one, other
    raise PortError(
        "WinMM: Windows has no virtual ports and no free loopback ports were found; turn on the App "
        "Loopback of Windows MIDI Services, or install loopMIDI and add two ports there"
    )


def _usable(port: str, *, given: bool) -> bool:
    return given or bool(PAIR.match(port) or ONE_WAY.search(port))


def _is_our_end(source: str, sink: str) -> bool:
    one, other = PAIR.match(source), PAIR.match(sink)
    return bool(one and other and one["end"] == other["end"] == OUR_END and one["root"] == other["root"])
