"""What of a phrase a representation has no place for, counted and named: nothing is dropped in silence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.music.accompaniment import AccompanimentRepresentation, melody_of
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH, MelodyRepresentation
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.quantise import step_within
from engine.music.representation import Representation

UNMAPPED = "of drum pitches without a class"
"""Why drums are left out: another kit, or a map of one's own, may have them."""
LISTED = 6
"""So many pitches are named at most."""
LINES = ("melody", "trio")
"""Representations with voices of one note at a time."""
BESIDE_LINE = "under or beside the one that is heard of their step"
"""Why a line leaves out the further notes of a chord: a representation of several keys hears them."""
DRUMS = ("drums", "groove")


class LeftOut(NamedTuple):
    """Notes that are not heard for one reason."""

    notes: int
    reason: str
    """Such as `under or beside the one that is heard of their step`, to follow `2 notes`."""
    detail: str = ""
    """Which ones."""

    def __str__(self) -> str:
        """Return all of it in words: `4 notes of drum pitches without a class (4 x 93)`."""
        which = f" ({self.detail})" if self.detail else ""
        return f"{'1 note' if self.notes == 1 else f'{self.notes} notes'} {self.reason}{which}"


def left_out(phrase: Phrase, representation: Representation) -> list[LeftOut]:
    """Return what of a phrase does not reach the tensors, by reason; empty where all is heard.

    Args:
        phrase: as played, of the representation's length.
        representation: that hears it.
    """
    if isinstance(representation, AccompanimentRepresentation):  # it hears what it accompanies
        line = MelodyRepresentation(representation.bars, representation.grid)
        return left_out(melody_of(phrase), line)
    is_drums = representation.name in DRUMS
    drums = [note for note in phrase.notes if note.channel == DRUM_CHANNEL]
    kept = drums if is_drums and drums else phrase.notes
    found = [LeftOut(len(phrase.notes) - len(kept), "beside the drum channel")]
    lost = [note for note in kept if representation.lane(note) is None]
    lost_drums = [note for note in lost if note.channel == DRUM_CHANNEL]
    if is_drums or representation.name == "trio":
        unmapped = lost if is_drums else lost_drums
        found.append(LeftOut(len(unmapped), UNMAPPED, _pitches(unmapped)))
    else:
        found.append(LeftOut(len(lost_drums), "on the drum channel"))
    if not is_drums:
        others = [note for note in lost if note.channel != DRUM_CHANNEL]
        where = "on other channels" if representation.name == "trio" else "outside the range"
        detail = _channels(others) if representation.name == "trio" else _pitches(others)
        found.append(LeftOut(len(others), where, detail))
    found += [_crowded(kept, representation), _folded(kept, representation)]
    return [each for each in found if each.notes]


def _crowded(notes: Iterable[Note], representation: Representation) -> LeftOut:
    """Count the notes that share a step and voice with one that is heard."""
    events: Counter[tuple[int, int]] = Counter()
    for note in notes:
        lane = representation.lane(note)
        if lane is not None:
            events[step_within(note, representation.grid, representation.steps), lane] += 1
    if representation.name in LINES:
        reason = BESIDE_LINE
    else:
        voice = "drum" if representation.name in DRUMS else "key"
        reason = f"nearer than a step to another of the same {voice}"
    return LeftOut(sum(count - 1 for count in events.values()), reason)


def _folded(notes: Iterable[Note], representation: Representation) -> LeftOut:
    """Count the notes that a line has in another octave."""
    outside = [
        note
        for note in notes
        if representation.name in LINES
        and note.channel != DRUM_CHANNEL
        and representation.lane(note) is not None
        and not LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH
    ]
    return LeftOut(len(outside), "outside a piano's range, moved by octaves")


def _pitches(notes: Sequence[Note]) -> str:
    counts = Counter(note.pitch for note in notes)
    named = [f"{count} x {pitch}" for pitch, count in sorted(counts.items())]
    return ", ".join(named[:LISTED]) + (f" and {len(named) - LISTED} more" if len(named) > LISTED else "")


def _channels(notes: Sequence[Note]) -> str:
    return "channels " + ", ".join(str(channel + 1) for channel in sorted({note.channel for note in notes}))
