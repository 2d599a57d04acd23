"""What of a phrase a representation has no place for, counted and named: nothing is dropped in silence."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import step_within
from engine.music.representation import Representation

LISTED = 6
"""So many pitches are named at most."""
LINES = ("melody", "trio")
"""Representations with voices of one note at a time."""
DRUMS = ("drums", "groove")


def left_out(phrase: Phrase, representation: Representation) -> list[str]:
    """Say what of a phrase does not reach the tensors, one clause a kind, most important first.

    Args:
        phrase: as played, of the representation's length.
        representation: that hears it.

    Returns:
        Clauses such as `16 notes under the highest of their step`; empty where all is heard.
    """
    kind = representation.name
    drums = [note for note in phrase.notes if note.channel == DRUM_CHANNEL]
    kept = drums if kind in DRUMS and drums else phrase.notes
    beside = len(phrase.notes) - len(kept)
    clauses = [f"{_notes(beside)} beside the drum channel" if beside else ""]
    clauses += [_without_lane(kept, representation), _crowded(kept, representation)]
    if kind in LINES:
        clauses.append(_folded(kept, representation))
    return [clause for clause in clauses if clause]


def _without_lane(notes: Iterable[Note], representation: Representation) -> str:
    """Name the notes that no voice, drum class or key takes."""
    lost = [note for note in notes if representation.lane(note) is None]
    if not lost:
        return ""
    if representation.name in DRUMS or (
        representation.name == "trio" and all(note.channel == DRUM_CHANNEL for note in lost)
    ):
        return f"{_notes(len(lost))} of drum pitches without a class ({_pitches(lost)})"
    drums = [note for note in lost if note.channel == DRUM_CHANNEL]
    if len(drums) == len(lost):
        return f"{_notes(len(lost))} on the drum channel"
    if representation.name == "trio":
        channels = ", ".join(str(channel + 1) for channel in sorted({note.channel for note in lost}))
        return f"{_notes(len(lost))} of other channels or drum pitches (channels {channels})"
    return f"{_notes(len(lost))} outside the range ({_pitches(lost)})"


def _crowded(notes: Iterable[Note], representation: Representation) -> str:
    """Count the notes that share a step and voice with one that is heard."""
    events: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        lane = representation.lane(note)
        if lane is not None:
            events[step_within(note, representation.grid, representation.steps), lane].append(note)
    crowd = sum(len(group) - 1 for group in events.values())
    if not crowd:
        return ""
    if representation.name in LINES:
        return f"{_notes(crowd)} under or beside the one that is heard of their step"
    return f"{_notes(crowd)} nearer than a step to another of the same {_lane_name(representation)}"


def _lane_name(representation: Representation) -> str:
    return "drum" if representation.name in DRUMS else "key"


def _folded(notes: Iterable[Note], representation: Representation) -> str:
    outside = [
        note
        for note in notes
        if note.channel != DRUM_CHANNEL
        and representation.lane(note) is not None
        and not LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH
    ]
    return f"{_notes(len(outside))} outside a piano's range, moved by octaves" if outside else ""


def _notes(count: int) -> str:
    return "1 note" if count == 1 else f"{count} notes"


def _pitches(notes: Iterable[Note]) -> str:
    counts = Counter(note.pitch for note in notes)
    named = [f"{count} x {pitch}" for pitch, count in sorted(counts.items())]
    return ", ".join(named[:LISTED]) + (f" and {len(named) - LISTED} more" if len(named) > LISTED else "")
