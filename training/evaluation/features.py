"""Features of generated music after Yang and Lerch (2020, doi 10.1007/s00521-018-3849-7), with units.

Measured on the notes of a phrase, in beats, so that tempo plays no part. A drum pattern has no
pitches; there the nine drum classes stand in their place, and features of pitch distance are left out.
What differs from the authors' own tool on purpose: one tempo-free time axis; pitch classes weighted by
duration, not by velocity and samples of a piano roll; successive onsets are compared in order of time,
not in order of the file; a rest never overwrites a note length.

Shape legend: F values of a feature.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, drum_classes
from engine.music.kits import NO_CLASS
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

Floats = NDArray[np.float64]
LENGTHS_BEATS = np.array([4, 2, 1, 1 / 2, 1 / 4, 3, 3 / 2, 3 / 4, 3 / 8, 4 / 3, 2 / 3, 1 / 3])
"""Whole to sixteenth, the dotted ones, the triplet ones: the paper's twelve lengths."""
STEPS_PER_BEAT = 4


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: of a phrase's notes, in order of onset and pitch, to `[F]` values."""

    name: str
    unit: str
    measure: Callable[[list[Note]], Floats]


def _scalar(value: float) -> Floats:
    return np.array([value], dtype=np.float64)


def _share(counts: Floats) -> Floats:
    total = counts.sum()
    return counts / total if total else counts


def pitch_count(notes: list[Note]) -> Floats:
    """Count the different pitches."""
    return _scalar(len({note.pitch for note in notes}))


def note_count(notes: list[Note]) -> Floats:
    """Return the number of notes, `[1]`."""
    return _scalar(len(notes))


def pitch_range(notes: list[Note]) -> Floats:
    """Return highest minus lowest pitch; 0 without notes."""
    pitches = [note.pitch for note in notes]
    return _scalar(max(pitches) - min(pitches) if pitches else 0)


def pitch_shift(notes: list[Note]) -> Floats:
    """Return the mean absolute interval between successive notes."""
    steps = [abs(later.pitch - earlier.pitch) for earlier, later in pairwise(notes)]
    return _scalar(float(np.mean(steps)) if steps else 0.0)


def onset_interval(notes: list[Note]) -> Floats:
    """Return the mean distance between successive different onsets."""
    onsets = np.unique([note.start_beats for note in notes])
    return _scalar(float(np.diff(onsets).mean()) if len(onsets) > 1 else 0.0)


def pitch_classes(notes: list[Note]) -> Floats:
    """Return the share of each pitch class, weighted by duration, `[12]`."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.duration_beats
    return _share(weights)


def pitch_class_transitions(notes: list[Note]) -> Floats:
    """Return the share of each pair of successive pitch classes, `[144]`."""
    counts = np.zeros((12, 12))
    for earlier, later in pairwise(notes):
        counts[earlier.pitch % 12, later.pitch % 12] += 1
    return _share(counts.ravel())


def _length_bins(notes: list[Note]) -> NDArray[np.int64]:
    lengths = np.array([note.duration_beats for note in notes])
    return np.abs(np.log2(lengths[:, None] / LENGTHS_BEATS)).argmin(axis=1)


def note_lengths(notes: list[Note]) -> Floats:
    """Return the share of each of the twelve lengths, the nearest in ratio, `[12]`."""
    if not notes:
        return np.zeros(12)
    return _share(np.bincount(_length_bins(notes), minlength=12).astype(np.float64))


def note_length_transitions(notes: list[Note]) -> Floats:
    """Return the share of each pair of successive lengths, `[144]`."""
    counts = np.zeros((12, 12))
    if notes:
        for earlier, later in pairwise(_length_bins(notes).tolist()):
            counts[earlier, later] += 1
    return _share(counts.ravel())


def onset_places(notes: list[Note]) -> Floats:
    """Return the share of notes on each sixteenth of a 4/4 bar, `[16]`."""
    places = [round(note.start_beats * STEPS_PER_BEAT) % 16 for note in notes]
    return _share(np.bincount(places, minlength=16).astype(np.float64)) if places else np.zeros(16)


def _classes(notes: list[Note]) -> NDArray[np.int64]:
    classes = drum_classes([note.pitch for note in notes], "gm") if notes else np.zeros(0, np.int64)
    return classes[classes != NO_CLASS]


def drums_in_use(notes: list[Note]) -> Floats:
    """Count the different drums."""
    return _scalar(len(np.unique(_classes(notes))))


def drum_shares(notes: list[Note]) -> Floats:
    """Return the share of hits of each drum, `[9]`."""
    return _share(np.bincount(_classes(notes), minlength=CLASSES).astype(np.float64))


def loudness(notes: list[Note]) -> Floats:
    """Return mean and standard deviation of the velocities, `[2]`."""
    values = [note.velocity for note in notes] or [0]
    return np.array([np.mean(values), np.std(values)])


def feel(notes: list[Note]) -> Floats:
    """Return mean and standard deviation of the distance from the grid, late is positive, `[2]`."""
    steps = np.array([note.start_beats * STEPS_PER_BEAT for note in notes] or [0.0])
    late = steps - np.floor(steps + 0.5)
    return np.array([late.mean(), late.std()])


PITCHED = (
    Feature("pitch count", "pitches", pitch_count),
    Feature("note count", "notes", note_count),
    Feature("pitch range", "semitones", pitch_range),
    Feature("pitch shift", "semitones", pitch_shift),
    Feature("onset interval", "beats", onset_interval),
    Feature("pitch classes", "share of time", pitch_classes),
    Feature("pitch class transitions", "share of pairs", pitch_class_transitions),
    Feature("note lengths", "share of notes", note_lengths),
    Feature("note length transitions", "share of pairs", note_length_transitions),
    Feature("onset places", "share of notes", onset_places),
)
DRUMS = (
    Feature("drums in use", "drums", drums_in_use),
    Feature("hit count", "hits", note_count),
    Feature("onset interval", "beats", onset_interval),
    Feature("drum shares", "share of hits", drum_shares),
    Feature("onset places", "share of hits", onset_places),
)
FEEL = (Feature("loudness", "velocity", loudness), Feature("feel", "steps late", feel))
PARTS = {0: "melody", 1: "bass", DRUM_CHANNEL: "drums"}


def features_for(representation_name: str) -> dict[int | None, tuple[Feature, ...]]:
    """Return the features by MIDI channel; None means all notes."""
    if representation_name == "trio":
        return {0: PITCHED, 1: PITCHED, DRUM_CHANNEL: DRUMS}
    if representation_name == "groove":
        return {None: DRUMS + FEEL}
    return {None: DRUMS if representation_name == "drums" else PITCHED}


def measure_phrases(phrases: list[Phrase], representation_name: str) -> dict[str, tuple[str, Floats]]:
    """Return for each feature its unit and the values of every phrase, `[N, F]`."""
    found: dict[str, tuple[str, Floats]] = {}
    for channel, features in features_for(representation_name).items():
        prefix = "" if channel is None else f"{PARTS[channel]}: "
        parts = [[n for n in phrase.notes if channel in (None, n.channel)] for phrase in phrases]
        for feature in features:
            values = np.stack([feature.measure(notes) for notes in parts])
            found[prefix + feature.name] = (feature.unit, values)
    return found
