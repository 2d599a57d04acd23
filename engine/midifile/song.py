"""A MIDI file as music: tracks, tempo, metre and bar lines, and phrases cut out of them."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import MidiFileError
from engine.music.notes import Note, Phrase

EARLY_BEATS = 0.125
"""A note up to half a 16th before a bar line belongs to the bar that follows."""
PHRASE_BEATS_PER_BAR = 4.0
"""Phrases are cut from bars of four quarter notes (4/4, 2/2)."""
ROUNDING_BEATS = 1e-6


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo from a point on."""

    start_beats: float
    bpm: float
    """Quarter notes a minute."""


@dataclass(frozen=True, slots=True)
class Metre:
    """A stretch of bars of one metre. It ends where the next begins, in mid bar if it must."""

    start_beats: float
    end_beats: float
    numerator: int
    denominator: int
    first_bar: int
    """Its first bar's number in the song, counted from 0."""
    bars: int
    """Bars in it; the last is shorter where the next metre begins before its end."""

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a whole bar."""
        return 4.0 * self.numerator / self.denominator

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a song."""

    index: int
    start_beats: float
    length_beats: float
    metre: Metre


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The notes of one channel of one track; columns `[N]`, ordered by onset, then pitch."""

    name: str
    chunk: int
    """Index of the track chunk in the file, counted from 0."""
    channel: int
    """0 to 15."""
    program: int
    """General MIDI program of its first note, 0 to 127."""
    start_beats: npt.NDArray[np.float64]
    duration_beats: npt.NDArray[np.float64]
    pitch: npt.NDArray[np.int64]
    velocity: npt.NDArray[np.int64]

    @property
    def is_drum(self) -> bool:
        """Whether it is on the drum channel."""
        return self.channel == 9

    @property
    def label(self) -> str:
        """What to call it so that no other track of the file is meant."""
        name = f" {self.name!r}" if self.name else ""
        return f"track {self.chunk + 1}{name} (channel {self.channel + 1})"

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, in beats from the start of the file; built afresh at each call."""
        return self._notes(np.arange(len(self.pitch)), 0.0)

    def __len__(self) -> int:
        return len(self.pitch)

    def between(self, start_beats: float, end_beats: float, origin_beats: float) -> tuple[Note, ...]:
        """Return the notes that sound between two points, in beats from `origin_beats`."""
        ends = self.start_beats + self.duration_beats
        inside = (self.start_beats < end_beats) & (ends > start_beats)
        return self._notes(np.flatnonzero(inside), origin_beats)

    def _notes(self, rows: npt.NDArray[np.int64], origin_beats: float) -> tuple[Note, ...]:
        starts = (self.start_beats[rows] - origin_beats).tolist()
        columns = (self.pitch[rows], self.duration_beats[rows], self.velocity[rows])
        rest = zip(*(column.tolist() for column in columns), strict=True)
        return tuple(
            Note(start, pitch, duration, velocity, self.channel)
            for start, (pitch, duration, velocity) in zip(starts, rest, strict=True)
        )


class Run(NamedTuple):
    """Neighbouring whole bars of four beats."""

    first_bar: int
    bars: int
    start_beats: float


@dataclass(frozen=True, slots=True, eq=False)
class Song:
    """A MIDI file that was read."""

    name: str
    """File name, for messages."""
    form: int
    ppq: int
    tempos: tuple[Tempo, ...]
    """One or more; the first at 0."""
    metres: tuple[Metre, ...]
    """One or more, without gaps; the first at 0."""
    tracks: tuple[Track, ...]
    """Those that have notes."""
    length_beats: float
    warnings: tuple[str, ...] = ()
    """What was wrong with the file and how it was read."""

    @property
    def bpm(self) -> float:
        """The tempo at the first note."""
        first = min((float(track.start_beats[0]) for track in self.tracks), default=0.0)
        starts = [tempo.start_beats for tempo in self.tempos]
        return self.tempos[bisect_right(starts, first) - 1].bpm

    @property
    def bars(self) -> int:
        """Number of bars; the last one reaches to its bar line."""
        return self.metres[-1].first_bar + self.metres[-1].bars

    def bar(self, index: int) -> Bar:
        """Return a bar by its number from 0; MidiFileError where there is none."""
        if not 0 <= index < self.bars:
            raise MidiFileError(f"{self.name}: no bar {index + 1}; choose one of 1 to {self.bars}")
        metre = self.metres[bisect_right([metre.first_bar for metre in self.metres], index) - 1]
        start = metre.start_beats + (index - metre.first_bar) * metre.beats_per_bar
        return Bar(index, start, min(metre.beats_per_bar, metre.end_beats - start), metre)

    def bar_at(self, beats: float) -> Bar:
        """Return the bar a point lies in; the last bar for anything beyond."""
        starts = [metre.start_beats for metre in self.metres]
        metre = self.metres[max(bisect_right(starts, beats + ROUNDING_BEATS) - 1, 0)]
        inside = int((beats - metre.start_beats + ROUNDING_BEATS) / metre.beats_per_bar)
        return self.bar(metre.first_bar + min(max(inside, 0), metre.bars - 1))

    def runs(self) -> list[Run]:
        """Return the stretches of whole bars of four beats, which phrases can be cut from."""
        runs: list[Run] = []
        for metre in self.metres:
            if metre.beats_per_bar != PHRASE_BEATS_PER_BAR:
                continue
            whole = int((metre.end_beats - metre.start_beats + ROUNDING_BEATS) / PHRASE_BEATS_PER_BAR)
            if runs and runs[-1].first_bar + runs[-1].bars == metre.first_bar:
                runs[-1] = runs[-1]._replace(bars=runs[-1].bars + whole)
            elif whole:
                runs.append(Run(metre.first_bar, whole, metre.start_beats))
        return runs

    def phrase(self, track: Track, first_bar: int, bars: int) -> Phrase:
        """Cut bars of four beats out of a track.

        Raises:
            MidiFileError: the song has no such bars, or one of them is in another metre.
        """
        start = self.bar(first_bar).start_beats
        for index in range(first_bar, first_bar + bars):
            bar = self.bar(index)
            if bar.length_beats != PHRASE_BEATS_PER_BAR:
                raise MidiFileError(f"{self.name}: bar {index + 1} {_odd(bar)}; {self._where_to_cut()}")
        end = start + bars * PHRASE_BEATS_PER_BAR
        notes = track.between(start - EARLY_BEATS, end, start)
        return Phrase.of(notes, bars, PHRASE_BEATS_PER_BAR).window(0, bars, early_beats=EARLY_BEATS)

    def _where_to_cut(self) -> str:
        runs = [f"{run.first_bar + 1}-{run.first_bar + run.bars}" for run in self.runs()[:4]]
        return f"choose bars in 4/4: {', '.join(runs)}" if runs else "choose a file with bars in 4/4"


def _odd(bar: Bar) -> str:
    if bar.metre.beats_per_bar != PHRASE_BEATS_PER_BAR:
        return f"is in {bar.metre}"
    return f"has {bar.length_beats:g} beats only"


def metre_spans(changes: list[tuple[float, int, int]], length_beats: float) -> tuple[Metre, ...]:
    """Turn metre changes (start in beats, numerator, denominator) into stretches of bars.

    Before the first change, and without any, the metre is 4/4. Of changes at one point the
    last counts. Every change starts a new bar.
    """
    at: dict[float, tuple[int, int]] = {0.0: (4, 4)}
    for start, numerator, denominator in sorted(changes, key=lambda change: change[0]):
        at[start] = numerator, denominator
    starts = sorted(at)
    spans: list[Metre] = []
    first_bar = 0
    for start, end in zip(starts, [*starts[1:], max(length_beats, starts[-1])], strict=True):
        numerator, denominator = at[start]
        beats_per_bar = 4.0 * numerator / denominator
        bars = max(math.ceil((end - start - ROUNDING_BEATS) / beats_per_bar), 0)
        end = start + bars * beats_per_bar if start == starts[-1] else end
        spans.append(Metre(start, end, numerator, denominator, first_bar, bars))
        first_bar += bars
    return tuple(spans)
