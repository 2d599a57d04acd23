"""Register as a transposition on the scale: higher or lower, and in key all the same."""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference.controls import Controls
from engine.inference.latent_space import REGISTER
from engine.music.key import KEYS, Key
from engine.music.key_finding import key_of
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

STEPS = 7
"""Steps of the scale that 1 of the slider moves notes by: an octave, about the deviation of the mean pitch of
held-out melodies, which keeps the key whatever it is."""


def in_register(phrase: Phrase, controls: Controls, key: Key | None) -> Phrase:
    """Move the pitched notes of a phrase by the steps of a scale that the register slider asks for.

    The scale is that of the key that is set, else of `key`, else of the phrase. A note outside it moves by as
    many semitones as the scale's note below it; one that would leave the range that is set is folded back by
    octaves, or stays. Where keys of one voice come together so, each is struck once at a time.
    """
    steps, limits = round(STEPS * dict(controls.attributes).get(REGISTER, 0.0)), controls.constraints
    if limits.key is not None:
        key = Key(KEYS.index(limits.key), limits.scale)
    scale = key or key_of(phrase)
    if steps == 0 or scale is None:
        return phrase
    low, high = max(LOWEST_PITCH, limits.lowest_pitch), min(HIGHEST_PITCH, limits.highest_pitch)
    notes = []
    for note in phrase.notes:
        pitch = folded(moved(note.pitch, scale, steps), low, high)
        if pitch is None or note.channel == DRUM_CHANNEL:
            pitch = note.pitch
        notes.append(replace(note, pitch=pitch))
    return Phrase.of(struck_once(notes), phrase.bars, phrase.metre)


def struck_once(notes: Iterable[Note]) -> list[Note]:
    """Return notes of which no key of a voice is struck twice at once or sounds on where it is struck again.

    Of notes that begin together the longest stays.
    """
    found: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in sorted(notes, key=lambda note: (note.start_beats, -note.duration_beats)):
        line = found[note.channel, note.pitch]
        if line and line[-1].start_beats == note.start_beats:
            continue
        if line and line[-1].end_beats > note.start_beats:
            line[-1] = replace(line[-1], duration_beats=note.start_beats - line[-1].start_beats)
        line.append(note)
    return [note for line in found.values() for note in line]


def moved(pitch: int, key: Key, steps: int) -> int:
    """Return a pitch moved by steps of a scale."""
    ladder = _ladder(key)
    below = int(np.searchsorted(ladder, pitch, side="right")) - 1
    return int(ladder[below + steps]) + pitch - int(ladder[below])


@lru_cache(maxsize=64)
def _ladder(key: Key) -> npt.NDArray[np.int64]:
    """Return the pitches of a key's scale, five octaves further than MIDI has them; read-only."""
    pitches = np.arange(-60, 188)
    ladder: npt.NDArray[np.int64] = pitches[np.isin(pitches % 12, sorted(key.pitch_classes))]
    ladder.flags.writeable = False
    return ladder


def folded(pitch: int, low: int, high: int) -> int | None:
    """Return a pitch moved by octaves into a range; None where no octave of it lies there."""
    up = -(-max(low - pitch, 0) // 12) - -(-max(pitch - high, 0) // 12)
    inside = pitch + 12 * up
    return inside if low <= inside <= high else None
