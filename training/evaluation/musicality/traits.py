"""Numbers that describe a phrase without its key, for telling sets of phrases apart.

Of a melody: how its notes and rests last, where in the bar they begin, how it moves, how its pitch classes
are shared out, and how its bars resemble each other. Of drums: how often and where each is hit, which sound
together, and how the bars resemble each other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES, drum_classes
from engine.music.grid import SIXTEENTHS, Grid
from engine.music.kits import NO_CLASS
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from training.evaluation.musicality.key_sets import SETS, pitch_class_counts
from training.evaluation.musicality.lines import Line

Floats = NDArray[np.float64]
LENGTH_EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17)
"""Steps at which a class of lengths begins: the plain and dotted values each alone."""
INTERVALS = 13
"""Classes of absolute intervals, 0 to 12 semitones and above."""


def _shares(values: NDArray[np.int64], size: int) -> Floats:
    counts = np.bincount(np.clip(values, 0, size - 1), minlength=size).astype(np.float64)
    return counts / max(counts.sum(), 1)


def _lengths(steps: NDArray[np.int64]) -> Floats:
    return _shares(np.searchsorted(LENGTH_EDGES, steps, side="right"), len(LENGTH_EDGES) + 1)


def melody_traits(line: Line, bars: int, grid: Grid = SIXTEENTHS) -> Floats:
    """Return the traits of a voice of `bars` bars."""
    per_bar = grid.steps_per_bar
    apart, moves = np.diff(line.onset), np.diff(line.pitch)
    rests = line.onset[1:] - line.end[:-1] if len(line.onset) > 1 else np.zeros(0, np.int64)
    counts = pitch_class_counts(line)
    notes = max(len(line.onset), 1)
    per_beat = grid.steps_per_beat
    weak = (line.onset % per_beat != 0) & (line.end > (line.onset // per_beat + 1) * per_beat)
    return np.concatenate(
        [
            [len(line.onset), len(line.onset) / bars],
            _lengths(apart),
            _lengths(line.end - line.onset),
            [float((rests > 0).mean()) if len(rests) else 0.0, float(np.maximum(rests, 0).sum())],
            _shares(line.onset % per_bar, per_bar),
            _shares(np.abs(moves), INTERVALS),
            _movement(moves, line),
            np.sort(counts / notes)[::-1],
            [float((SETS @ counts).max() / notes), float(np.count_nonzero(counts))],
            [float(weak.mean()) if len(weak) else 0.0],
            [
                float(line.onset[0]) if len(line.onset) else -1.0,
                float(line.end[-1]) if len(line.onset) else -1.0,
            ],
            _bar_likeness(line, bars, per_bar),
        ]
    )


def _movement(moves: NDArray[np.int64], line: Line) -> Floats:
    """Return how a line moves: up, down, turns, leaps answered, mean and widest, range, last step."""
    if not len(moves):
        return np.zeros(9)
    signs = np.sign(moves)
    turns = signs[1:] * signs[:-1] < 0
    leaps = np.abs(moves[:-1]) >= 5
    return np.array(
        [
            (moves > 0).mean(),
            (moves < 0).mean(),
            turns.mean() if len(turns) else 0.0,
            (turns & leaps).sum() / max(leaps.sum(), 1),
            np.abs(moves).mean(),
            np.abs(moves).max(),
            np.ptp(line.pitch),
            moves[-1],
            len(np.unique(line.pitch)) / len(line.pitch),
        ]
    )


def _bar_likeness(line: Line, bars: int, per_bar: int) -> Floats:
    """Return how alike bars are: rhythm and pitch of each bar and the next, and of its best earlier one."""
    grid = np.full((bars, per_bar), -1)
    inside = (line.onset >= 0) & (line.onset < bars * per_bar)
    grid[line.onset[inside] // per_bar, line.onset[inside] % per_bar] = line.pitch[inside]
    rhythm, pitch, best = [], [], []
    for bar in range(1, bars):
        alike = [_alike(grid[earlier], grid[bar]) for earlier in range(bar)]
        rhythm.append(alike[-1][0])
        pitch.append(alike[-1][1])
        best.append(max(a + b for a, b in alike))
    return np.array([np.mean(values) if values else 0.0 for values in (rhythm, pitch, best)])


def _alike(first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[float, float]:
    """Return the share of onsets two bars have in common, and of those that have the same pitch too."""
    either = max(1, int(np.count_nonzero((first >= 0) | (second >= 0))))
    both = (first >= 0) & (second >= 0)
    return int(np.count_nonzero(both)) / either, int(np.count_nonzero(both & (first == second))) / either


def drum_traits(notes: Sequence[Note], bars: int, grid: Grid = SIXTEENTHS) -> Floats:
    """Return the traits of drums of `bars` bars."""
    hits = np.zeros((bars * grid.steps_per_bar, CLASSES))
    classes = drum_classes([note.pitch for note in notes], "gm") if notes else np.zeros(0, np.int64)
    for note, kind in zip(notes, classes, strict=True):
        step = grid.nearest_step(note.start_beats)
        if kind != NO_CLASS and 0 <= step < len(hits):
            hits[step, kind] = 1
    by_bar = hits.reshape(bars, grid.steps_per_bar, CLASSES)
    together = _shares(hits.sum(axis=1).astype(np.int64), 6)
    either = np.maximum(np.maximum(by_bar[1:], by_bar[:-1]).sum(axis=(1, 2)), 1)
    common = np.minimum(by_bar[1:], by_bar[:-1]).sum(axis=(1, 2)) / either
    pairs = (hits.T @ hits)[np.triu_indices(CLASSES, 1)] / max(hits.sum(), 1)
    return np.concatenate(
        [
            [hits.sum() / bars],
            hits.sum(axis=0) / bars,
            by_bar.mean(axis=0)[:, :4].ravel(),
            by_bar.mean(axis=0).sum(axis=1),
            together,
            pairs,
            [common.mean() if len(common) else 0.0, common.min() if len(common) else 0.0],
        ]
    )


def _played(notes: Sequence[Note], grid: Grid) -> Floats:
    """Return how loud and how late notes were played: means, deviations, and both by place in the beat."""
    steps = np.array([note.start_beats / grid.step_beats for note in notes] or [0.0])
    loud = np.array([float(note.velocity) for note in notes] or [0.0])
    nearest = np.floor(steps + 0.5)
    late, place = steps - nearest, nearest.astype(np.int64) % grid.steps_per_beat
    rows = [(values[place == p]) for values in (loud, late) for p in range(grid.steps_per_beat)]
    return np.array(
        [loud.mean(), loud.std(), late.mean(), late.std()] + [row.mean() if len(row) else 0.0 for row in rows]
    )


def polyphony_traits(line: Line, bars: int, grid: Grid = SIXTEENTHS) -> Floats:
    """Return the traits of many voices in one: how many keys, how spread, which chords, beside a melody's."""
    steps = bars * grid.steps_per_bar
    roll = np.zeros((steps, 128), bool)
    for onset, end, pitch in zip(line.onset, line.end, line.pitch, strict=True):
        roll[max(onset, 0) : end, pitch] = True
    keys = roll.sum(axis=1)
    sounding = [np.flatnonzero(row) for row in roll if row.any()]
    gaps = np.concatenate([np.diff(row) for row in sounding] or [np.zeros(0, np.int64)])
    changed = (roll[1:] != roll[:-1]).any(axis=1).mean()
    spread = [float(np.ptp(row)) for row in sounding] or [0.0]
    middle = [row.mean() for row in sounding] or [0.0]
    return np.concatenate(
        [
            melody_traits(_top(line), bars, grid),
            _shares(keys, 12),
            _shares(gaps, 25),
            [len(line.onset) / bars, changed, np.mean(spread), np.mean(middle), np.std(middle)],
        ]
    )


def _top(line: Line) -> Line:
    """Return the highest note of every onset."""
    last = np.flatnonzero(np.diff(line.onset, append=np.iinfo(np.int64).max) > 0)
    return Line(line.onset[last], line.end[last], line.pitch[last])


def traits(phrase: Phrase, representation_name: str, grid: Grid = SIXTEENTHS) -> Floats:
    """Return the traits of a phrase of a kind of representation."""
    drums = [note for note in phrase.notes if note.channel == DRUM_CHANNEL]
    if representation_name == "drums":
        return drum_traits(drums, phrase.bars, grid)
    if representation_name == "groove":
        return np.concatenate([drum_traits(drums, phrase.bars, grid), _played(drums, grid)])
    pitched = Line.of((note for note in phrase.notes if note.channel != DRUM_CHANNEL), grid)
    if representation_name == "pianoroll":
        return polyphony_traits(pitched, phrase.bars, grid)
    if representation_name != "trio":
        return melody_traits(pitched, phrase.bars, grid)
    parts = [Line.of((note for note in phrase.notes if note.channel == channel), grid) for channel in (0, 1)]
    return np.concatenate(
        [
            *(melody_traits(part, phrase.bars, grid) for part in parts),
            drum_traits(drums, phrase.bars, grid),
        ]
    )
