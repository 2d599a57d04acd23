"""Bar lines from metre events, and ticks onto the step grid inside a run of bars."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.extract.reader import Piece, Track
from training.corpus.metres import FOUR_FOUR, Metre

STEPS_PER_BEAT = FOUR_FOUR.grid.steps_per_beat
"""16ths, in every metre: the grid of all kinds but the piano roll, which may have another."""


@dataclass(frozen=True, slots=True)
class Run:
    """Bars of one metre without a break between them."""

    start_ticks: int
    """Its first bar line."""
    bars: int
    """Its length."""
    metre: Metre = FOUR_FOUR

    @property
    def bar_steps(self) -> int:
        """Steps of a bar."""
        return self.metre.grid.steps_per_bar

    @property
    def steps(self) -> int:
        """Its length on the grid."""
        return self.bars * self.bar_steps


def value_of_steps(marks: Iterable[tuple[int, int]], run: Run, ticks_per_beat: int) -> NDArray[np.uint16]:
    """Return for every step `[S]` of a run the value that holds where its beat begins; 0 before the first.

    Args:
        marks: tick and value of each change, in any order.
        run: where the steps are.
        ticks_per_beat: of the file.
    """
    ordered = sorted(marks)
    values = np.array([0, *(value for _, value in ordered)], np.uint16)
    ticks = np.array([tick for tick, _ in ordered], np.int64)
    beats = np.arange(run.steps) // STEPS_PER_BEAT * STEPS_PER_BEAT
    starts = nearest_steps(ticks - run.start_ticks, ticks_per_beat)
    found: NDArray[np.uint16] = values[np.searchsorted(starts, beats, side="right")]
    return found


@dataclass(frozen=True, slots=True)
class StepNotes:
    """Notes on the grid of one run, as arrays of equal length in order of onset."""

    onset_steps: NDArray[np.int64]
    """Nearest step, a tie to the later one; negative for a note held from before the run."""
    end_steps: NDArray[np.int64]
    """Step of the release, at least one after the onset."""
    late_steps: NDArray[np.float64]
    """How much later than its step the note was played, -0.5 to below 0.5."""
    pitch: NDArray[np.int64]
    velocity: NDArray[np.int64]


def runs(piece: Piece, metre: Metre = FOUR_FOUR) -> list[Run]:
    """Return the runs of whole bars of a metre; a bar cut short by a metre change breaks a run."""
    bar_ticks = metre.grid.beats_per_bar * piece.ticks_per_beat
    found: list[Run] = []
    ends = [tick for tick, _, _ in piece.metres[1:]]
    for index, (tick, numerator, denominator) in enumerate(piece.metres):
        last = index == len(ends)
        bars = _bars_to_end(piece, tick, metre) if last else (ends[index] - tick) // bar_ticks
        if (numerator, denominator) not in metre.signatures or bars <= 0:
            continue
        if found and found[-1].start_ticks + found[-1].bars * bar_ticks == tick:
            found[-1] = Run(found[-1].start_ticks, found[-1].bars + bars, metre)
        else:
            found.append(Run(tick, bars, metre))
    return found


def _bars_to_end(piece: Piece, start_ticks: int, metre: Metre) -> int:
    """Count the bars from a metre change on that hold every onset, on its step, and every release."""
    last_onset = max(int(track.start_ticks[-1]) for track in piece.tracks)
    last_step = int(
        nearest_steps(np.array([last_onset - start_ticks]), piece.ticks_per_beat, metre.grid.steps_per_beat)[
            0
        ]
    )
    bar_ticks = metre.grid.beats_per_bar * piece.ticks_per_beat
    bars_to_onset = last_step // metre.grid.steps_per_bar + 1
    return max(-(-(piece.end_ticks - start_ticks) // bar_ticks), bars_to_onset)


def on_grid(track: Track, run: Run, ticks_per_beat: int) -> StepNotes:
    """Quantise the notes that sound in a run. Onsets are rounded before anything is cut."""
    division = run.metre.grid.steps_per_beat
    start = nearest_steps(track.start_ticks - run.start_ticks, ticks_per_beat, division)
    end = np.maximum(nearest_steps(track.end_ticks - run.start_ticks, ticks_per_beat, division), start + 1)
    inside = (start < run.steps) & (end > 0)
    start, end = start[inside], end[inside]
    exact = (track.start_ticks[inside] - run.start_ticks) * (division / ticks_per_beat)
    late = (exact - start).astype(np.float64)
    return StepNotes(start, end, late, track.pitch[inside], track.velocity[inside])


def nearest_steps(
    ticks: NDArray[np.int64], ticks_per_beat: int, steps_per_beat: int = STEPS_PER_BEAT
) -> NDArray[np.int64]:
    """Round ticks to steps in integers, a tie to the later step, as `Grid.nearest_step` does."""
    return (2 * steps_per_beat * ticks + ticks_per_beat) // (2 * ticks_per_beat)
