"""Nudges: single small changes of a finished take, one after the other, the same for the same seed.

Each nudge changes one thing: a note goes to a neighbouring step of the scale, begins a 16th sooner or later,
is struck twice, or is joined with the one before it. What is locked or forbidden is left alone.
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec.structs import replace

from engine.inference.controls import Controls
from engine.inference.register import moved
from engine.inference.style import set_key
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.notes import DRUM_CHANNEL, TOLERANCE_BEATS, Note, Phrase

STEP_BEATS = 0.25
WIDEST = 7
"""Semitones to the notes beside it that a nudged note may be away, unless it was further away already."""
_NUDGE_STREAM = 5

Nudge = Callable[[Phrase, int, "np.random.Generator", Controls, Key | None], list[Note] | None]
"""Takes a phrase and the place of one of its notes; returns what stands for all notes, None for no way."""


def nudged(phrase: Phrase, controls: Controls, key: Key | None) -> Phrase:
    """Return a phrase with as many single changes as its controls ask for; each builds on those before.

    Args:
        phrase: a finished take.
        controls: seed, locks and limits; `nudges` says how many.
        key: of the source; the scale of the steps where no key is set. None for that of the phrase.
    """
    if controls.nudges == 0:
        return phrase
    key = set_key(controls.constraints) or key or key_of(phrase)
    for number in range(controls.nudges):
        sequence = np.random.SeedSequence((controls.seed, _NUDGE_STREAM, number))
        phrase = _changed(phrase, np.random.Generator(np.random.PCG64(sequence)), controls, key)
    return phrase


def _changed(phrase: Phrase, rng: "np.random.Generator", controls: Controls, key: Key | None) -> Phrase:
    """Change one thing: the first way, in an order that is drawn, that there is."""
    free = [place for place, note in enumerate(phrase.notes) if _is_free(note, controls)]
    for place in rng.permutation(free).tolist():
        ways = _ways(phrase.notes[place], controls)
        for way in rng.permutation(len(ways)).tolist():
            notes = ways[way](phrase, place, rng, controls, key)
            if notes is not None:
                return Phrase.of(notes, phrase.bars, phrase.metre)
    return phrase


def _is_free(note: Note, controls: Controls) -> bool:
    return not any(lock.holds(note) for lock in controls.locks)


def _ways(note: Note, controls: Controls) -> Sequence[Nudge]:
    """Return the kinds of change that limits and kind of note leave."""
    limits = controls.constraints
    pitch: tuple[Nudge, ...] = () if note.channel == DRUM_CHANNEL or limits.keep_pitches else (_stepped,) * 2
    rhythm: tuple[Nudge, ...] = () if limits.keep_rhythm else (_shifted, _struck_twice, _joined)
    return pitch + rhythm


def _beside(phrase: Phrase, place: int) -> tuple[Note | None, Note | None]:
    """Return the notes of the same channel before and after one; on the drum channel of the same drum."""
    note = phrase.notes[place]

    def same(other: Note) -> bool:
        drum = note.channel != DRUM_CHANNEL or other.pitch == note.pitch
        return other.channel == note.channel and drum

    before = next((each for each in reversed(phrase.notes[:place]) if same(each)), None)
    return before, next((each for each in phrase.notes[place + 1 :] if same(each)), None)


def _with(phrase: Phrase, place: int, *notes: Note) -> list[Note] | None:
    """Return a phrase's notes with others in place of one; None where one of them is taken already."""
    others = [each for at, each in enumerate(phrase.notes) if at != place]
    taken = {(round(each.start_beats / STEP_BEATS), each.pitch, each.channel) for each in others}
    if any((round(each.start_beats / STEP_BEATS), each.pitch, each.channel) in taken for each in notes):
        return None
    return [*others, *notes]


def _stepped(
    phrase: Phrase, place: int, rng: "np.random.Generator", controls: Controls, key: Key | None
) -> list[Note] | None:
    """Move a note by a step of the scale, or a third, where that makes no new leap."""
    note, beside = phrase.notes[place], [each for each in _beside(phrase, place) if each is not None]
    widest = max([WIDEST, *(abs(each.pitch - note.pitch) for each in beside)])
    for steps in rng.permutation([-2, -1, 1, 2]).tolist():
        pitch = note.pitch + steps if key is None else _into(key, moved(note.pitch, key, steps), steps)
        leaps = any(abs(each.pitch - pitch) > widest for each in beside)
        if 0 <= pitch <= 127 and controls.constraints.allows(pitch) and not leaps:
            return _with(phrase, place, replace(note, pitch=pitch))
    return None


def _into(key: Key, pitch: int, steps: int) -> int:
    """Return a pitch, or where it lies between two notes of the key the one further on its way."""
    inside = pitch % 12 in key.pitch_classes
    return pitch if inside else pitch + (1 if steps > 0 else -1)


def _shifted(
    phrase: Phrase, place: int, rng: "np.random.Generator", controls: Controls, key: Key | None
) -> list[Note] | None:
    """Let a note begin a 16th sooner or later, between those beside it; its end stays, a drum moves whole."""
    note, (before, after) = phrase.notes[place], _beside(phrase, place)
    earliest = STEP_BEATS / 2 if before is None else before.start_beats + STEP_BEATS / 2
    latest = phrase.length_beats if after is None else after.start_beats
    for way in rng.permutation([-STEP_BEATS, STEP_BEATS]).tolist():
        start = note.start_beats + way
        if before is None and start < 0:
            continue
        whole = note.channel == DRUM_CHANNEL
        length = note.duration_beats if whole else note.end_beats - start
        new = replace(note, start_beats=start, duration_beats=length)
        if before is not None and before.end_beats > start and not _is_free(before, controls):
            continue
        fits = (before is None or start >= earliest) and start < latest - STEP_BEATS / 2
        if fits and length >= STEP_BEATS / 2 and _is_free(new, controls):
            notes = _with(phrase, place, new)
            return None if notes is None else _cut_before(notes, before, new)
    return None


def _cut_before(notes: list[Note], before: Note | None, new: Note) -> list[Note]:
    """End the note before a melody's where that begins now."""
    if before is None or new.channel == DRUM_CHANNEL or before.end_beats <= new.start_beats:
        return notes
    cut = replace(before, duration_beats=new.start_beats - before.start_beats)
    return [cut if each is before else each for each in notes]


def _struck_twice(
    phrase: Phrase, place: int, rng: "np.random.Generator", controls: Controls, key: Key | None
) -> list[Note] | None:
    """Strike a note of an eighth or more a second time in its middle; a drum a 16th later, softer."""
    note = phrase.notes[place]
    if note.channel == DRUM_CHANNEL:
        later = replace(
            note, start_beats=note.start_beats + STEP_BEATS, velocity=max(1, note.velocity * 2 // 3)
        )
        inside = later.start_beats < phrase.length_beats and _is_free(later, controls)
        return _with(phrase, place, note, later) if inside else None
    steps = round(note.duration_beats / STEP_BEATS)
    if steps < 2:
        return None
    first = (steps + 1) // 2 * STEP_BEATS
    second = replace(note, start_beats=note.start_beats + first, duration_beats=note.duration_beats - first)
    if second.start_beats >= phrase.length_beats or not _is_free(second, controls):
        return None
    return _with(phrase, place, replace(note, duration_beats=first), second)


def _joined(
    phrase: Phrase, place: int, rng: "np.random.Generator", controls: Controls, key: Key | None
) -> list[Note] | None:
    """Leave a note out and let the one before it, if it is free, sound until its end; never the last two."""
    note, (before, _) = phrase.notes[place], _beside(phrase, place)
    if before is None or not _is_free(before, controls) or len(phrase.notes) < 3:
        return None
    longer = before
    if note.channel != DRUM_CHANNEL and note.end_beats > before.end_beats + TOLERANCE_BEATS:
        longer = replace(before, duration_beats=note.end_beats - before.start_beats)
    return [longer if each is before else each for at, each in enumerate(phrase.notes) if at != place]
