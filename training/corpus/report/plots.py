"""The report's plots, each a matplotlib figure."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engine.music.kits import CLASS_NAMES
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.scales import KEYS, PITCH_NAMES
from training.corpus.dataset import Corpus
from training.corpus.report.splits_compared import SPLIT_COLOURS, Comparison, comparison_figures
from training.corpus.report.statistics import PITCH_CLASSES
from training.corpus.report.survey import OFFSET_BINS, Survey
from training.corpus.sources import SPLITS

BLUE, ORANGE, GREEN, PURPLE, GREY = "#3b6fb6", "#d9822b", "#4c9a6a", "#8a6fb3", "#b8bec6"
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e6ea",
    "font.size": 9,
    "figure.dpi": 110,
}


def figures(
    corpus: Corpus, info: Mapping[str, Any], numbers: Survey, compared: Comparison
) -> dict[str, Figure]:
    """Return the plots that have something to show, by file name without ending."""
    with mpl.rc_context(STYLE):
        made = {
            "rejected": _rejected(info["rejected"], info["files"]),
            "windows": _windows(info["windows"]),
            "metres": _metres(numbers),
            "tempos": _tempos(numbers),
            "keys": _keys(numbers),
            "density": _density(numbers),
            "pitches": _pitches(numbers),
            "drums": _drums(numbers),
            "feel": _feel(numbers),
            "styles": _by_split("Styles", numbers.styles),
            "players": _by_split("Players", numbers.players),
            **comparison_figures(compared),
            "examples": _examples(corpus),
        }
        for figure in made.values():
            if figure:
                figure.tight_layout()
    return {name: figure for name, figure in made.items() if figure}


def _axes(title: str, width: float = 6.4, height: float = 3.0) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def _horizontal(axes: Axes, counts: Mapping[str, float], colour: str, form: str = "{:,.0f}") -> None:
    """Draw labelled horizontal bars, the first on top."""
    labels = list(counts)
    bars = axes.barh(range(len(labels)), list(counts.values()), height=0.7, color=colour)
    axes.set_yticks(range(len(labels)), labels)
    _space_for_three(axes, len(labels))
    axes.grid(axis="y", visible=False)
    axes.bar_label(bars, labels=[form.format(value) for value in counts.values()], padding=3, fontsize=8)
    axes.margins(x=0.15)


def _space_for_three(axes: Axes, bars: int) -> None:
    """Let one or two horizontal bars be no higher than of three, in the middle; the first is on top."""
    spare = max(0, 3 - bars) / 2
    axes.set_ylim(bars - 0.5 + spare, -0.5 - spare)


def _by_split(title: str, counts: Mapping[str, Mapping[str, int]]) -> Figure | None:
    """Draw files by label, the splits side by side in one bar; None where nothing is labelled."""
    names = sorted({name for split in counts.values() for name in split}, key=by_number)
    if not names:
        return None
    figure, axes = _axes(title, height=1.2 + 0.28 * len(names))
    left = np.zeros(len(names))
    for split, found in counts.items():
        values = np.array([found.get(name, 0) for name in names], float)
        axes.barh(range(len(names)), values, height=0.7, left=left, color=SPLIT_COLOURS[split], label=split)
        left += values
    axes.set_yticks(range(len(names)), names)
    _space_for_three(axes, len(names))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("files")
    axes.legend(frameon=False, fontsize=8)
    return figure


def by_number(name: str) -> list[tuple[int, str]]:
    """Return what sorts a name by the numbers in it: drummer2 before drummer10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _rejected(reasons: Mapping[str, int], used: int) -> Figure:
    figure, axes = _axes("Files", height=1.2 + 0.28 * (len(reasons) + 1))
    _horizontal(axes, {"used": used, **reasons}, ORANGE)
    axes.patches[0].set_facecolor(BLUE)
    axes.set_xlabel("files")
    return figure


def _windows(windows: Mapping[str, Mapping[str, Any]]) -> Figure:
    figure, axes = _axes("Windows by length", height=1.3 + 0.7 * len(windows))
    parts: list[tuple[str, str, Callable[[Mapping[str, Any]], int]]] = [
        *((split, SPLIT_COLOURS[split], itemgetter(split)) for split in SPLITS),
        ("duplicate", PURPLE, lambda entry: sum(entry["duplicates"].values())),
        ("dropped", GREY, lambda entry: sum(entry["dropped"].values())),
    ]
    left = np.zeros(len(windows))
    for label, colour, count in parts:
        widths = np.array([count(entry) for entry in windows.values()])
        axes.barh(range(len(windows)), widths, left=left, color=colour, label=label, height=0.6)
        left = left + widths
    axes.set_yticks(range(len(windows)), [f"{bars} bars" for bars in windows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("windows")
    axes.legend(ncols=5, fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.45, 1.0))
    axes.set_title("Windows by length", pad=24)
    return figure


def _metres(numbers: Survey) -> Figure:
    total = max(1, sum(numbers.metre_beats.values()))
    shares = {name: 100 * beats / total for name, beats in numbers.metre_beats.most_common(8)}
    refused = dict(numbers.refused_metres.most_common(8))
    figure = Figure(figsize=(9.0, 0.9 + 0.28 * max(len(shares), len(refused), 3)))
    left, right = figure.subplots(1, 2)
    left.set_title("Metres of the used files (share of beats)")
    _horizontal(left, shares, BLUE, "{:.1f} %")
    right.set_title("Main metre of refused files")
    _horizontal(right, refused or {"none": 0}, ORANGE)
    return figure


def _tempos(numbers: Survey) -> Figure:
    figure, axes = _axes("Tempos")
    axes.hist(np.clip(numbers.tempos_bpm, 0, 260), bins=list(range(0, 265, 5)), color=BLUE)
    axes.set(xlabel="bpm (longest tempo of each file)", ylabel="files")
    return figure


def _keys(numbers: Survey) -> Figure | None:
    if not numbers.keys:
        return None
    figure, axes = _axes("Keys (Krumhansl's profiles)")
    places = np.arange(12)
    for offset, mode, colour in ((-0.2, "major", BLUE), (0.2, "minor", ORANGE)):
        counts = [numbers.keys[f"{tonic} {mode}"] for tonic in PITCH_CLASSES]
        axes.bar(places + offset, counts, 0.4, color=colour, label=mode)
    axes.set_xticks(places, KEYS)
    axes.set_ylabel("files")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False)
    return figure


def _density(numbers: Survey) -> Figure:
    figure, axes = _axes("Note density")
    counts = np.bincount(numbers.onsets_per_bar, minlength=numbers.bar_steps + 1)
    axes.bar(np.arange(len(counts)), counts, color=BLUE)
    axes.set(xlabel=f"steps with an onset in a bar of {numbers.bar_steps}", ylabel="stored bars")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", visible=False)
    return figure


def _pitches(numbers: Survey) -> Figure | None:
    if not numbers.pitches.any():
        return None
    figure, axes = _axes("Pitches")
    axes.bar(np.arange(128), numbers.pitches, 1.0, color=BLUE)
    octaves = np.arange(24, 109, 12)
    axes.set_xticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves.tolist()])
    axes.set(xlim=(20, 109), ylabel="note onsets")
    return figure


def _drums(numbers: Survey) -> Figure | None:
    if not numbers.drum_classes.any():
        return None
    figure, axes = _axes("Drum classes")
    counts = zip(CLASS_NAMES, numbers.drum_classes.tolist(), strict=True)
    _horizontal(axes, dict(counts), BLUE)
    axes.set_xlabel("hits")
    return figure


def _feel(numbers: Survey) -> Figure | None:
    if not numbers.velocities.any():
        return None
    figure = Figure(figsize=(9.0, 3.0))
    left, right = figure.subplots(1, 2)
    left.set_title("Velocities")
    left.bar(np.arange(128), numbers.velocities, 1.0, color=BLUE)
    left.set(xlabel="MIDI velocity", ylabel="hits")
    right.set_title("Micro-timing")
    right.bar(
        (np.arange(OFFSET_BINS) + 0.5) / OFFSET_BINS - 0.5, numbers.offsets, 1 / OFFSET_BINS, color=BLUE
    )
    right.set(xlabel="steps from the grid: late < 0 < early", ylabel="hits")
    return figure


# Example windows ----------------------------------------------------------------------------

_EXAMPLES = 6


def _examples(corpus: Corpus) -> Figure | None:
    """Draw windows spread evenly over the training split."""
    ids = corpus.window_ids("train")
    if not len(ids):
        return None
    chosen = ids[np.linspace(0, len(ids) - 1, min(_EXAMPLES, len(ids))).astype(int)]
    figure = Figure(figsize=(9.0, 4.6))
    grid = figure.subplots(2, 3, squeeze=False).ravel()
    for axes, window in zip(grid, corpus.batch(chosen), strict=False):
        _draw_window(axes, corpus.kind.name, window)
        for bar in range(0, corpus.steps + 1, corpus.metre.grid.steps_per_bar):
            axes.axvline(bar, color="#9aa3ad", linewidth=0.8)
        axes.set(xlim=(0, corpus.steps), xticks=range(0, corpus.steps + 1, corpus.steps // 2))
        axes.grid(visible=False)
    for axes in grid[len(chosen) :]:
        axes.set_axis_off()
    grid[0].set_title(f"Examples: {corpus.bars} bars each, from the training split")
    return figure


def _draw_window(axes: Axes, kind: str, window: Any) -> None:
    lines = {"melody": 1, "words": 1, "trio": 2, "accompaniment": 3}.get(kind, 0)
    if lines:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.yaxis.set_major_formatter(lambda pitch, _: PITCH_NAMES.get(round(pitch), ""))
        for stream, colour in enumerate((BLUE, GREEN, PURPLE)[:lines]):
            _draw_line(axes, window[:, stream].tolist(), colour)
        if kind in ("trio", "accompaniment"):
            steps = np.flatnonzero(window[:, lines] > 0)
            axes.plot(steps + 0.5, np.full(len(steps), 24), "|", color=ORANGE, markersize=5)
    elif kind == "pianoroll":
        axes.imshow(window.T, aspect="auto", origin="lower", cmap="Blues", extent=(0, len(window), 21, 109))
    else:
        _draw_hits(axes, kind, window)


def _draw_line(axes: Axes, tokens: Sequence[int], colour: str) -> None:
    """Draw melody tokens as bars."""
    events = [step for step, token in enumerate(tokens) if token] + [len(tokens)]
    for step, end in pairwise(events):
        if tokens[step] >= FIRST_NOTE:
            pitch = tokens[step] - FIRST_NOTE + LOWEST_PITCH
            axes.barh(pitch, end - step - 0.15, left=step, height=0.9, color=colour)


def _draw_hits(axes: Axes, kind: str, window: Any) -> None:
    if kind == "drums":
        hits = (window[:, 0, None] >> np.arange(len(CLASS_NAMES))) & 1
        strength = hits.astype(float)
    else:
        strength = window[:, len(CLASS_NAMES) : 2 * len(CLASS_NAMES)]
    axes.imshow(
        strength.T,
        aspect="auto",
        origin="lower",
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(0, len(window), -0.5, len(CLASS_NAMES) - 0.5),
    )
    axes.set_yticks(range(len(CLASS_NAMES)), CLASS_NAMES, fontsize=7)
