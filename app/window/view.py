"""What the window shows, worked out from the session's snapshot: pure functions, no Qt."""

from dataclasses import dataclass

from engine.music.notes import Phrase
from engine.performer.messages import ClockState
from engine.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Lamp:
    """State of the clock as a word, a colour and a sentence."""

    word: str
    mood: str
    """`good`, `waiting`, `bad` or `quiet`."""
    sentence: str


LAMPS = {
    ("external", "rolling"): Lamp("locked", "good", "Following the DAW's clock."),
    ("external", "armed"): Lamp("waiting", "waiting", "Start came; waiting for the first tick."),
    ("external", "flywheel"): Lamp("coasting", "waiting", "Ticks are missing; keeping the tempo."),
    ("external", "stopped"): Lamp(
        "waiting", "waiting", "A clock comes, but the DAW stands still. Press play there."
    ),
    ("external", "lost"): Lamp(
        "lost", "bad", "The clock stopped coming. Start the DAW again, or press Space here."
    ),
    ("internal", "rolling"): Lamp("free", "good", "Running on the internal clock."),
    ("internal", "armed"): Lamp("ready", "quiet", "The internal clock is about to start."),
    ("internal", "stopped"): Lamp(
        "stopped", "quiet", "No clock comes. Press Space to play, or start the DAW."
    ),
    ("internal", "lost"): Lamp("lost", "bad", "The DAW's clock stopped coming. Press Space to play on."),
}


def lamp_of(clock: ClockState | None) -> Lamp:
    """Say how the clock stands."""
    if clock is None:
        return Lamp("starting", "quiet", "The MIDI ports are being opened.")
    return LAMPS.get((clock.source, clock.status), Lamp(clock.status, "quiet", ""))


def rolling_position(snapshot: Snapshot, now_ns: int) -> float | None:
    """Return the song position in beats at `now_ns`, or `None` while nothing rolls."""
    if snapshot.clock is None or snapshot.clock.status not in ("rolling", "flywheel"):
        return None
    return snapshot.position_beats(now_ns)


def bar_and_beat(position_beats: float, beats_per_bar: float) -> str:
    """Write a position as musicians count it: bar and beat from 1."""
    bar, rest = divmod(max(position_beats, 0.0) + 1e-6, beats_per_bar)
    return f"{int(bar) + 1}.{int(rest) + 1}"


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


def port_name(full_name: str) -> str:
    """Drop the client's name in front of a port: `Antiphon:Antiphon In` is `Antiphon In`."""
    return full_name.rpartition(":")[2]


def late_words(late_ms: float | None, late_sends: int, dropped_input: int) -> str:
    """Say how exactly notes leave, and whether anything was lost."""
    words = [f"Late p99 {milliseconds(late_ms)}"]
    words += [f"{late_sends} sent late"] if late_sends else []
    words += [f"{dropped_input} inputs lost"] if dropped_input else []
    return "  ·  ".join(words)
