"""A MIDI file as music: tracks, tempo map, metres and bar lines, all in ticks, which compare exactly."""

import math
from bisect import bisect_right
from fractions import Fraction
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.errors import MidiFileError
from engine.music.metre import Metre
from engine.music.notes import DRUM_CHANNEL, Note

Ints = npt.NDArray[np.int64]

NO_MESSAGES: Ints = np.zeros((0, 4), np.int64)


class Tempo(msgspec.Struct, frozen=True):
    """A tempo from a point on."""

    start_ticks: int
    microseconds: int
    """Of a quarter note, 1 or more."""

    @property
    def bpm(self) -> float:
        """Quarter notes a minute."""
        return 60e6 / self.microseconds


class MetreSpan(msgspec.Struct, frozen=True):
    """A stretch of bars of one metre. It ends where the next begins, in mid bar if it must."""

    start_ticks: Fraction
    end_ticks: Fraction
    bar_ticks: Fraction
    """Length of a whole bar; in coarse files not a whole number."""
    numerator: int
    denominator: int
    first_bar: int
    """Its first bar's number in the song, counted from 0."""
    bars: int
    """Bars in it; the last is shorter where the next metre begins before its end."""

    @property
    def beats_per_bar(self) -> Fraction:
        """Quarter notes in a whole bar."""
        return Fraction(4 * self.numerator, self.denominator)

    @property
    def metre(self) -> Metre:
        """Its metre."""
        return Metre(self.numerator, self.denominator)

    def __str__(self) -> str:
        return str(self.metre)


class Bar(msgspec.Struct, frozen=True):
    """One bar of a song."""

    index: int
    start_ticks: Fraction
    length_ticks: Fraction
    metre: MetreSpan

    @property
    def is_whole(self) -> bool:
        """Whether no other metre begins before its end."""
        return self.length_ticks == self.metre.bar_ticks


class Track(msgspec.Struct, frozen=True, eq=False):
    """The notes of one channel of one track; columns `[N]`, ordered by onset, then pitch."""

    name: str
    chunk: int
    """Index of the track chunk in the file, counted from 0."""
    channel: int
    """0 to 15."""
    program: int
    """General MIDI program of its first note, 0 to 127."""
    ppq: int
    """Ticks in a quarter note."""
    start_ticks: Ints
    end_ticks: Ints
    """Where the notes cease to sound, at least one tick after their onsets."""
    pitch: Ints
    velocity: Ints
    release_ticks: Ints
    """Where the keys are let go: before the end of a note that a pedal holds."""
    messages: Ints = msgspec.field(default_factory=lambda: NO_MESSAGES)
    """Tick, status byte and two data bytes of its other channel messages, `[M, 4]`, in order."""

    @property
    def is_drum(self) -> bool:
        """Whether it is on the drum channel."""
        return self.channel == DRUM_CHANNEL

    @property
    def label(self) -> str:
        """What to call it so that no other track of the file is meant."""
        name = f" {self.name!r}" if self.name else ""
        return f"track {self.chunk + 1}{name} (channel {self.channel + 1})"

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, in beats from the start of the file; built afresh at each call."""
        return notes_of(self, self.start_ticks, self.end_ticks, np.arange(len(self)), Fraction(0))

    def __len__(self) -> int:
        return len(self.pitch)


def notes_of(track: Track, starts: Ints, ends: Ints, rows: Ints, origin_ticks: Fraction) -> tuple[Note, ...]:
    """Return some notes of a track in beats from a point, with onsets and ends `[N]` of their own."""
    unit = origin_ticks.denominator
    per_beat = track.ppq * unit
    onsets = starts[rows] * unit - origin_ticks.numerator
    lengths = (ends[rows] - starts[rows]) / track.ppq
    columns = onsets / per_beat, track.pitch[rows], lengths, track.velocity[rows]
    return tuple(
        Note(start, pitch, length, velocity, track.channel)
        for start, pitch, length, velocity in zip(*(column.tolist() for column in columns), strict=True)
    )


class Run(NamedTuple):
    """Neighbouring whole bars of one length."""

    first_bar: int
    bars: int
    start_ticks: Fraction
    metre: MetreSpan
    """Of the first bar."""

    @property
    def bar_ticks(self) -> Fraction:
        """Length of each bar."""
        return self.metre.bar_ticks

    @property
    def end_ticks(self) -> Fraction:
        """Its last bar line."""
        return self.start_ticks + self.bars * self.bar_ticks


class Song(msgspec.Struct, frozen=True, eq=False):
    """A MIDI file that was read; of format 2, the sequence that the tracks at hand belong to."""

    name: str
    """File name, for messages."""
    form: int
    ppq: int
    tempos: tuple[Tempo, ...]
    """One or more; the first at 0."""
    metres: tuple[MetreSpan, ...]
    """One or more, without gaps; the first at 0."""
    tracks: tuple[Track, ...]
    """Those that have notes."""
    length_ticks: int
    warnings: tuple[str, ...] = ()
    """What was wrong with the file and how it was read."""
    sequences: tuple["Song", ...] = ()
    """Of format 2 with several: each with its own map and the tracks of its own."""

    @property
    def bpm(self) -> float:
        """The tempo at the first note."""
        return self.tempo_at(min((int(track.start_ticks[0]) for track in self.tracks), default=0)).bpm

    @property
    def bars(self) -> int:
        """Number of bars; the last one reaches to its bar line."""
        return self.metres[-1].first_bar + self.metres[-1].bars

    def sequence_of(self, track: Track) -> "Song":
        """Return the sequence that a track plays in: of formats 0 and 1 the song itself."""
        return next((song for song in self.sequences if track in song.tracks), self)

    def with_tracks(self, tracks: tuple[Track, ...]) -> "Song":
        """Return the song with some of its tracks only."""
        return replace(self, tracks=tracks)

    def tempo_at(self, ticks: Fraction | int) -> Tempo:
        """Return the tempo in force at a point."""
        return self.tempos[bisect_right([tempo.start_ticks for tempo in self.tempos], ticks) - 1]

    def bar(self, index: int) -> Bar:
        """Return a bar by its number from 0; MidiFileError where there is none."""
        if not 0 <= index < self.bars:
            raise MidiFileError(f"{self.name}: no bar {index + 1}; choose one of 1 to {self.bars}")
        metre = self.metres[bisect_right([metre.first_bar for metre in self.metres], index) - 1]
        start = metre.start_ticks + (index - metre.first_bar) * metre.bar_ticks
        return Bar(index, start, min(metre.bar_ticks, metre.end_ticks - start), metre)

    def bar_at(self, ticks: Fraction | int) -> Bar:
        """Return the bar a point lies in; the last bar for anything beyond."""
        metre = self.metres[max(bisect_right([metre.start_ticks for metre in self.metres], ticks) - 1, 0)]
        inside = int((ticks - metre.start_ticks) / metre.bar_ticks)
        return self.bar(metre.first_bar + min(max(inside, 0), metre.bars - 1))

    def runs(self) -> list[Run]:
        """Return the stretches of whole bars that are alike, which phrases can be cut from."""
        runs: list[Run] = []
        for metre in self.metres:
            whole = int((metre.end_ticks - metre.start_ticks) / metre.bar_ticks)
            last = runs[-1] if runs else None
            if last and last.end_ticks == metre.start_ticks and _alike(last.metre, metre):
                runs[-1] = last._replace(bars=last.bars + whole)
            elif whole:
                runs.append(Run(metre.first_bar, whole, metre.start_ticks, metre))
        return runs


def _alike(one: MetreSpan, other: MetreSpan) -> bool:
    """Return whether bars have one length and are felt alike: those of 2/2 and 4/4, not of 3/4 and 6/8."""
    return one.bar_ticks == other.bar_ticks and one.metre.is_compound == other.metre.is_compound


def metre_spans(changes: list[tuple[int, int, int]], length_ticks: int, ppq: int) -> tuple[MetreSpan, ...]:
    """Turn metre changes (tick, numerator, denominator) into stretches of bars.

    Before the first change, and without any, the metre is 4/4. Of changes at one point the
    last counts. Every change starts a new bar.
    """
    at: dict[int, tuple[int, int]] = {0: (4, 4)}
    for tick, numerator, denominator in sorted(changes, key=lambda change: change[0]):
        at[tick] = numerator, denominator
    starts = sorted(at)
    spans: list[MetreSpan] = []
    first_bar = 0
    for start, end in zip(starts, [*starts[1:], max(length_ticks, starts[-1])], strict=True):
        numerator, denominator = at[start]
        bar_ticks = Fraction(4 * numerator * ppq, denominator)
        bars = math.ceil((end - start) / bar_ticks)
        ended = start + bars * bar_ticks if start == starts[-1] else Fraction(end)
        spans.append(MetreSpan(Fraction(start), ended, bar_ticks, numerator, denominator, first_bar, bars))
        first_bar += bars
    return tuple(spans)
