"""The feel of each drummer and of each style: as numbers, and as curves over the bar.

A drummer's timing is a curve: how early or late each 16th of a bar is played. A model that has learned
a drummer follows it; one that has learned the mean of all draws the same line for everyone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.music.groove import HITS, OFFSETS, VELOCITIES
from training.evaluation.humanising import Frames, Humanised, Performance, feel_errors
from training.evaluation.rolls import STYLE

LABELS = ("player", "style")
STEPS_PER_BAR = 16
FEWEST_HITS = 5
"""A place of the bar with fewer hits has no point on a curve."""
MOST_CURVES = 12
PLAYED, WRITTEN = "#22262b", "#d9822b"


@dataclass(frozen=True, slots=True, eq=False)
class Feel:
    """How the 16ths of a bar are played, by all drums together; nan where hardly anything is."""

    late_ms: NDArray[np.float64]
    """`[16]`, above 0 where later than the grid."""
    velocity: NDArray[np.float64]
    """`[16]`, 0 to 127."""


def errors_by(of: Humanised, label: str) -> dict[str, dict[str, float]]:
    """Return what `feel_errors` finds for each drummer or style, and the number of its performances."""
    found = {}
    for name, chosen in _groups(of, label).items():
        played = [of.played[index] for index in chosen]
        errors = feel_errors(played, [of.written[index] for index in chosen])
        found[name] = {"performances": float(len(chosen)), **errors}
    return found


def feel_curves(of: Humanised, label: str) -> dict[str, tuple[Feel, Feel]]:
    """Return for each drummer or style how it was played, and how the model plays the same hits."""
    curves = {}
    for name, chosen in _groups(of, label).items():
        played = [of.played[index] for index in chosen]
        curves[name] = (
            feel_of(played, [performance.frames for performance in played]),
            feel_of(played, [of.written[index] for index in chosen]),
        )
    return curves


def feel_of(played: list[Performance], frames: list[Frames]) -> Feel:
    """Measure the 16ths of a bar, in `frames` at the hits that were played."""
    late, loud = np.zeros(STEPS_PER_BAR), np.zeros(STEPS_PER_BAR)
    counts = np.zeros(STEPS_PER_BAR)
    for performance, written in zip(played, frames, strict=True):
        hit = performance.frames[:, HITS] > 0.5
        half_step_ms = 60_000 / performance.bpm / 4 / 2
        place = np.broadcast_to((np.arange(len(hit)) % STEPS_PER_BAR)[:, None], hit.shape)[hit]
        # An offset above 0 is early, in half steps.
        late += np.bincount(place, -written[:, OFFSETS][hit] * half_step_ms, STEPS_PER_BAR)
        loud += np.bincount(place, written[:, VELOCITIES][hit] * 127, STEPS_PER_BAR)
        counts += np.bincount(place, minlength=STEPS_PER_BAR)
    enough = counts >= FEWEST_HITS
    return Feel(*(np.where(enough, total / np.maximum(counts, 1), np.nan) for total in (late, loud)))


def _groups(of: Humanised, label: str) -> dict[str, list[int]]:
    """Return which performances each name has, the names in order."""
    found: dict[str, list[int]] = {}
    for index, performance in enumerate(of.played):
        name = performance.player if label == "player" else performance.style
        if name and (performance.frames[:, HITS] > 0.5).any():
            found.setdefault(name, []).append(index)
    return dict(sorted(found.items()))


def curves_picture(curves: Mapping[str, tuple[Feel, Feel]], label: str) -> Figure:
    """Draw timing and velocity over the bar, a column for each drummer or style, played and by the model."""
    shown = list(curves.items())[:MOST_CURVES]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.0 + 2.0 * len(shown), 3.6), layout="constrained")
        grid = figure.subplots(2, len(shown), squeeze=False, sharex=True, sharey="row")
        for column, (name, (played, written)) in enumerate(shown):
            for row, of in enumerate(("late_ms", "velocity")):
                axes = grid[row][column]
                axes.plot(getattr(played, of), ".-", markersize=4, color=PLAYED, label="played")
                axes.plot(getattr(written, of), ".-", markersize=4, color=WRITTEN, label="model")
                axes.set_xticks(range(0, STEPS_PER_BAR, 4), ["1", "2", "3", "4"])
                axes.grid(axis="x", color="#e3e6ea")
            grid[0][column].set_title(name)
            grid[0][column].axhline(0, color="#9aa3ad", linewidth=0.6)
        grid[0][0].set_ylabel("late, ms")
        grid[1][0].set_ylabel("velocity")
        grid[0][0].legend(frameon=False, fontsize=7)
        figure.suptitle(f"Feel over the bar, by {label}", fontsize=9)
    return figure
