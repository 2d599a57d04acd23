"""Chords of what is heard: one for every beat, the likeliest sequence of them (Viterbi).

A chord expects its own tones, its root most, in what sounds during a beat, and its root or another tone of
it in the bass; chords change rather at bar lines than elsewhere.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.music.chords import LEAST_PITCH_CLASSES, Chord, Harmony
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import DRUM_CHANNEL, Note

Floats = npt.NDArray[np.float64]

RECOGNISED = ("", "m", "dim", "aug", "sus2", "sus4", "7", "maj7", "m7", "m7b5", "6", "m6")
"""Kinds of chord that are looked for, on all twelve roots."""
RARITY_NATS = (0.0, 0.0, 1.0, 1.5, 0.8, 0.8, 0.5, 0.6, 0.5, 1.2, 1.5, 1.8)
"""How much less likely each of them is beforehand."""
ROOT, TONE, FOREIGN = 1.6, 1.2, 0.18
"""How much a chord expects of its root, of each other tone, and of each foreign pitch class."""
BASS_NATS = (1.2, 0.4)
"""What the root, and another tone of the chord, in the bass speaks for it."""
CHANGE_NATS = (1.0, 2.0, 3.0)
"""What a change costs at a bar line, in the middle of a bar, and at another beat."""
EVIDENCE = 4.0
"""Nats weight of a beat that is full of sound."""


def sounding(notes: Sequence[Note], beats: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return how long each pitch class sounds in each beat, `[beats, 12]`, and the lowest one, `[beats]`.

    The lowest is -1 in a beat without sound; drums do not count.
    """
    weights, lowest = np.zeros((beats, 12)), np.full(beats, 128)
    for note in notes:
        if note.channel == DRUM_CHANNEL:
            continue
        for beat in range(max(int(note.start_beats), 0), min(int(np.ceil(note.end_beats)), beats)):
            inside = min(note.end_beats, beat + 1) - max(note.start_beats, beat)
            if inside > 0.05:
                weights[beat, note.pitch % 12] += inside
                lowest[beat] = min(lowest[beat], note.pitch)
    return weights, np.where(lowest < 128, lowest % 12, -1)


@lru_cache(maxsize=1)
def _chords() -> tuple[Chord, ...]:
    return tuple(Chord(root, quality) for quality in RECOGNISED for root in range(12))


@lru_cache(maxsize=1)
def _templates() -> tuple[Floats, Floats, Floats]:
    """Return nats of pitch classes `[chords, 12]`, of the bass `[chords, 13]` (last: none), and at first."""
    rows, bass = np.full((len(_chords()), 12), FOREIGN), np.zeros((len(_chords()), 13))
    for index, chord in enumerate(_chords()):
        tones = sorted(chord.pitch_classes)
        rows[index, tones], bass[index, tones] = TONE, BASS_NATS[1]
        rows[index, chord.root], bass[index, chord.root] = ROOT, BASS_NATS[0]
    rows /= rows.sum(axis=1, keepdims=True)
    return np.log(rows), bass, -np.repeat(RARITY_NATS, 12)


def recognise_chords(
    notes: Sequence[Note], beats: int, beats_per_bar: float = 4.0, key: Key | None = None
) -> Harmony:
    """Return the chord of each of `beats` beats (quarter notes from 0).

    A beat without sound goes on with the chord before it; beats before the first sound, and everything
    where fewer than three different pitch classes sound, have None. With a key, no chord has a tone that
    neither sounds anywhere nor is in the key: a tune in A major says nothing of thirds it leaves out.
    """
    weights, bass = sounding(notes, beats)
    heard = weights.sum(axis=1) > 0
    if np.count_nonzero(weights.sum(axis=0)) < LEAST_PITCH_CLASSES:
        return (None,) * beats
    tones, under, before = _templates()
    share = np.sqrt(weights)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1)
    nats = EVIDENCE * share @ tones.T + under[:, bass].T + heard[:, None] * before
    if key is not None:
        nats[:, ~_within(key.pitch_classes | set(np.flatnonzero(weights.sum(axis=0))))] = -np.inf
    path = _viterbi(nats, np.array([_cost(beat, beats_per_bar) for beat in range(beats)]))
    first = int(heard.argmax())
    return tuple(_chords()[state] if beat >= first else None for beat, state in enumerate(path))


def chords_of_bars(notes: Sequence[Note], bars: int, metre: Metre, key: Key | None = None) -> Harmony:
    """Return the chord of each pulse of some bars, as `recognise_chords`; none where none is found."""
    unit = metre.pulse_beats
    counted = [
        replace(note, start_beats=note.start_beats / unit, duration_beats=note.duration_beats / unit)
        for note in notes
    ]
    found = recognise_chords(counted, bars * metre.pulses, float(metre.pulses), key)
    return found if any(found) else ()


def _within(pitch_classes: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return which chords have no other tones than these."""
    return np.array([chord.pitch_classes <= set(pitch_classes) for chord in _chords()])


def _cost(beat: int, beats_per_bar: float) -> float:
    """Return what a change of chord costs where a beat begins."""
    place = beat % beats_per_bar
    if place < 1:
        return CHANGE_NATS[0]
    return CHANGE_NATS[1] if abs(place - beats_per_bar / 2) < 0.5 else CHANGE_NATS[2]


def _viterbi(nats: Floats, costs: Floats) -> npt.NDArray[np.int64]:
    """Return the best path `[steps]` through `nats` `[steps, states]`; a change costs `costs[step]`."""
    best, came = nats[0], np.zeros(nats.shape, np.int64)
    for step in range(1, len(nats)):
        top = int(best.argmax())
        stays = best >= best[top] - costs[step]
        came[step] = np.where(stays, np.arange(len(best)), top)
        best = np.where(stays, best, best[top] - costs[step]) + nats[step]
    path = np.zeros(len(nats), np.int64)
    path[-1] = best.argmax()
    for step in range(len(nats) - 1, 0, -1):
        path[step - 1] = came[step, path[step]]
    return path
