"""Musical attributes of tokens, and the directions in latent space that change them.

Definitions follow the attribute vectors of MusicVAE (Roberts et al. 2018, arXiv 1803.05428), with
two decisions of our own: `in_scale` is the share of notes in the major scale that fits the phrase
best, not in C major, so that it means the same in every key; and a direction is the one that moves
its own attribute while a linear model of the data says that all others stay, where the paper takes
the difference of two means, which drags along whatever the attribute occurs with.

Shape legend: N phrases, T steps, A attributes, Z latent size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.representation import Representation

Floats = npt.NDArray[np.float64]
Tokens = npt.NDArray[np.int64]
Measure = Callable[[npt.NDArray[Any]], Floats]
"""From a batch of the representation's tensors `[N, T, ...]` to a value each, `[N]`; nan if undefined."""

MAJOR = (0, 2, 4, 5, 7, 9, 11)
DRUM_CLASSES = 9
RIDGE = 1e-2
"""Penalty of the linear model, as a share of the mean variance of a latent dimension."""
LARGEST_STEP = 0.5
"""Longest direction, as a share of the mean length of a latent: beyond, decoding leaves the data."""
STRETCHES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Multiples of a direction that are tried, to find where it changes its attribute by one deviation."""
CALIBRATION_LATENTS = 48
"""Phrases that are moved for each of them: each costs two decodings a stretch."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An attribute: its name, its unit and how it is measured."""

    name: str
    unit: str
    measure: Measure


# Melodies, tokens [N, T] --------------------------------------------------------------------


def density(onsets: npt.NDArray[np.bool_]) -> Floats:
    """Return onsets per step of `[N, T]`."""
    share: Floats = onsets.mean(axis=1, dtype=np.float64)
    return share


def syncopation(onsets: npt.NDArray[np.bool_]) -> Floats:
    """Return the share of onsets on odd 16ths with no onset on the 16th before."""
    late = onsets[:, 1::2] & ~onsets[:, 0::2]
    return _share(late.sum(axis=1), onsets.sum(axis=1))


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def register(tokens: Tokens) -> Floats:
    """Return the mean pitch of the onsets, in MIDI numbers."""
    onsets = tokens >= FIRST_NOTE
    return _share(((tokens - FIRST_NOTE + LOWEST_PITCH) * onsets).sum(axis=1), onsets.sum(axis=1))


def interval(tokens: Tokens) -> Floats:
    """Return the mean size of the steps between successive onsets, in semitones."""
    return np.array([_mean_interval(line[line >= FIRST_NOTE]) for line in tokens])


def _mean_interval(pitches: Tokens) -> float:
    return float(np.abs(np.diff(pitches)).mean()) if len(pitches) > 1 else float("nan")


def in_scale(tokens: Tokens) -> Floats:
    """Return the share of onsets in the major scale (or its modes) that holds most of them."""
    onsets = tokens >= FIRST_NOTE
    pitch_class = (tokens - FIRST_NOTE + LOWEST_PITCH) % 12
    counts = np.stack([(onsets & (pitch_class == tone)).sum(axis=1) for tone in range(12)], axis=1)
    scales = np.zeros((12, 12))
    for key in range(12):
        scales[[(key + degree) % 12 for degree in MAJOR], key] = 1
    return _share((counts @ scales).max(axis=1), onsets.sum(axis=1))


def _melodic(stream: int, prefix: str = "") -> tuple[Definition, ...]:
    def of(measure: Callable[[Tokens], Floats]) -> Measure:
        return lambda tensors: measure(tensors[..., stream])

    return (
        Definition(f"{prefix}density", "onsets per step", of(lambda x: density(x >= FIRST_NOTE))),
        Definition(f"{prefix}register", "semitones", of(register)),
        Definition(f"{prefix}syncopation", "share of onsets", of(lambda x: syncopation(x >= FIRST_NOTE))),
        Definition(f"{prefix}interval", "semitones", of(interval)),
        Definition(f"{prefix}in_scale", "share of onsets", of(in_scale)),
    )


# Drums --------------------------------------------------------------------------------------


def drum_hits(tokens: Tokens) -> npt.NDArray[np.bool_]:
    """Unpack drum tokens `[N, T]` to hits `[N, T, 9]`."""
    hits: npt.NDArray[np.bool_] = (tokens[..., None] >> np.arange(DRUM_CLASSES)) & 1 > 0
    return hits


def _struck(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the steps `[N, T]` at which any drum of `[N, T, 9]` hits."""
    struck: npt.NDArray[np.bool_] = np.logical_or.reduce(hits, axis=2)
    return struck


def _drumming(
    hits_of: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]], prefix: str
) -> tuple[Definition, ...]:
    return (
        Definition(f"{prefix}density", "hits per step", lambda x: hits_of(x).sum(axis=2).mean(axis=1)),
        Definition(f"{prefix}syncopation", "share of onsets", lambda x: syncopation(_struck(hits_of(x)))),
        Definition(f"{prefix}variety", "drums in use", lambda x: hits_of(x).any(axis=1).sum(axis=1) * 1.0),
    )


def _strokes(rolls: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where keys of `[N, T, K]` begin to sound."""
    sounding = rolls > 0.5
    before = np.concatenate([np.zeros_like(sounding[:, :1]), sounding[:, :-1]], axis=1)
    return sounding & ~before


def _mean_key(rolls: npt.NDArray[Any]) -> Floats:
    """Return the mean pitch of the strokes, in MIDI numbers."""
    strokes = _strokes(rolls).sum(axis=1)
    return _share((strokes * (LOWEST_PITCH + np.arange(strokes.shape[1]))).sum(axis=1), strokes.sum(axis=1))


def _of_hits(part: int) -> Measure:
    """Return the mean velocity (part 1) or offset (part 2) of a groove's hits."""

    def measure(frames: npt.NDArray[Any]) -> Floats:
        hits = frames[..., :DRUM_CLASSES] > 0.5
        values = frames[..., part * DRUM_CLASSES : (part + 1) * DRUM_CLASSES]
        return _share((values * hits).sum(axis=(1, 2)), hits.sum(axis=(1, 2)))

    return measure


def definitions(representation: Representation) -> tuple[Definition, ...]:
    """Return the attributes that a representation's music has."""
    if representation.name == "melody":
        return _melodic(0)
    if representation.name == "drums":
        return _drumming(lambda x: drum_hits(x[..., 0]), "")
    if representation.name == "groove":
        return (
            *_drumming(lambda x: x[..., :DRUM_CLASSES] > 0.5, ""),
            Definition("loudness", "velocity, 0 to 1", _of_hits(1)),
            Definition("lateness", "steps", _of_hits(2)),
        )
    if representation.name == "pianoroll":
        return (
            Definition("density", "strokes per step", lambda x: _strokes(x).sum(axis=2).mean(axis=1)),
            Definition("register", "semitones", _mean_key),
        )
    if representation.name == "trio":
        bass = _melodic(1, "bass_")[0]
        return (*_melodic(0), bass, *_drumming(lambda x: drum_hits(x[..., 2]), "drum_")[:1])
    return ()


def measure_all(attributes: tuple[Definition, ...], tensors: npt.NDArray[Any]) -> Floats:
    """Return every attribute of every phrase, `[N, A]`; nan where it is undefined."""
    return np.stack([attribute.measure(tensors).astype(np.float64) for attribute in attributes], axis=1)


# Directions ---------------------------------------------------------------------------------


def directions(latents: Floats, values: Floats) -> Floats:
    """Return a direction for each attribute, `[A, Z]`.

    Moving along one changes its own attribute by one standard deviation of the data and no other,
    by a linear model of the attributes given the latent, on the shortest way as the data's own
    covariance measures length. Where the model would have to go too far, the direction is cut to
    `LARGEST_STEP`.

    Args:
        latents: `[N, Z]`, draws from the posteriors of phrases. Not mu: what a latent means to the
            decoder is what phrases drawn around it have in common.
        values: `[N, A]` their attributes, nan where undefined.
    """
    centred = latents - latents.mean(axis=0)
    spread = deviations_of(values)
    spread = np.where(spread > 0, spread, 1)
    scores = np.nan_to_num((values - _mean(values)) / spread)
    covariance = centred.T @ centred / len(centred)
    ridge = RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance + ridge, centred.T @ scores / len(centred)).T  # [A, Z]
    along = (covariance + ridge) @ weights.T  # [Z, A]
    found: Floats = np.linalg.lstsq((weights @ along).T, along.T, rcond=None)[0]
    longest = LARGEST_STEP * float(np.linalg.norm(latents, axis=1).mean())
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found * np.minimum(1, longest / np.maximum(lengths, 1e-12)))


def calibrated(
    attributes: tuple[Definition, ...],
    found: Floats,
    deviations: Floats,
    latents: Floats,
    decode: Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]],
) -> Floats:
    """Stretch directions until a step of each, decoded, changes its own attribute by one deviation.

    A decoder that learned to see through its posterior's noise answers a small move not at all and a
    large one at once, so the linear model's lengths fall short. No direction gets longer than
    `LARGEST_STEP` allows; one that never reaches its deviation gets the length that changes most.

    Args:
        attributes: what the directions are of.
        found: `[A, Z]`.
        deviations: `[A]`, standard deviations of the attributes in the data.
        latents: `[N, Z]`; the first `CALIBRATION_LATENTS` are moved, all give the length of a latent.
        decode: from `[N, Z]` to the representation's tensors `[N, T, ...]`.
    """
    longest = LARGEST_STEP * float(np.linalg.norm(latents, axis=1).mean())
    latents = latents[:CALIBRATION_LATENTS]
    stretched = np.array(found, dtype=np.float64)
    for index, (attribute, direction) in enumerate(zip(attributes, found, strict=True)):
        room = longest / max(float(np.linalg.norm(direction)), 1e-12)
        factors = [factor for factor in STRETCHES if factor <= room * (1 + 1e-6)] or [min(room, 1.0)]
        changes: list[float] = []
        for factor in factors:
            ends = [
                _mean(attribute.measure(decode((latents + sign * factor * direction).astype(np.float32))))
                for sign in (1, -1)
            ]
            changes.append(float(ends[0] - ends[1]) / 2 / max(float(deviations[index]), 1e-12))
            if changes[-1] >= 1:
                break
        stretched[index] *= _reaching(factors, changes)
    return stretched


def deviations_of(values: Floats) -> Floats:
    """Return the standard deviations `[A]` of what is defined in `[N, A]`; nan where nothing is."""
    return np.sqrt(_mean((values - _mean(values)) ** 2))


def _mean(values: Floats) -> Floats:
    """Return the mean over the first axis of what is defined; nan where nothing is, as for silence."""
    defined = ~np.isnan(values)
    total, count = np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _reaching(factors: list[float], changes: list[float]) -> float:
    """Return the least factor at which the change is 1, on straight lines between those that were tried."""
    for index, change in enumerate(changes):
        if change >= 1:
            if index == 0:
                return factors[0] / change
            low, span = changes[index - 1], change - changes[index - 1]
            return factors[index - 1] + (1 - low) / span * (factors[index] - factors[index - 1])
    return factors[int(np.argmax(np.nan_to_num(changes, nan=-np.inf)))]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What moving along each direction was measured to change: rows are directions."""

    change: Floats
    """`[A, A]`, half the difference between one step forward and one back, in the attribute's unit."""
    percent: Floats
    """`[A, A]`, the same as a percentage of the attribute's mean; nan where that is 0."""


def measure_effects(
    attributes: tuple[Definition, ...],
    found: Floats,
    latents: Floats,
    decode: Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]],
) -> Effects:
    """Decode latents moved one step along each direction, both ways, and measure what changed.

    Args:
        attributes: what to measure.
        found: `[A, Z]` directions.
        latents: `[N, Z]` to move.
        decode: from `[N, Z]` to the representation's tensors `[N, T, ...]`.
    """

    def means(moved: Floats) -> Floats:
        return _mean(measure_all(attributes, decode(moved.astype(np.float32))))

    base = means(latents)
    change = np.stack([(means(latents + step) - means(latents - step)) / 2 for step in found])
    scale = np.where(np.abs(base) > 1e-9, np.abs(base), np.nan)
    return Effects(change, 100 * change / scale)
