"""Key and chords of the music around the bars that a phrase is taken from."""

from collections.abc import Collection
from math import ceil

from msgspec.structs import replace

from engine.midifile.song import Track
from engine.midifile.track_choice import pitched
from engine.midifile.window import Window
from engine.music.chord_recognition import chords_of_bars
from engine.music.chords import Harmony
from engine.music.key import Key
from engine.music.key_finding import find_key, pitch_class_weights

BARS_AROUND = 7
"""So many bars before and after the phrase speak for its key."""


def key_around(taken: Window) -> Key | None:
    """Return the key of all pitched tracks in the bars and those around; None where too little sounds."""
    first = max(taken.start_ticks - BARS_AROUND * taken.bar_ticks, taken.start_ticks * 0)
    bars = ceil((taken.end_ticks - first) / taken.bar_ticks) + BARS_AROUND
    wide = replace(taken, start_ticks=first, bars=bars)
    return find_key(
        pitch_class_weights([note for track in pitched(taken.song) for note in wide.phrase(track).notes])
    )


def chords_under(taken: Window, tracks: Collection[Track]) -> Harmony:
    """Return the chord of each pulse of the bars where other tracks than the phrase's accompany it."""
    others = [track for track in pitched(taken.song) if track not in tracks]
    if not any(taken.onsets(track) for track in others):
        return ()
    notes = [note for track in pitched(taken.song) for note in taken.phrase(track).notes]
    return chords_of_bars(notes, taken.bars, taken.metre)
