"""Key and chords of what was heard: the session's one way to numpy, which loads with the first use.

A window shows before anything was heard, and need not wait for it.
"""

from collections.abc import Iterable, Sequence

from engine.music.chords import Harmony
from engine.music.key import Key, KeyFollower
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase


def key_of(phrase: Phrase) -> Key | None:
    """Return the likeliest key of a phrase, None if too little sounds."""
    from engine.music import key_finding

    return key_finding.key_of(phrase)


def followed(before: KeyFollower, notes: Iterable[Note]) -> KeyFollower:
    """Return what is known of the key after one more bar."""
    from engine.music import key_finding

    return key_finding.followed(before, notes)


def chords_of_bars(notes: Sequence[Note], bars: int, metre: Metre) -> Harmony:
    """Return the chord of each pulse of some bars; none where none is found."""
    from engine.music import chord_recognition

    return chord_recognition.chords_of_bars(notes, bars, metre)
