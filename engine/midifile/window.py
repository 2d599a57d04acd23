"""Bars cut out of a song: their phrases, tempo map, metre and messages. Cutting is done in ticks.

A note belongs to the window that its onset lies in. In a track that was played, not written, a note
shortly before a bar line may be an early downbeat; then it belongs to the window that begins there.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import takewhile
from math import ceil, floor

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import MidiFileError
from engine.midi.messages import PROGRAM
from engine.midifile.controllers import Message, messages_of
from engine.midifile.song import Run, Song, Tempo, Track, notes_of
from engine.music.grid import EARLY_BEATS
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.text import counted

Mask = npt.NDArray[np.bool_]

MOST_NOTES_A_BAR = 4000
"""Forty times what the densest bars of real tracks have; a MIDI cable takes four seconds for them."""

STRAIGHT_SHARE = 0.9
"""Share of onsets on straight places from which a track was written, not played."""
STRAIGHT_PLACES = (16, 24)
"""Parts of a beat that are straight places: 64ths and their triplets."""
COARSE_PPQ = 48
"""Below it most ticks would be straight places; there 32nds and their triplets are."""


class Window(msgspec.Struct, frozen=True, eq=False):
    """Whole bars of one length; made by `window`."""

    song: Song
    first_bar: int
    """Counted from 0."""
    bars: int
    start_ticks: Fraction
    bar_ticks: Fraction
    metre: Metre
    """Of the first bar."""

    @property
    def end_ticks(self) -> Fraction:
        """Its last bar line."""
        return self.start_ticks + self.bars * self.bar_ticks

    @property
    def label(self) -> str:
        """Its bars, counted from 1."""
        first, last = self.first_bar + 1, self.first_bar + self.bars
        return f"bar {first}" if self.bars == 1 else f"bars {first} to {last}"

    def phrase(self, track: Track) -> Phrase:
        """Return what a track plays in it.

        A note sounding across its beginning is kept from there on, one sounding across its end is
        ended there; none is left of less than a tick.
        """
        carried = self._carried(track)
        starts = np.where(carried, ceil(self.start_ticks), track.start_ticks)
        ends = np.maximum(np.minimum(track.end_ticks, floor(self.end_ticks)), starts + 1)
        rows = np.flatnonzero(self.owned(track) | carried)
        notes = notes_of(track, starts, ends, rows, self.start_ticks)
        return Phrase.of(notes, self.bars, self.metre)

    def onsets(self, track: Track) -> int:
        """Return how many notes of a track begin in it."""
        return int(np.count_nonzero(self.owned(track)))

    def lengthened(self, track: Track) -> int:
        """Return how many notes of a track in it a pedal holds beyond their keys."""
        held = (track.end_ticks > track.release_ticks) & (track.release_ticks > track.start_ticks)
        return int(np.count_nonzero(self.owned(track) & held))

    def owned(self, track: Track) -> Mask:
        """Return which notes of a track, `[N]`, begin in it; of all windows side by side each is in one."""
        starts = track.start_ticks
        inside = (starts >= ceil(self.start_ticks)) & (starts < ceil(self.end_ticks))
        inside &= ~early_downbeats(track, self.end_ticks)
        return inside | early_downbeats(track, self.start_ticks)

    def _carried(self, track: Track) -> Mask:
        """Return which notes sound on at its beginning without beginning there."""
        before = (track.start_ticks < ceil(self.start_ticks)) & ~early_downbeats(track, self.start_ticks)
        return before & (track.end_ticks >= ceil(self.start_ticks) + 1)

    def tempos(self) -> tuple[tuple[Fraction, int], ...]:
        """Return its tempo map: beats from its start (the first 0) and microseconds of a quarter note."""
        first = Fraction(0), self.song.tempo_at(self.start_ticks).microseconds
        changes = (
            ((tempo.start_ticks - self.start_ticks) / self.song.ppq, tempo.microseconds)
            for tempo in self.song.tempos
            if self.start_ticks < tempo.start_ticks < self.end_ticks
        )
        return first, *changes

    def last_tempo(self) -> Tempo:
        """Return the tempo at its end, which what follows goes on in."""
        inside = [tempo for tempo in self.song.tempos if tempo.start_ticks < self.end_ticks]
        return inside[-1]

    def program(self, track: Track) -> int:
        """Return the General MIDI program a track begins it with."""
        changes = track.messages[(track.messages[:, 1] & 0xF0) == PROGRAM]
        before = changes[changes[:, 0] <= floor(self.start_ticks)]
        return int(before[-1, 2]) if len(before) else track.program

    def messages(self, track: Track) -> tuple[Message, ...]:
        """Return the messages of a track in it but for its notes, its state at the start first."""
        return messages_of(self.song, track, self.start_ticks, self.end_ticks)


def window(song: Song, first_bar: int, most_bars: int) -> Window:
    """Return bars of a song to cut phrases from: `most_bars`, or as many as follow of the first one's length.

    Raises:
        MidiFileError: the song has no such bar, or it is not whole.
    """
    first = song.bar(first_bar)
    if not first.is_whole:
        beats = float(first.length_ticks / song.ppq)
        raise MidiFileError(f"{song.name}: bar {first_bar + 1} has {beats:g} beats only; {_whole_bars(song)}")
    following = (song.bar(index) for index in range(first_bar, min(first_bar + most_bars, song.bars)))
    alike = takewhile(lambda bar: bar.is_whole and bar.length_ticks == first.length_ticks, following)
    span = first.metre
    return Window(song, first_bar, len(list(alike)), first.start_ticks, span.bar_ticks, span.metre)


def window_of_run(song: Song, run: Run, first: int, bars: int) -> Window:
    """Return bars of a run, `first` counted from the run's own first bar."""
    start = run.start_ticks + first * run.bar_ticks
    return Window(song, run.first_bar + first, bars, start, run.bar_ticks, run.metre.metre)


def refuse_crowd(taken: Window, tracks: Iterable[Track]) -> None:
    """Refuse bars of more notes (MidiFileError) than an answer could be waited for or a session keeps."""
    notes, most = sum(taken.onsets(track) for track in tracks), MOST_NOTES_A_BAR * taken.bars
    if notes > most:
        crowd = f"{counted(notes, 'note')} in {taken.label}, {most} at most"
        raise MidiFileError(f"{taken.song.name}: {crowd}; thin them out in an editor")


def _whole_bars(song: Song) -> str:
    spans = [f"{window_of_run(song, run, 0, run.bars).label} in {run.metre}" for run in song.runs()[:4]]
    return f"choose from {', '.join(spans)}" if spans else "choose a file with whole bars"


def early_downbeats(track: Track, line_ticks: Fraction) -> Mask:
    """Return which notes before a bar line, `[N]`, are its downbeat played early.

    Those begin less than `EARLY_BEATS` before it in a track that was played, sound mostly beyond the
    line (a drum need not), and their key is not struck again about the line.
    """
    starts, reach = track.start_ticks, EARLY_BEATS * track.ppq
    late_enough = starts > floor(line_ticks - reach)
    early = late_enough & (starts < ceil(line_ticks))
    if not early.any() or is_straight(track):
        return np.zeros(len(track), np.bool_)
    if not track.is_drum:
        early &= track.end_ticks - floor(line_ticks) >= ceil(line_ticks) - starts
    around = np.flatnonzero(late_enough & (starts < ceil(line_ticks + reach)))
    for row in np.flatnonzero(early).tolist():
        again = around[(track.pitch[around] == track.pitch[row]) & (starts[around] > starts[row])]
        early[row] = not len(again)
    return early


def is_straight(track: Track) -> bool:
    """Return whether a track was written on straight places: 64ths and their triplets, to half a tick."""
    parts = STRAIGHT_PLACES if track.ppq >= COARSE_PPQ else tuple(part // 2 for part in STRAIGHT_PLACES)
    on_place = np.zeros(len(track), np.bool_)
    for part in parts:
        off = (track.start_ticks * part) % track.ppq  # in parts of a tick
        on_place |= 2 * np.minimum(off, track.ppq - off) <= part
    return bool(np.mean(on_place) >= STRAIGHT_SHARE) if len(track) else True
