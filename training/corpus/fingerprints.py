"""Hashes of windows that ignore transposition, and their pitch bounds. All on `[n, T, W]` blocks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.drums import CLASSES
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from training.corpus.to_model_tensor import present_accompaniment, present_words

Block = NDArray[Any]
Hashes = NDArray[np.uint64]


def weights(count: int, stream: int = 0) -> Hashes:
    """Return `count` fixed odd 64-bit numbers; `stream` gives an independent series.

    Sums of values times these, modulo 2**64, collide for two different windows with a
    probability near 2**-60.
    """
    index = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(stream << 32)
    mixed = index * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed ^ (mixed >> np.uint64(31))) | np.uint64(1)


def plain_fingerprint(block: Block) -> Hashes:
    """Hash every value as it is."""
    flat = block.reshape(len(block), -1)
    return _weighted_sum(flat)


def _weighted_sum(flat: Block) -> Hashes:
    values = flat.astype(np.int64).astype(np.uint64)
    total: Hashes = (values * weights(flat.shape[1])).sum(axis=1, dtype=np.uint64)
    return total


def token_bounds(heads: int) -> Callable[[Block], tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return the bounds function of melody tokens in the first `heads` columns."""

    def bounds(block: Block) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        tokens = block[:, :, :heads].reshape(len(block), -1).astype(np.int64)
        is_note = tokens >= FIRST_NOTE
        low = np.where(is_note, tokens, 255).min(axis=1)
        high = np.where(is_note, tokens, 0).max(axis=1)
        some = high > 0
        shift = LOWEST_PITCH - FIRST_NOTE
        low, high = np.where(some, low + shift, 0), np.where(some, high + shift, 0)
        return low.astype(np.uint8), high.astype(np.uint8)

    return bounds


def token_fingerprint(heads: int) -> Callable[[Block], Hashes]:
    """Return the fingerprint that measures the first `heads` columns from their lowest note."""

    def fingerprint(block: Block) -> Hashes:
        values = block.astype(np.int64)
        notes = values[:, :, :heads]
        is_note = notes >= FIRST_NOTE
        low = np.where(is_note, notes, 255).reshape(len(block), -1).min(axis=1)
        values[:, :, :heads] = np.where(is_note, notes - low[:, None, None] + FIRST_NOTE, notes)
        return _weighted_sum(values.reshape(len(block), -1))

    return fingerprint


def words_bounds(block: Block) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the pitch bounds of words `[n]` in the key they are presented in."""
    return token_bounds(1)(present_words(block, np.zeros(len(block), np.int64)))


def words_fingerprint(block: Block) -> Hashes:
    """Hash the melody of words from its lowest note, whatever surrounds it."""
    return token_fingerprint(1)(block[:, :, :1])


def accompaniment_bounds(block: Block) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the pitch bounds of the pitched voices `[n]` in the key they are presented in."""
    return token_bounds(3)(present_accompaniment(block, np.zeros(len(block), np.int64)))


def accompaniment_fingerprint(block: Block) -> Hashes:
    """Hash melody, chords, bass and drums from the lowest note, whatever surrounds them."""
    return token_fingerprint(3)(block[:, :, :4])


def no_bounds(block: Block) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the bounds of windows without pitches."""
    nothing = np.zeros(len(block), np.uint8)
    return nothing, nothing


def hits_fingerprint(block: Block) -> Hashes:
    """Hash which drums are hit where, whatever their velocity and timing (stored groove)."""
    return plain_fingerprint(block[:, :, :CLASSES] > 0)
