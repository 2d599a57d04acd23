"""What the window shows, worked out from the session's snapshot: pure functions, no Qt."""

import math

import msgspec
from msgspec.structs import replace

from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.performer.messages import ClockState, LinkState
from engine.session.live import NOT_LINKED
from engine.session.snapshot import Snapshot
from engine.text import counted

COUNTED_BEATS = 0.25
"""A start that is nearer is not counted."""


class Lamp(msgspec.Struct, frozen=True):
    """State of the clock as a word, a colour and a sentence."""

    word: str
    mood: str
    """`good`, `waiting`, `bad` or `quiet`."""
    sentence: str
    detail: str = ""
    """Which clock it is."""


LAMPS = {
    ("external", "rolling"): Lamp("locked", "good", "Following the DAW's clock."),
    ("external", "armed"): Lamp("waiting", "waiting", "Start came; waiting for the first tick."),
    ("external", "flywheel"): Lamp("holding on", "waiting", "Ticks are missing; the tempo is kept."),
    ("external", "stopped"): Lamp(
        "waiting", "waiting", "A clock comes, but the DAW stands still. Press play there."
    ),
    ("external", "lost"): Lamp(
        "lost", "bad", "The clock stopped coming. Start the DAW again, or press Space here."
    ),
    ("internal", "rolling"): Lamp("playing", "good", "Running on the internal clock."),
    ("internal", "armed"): Lamp("ready", "quiet", "The internal clock is about to start."),
    ("internal", "stopped"): Lamp(
        "stopped", "quiet", "No clock comes. Press Space to play, or start the DAW."
    ),
    ("internal", "lost"): Lamp("lost", "bad", "The DAW's clock stopped coming. Press Space to play on."),
}


def lamp_of(clock: ClockState | None, ports_open: bool = True, link: LinkState = NOT_LINKED) -> Lamp:
    """Return how the clock stands; without ports that comes first, whatever the clock does.

    Args:
        clock: None before it has spoken.
        ports_open: whether something can come in and go out.
        link: who shares tempo and beat with the internal clock.
    """
    if clock is None:
        return Lamp("starting", "quiet", "The MIDI ports are being opened.", "ports are opened")
    shared = link.enabled and clock.source == "internal"
    detail = f"Link, {counted(link.peers, 'other')}" if shared else f"{clock.source} clock"
    if not ports_open:
        return Lamp("no ports", "bad", "Nothing can come in or go out: the MIDI ports are not there.", detail)
    lamp = LAMPS.get((clock.source, clock.status), Lamp(clock.status, "quiet", ""))
    return replace(lamp, detail=detail)


def plays_internally(clock: ClockState | None) -> bool:
    """Return whether the internal clock counts: no other one comes, or it was lost."""
    return clock is None or clock.source == "internal" or clock.status == "lost"


def rolling_position(snapshot: Snapshot, now_ns: int) -> float | None:
    """Return the song position in beats at `now_ns`, or None while nothing rolls."""
    if snapshot.live.clock is None or snapshot.live.clock.status not in ("rolling", "flywheel"):
        return None
    return snapshot.position_beats(now_ns)


def bar_and_beat(position_beats: float, metre: Metre) -> str:
    """Write a position as musicians count it: bar and pulse from 1; of a count-in the pulses left."""
    if position_beats < -COUNTED_BEATS:
        return f"-{math.ceil(-position_beats / metre.pulse_beats - 1e-9)}"
    bar, rest = divmod(max(position_beats, 0.0) + 1e-6, metre.beats_per_bar)
    return f"{int(bar) + 1}.{int(rest / metre.pulse_beats) + 1}"


def place_in(phrase: Phrase | None, position_beats: float | None, starts_at_beats: float) -> float | None:
    """Return where a looping phrase stands, in beats from its start; `None` hides the playhead."""
    if phrase is None or position_beats is None:
        return None
    return (position_beats - starts_at_beats) % phrase.length_beats


def milliseconds(value_ms: float | None, unknown: str = "–") -> str:
    """Write a duration with as many digits as matter."""
    if value_ms is None:
        return unknown
    return f"{value_ms:.2f} ms" if value_ms < 10 else f"{value_ms:.0f} ms"


def client_name(port: str) -> str:
    """Return the client's name in front of a port: `Antiphon-01:Antiphon In` belongs to `Antiphon-01`."""
    return port.rpartition(":")[0] or "Antiphon"


def port_name(port: str) -> str:
    """Return a port's name as another program shows it, with the client's where that is not the usual one."""
    client, _, name = port.rpartition(":")
    return name if client in ("", "Antiphon") else f"{client}: {name}"


def port_forms(name: str, port: str) -> tuple[str, ...]:
    """Return what to write beside a lamp, the first that there is room for: half a port's name says nothing.

    Of two instances the client's name in front of the port says which one it is.
    """
    client = port.partition(": ")[0]
    return f"{name}  {port}", *((f"{name}  {client}",) if client != port else ()), name
