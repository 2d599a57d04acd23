"""The key of what is heard, from its pitch classes: of a passage, and followed bar by bar.

The key of a passage is the one under which its pitch classes are likeliest: each key expects its
twelve pitch classes in certain shares (a profile), and notes count by how long they sound.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine.music.key import Key, KeyFollower
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

Floats = npt.NDArray[np.float64]

KEYS = tuple(Key(tonic, scale) for scale in ("major", "minor") for tonic in range(12))
"""In the order of `key_scores`; a minor one with the natural scale."""
MAJOR_PROFILE = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR_PROFILE = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""Share of each pitch class above the tonic in music in major and in minor (Albrecht and Shanahan, The
Use of Large Corpora to Train a New Type of Key-Finding Algorithm, 2013)."""
FLOOR = 0.01
"""Added to every share, so that one foreign note does not rule a key out."""
LONGEST_BEATS = 2.0
"""A longer note counts no more than this: a drone is no proof of a key."""
HALF_LIFE_BARS = 4.0
"""After so many bars what was heard of the two sevenths of a minor key counts half."""
CHANGE = 0.001
"""Probability that the key changes at a bar line, to a near key more than to a far one. With this, half
of the nats and roots of the beats (a long bar says little more than a short one) the follower agreed best
with the key signatures of training works, at few changes."""
EVIDENCE = 0.5
"""Share of its nats that a bar counts with."""
INSIDE_NATS = 2.0
"""What a root of a beat inside the scale speaks for the key of a phrase. On held-out phrases of two bars the
scale found has .887 of the notes of the scale around them in common, .876 without."""
EQUAL_NATS = 1e-6
"""Keys this near to each other are equally likely: two notes a tritone apart say nothing of which of two."""
CLEAR_BEATS = 2.0
"""Sounding beats below which no key is named."""


def pitch_class_weights(notes: Iterable[Note]) -> Floats:
    """Return how long each pitch class sounds, `[12]` in beats; a note counts two beats at most.

    Notes on the drum channel do not count.
    """
    weights = np.zeros(12)
    for note in notes:
        if note.channel != DRUM_CHANNEL:
            weights[note.pitch % 12] += min(note.duration_beats, LONGEST_BEATS)
    return weights


@lru_cache(maxsize=1)
def _log_profiles() -> Floats:
    """Return nats of every pitch class in every key, `[24, 12]`: 12 major keys, then 12 minor ones."""
    rows = [
        np.roll(np.log((np.array(profile) + FLOOR) / sum(np.array(profile) + FLOOR)), tonic)
        for profile in (MAJOR_PROFILE, MINOR_PROFILE)
        for tonic in range(12)
    ]
    return np.stack(rows)


def key_scores(weights: Floats) -> Floats:
    """Return how well the 12 major and then the 12 minor keys fit, `[24]` in nats.

    Args:
        weights: `[12]` beats (or notes) of each pitch class.
    """
    scores: Floats = _log_profiles() @ weights
    return scores


def _key_at(index: int, weights: Floats) -> Key:
    """Return key 0 to 23; a minor one is harmonic where its raised seventh sounds longer than the other."""
    tonic = index % 12
    if index < 12:
        return Key(tonic)
    raised = weights[(tonic + 11) % 12] > weights[(tonic + 10) % 12]
    return Key(tonic, "harmonic minor" if raised else "minor")


@lru_cache(maxsize=1)
def _scales() -> Floats:
    """Return 1 for the pitch classes of every key's scale, `[24, 12]`, of minor keys the natural one."""
    return np.array([[key.allows(tone) for tone in range(12)] for key in KEYS], np.float64)


def find_key(weights: Sequence[float] | Floats) -> Key | None:
    """Return the likeliest key of pitch-class weights `[12]` in beats; None if too little sounds.

    Of a few bars it counts too how much is in the scale at all: a phrase is rarely outside its key.
    """
    heard = np.asarray(weights, np.float64)
    if heard.sum() < CLEAR_BEATS:
        return None
    share = np.sqrt(heard)
    return _key_at(int((key_scores(share) + INSIDE_NATS * _scales() @ share).argmax()), heard)


def key_of(phrase: Phrase) -> Key | None:
    """Return the likeliest key of a phrase, None if too little sounds."""
    return find_key(pitch_class_weights(phrase.notes))


@lru_cache(maxsize=2)
def key_transitions(change: float) -> Floats:
    """Return the probability of each key (column) in the next bar after each (row), `[24, 24]`.

    Args:
        change: probability, 0 to 1, that the key changes: to one whose signature is near on the circle of
            fifths more than to a far one.
    """
    fifths = np.array([-7 * key.semitones_to_reference % 12 for key in KEYS])
    apart = np.abs(fifths[:, None] - fifths)
    near = np.exp(-np.minimum(apart, 12 - apart).astype(np.float64))
    np.fill_diagonal(near, 0)
    moved: Floats = change * near / near.sum(axis=1, keepdims=True) + (1 - change) * np.eye(24)
    return moved


def followed(before: KeyFollower, notes: Iterable[Note]) -> KeyFollower:
    """Return what is known of the key after one more bar; a bar without pitched notes changes nothing.

    The forward algorithm of a hidden Markov model with a state a key, so that one bar of foreign notes
    does not move it and a modulation does.
    """
    new = pitch_class_weights(notes)
    if not new.any():
        return before
    weights = np.array(before.weights) * 0.5 ** (1 / HALF_LIFE_BARS) + new
    odds = np.log(np.exp(before.log_odds) @ key_transitions(CHANGE)) + EVIDENCE * key_scores(np.sqrt(new))
    odds -= odds.max()
    clear = before.key is not None or weights.sum() >= CLEAR_BEATS
    key = _key_at(_likeliest(odds, before.key), weights) if clear else None
    return KeyFollower(key, tuple(weights.tolist()), tuple(odds.tolist()))


def _likeliest(odds: Floats, present: Key | None) -> int:
    """Return the index of the likeliest of 24 keys; of equally likely ones the present one."""
    if present is not None:
        index = present.tonic + (12 if present.is_minor else 0)
        if odds[index] >= odds.max() - EQUAL_NATS:
            return index
    return int(odds.argmax())
