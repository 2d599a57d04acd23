"""Quantised streams: what is stored of a run of bars, and the marks that windows are judged by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.music.melody import FIRST_NOTE, melody_tokens
from training.corpus.extract.bars import Run, StepNotes

ONSET = 1
"""Something starts at this step."""
OFF_GRID = 2
"""An onset here was played more than `OFF_GRID_STEPS` from its step: a triplet, a grace note."""
POLYPHONIC = 4
"""An onset here was a chord, or came while another note went on for more than a step."""
ACTIVE_BAR = 8
"""At the first step of a bar: every part of the stream sounds somewhere in the bar."""

OFF_GRID_STEPS = 0.25
"""Triplet eighths miss the 16th grid by a third of a step, 32nds by half a step."""
GAP_BARS = 4
"""A longer silence ends a segment."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A bar-aligned stretch of one part (or one combination of parts) of a file."""

    part: str
    """Track name, or how the parts were combined."""
    start_ticks: int
    """Its first bar line in the file."""
    steps: NDArray[np.generic]
    """`[S, W]` in the kind's own form."""
    marks: NDArray[np.uint8]
    """`[S]` sums of `ONSET`, `OFF_GRID`, `POLYPHONIC`, `ACTIVE_BAR`."""
    held: NDArray[np.uint8]
    """`[S, H]` token of the note that sounds on into a step from before, 0 where there is none."""


def line_tokens(notes: StepNotes, total_steps: int) -> NDArray[np.uint8]:
    """Return the melody tokens `[S]` of one part."""
    return melody_tokens(notes.onset_steps, notes.end_steps, notes.pitch, total_steps)


def sounding_tokens(tokens: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for every step the note token that sounds during it, 0 where it is silent. `[S]`"""
    last_event = np.maximum.accumulate(np.where(tokens > 0, np.arange(len(tokens)), 0))
    state = tokens[last_event]
    return np.where(state >= FIRST_NOTE, state, 0).astype(np.uint8)


def held_tokens(sounding: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the token that sounds in the step before, 0 at the first step. `[S]`"""
    return np.concatenate([np.zeros(1, np.uint8), sounding[:-1]])


def onset_marks(notes: StepNotes, total_steps: int) -> NDArray[np.uint8]:
    """Return `ONSET`, `OFF_GRID` and `POLYPHONIC` marks `[S]` of notes in order of onset."""
    marks = np.zeros(total_steps, np.uint8)
    inside = notes.onset_steps >= 0
    onset = notes.onset_steps[inside]
    marks[onset] |= ONSET
    marks[onset[np.abs(notes.late_steps[inside]) > OFF_GRID_STEPS]] |= OFF_GRID
    if len(notes.onset_steps):
        steps, crowded = crowded_onsets(notes.onset_steps, notes.end_steps, notes.pitch)
        marks[steps[crowded & (steps >= 0)]] |= POLYPHONIC
    return marks


def crowded_onsets(
    onset: NDArray[np.int64], end: NDArray[np.int64], pitch: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where more than one voice plays.

    Args:
        onset: `[N]` onset steps in order, at least one.
        end: `[N]` steps of the releases.
        pitch: `[N]` MIDI pitches.

    Returns:
        The distinct onset steps `[M]`, and for each whether it is a chord or comes while an
        earlier note goes on for more than a step.
    """
    first = np.append(0, np.flatnonzero(onset[1:] != onset[:-1]) + 1)  # where each onset step begins
    steps = onset[first]
    crowded = np.maximum.reduceat(pitch, first) != np.minimum.reduceat(pitch, first)
    ends_before = np.maximum.accumulate(np.maximum.reduceat(end, first))
    crowded[1:] |= ends_before[:-1] > steps[1:] + 1
    return steps, crowded


def bar_any(flags: ArrayLike, bar_steps: int) -> NDArray[np.bool_]:
    """Return for each bar `[bars]` whether any of its steps `[S]` is set."""
    active: NDArray[np.bool_] = (np.asarray(flags) != 0).reshape(-1, bar_steps).any(axis=1)
    return active


def with_bar_marks(marks: NDArray[np.uint8], active: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Add `ACTIVE_BAR` at the bar lines of the active bars `[bars]`."""
    marked = marks.copy()
    marked[:: len(marks) // max(1, len(active))] |= np.where(active, ACTIVE_BAR, 0).astype(np.uint8)
    return marked


def active_spans(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return `[first bar, end bar)` of the stretches with no more than `GAP_BARS` silent bars inside."""
    bars = np.flatnonzero(active)
    if not len(bars):
        return []
    breaks = np.flatnonzero(np.diff(bars) > GAP_BARS + 1)
    firsts = np.concatenate([[bars[0]], bars[breaks + 1]])
    lasts = np.concatenate([bars[breaks], [bars[-1]]])
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def cut_segments(
    part: str,
    run: Run,
    ticks_per_beat: int,
    active: NDArray[np.bool_],
    steps: NDArray[np.generic],
    marks: NDArray[np.uint8],
    held: NDArray[np.uint8],
) -> list[Segment]:
    """Return the stretches of a run's stream `[S, W]` between silences longer than the gap."""
    found = []
    for first, end in active_spans(active):
        cut = slice(first * run.bar_steps, end * run.bar_steps)
        start_ticks = run.start_ticks + first * run.metre.grid.beats_per_bar * ticks_per_beat
        found.append(Segment(part, start_ticks, steps[cut], marks[cut], held[cut]))
    return found
