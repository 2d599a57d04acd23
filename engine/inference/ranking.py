"""Several takes at once, the best first.

A take fits by what can be counted: its notes in the key, its strong beats on the chords, leaps no wider
than music's, as many notes as the source, and the distance from the source that was asked for. Takes that
resemble one that stands before them are put back, so that what is offered first differs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference.controls import LARGEST_SEED, Controls
from engine.inference.harmony import share_on_chord
from engine.inference.render import render_batch
from engine.inference.slots import LatentModel
from engine.inference.windows import AnySlot
from engine.modes.base import typed_chords
from engine.modes.catalogue import slots_of
from engine.music.chords import Harmony
from engine.music.grid import Grid
from engine.music.key import SCALES, Key
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

WEIGHTS = {
    "key": 3.0,
    "chords": 2.0,
    "leaps": 2.0,
    "notes": 1.5,
    "motion": 1.5,
    "distance": 1.5,
    "style": 6.0,
}
"""How much each measure counts for the fit of a take."""
WIDE = 7
"""Semitones above which an interval is a leap."""
USUAL_NOTES = {"pianoroll": 14.0}
USUAL_MELODY_NOTES = 4.3
"""Notes a bar of held-out music, by representation, and of melodies: what a take that has no source is
measured by."""
USUAL_MOTION = 0.8
"""Share of intervals that are no repeated note, likewise."""
LIKENESS_COSTS = 0.5
"""Fit that a take loses which equals one before it."""
LARGEST_COUNT = 64

Cell = tuple[int, int, int]
"""Step, pitch and channel of an onset."""


class Ranked(msgspec.Struct, frozen=True):
    """A take and how well it fits."""

    controls: Controls
    phrase: Phrase
    fit: float
    """0 to 1, higher is better; without what resembling another costs."""


def ranked(
    model: LatentModel, slots: Mapping[str, AnySlot], controls: Controls, count: int
) -> tuple[Ranked, ...]:
    """Render takes with the seeds from the controls' on, in one decoder call, and put the best first.

    Args:
        model: a loaded model.
        slots: encoded phrases by name; those that the controls' mode uses must be there.
        controls: of the first take; another take has another seed.
        count: 1 to 64 takes.

    Raises:
        RenderError: as `render`.
    """
    takes = takes_from(controls, count)
    return best_first(model, slots, takes, render_batch(model, slots, takes))


def takes_from(controls: Controls, count: int) -> list[Controls]:
    """Return the controls of 1 to 64 takes: the seeds from the controls' own on."""
    seeds = range(controls.seed, controls.seed + min(max(count, 1), LARGEST_COUNT))
    return [replace(controls, seed=seed % (LARGEST_SEED + 1)) for seed in seeds]


def best_first(
    model: LatentModel, slots: Mapping[str, AnySlot], takes: Sequence[Controls], phrases: Sequence[Phrase]
) -> tuple[Ranked, ...]:
    """Put takes that were rendered in order, the best first."""
    controls = takes[0]
    sources = [slots[name] for name in slots_of(controls, slots)]
    grid, first = model.representation.grid, phrases[0]
    typed = typed_chords(controls, first.bars, first.metre)
    harmony = typed or (sources[0].harmony if sources else ())
    usual = USUAL_NOTES.get(model.representation.name, USUAL_MELODY_NOTES)
    fits = [fit_of(phrase, sources, controls, harmony, grid, usual) for phrase in phrases]
    order = _apart(fits, [onsets(phrase, grid) for phrase in phrases])
    return tuple(Ranked(takes[index], phrases[index], fits[index]) for index in order)


def fit_of(
    phrase: Phrase,
    sources: Sequence[AnySlot],
    controls: Controls,
    harmony: Harmony,
    grid: Grid,
    usual_notes: float = USUAL_MELODY_NOTES,
) -> float:
    """Return how well a take fits, 0 to 1: the weighted mean of the measures that mean something to it.

    Leaps and motion are those of the highest notes, where several begin together.
    """
    pitched = [note for note in phrase.notes if note.channel != DRUM_CHANNEL]
    measures: dict[str, float] = {}
    if pitched:
        measures["key"] = _in_key(pitched, sources)
        lines = _lines(pitched, grid)
        measures["leaps"] = 1 - min(1.0, 3 * _leaps(lines))
    if any(harmony) and pitched:
        measures["chords"] = share_on_chord(pitched, harmony, phrase.metre.pulse_beats)
    if sources:
        heard = float(np.mean([len(source.phrase.notes) for source in sources]))
        measures["notes"] = _nearness(len(phrase.notes), heard)
    elif pitched:
        measures["notes"] = _nearness(len(pitched), usual_notes * phrase.bars)
        measures["motion"] = min(1.0, _moving(lines) / USUAL_MOTION)
    if len(sources) == 1 and controls.mode == "vary":
        likeness = alike(onsets(sources[0].phrase, grid), onsets(phrase, grid))
        measures["distance"] = 1 - abs(likeness - (1 - controls.variation))
    weights = WEIGHTS
    if pitched and controls.style.bars:
        measures["style"] = controls.style.likeness(phrase)
        weights = WEIGHTS | {"style": WEIGHTS["style"] * controls.style_amount}
    total = sum(weights[name] for name in measures)
    return sum(weights[name] * value for name, value in measures.items()) / total if total else 1.0


def _in_key(pitched: Sequence[Note], sources: Sequence[AnySlot]) -> float:
    """Return the share of notes in the key of a source; without one, in the scale that most are in."""
    counts = np.bincount([note.pitch % 12 for note in pitched], minlength=12)
    keys = [source.key for source in sources if source.key is not None]
    scales = [key.pitch_classes for key in keys] or _ALL_SCALES
    return float(max(counts[sorted(scale)].sum() for scale in scales) / len(pitched))


_ALL_SCALES = [
    Key(tonic, scale).pitch_classes for scale in SCALES if len(SCALES[scale]) == 7 for tonic in range(12)
]


def _lines(pitched: Sequence[Note], grid: Grid) -> list[npt.NDArray[np.int64]]:
    """Return the pitches of the highest note at each step, of each channel for itself."""
    lines: dict[int, dict[int, int]] = defaultdict(dict)
    for note in pitched:
        line, step = lines[note.channel], grid.nearest_step(note.start_beats)
        line[step] = max(note.pitch, line.get(step, 0))
    return [np.array([line[step] for step in sorted(line)]) for line in lines.values()]


def _leaps(lines: Sequence[npt.NDArray[np.int64]]) -> float:
    """Return the share of wide intervals."""
    intervals = np.concatenate([np.abs(np.diff(line)) for line in lines])
    return float((intervals > WIDE).sum()) / max(len(intervals), 1)


def _moving(lines: Sequence[npt.NDArray[np.int64]]) -> float:
    """Return the share of intervals that are no repeated note."""
    intervals = np.concatenate([np.diff(line) for line in lines])
    return float((intervals != 0).mean()) if len(intervals) else 0.0


def _nearness(count: int, wanted: float) -> float:
    """Return 1 where two counts are equal, towards 0 the larger their ratio."""
    low, high = sorted((count + 1.0, wanted + 1.0))
    return low / high


def onsets(phrase: Phrase, grid: Grid) -> frozenset[Cell]:
    """Return steps, pitches and channels of a phrase's onsets."""
    return frozenset((grid.nearest_step(n.start_beats), n.pitch, n.channel) for n in phrase.notes)


def alike(first: frozenset[Cell], second: frozenset[Cell]) -> float:
    """Return the F1 of two sets of onsets; 1 if both are empty."""
    if not first and not second:
        return 1.0
    return 2 * len(first & second) / (len(first) + len(second))


def _apart(fits: Sequence[float], cells: Sequence[frozenset[Cell]]) -> list[int]:
    """Return an order: next always the best, less what its likeness to those before it costs."""
    worth: npt.NDArray[np.float64] = np.array(fits)
    nearest = np.zeros(len(fits))
    order: list[int] = []
    left = set(range(len(fits)))
    while left:
        best = max(sorted(left), key=lambda index: worth[index] - LIKENESS_COSTS * nearest[index])
        order.append(best)
        left.remove(best)
        for index in left:
            nearest[index] = max(nearest[index], alike(cells[best], cells[index]))
    return order
