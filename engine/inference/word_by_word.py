"""Graphs of one word, applied to phrases of several: each begins after the bar that ended the one before.

Shape legend: B batch, W words, T steps of the phrase, t of a word, M of a bar.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.bundle.manifest import TensorSpec
from engine.inference.latent_space import Floats

Arrays = Mapping[str, npt.NDArray[Any]]

_AXES = {"x": 1, "mu": 1, "sigma": 1, "z": 1, "perturbation": 0, "chords": 1, "tokens": 0}
"""Axis that grows with the number of words; `before` is of the first one alone."""


def of_words(spec: TensorSpec, words: int) -> TensorSpec:
    """Return what a graph of one word takes or returns, for phrases of several."""
    axis = _AXES.get(spec.name)
    if axis is None or words == 1:
        return spec
    size = spec.shape[axis]
    grown = size * words if isinstance(size, int) else size
    return msgspec.structs.replace(spec, shape=(*spec.shape[:axis], grown, *spec.shape[axis + 1 :]))


def encode_words(
    encode: Callable[[npt.NDArray[Any]], tuple[Floats, Floats]], x: npt.NDArray[Any], steps: int
) -> tuple[Floats, Floats]:
    """Encode phrases `[B, T, S]` in words of `steps` steps: mu and sigma, `[B, Z]` each."""
    mu, sigma = encode(np.ascontiguousarray(x.reshape(-1, steps, *x.shape[2:])))
    return mu.reshape(len(x), -1), sigma.reshape(len(x), -1)


def decode_words(
    decode: Callable[[dict[str, npt.NDArray[Any]]], npt.NDArray[Any]], given: Arrays, words: int
) -> npt.NDArray[Any]:
    """Decode phrases word after word to tokens `[T, B, S]`.

    Args:
        decode: of one word.
        given: inputs of the whole phrase by name; `before` `[B, M]` is the bar before its first word.
        words: W.
    """
    if words == 1:
        return decode(dict(given))
    parts = {name: np.split(array, words, _AXES[name]) for name, array in given.items() if name in _AXES}
    whole = {name: array for name, array in given.items() if name not in parts and name != "before"}
    before, written = given.get("before"), list[npt.NDArray[Any]]()
    for word in range(words):
        own = {name: np.ascontiguousarray(rows[word]) for name, rows in parts.items()}
        own |= whole
        if before is not None:
            own["before"] = before
        written.append(decode(own))
        if before is not None:
            before = np.ascontiguousarray(written[-1][-before.shape[1] :, :, 0].T)
    return np.concatenate(written)


def widened(words: Floats, beats: int, read_beats: int) -> Floats:
    """Return what is read of words `[N, ... + 2·beats]` as of words of `read_beats` beats.

    The last columns say what is kept of each beat's rhythm and then of its pitch. A beat that a shorter word
    has not is kept like its last; of a longer word the last beats are not read.
    """
    rest, kept = words[:, : -2 * beats], words[:, -2 * beats :].reshape(len(words), 2, beats)
    places = np.minimum(np.arange(read_beats), beats - 1)
    return np.concatenate([rest, kept[:, :, places].reshape(len(words), -1)], axis=1)


def narrowed(kept: Floats, beats: int, read_beats: int) -> Floats:
    """Return what is kept `[N, 2·read_beats]` of words of `beats` beats; in a longer one the last goes on."""
    places = np.minimum(np.arange(beats), read_beats - 1)
    return kept.reshape(len(kept), 2, read_beats)[:, :, places].reshape(len(kept), -1)
