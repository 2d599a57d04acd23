"""Which track of a file is the melody or the drums, and which bars to take; and why."""

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import MidiFileError
from engine.song import EARLY_BEATS, PHRASE_BEATS_PER_BAR, Run, Song, Track

MELODY_NAMES = (
    r"melod|vocal|\bvox\b|voice|voix|stimme\b|gesang|chant\b|canto\b|\bsing|\blead\b|\btune\b",
    r"\b(soprano?|tenore?|contralto|alto|baritone?)\b(?!.*(sax|trom|horn|clar))",
    r"\bsolo\b|principal",
    r"violin[eo]? *(1|i)\b",
)
"""Words in track names, the surest first."""
SINGLE_LINE = 0.7
"""Share of notes that start after the one before has ended, from which a track is a single line."""
OVERLAP_BEATS = 0.125
"""Legato players let notes overlap by so much."""


Ints = npt.NDArray[np.int64]


class ChosenTrack(NamedTuple):
    """A track and why it was taken."""

    track: Track
    why: str


class ChosenBars(NamedTuple):
    """Bars to cut a phrase from; fewer than asked for where the song has no more together."""

    first_bar: int
    bars: int
    why: str


def choose_melody(song: Song) -> ChosenTrack:
    """Choose by name, else the highest of the single lines; MidiFileError if nothing is pitched."""
    pitched = [track for track in song.tracks if not track.is_drum]
    if not pitched:
        what = "only drums" if song.tracks else "no notes"
        raise MidiFileError(f"{song.name}: {what}, no melody; choose a file with a pitched track")
    if len(pitched) == 1:
        return ChosenTrack(pitched[0], "the only pitched track")
    for words in MELODY_NAMES:
        named = [track for track in pitched if re.search(words, track.name.casefold())]
        if named:
            return ChosenTrack(max(named, key=lambda track: (single_line(track), len(track))), "by its name")
    busy = max(len(track) for track in pitched)
    candidates = [track for track in pitched if len(track) >= busy / 10]
    lines = [track for track in candidates if single_line(track) >= SINGLE_LINE]
    highest = max(lines or candidates, key=lambda track: float(np.mean(track.pitch)))
    return ChosenTrack(highest, "the highest single line" if lines else "the highest track")


def choose_drums(song: Song) -> ChosenTrack:
    """Choose the drum track with most notes; MidiFileError if there is none on channel 10."""
    drums = [track for track in song.tracks if track.is_drum]
    if not drums:
        named = [track.label for track in song.tracks if "drum" in track.name.casefold()]
        remedy = f"name the track to take, perhaps {named[0]}" if named else "name the track to take"
        raise MidiFileError(f"{song.name}: no track on the drum channel 10; {remedy}")
    why = "the only drum track" if len(drums) == 1 else "the drum track with most notes"
    return ChosenTrack(max(drums, key=len), why)


def find_track(song: Song, wanted: str) -> ChosenTrack:
    """Find a track by its number in the file or its name.

    Raises:
        MidiFileError: there is none, or the name means several; the line lists them.
    """
    name = wanted.strip().casefold()
    for matches in (
        [track for track in song.tracks if str(track.chunk + 1) == name],
        [track for track in song.tracks if track.name.casefold() == name],
        [track for track in song.tracks if name and name in track.name.casefold()],
    ):
        if len(matches) == 1:
            return ChosenTrack(matches[0], "as asked")
        if matches:
            several = ", ".join(track.label for track in matches[:8])
            raise MidiFileError(f"{song.name}: {wanted!r} means {several}; name one of them by its number")
    there = ", ".join(track.label for track in song.tracks[:8]) or "none with notes"
    raise MidiFileError(f"{song.name}: no track {wanted!r}; there are: {there}")


def single_line(track: Track) -> float:
    """Return the share of notes that start when the one before has ended, 1 for a pure melody."""
    if len(track) < 2:
        return 1.0
    ends = track.start_beats + track.duration_beats
    free = track.start_beats[1:] >= ends[:-1] - np.minimum(OVERLAP_BEATS, track.duration_beats[:-1] / 2)
    return float(np.mean(free))


def choose_bars(song: Song, track: Track, bars: int) -> ChosenBars:
    """Choose the first `bars` bars in 4/4 that all have an onset of the track, else the fullest.

    Raises:
        MidiFileError: the song has no bar of four beats.
    """
    runs = song.runs()
    if not runs:
        metres = ", ".join(dict.fromkeys(str(metre) for metre in song.metres))
        raise MidiFileError(f"{song.name}: no bar in 4/4 (it is in {metres}); choose a file with bars in 4/4")
    long_enough = [run for run in runs if run.bars >= bars]
    if not long_enough:
        longest = max(runs, key=lambda run: run.bars)
        return ChosenBars(longest.first_bar, longest.bars, "the longest stretch in 4/4")
    fullest, most = ChosenBars(long_enough[0].first_bar, bars, "the first in 4/4"), 0
    for run in long_enough:
        played, counts = _onsets_by_bar(track, run)
        together = np.flatnonzero(played[bars - 1 :] - played[: len(played) - bars + 1] == bars - 1)
        if len(together):
            first = run.first_bar + int(played[together[0]])
            return ChosenBars(first, bars, "the first with notes in every bar")
        first, onsets = _fullest_window(played, counts, run.bars, bars)
        if onsets > most:
            fullest, most = ChosenBars(run.first_bar + first, bars, "those with most notes"), onsets
    return fullest


def _onsets_by_bar(track: Track, run: Run) -> tuple[Ints, Ints]:
    """Return the bars of a run that have onsets (counted from its first), and how many."""
    start = run.start_beats - EARLY_BEATS
    ends = [start, start + run.bars * PHRASE_BEATS_PER_BAR]
    first, last = np.searchsorted(track.start_beats, ends)
    bars = ((track.start_beats[first:last] - start) / PHRASE_BEATS_PER_BAR).astype(np.int64)
    return np.unique(np.minimum(bars, run.bars - 1), return_counts=True)


def _fullest_window(played: Ints, counts: Ints, run_bars: int, bars: int) -> tuple[int, int]:
    """Return where the window of `bars` with most onsets begins, and how many it has."""
    if not len(played):
        return 0, 0
    firsts = np.minimum(played, run_bars - bars)
    before = np.concatenate([[0], np.cumsum(counts)])
    onsets = before[np.searchsorted(played, firsts + bars)] - before[np.searchsorted(played, firsts)]
    best = int(onsets.argmax())
    return int(firsts[best]), int(onsets[best])
