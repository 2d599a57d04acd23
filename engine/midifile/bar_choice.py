"""Which bars of a file a phrase is taken from, and why.

A model takes so many beats in bars of its own. Bars of another metre fit as `engine.music.metre_fit` lays
them into those: exactly (four of 2/4 into two of 4/4), or with rests between them (two of 3/4).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from engine.errors import MidiFileError
from engine.midifile.song import Ints, Run, Song, Track
from engine.midifile.window import Window, is_straight, window_of_run
from engine.music.grid import EARLY_BEATS
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.metre_fit import MetreFit, fit_for

Part = Sequence[Track]
"""Tracks that make one part, one or more."""


class ChosenBars(NamedTuple):
    """Bars to cut a phrase from; fewer than fit where the song has no more together."""

    window: Window
    why: str


class _Best(NamedTuple):
    """A window that has most, and of how many parts and bars it has onsets."""

    window: Window
    sounding: int
    onsets: int


class Length(NamedTuple):
    """What a model takes."""

    bars: int
    """1 or more."""
    metres: tuple[Metre, ...] = (FOUR_FOUR,)
    """Those whose bars it knows, its own first."""
    representation: str = ""
    """Name of its tensors."""
    window_bars: int = 0
    """Bars that it hears at once, which no bar of the music may be longer than; 0 for all of `bars`."""
    remedy: Callable[[int], str] = lambda bars: "choose a longer model or file"
    """Says what to do about music whose shortest bar takes so many of the model's."""

    def fit(self, run: Run) -> MetreFit:
        """Return how bars of a run stand in the model's."""
        return fit_for(run.metre.metre, self.representation, self.metres)


def bars_that_fit(run: Run, length: Length) -> int:
    """Return how many bars of a run go into a model's length; 0 if one alone is longer."""
    fit = length.fit(run)
    if fit.model_bars > (length.window_bars or length.bars):
        return 0
    return length.bars // fit.model_bars * fit.bars_together


def fits_exactly(run: Run, length: Length) -> bool:
    """Return whether bars of a run stand in a model's without rests."""
    return length.fit(run).exact


def choose_bars(song: Song, parts: Sequence[Part], length: Length) -> ChosenBars:
    """Choose the first bars that all have an onset of every part, else the fullest.

    Bars that fill the length exactly are preferred, then the nearest that fit, then shorter stretches.

    Args:
        song: the song.
        parts: one or more, of its tracks.
        length: what the model takes.

    Raises:
        MidiFileError: the song has no bar that is short enough.
    """
    runs = [run for run in song.runs() if bars_that_fit(run, length)]
    if not runs:
        raise MidiFileError(f"{song.name}: {_no_bars(song, length)}")
    onsets = [_onsets(part) for part in parts]
    fallback: ChosenBars | None = None
    for exact in (True, False):
        alike = [run for run in runs if fits_exactly(run, length) == exact]
        long_enough = [run for run in alike if run.bars >= bars_that_fit(run, length)]
        found = _fullest(song, onsets, long_enough, length)
        if found is None:
            continue
        chosen = ChosenBars(found.window, _reason(found, len(parts)))
        if found.onsets:
            return chosen
        fallback = fallback or chosen
    return _longest(song, onsets, runs, length, fallback)


def _no_bars(song: Song, length: Length) -> str:
    metres = ", ".join(dict.fromkeys(str(metre) for metre in song.metres[:8]))
    room = min(length.bars, length.window_bars or length.bars)
    shortest = min((length.fit(run).model_bars for run in song.runs()), default=0)
    return (
        f"no whole bar that fits into {room} of {length.metres[0]} (it is in {metres}); "
        f"{length.remedy(shortest)}"
    )


def _reason(found: _Best, parts: int) -> str:
    if found.sounding == found.window.bars * parts:
        return "the first with notes in every bar" if parts == 1 else "the first with every part in every bar"
    return "those with notes in most bars" if parts == 1 else "those where most parts sound"


def _fullest(song: Song, parts: Sequence[Ints], runs: Sequence[Run], length: Length) -> _Best | None:
    """Return the first full window of runs that are long enough, else the fullest."""
    best: _Best | None = None
    for run in runs:
        bars = bars_that_fit(run, length)
        first, sounding, onsets = _fullest_window(parts, run, bars)
        found = _Best(window_of_run(song, run, first, bars), sounding, onsets)
        if sounding == bars * len(parts):
            return found
        share = Fraction(sounding, bars), onsets
        if best is None or share > (Fraction(best.sounding, best.window.bars), best.onsets):
            best = found
    return best


def _longest(
    song: Song, parts: Sequence[Ints], runs: Sequence[Run], length: Length, fallback: ChosenBars | None
) -> ChosenBars:
    """Return the longest stretch that is too short for the length, of those with onsets first."""

    def rank(run: Run) -> tuple[bool, Fraction]:
        return any(len(_bars_of(part, run)) for part in parts), run.end_ticks - run.start_ticks

    short = [run for run in runs if run.bars < bars_that_fit(run, length)]
    if not short or (fallback and not any(rank(run)[0] for run in short)):
        return fallback or ChosenBars(window_of_run(song, runs[0], 0, runs[0].bars), "the only ones")
    run = max(short, key=rank)
    return ChosenBars(window_of_run(song, run, 0, run.bars), f"the longest stretch in {run.metre}")


def playable(song: Song, length: Length) -> Song:
    """Return the song with those of its tracks that play in bars a phrase can be cut from.

    Bars that fill the length exactly count, where no track plays in them the nearest that fit; where
    none plays in these either, the song stays as it is.
    """
    for exact in (True, False):
        runs = [
            run
            for run in song.runs()
            if run.bars >= bars_that_fit(run, length) > 0 and fits_exactly(run, length) == exact
        ]
        tracks = tuple(track for track in song.tracks if _plays_in(track, runs, length))
        if tracks:
            return song.with_tracks(tracks)
    return song


def _plays_in(track: Track, runs: Sequence[Run], length: Length) -> bool:
    """Return whether a track has an onset a bar in the length of a phrase, or all it has, in some runs."""
    if not runs:
        return False
    first = np.array([int(run.start_ticks) for run in runs])
    last = np.array([int(run.end_ticks) for run in runs])
    at = np.searchsorted(first, track.start_ticks, side="right") - 1
    inside = int(np.count_nonzero((at >= 0) & (track.start_ticks < last[np.maximum(at, 0)])))
    return inside >= min(len(track), max(bars_that_fit(run, length) for run in runs))


def _onsets(part: Part) -> Ints:
    """Return the onsets of a part's tracks in order, those that may be early moved to where they count."""
    shifted = [
        track.start_ticks + (0 if is_straight(track) else int(EARLY_BEATS * track.ppq)) for track in part
    ]
    return np.sort(np.concatenate(shifted))


def _fullest_window(parts: Sequence[Ints], run: Run, bars: int) -> tuple[int, int, int]:
    """Return where the first of the windows of `bars` begins in which every bar has most of the parts.

    Returns:
        Its first bar (counted from the run's first), in how many bars its parts sound (the sum over
        the parts), and how many onsets they have. Onsets count where the parts are even, unless all
        sound throughout.
    """
    by_part = [np.unique(_bars_of(part, run), return_counts=True) for part in parts]
    played, counts = (np.concatenate(column) for column in zip(*by_part, strict=True))
    if not len(played):
        return 0, 0, 0
    order = np.argsort(played, kind="stable")
    played, before = played[order], np.concatenate([[0], np.cumsum(counts[order])])
    firsts = np.minimum(np.unique(played), run.bars - bars)
    begin, end = np.searchsorted(played, firsts), np.searchsorted(played, firsts + bars)
    sounding, onsets = end - begin, before[end] - before[begin]
    whole = np.flatnonzero(sounding == bars * len(parts))
    at = whole[0] if len(whole) else (sounding * (onsets.max() + 1) + onsets).argmax()
    return int(firsts[at]), int(sounding[at]), int(onsets[at])


def _bars_of(onset_ticks: Ints, run: Run) -> Ints:
    """Return the bar of each onset in a run, counted from its first."""
    first, last = np.searchsorted(onset_ticks, [int(run.start_ticks), int(run.end_ticks)])
    origin, length = run.start_ticks, run.bar_ticks
    parts = onset_ticks[first:last] * origin.denominator - origin.numerator
    bars: Ints = parts * length.denominator // (origin.denominator * length.numerator)
    return np.clip(bars, 0, run.bars - 1)
