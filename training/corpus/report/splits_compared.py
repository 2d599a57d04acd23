"""Train against valid and test: how long, high, far apart, full and loud the notes of each split are.

Counted on the notes of windows spread evenly over a split, so that a page about a large corpus takes
seconds. Two splits are compared by their *overlap*: the sum of the smaller share of every value, 1 where
the splits are alike and 0 where they have nothing in common.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.music import representation as representations
from engine.music.drums import drum_classes
from engine.music.kits import CLASS_NAMES
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.scales import PITCH_NAMES
from training.corpus.dataset import Corpus
from training.corpus.sources import SPLITS

MOST_WINDOWS = 1_000
"""Windows of a split that are counted."""
LARGEST_INTERVAL = 12
"""Semitones; larger intervals are counted with this one."""
LONGEST_STEPS = 16
MOST_SOUNDING = 12
SPLIT_COLOURS = dict(zip(SPLITS, ("#3b6fb6", "#d9822b", "#4c9a6a"), strict=True))


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often each value of one property occurs in each split."""

    title: str
    unit: str
    counts: Mapping[str, Counter[int]]
    """By split; the last value of a scale stands for itself and all beyond."""
    name_of: Callable[[int], str] = str

    @property
    def values(self) -> list[int]:
        """The values that occur, in order."""
        return sorted({value for counted in self.counts.values() for value in counted})

    def shares(self, split: str) -> list[float]:
        """Return the share of each of `values` in a split; zeros where the split has none."""
        counted = self.counts[split]
        return [counted[value] / max(1, counted.total()) for value in self.values]

    def mean(self, split: str) -> float | None:
        """Return the mean value in a split; None where it has none."""
        counted = self.counts[split]
        total = counted.total()
        return sum(value * count for value, count in counted.items()) / total if total else None

    def overlap(self, split: str, other: str) -> float | None:
        """Return the overlap of two splits, 0 to 1; None where one has no values."""
        if not self.counts[split].total() or not self.counts[other].total():
            return None
        return sum(map(min, self.shares(split), self.shares(other)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was counted, by the file name of its plot."""

    distributions: Mapping[str, Distribution]
    loudness: Mapping[str, Mapping[int, list[int]]]
    """Velocities by split and drum class; empty where the corpus keeps none."""


def compare_splits(corpus: Corpus) -> Comparison:
    """Count the notes of every split."""
    phrases = {split: phrases_of(corpus, split) for split in SPLITS}
    step_beats = corpus.metre.grid.step_beats
    found = {
        name: Distribution(
            title, unit, {split: Counter(count(of, step_beats)) for split, of in phrases.items()}, label
        )
        for name, (title, unit, count, label) in COUNTED.items()
    }
    kept = {name: each for name, each in found.items() if each.values}
    loud = corpus.kind.name == "groove"
    return Comparison(kept, {split: velocities(of) for split, of in phrases.items()} if loud else {})


def phrases_of(corpus: Corpus, split: str) -> list[Phrase]:
    """Return up to `MOST_WINDOWS` windows of a split as phrases."""
    name = "melody" if corpus.kind.name == "words" else corpus.kind.name
    representation = representations.representation(name, corpus.bars, corpus.metre.grid)
    ids = corpus.spread_ids(split, MOST_WINDOWS)
    if not len(ids):
        return []
    tensors = corpus.batch(ids)
    first = 1 if name == "accompaniment" else 0  # its melody is what is accompanied
    end = first + len(representation.streams) if representation.streams else tensors.shape[2]
    # A voice that an accompaniment has not got is -1 throughout.
    return [representation.decode(np.maximum(tensor[:, first:end], 0)) for tensor in tensors]


# What is counted ----------------------------------------------------------------------------


def _pitched(phrase: Phrase) -> list[Note]:
    return [note for note in phrase.notes if note.channel != DRUM_CHANNEL]


def lengths_steps(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield the length of every pitched note in steps."""
    for phrase in phrases:
        for note in _pitched(phrase):
            yield min(LONGEST_STEPS, max(1, round(note.duration_beats / step_beats)))


def intervals_semitones(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield the interval from each onset of a voice to its next; of a chord the highest note counts."""
    for phrase in phrases:
        for channel in {note.channel for note in _pitched(phrase)}:
            highest = dict(sorted((n.start_beats, n.pitch) for n in phrase.notes if n.channel == channel))
            for before, pitch in pairwise(highest.values()):
                yield max(-LARGEST_INTERVAL, min(LARGEST_INTERVAL, pitch - before))


def sounding(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield how many pitched notes sound at each step."""
    for phrase in phrases:
        steps = np.zeros(round(phrase.length_beats / step_beats), np.int64)
        for note in _pitched(phrase):
            first = round(note.start_beats / step_beats)
            steps[first : first + max(1, round(note.duration_beats / step_beats))] += 1
        if _pitched(phrase):
            yield from np.minimum(steps, MOST_SOUNDING).tolist()


def pitches(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield the MIDI number of every pitched note."""
    return (note.pitch for phrase in phrases for note in _pitched(phrase))


def notes_a_bar(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield the number of notes, drums and all, that begin in each bar."""
    for phrase in phrases:
        counted = Counter(int(max(0.0, note.start_beats) // phrase.beats_per_bar) for note in phrase.notes)
        yield from (counted[bar] for bar in range(phrase.bars))


def drums(phrases: Iterable[Phrase], step_beats: float) -> Iterable[int]:
    """Yield the class of every drum hit."""
    struck = [note.pitch for phrase in phrases for note in phrase.notes if note.channel == DRUM_CHANNEL]
    return [drum for drum in drum_classes(struck, "gm").tolist() if drum >= 0] if struck else []


Count = Callable[[Iterable[Phrase], float], Iterable[int]]
COUNTED: Mapping[str, tuple[str, str, Count, Callable[[int], str]]] = {
    "note_lengths": (
        "Note lengths",
        "steps",
        lengths_steps,
        lambda steps: f"{steps}+" if steps == LONGEST_STEPS else str(steps),
    ),
    "intervals": (
        "Intervals between the highest notes",
        "semitones",
        intervals_semitones,
        lambda steps: f"{steps:+d}" if steps else "0",
    ),
    "polyphony": ("Notes that sound together", "notes", sounding, str),
    "pitches_by_split": ("Pitches", "note", pitches, PITCH_NAMES.__getitem__),
    "density_by_split": ("Notes in a bar", "notes", notes_a_bar, str),
    "drums_by_split": ("Drums", "", drums, lambda drum: CLASS_NAMES[drum]),
}


def velocities(phrases: Iterable[Phrase]) -> dict[int, list[int]]:
    """Return the velocities of every drum class that is struck."""
    found: dict[int, list[int]] = {}
    for phrase in phrases:
        classes = drum_classes([note.pitch for note in phrase.notes], "gm").tolist() if phrase.notes else []
        for note, drum in zip(phrase.notes, classes, strict=True):
            if drum >= 0:
                found.setdefault(drum, []).append(note.velocity)
    return dict(sorted(found.items()))


# Plots --------------------------------------------------------------------------------------


def comparison_figures(compared: Comparison) -> dict[str, Figure]:
    """Return a plot for each distribution, and one of the velocities, by file name without ending."""
    made = {name: _shares(each) for name, each in compared.distributions.items()}
    if any(compared.loudness.values()):
        made["velocities_by_drum"] = _loudness(compared.loudness)
    return made


def _shares(each: Distribution) -> Figure:
    """Draw the shares of the splits side by side."""
    figure = Figure(figsize=(6.4, 3.0))
    axes = figure.add_subplot()
    present = [split for split in SPLITS if each.counts[split]]
    width, values = 0.8 / len(present), each.values
    for place, split in enumerate(present):
        offset = (place - (len(present) - 1) / 2) * width
        places = np.arange(len(values)) + offset
        axes.bar(places, each.shares(split), width, label=split, color=SPLIT_COLOURS[split], linewidth=0)
    every = max(1, -(-len(values) // 20))
    labels = [each.name_of(value) for value in values[::every]]
    axes.set_xticks(np.arange(0, len(values), every), labels, rotation=30 if max(map(len, labels)) > 4 else 0)
    alike = each.overlap("train", "test")
    axes.set_title(each.title)
    if alike is not None:
        axes.set_title(f"train and test overlap by {alike:.2f}", loc="right", fontsize=9, fontweight="normal")
    axes.set(xlabel=each.unit, ylabel="share")
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _loudness(loudness: Mapping[str, Mapping[int, list[int]]]) -> Figure:
    """Draw the middle half and the median of the velocities of every drum class, the splits side by side."""
    figure = Figure(figsize=(9.0, 3.4))
    axes = figure.add_subplot()
    classes = sorted({drum for split in loudness.values() for drum in split})
    present = [split for split in SPLITS if loudness.get(split)]
    for place, split in enumerate(present):
        _boxes(axes, loudness[split], classes, (place - (len(present) - 1) / 2) * 0.25, split)
    axes.set_xticks(range(len(classes)), [CLASS_NAMES[drum] for drum in classes])
    axes.set_title("Velocities by drum: median, middle half, and 5th to 95th percentile")
    axes.set(ylabel="MIDI velocity", ylim=(0, 128))
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return figure


def _boxes(
    axes: Axes, of: Mapping[int, list[int]], classes: Sequence[int], offset: float, split: str
) -> None:
    colour = SPLIT_COLOURS[split]
    struck = [(place + offset, of[drum]) for place, drum in enumerate(classes) if drum in of]
    for place, values in struck:
        low, first, middle, third, high = np.percentile(values, (5, 25, 50, 75, 95))
        axes.vlines(place, low, high, color=colour, linewidth=1)
        axes.bar(place, third - first, 0.2, bottom=first, color=colour, alpha=0.6)
        axes.hlines(middle, place - 0.1, place + 0.1, color="#22262b", linewidth=1.5)
    axes.bar(0, 0, color=colour, alpha=0.6, label=split)
