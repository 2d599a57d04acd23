"""Antiphon beside a real DAW: a headless Ardour leads by MIDI clock, hears us, and is heard.

    python bench/ardour_roundtrip.py [--bars 4] [--bpm 120] [--json] [--keep FOLDER]

Pass 1: Ardour rolls and records what Antiphon plays. Pass 2: Ardour plays that recording into
Antiphon, which captures it, and records Antiphon's other pattern. Pass 3: Ardour plays it from a bar line
in the middle, by song position. Start, place, tempo and stop are checked in each. Ardour shifts its
recordings by its own latency compensation, the same for all notes of a pass, so the shift (the median) is
reported apart and the deviations are counted from it.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "live"))

from headless_ardour import HeadlessArdour, find_ardour

from engine.errors import AntiphonError
from engine.performer.client import PerformerClient
from engine.performer.messages import BarCaptured, ClockState, Event, NoteData, Played, SetClock, SetPattern

BEATS_PER_BAR = 4
FIRST, SECOND = (60, 62, 64, 65, 67, 69, 71, 72), (48, 55, 52, 59, 50, 57, 53, 47)
ANTIPHON_IN, ANTIPHON_OUT = "Antiphon:Antiphon In", "Antiphon:Antiphon Out"
NEAR_BEATS = 0.2
"""A recorded note this near to an expected one of its pitch is that note."""

Onset = tuple[float, int, int]
"""Beats, pitch, velocity."""


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison of what was meant with what was found; times in milliseconds."""

    what: str
    expected: int
    found: int
    wrong_velocities: int
    shift_ms: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def pattern(number: int, pitches: Sequence[int]) -> SetPattern:
    """One bar of eighth notes with velocities 90, 91, ..."""
    notes = tuple(NoteData(i / 2, pitch, 0.25, 90 + i, 0) for i, pitch in enumerate(pitches))
    return SetPattern(number, notes, 1, "bar")


def expected_onsets(pitches: Sequence[int], bars: int) -> list[Onset]:
    """Return what a pattern plays in so many bars, the first note left out: Ardour cuts it off.

    Its recording starts with the first tick and is shifted early, so the note on the very first
    beat lies before the region.
    """
    return [
        (bar * BEATS_PER_BAR + i / 2, pitch, 90 + i) for bar in range(bars) for i, pitch in enumerate(pitches)
    ][1:]


def compare(what: str, expected: Sequence[Onset], found: Sequence[Onset], beat_ms: float) -> Result:
    """Pair every expected note with the nearest found one of its pitch."""
    off, wrong = [], 0
    for beats, pitch, velocity in expected:
        near = [note for note in found if note[1] == pitch and abs(note[0] - beats) < NEAR_BEATS]
        if near:
            best = min(near, key=lambda note: abs(note[0] - beats))
            off.append((best[0] - beats) * beat_ms)
            wrong += best[2] != velocity
    return summary(what, len(expected), off, wrong)


def summary(what: str, expected: int, off: Sequence[float], wrong: int) -> Result:
    """Sum up deviations in milliseconds."""
    if not off:
        raise SystemExit(f"{what}: none of {expected} notes came back")
    shift = statistics.median(off)
    rest = sorted(abs(value - shift) for value in off)

    def share(part: float) -> float:
        return round(rest[int(part * (len(rest) - 1))], 3)

    return Result(what, expected, len(off), wrong, round(shift, 3), share(0.5), share(0.99), share(1.0))


@contextlib.contextmanager
def jack_server() -> Iterator[None]:
    """Start a JACK server with the dummy driver for us alone."""
    name = f"antiphon-ardour-{os.getpid()}"
    os.environ["JACK_DEFAULT_SERVER"] = name
    command = ["jackd", "-R", "-P70", "-n", name, "-d", "dummy", "-r", "48000", "-p", "256"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def start(client: PerformerClient) -> None:
    """Start the performer, waiting for the server."""
    for attempt in range(50):
        try:
            client.start()
            return
        except AntiphonError:
            if attempt == 49:
                raise
            time.sleep(0.1)


def roll(client: PerformerClient, daw: HeadlessArdour, bars: int, bpm: float) -> dict[str, list[Event]]:
    """Let Ardour go through all passes; return the performer's events of each."""
    events: dict[str, list[Event]] = {}

    def go(number: str, from_beats: int) -> None:
        daw.ask("locate", from_beats)
        client.poll()
        daw.ask("record")
        time.sleep((bars * BEATS_PER_BAR - from_beats + 0.5) * 60 / bpm)
        daw.ask("stop")
        events[number] = client.poll()
        client.send(pattern(2, SECOND))

    for track in ("Heard", "Answer"):
        daw.ask("track", track)
    daw.ask("clock", ANTIPHON_IN)
    daw.ask("listen", "Heard", ANTIPHON_OUT)
    time.sleep(1.0)
    daw.ask("arm", "Heard", "on")
    go("1", 0)
    daw.ask("arm", "Heard", "off")
    daw.ask("listen", "Heard")
    daw.ask("feed", "Heard", ANTIPHON_IN)
    daw.ask("listen", "Answer", ANTIPHON_OUT)
    daw.ask("arm", "Answer", "on")
    time.sleep(1.0)
    go("2", 0)
    daw.ask("arm", "Answer", "off")
    daw.ask("listen", "Answer")
    go("3", middle(bars))
    daw.close()
    return events


def recorded(daw: HeadlessArdour, track: str) -> list[Onset]:
    """Return the notes Ardour recorded on a track last."""
    found = daw.recordings(track)
    if not found:
        raise SystemExit(f"Ardour recorded nothing on track {track}")
    return [(note.start_beats, note.pitch, note.velocity) for note in found[-1]]


def captured(events: Sequence[Event]) -> list[Onset]:
    """Return the notes of the captured bars, counted from the song's start."""
    bars = [event for event in events if isinstance(event, BarCaptured)]
    return [
        (bar.bar * BEATS_PER_BAR + note.start_beats, note.pitch, note.velocity)
        for bar in bars
        for index, note in enumerate(bar.notes)
        if index not in bar.tied
    ]


def written(what: str, events: Sequence[Event], pitches: Sequence[int]) -> Result:
    """Compare when note-ons left with when they were due, the first beat's left out as elsewhere."""
    ons = [event for event in events if isinstance(event, Played) and event.data[0] & 0xF0 == 0x90]
    ours = [event for event in ons if event.data[1] in pitches][1:]
    off = [(event.sent_ns - event.due_ns) / 1e6 for event in ours]
    return summary(what, len(ours), off, 0)


def run(ardour: str, folder: Path, bars: int, bpm: float) -> list[Result]:
    """Make the round trip and compare everything that can be compared."""
    with jack_server():
        client = PerformerClient("jack")
        start(client)
        client.send(SetClock("external", spp_in_clocks=True))  # as Ardour 7 has it
        client.send(pattern(1, FIRST))
        daw = HeadlessArdour(ardour, folder, bpm)
        try:
            events = roll(client, daw, bars, bpm)
        finally:
            daw.close()
            client.close()
    check_transport(events["1"], 0, bpm)
    check_transport(events["2"], 0, bpm)
    check_transport(events["3"], middle(bars), bpm)
    beat_ms = 60_000 / bpm
    first, second = expected_onsets(FIRST, bars), expected_onsets(SECOND, bars)
    later = [onset for onset in first if onset[0] >= middle(bars)][1:]
    heard = recorded(daw, "Heard")
    return [
        written("pass 1: left, against due", events["1"], FIRST),
        compare("pass 1: recorded by Ardour", first, heard, beat_ms),
        compare("pass 2: captured by Antiphon", first, captured(events["2"]), beat_ms),
        written("pass 2: left, against due", events["2"], SECOND),
        compare("pass 2: recorded by Ardour", second, recorded(daw, "Answer"), beat_ms),
        compare("pass 3: captured from the middle", later, captured(events["3"]), beat_ms),
    ]


def middle(bars: int) -> int:
    """Return the bar line, in beats, that the third pass begins at."""
    return bars // 2 * BEATS_PER_BAR


def check_transport(events: Sequence[Event], from_beats: int, bpm: float) -> None:
    """See that start, place and tempo of Ardour came over its clock, and its stop; SystemExit where not."""
    states = [event for event in events if isinstance(event, ClockState)]
    rolling = [state for state in states if state.status == "rolling"]
    if not rolling or rolling[0].source != "external" or not all(state.bar_phase_known for state in rolling):
        raise SystemExit("Ardour's start was not followed")
    if abs(rolling[0].position_beats - from_beats) > NEAR_BEATS:
        raise SystemExit(f"Ardour began at beat {from_beats}, we at {rolling[0].position_beats:.2f}")
    if abs(rolling[-1].bpm - bpm) > 0.5 or states[-1].status != "stopped":
        raise SystemExit(f"Ardour stopped at {bpm:g} BPM; we: {states[-1].status}, {rolling[-1].bpm:.1f} BPM")


def main() -> None:
    parser = argparse.ArgumentParser(description="Round trip through a headless Ardour.")
    parser.add_argument("--bars", type=int, default=4)
    parser.add_argument("--bpm", type=float, default=120.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for Ardour's session, kept afterwards")
    options = parser.parse_args()
    if shutil.which("jackd") is None:
        raise SystemExit("jackd is missing: install jackd2")
    ardour = find_ardour()
    if ardour is None:
        raise SystemExit("Ardour is missing: install ardour (7 or later)")
    with tempfile.TemporaryDirectory() as scratch:
        results = run(ardour, options.keep or Path(scratch) / "session", options.bars, options.bpm)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    columns = f"{'shift':>8} {'p50':>7} {'p99':>7} {'worst':>7}"
    print(f"{'ms from the grid, after the shift':<34} {'notes':>7} {columns}")
    for r in results:
        times = f"{r.shift_ms:>8.2f} {r.p50_ms:>7.3f} {r.p99_ms:>7.3f} {r.worst_ms:>7.3f}"
        print(f"{r.what:<34} {r.found:>3}/{r.expected:<3} {times}")


if __name__ == "__main__":
    main()
