"""What the report says about a file: size, metres, tempo, key, pitches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.extract.reader import Piece

PITCH_CLASSES = ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""Krumhansl and Kessler's key profiles, from the tonic up."""
_KEYS = tuple(f"{tonic} {mode}" for mode in ("major", "minor") for tonic in PITCH_CLASSES)


def _standardised_profiles() -> NDArray[np.float64]:
    """Return `[24, 12]` profiles of all keys with mean 0 and length 1."""
    rolled = np.array([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
    centred = rolled - rolled.mean(axis=1, keepdims=True)
    profiles: NDArray[np.float64] = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return profiles


_PROFILES = _standardised_profiles()


@dataclass(frozen=True, slots=True)
class FileStatistics:
    """One file, whole, not only the bars that were kept."""

    notes: int
    tracks: int
    beats: float
    """Length in quarter notes."""
    bpm: float
    """The tempo that holds longest; 120 where the file has none."""
    metres: dict[str, float]
    """Beats in each metre, by `numerator/denominator`."""
    key: str
    """Estimate by Krumhansl's profiles, empty for drums."""


def statistics_of(piece: Piece) -> FileStatistics:
    """Measure a file."""
    return FileStatistics(
        notes=piece.notes,
        tracks=len(piece.tracks),
        beats=round(piece.end_ticks / piece.ticks_per_beat, 3),
        bpm=round(_main_tempo(piece), 2),
        metres=metre_beats(piece),
        key=estimate_key(pitch_class_weights(piece)),
    )


def pitch_class_weights(piece: Piece) -> NDArray[np.float64]:
    """Return sounding ticks of each pitch class `[12]`, drums left out."""
    weights = np.zeros(12)
    for track in piece.tracks:
        if not track.is_drum:
            ticks = (track.end_ticks - track.start_ticks).astype(np.float64)
            weights += np.bincount(track.pitch % 12, weights=ticks, minlength=12)
    return weights


def estimate_key(weights: NDArray[np.float64]) -> str:
    """Return the key whose profile correlates best with pitch class weights `[12]`; empty if flat."""
    if weights.std() == 0:
        return ""
    # the correlation up to a factor that is the same for every key
    return _KEYS[int(np.argmax(_PROFILES @ (weights - weights.mean())))]


def _main_tempo(piece: Piece) -> float:
    if not piece.tempos_bpm:
        return 120.0
    ends = [tick for tick, _ in piece.tempos_bpm[1:]] + [piece.end_ticks]
    spans: dict[float, int] = {}
    for (tick, bpm), end in zip(piece.tempos_bpm, ends, strict=True):
        spans[bpm] = spans.get(bpm, 0) + max(0, end - tick)
    return max(spans, key=lambda bpm: spans[bpm])


def metre_beats(piece: Piece) -> dict[str, float]:
    """Return the beats in each metre, by `numerator/denominator`."""
    ends = [tick for tick, _, _ in piece.metres[1:]] + [piece.end_ticks]
    beats: dict[str, float] = {}
    for (tick, numerator, denominator), end in zip(piece.metres, ends, strict=True):
        name = f"{numerator}/{denominator}"
        beats[name] = beats.get(name, 0.0) + max(0, end - tick) / piece.ticks_per_beat
    return {name: round(value, 3) for name, value in beats.items() if value > 0}
