"""What is added to the decoder's logits at every step: noise, the anchor and the constraints.

All arrays are `float32 [T, V]`: T steps, V the width of the representation. A categorical stream
of a melody has 90 columns, one of drums 512 (a bit mask of nine classes); a representation without
streams has one column a hit or key.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import RenderError
from engine.inference.constraints import Constraints
from engine.music.melody import FIRST_NOTE, HIGHEST_PITCH, LOWEST_PITCH, NO_EVENT, NOTE_OFF, VOCABULARY
from engine.music.representation import Representation

Floats = npt.NDArray[np.float32]

FORBIDDEN = np.float32(-1e9)
"""Bias of a choice that may not be made: no logit or anchor outweighs it."""
HOLD = 1e5
"""Strength of the anchor at distance 0: above any logit, below `FORBIDDEN`."""
ANCHOR_NATS = 0.5
"""How firmly the anchor holds on its way: half of this halfway, eight times this at a tenth.
Measured on a two-bar melody model: enough to mend what the reconstruction misses near the source,
while stronger ones leave the first fifth of the slider without any change."""
DENSITY_NATS = 4.0
"""Lean of `density` 1 towards onsets."""
DRUM_VOCABULARY = 512

_NOISE_STREAM = 1


class _Stream(msgspec.Struct, frozen=True):
    """Columns of the perturbation that belong together, and the tensor's column they choose."""

    kind: Literal["melody", "drums", "bits"]
    columns: slice
    tensor_columns: slice


def _streams(representation: Representation) -> Iterator[_Stream]:
    if not representation.streams:
        everything = slice(0, representation.width)
        yield _Stream("bits", everything, everything)
    start = 0
    for index, size in enumerate(representation.streams):
        kinds: dict[int, Literal["melody", "drums"]] = {VOCABULARY: "melody", DRUM_VOCABULARY: "drums"}
        if size not in kinds:
            raise RenderError(f"{representation.name}: no rules for a stream of {size} tokens")
        yield _Stream(kinds[size], slice(start, start + size), slice(index, index + 1))
        start += size


def pitch_columns(representation: Representation) -> Iterator[slice]:
    """Yield the columns of the perturbation that stand for the piano's 88 keys, one slice a voice."""
    for stream in _streams(representation):
        if stream.kind == "melody":
            yield slice(stream.columns.start + FIRST_NOTE, stream.columns.stop)
        elif stream.kind == "bits" and representation.width == VOCABULARY - FIRST_NOTE:
            yield stream.columns


def pitched(representation: Representation) -> bool:
    """Return whether there is a melody or a piano's keys in it, which key, scale and range can limit."""
    return VOCABULARY in representation.streams or representation.width == VOCABULARY - FIRST_NOTE


def noise(representation: Representation, seed: int) -> Floats:
    """Return the noise of a seed: the same array for the same seed, whatever the sliders do.

    Gumbel noise for categorical streams, logistic noise for bits; at temperature 1 the decoder's
    choice is then a sample from its distribution. The array is read-only.
    """
    return _noise(representation.steps, representation.width, bool(representation.streams), seed)


@lru_cache(maxsize=64)
def _noise(steps: int, width: int, categorical: bool, seed: int) -> Floats:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, _NOISE_STREAM))))
    uniform = np.clip(rng.random((steps, width)), 1e-12, 1 - 1e-12)
    drawn = -np.log(-np.log(uniform)) if categorical else np.log(uniform / (1 - uniform))
    result: Floats = drawn.astype(np.float32)
    result.flags.writeable = False
    return result


def anchor_strength(distance: float) -> float:
    """Return how strongly the source's own tokens are favoured, in nats.

    Args:
        distance: 0 (the source itself; nothing else can win) to 1 (free, strength 0).
    """
    if distance <= 0:
        return HOLD
    return min(HOLD, ANCHOR_NATS * (1 - distance) ** 2 / distance)


def anchor(representation: Representation, tensor: npt.NDArray[Any], strength: float) -> Floats:
    """Return a bias of `strength` towards a tensor's own choices.

    Args:
        representation: what `tensor` is encoded with.
        tensor: `[T, S]` tokens or `[T, D]` whose first V columns are hits.
        strength: nats, 0 or more.
    """
    bias = np.zeros((representation.steps, representation.width), np.float32)
    for stream in _streams(representation):
        chosen = tensor[:, stream.tensor_columns]
        if stream.kind == "bits":
            bias[:, stream.columns] = np.where(chosen > 0.5, strength, -strength)
        else:
            bias[np.arange(len(bias)), stream.columns.start + chosen[:, 0]] = strength
    return bias


def constrain(
    representation: Representation, constraints: Constraints, source: npt.NDArray[Any] | None
) -> Floats:
    """Return the bias of the constraints.

    Args:
        representation: whose choices are constrained.
        constraints: what is asked.
        source: tensor that `keep_rhythm` and `keep_pitches` refer to; None if there is none.

    Raises:
        RenderError: they leave nothing to choose, or need a source.
    """
    if not (constraints.keep_rhythm or constraints.keep_pitches):
        return _constrained(representation, constraints)
    if source is None:
        raise RenderError("keep_rhythm and keep_pitches need a phrase to keep them from; use vary or morph")
    return _biased(representation, constraints, source)


@lru_cache(maxsize=64)
def _constrained(representation: Representation, constraints: Constraints) -> Floats:
    """Return the bias of constraints that keep nothing of a source; read-only."""
    bias = _biased(representation, constraints, None)
    bias.flags.writeable = False
    return bias


def _biased(
    representation: Representation, constraints: Constraints, source: npt.NDArray[Any] | None
) -> Floats:
    bias = np.zeros((representation.steps, representation.width), np.float32)
    for stream in _streams(representation):
        part = bias[:, stream.columns]
        chosen = None if source is None else source[:, stream.tensor_columns]
        if stream.kind == "melody":
            _constrain_melody(part, constraints, None if chosen is None else chosen[:, 0])
        elif stream.kind == "drums":
            _constrain_drums(part, constraints, None if chosen is None else chosen[:, 0])
        else:
            _constrain_bits(part, constraints, chosen)
    return bias


def rest(representation: Representation, steps: npt.NDArray[np.bool_]) -> Floats:
    """Return the bias that lets nothing begin at steps `[T]`; what sounds goes on, or ends."""
    bias = np.zeros((representation.steps, representation.width), np.float32)
    for stream in _streams(representation):
        first = {"melody": FIRST_NOTE, "drums": 1, "bits": 0}[stream.kind]
        bias[steps, stream.columns.start + first : stream.columns.stop] = FORBIDDEN
    return bias


def snap(
    representation: Representation, constraints: Constraints, tensor: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Move the notes of melody streams and piano keys to the nearest pitch that is allowed (down if equal).

    The anchor holds to what comes out, so that variation 0 under a scale is the source in that
    scale, and not whatever the model finds likeliest in place of the forbidden notes.
    """
    allowed = allowed_pitches(constraints)
    if allowed.all():
        return tensor
    snapped = tensor.copy()
    for stream in _streams(representation):
        if stream.kind == "melody":
            snapped[:, stream.tensor_columns] = _snap_tokens(tensor[:, stream.tensor_columns], allowed)
        elif stream.kind == "bits" and tensor.shape[1] == len(allowed):
            snapped = _snap_keys(tensor, allowed)
    return snapped


def _snap_keys(roll: npt.NDArray[Any], allowed: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Move what sounds on keys that are not allowed to the nearest that are (down if equal)."""
    free = np.flatnonzero(allowed)
    if not len(free):
        return roll
    snapped = roll * allowed
    for key in np.flatnonzero(~allowed & (roll > 0.5).any(axis=0)).tolist():
        nearest = free[np.abs(key - free).argmin()]
        snapped[:, nearest] = np.maximum(snapped[:, nearest], roll[:, key])
    return snapped


@lru_cache(maxsize=64)
def allowed_pitches(constraints: Constraints) -> npt.NDArray[np.bool_]:
    """Return for each of the piano's 88 keys whether key, scale and range admit it; read-only."""
    allowed = np.array([constraints.allows(pitch) for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1)])
    allowed.flags.writeable = False
    return allowed


def _constrain_melody(bias: Floats, constraints: Constraints, source: npt.NDArray[np.int64] | None) -> None:
    """Write the bias `[T, 90]` of a melody whose source has tokens `[T]`."""
    bias[:, FIRST_NOTE:] += np.float32(DENSITY_NATS * constraints.density)
    allowed = allowed_pitches(constraints)
    if source is not None and constraints.keep_pitches:
        own = np.zeros(VOCABULARY, dtype=bool)
        own[_snap_tokens(source, allowed)] = True
        allowed = allowed & own[FIRST_NOTE:]
    bias[:, FIRST_NOTE:][:, ~allowed] = FORBIDDEN
    if source is None or not constraints.keep_rhythm:
        return
    onsets = source >= FIRST_NOTE
    if onsets.any() and not allowed.any():
        raise RenderError("key, scale and pitch range leave no pitch for the notes; widen one of them")
    bias[onsets, :FIRST_NOTE] = FORBIDDEN
    bias[~onsets, FIRST_NOTE:] = FORBIDDEN
    bias[source == NO_EVENT, NOTE_OFF] = FORBIDDEN
    bias[source == NOTE_OFF, NO_EVENT] = FORBIDDEN


def _snap_tokens(tokens: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Move note tokens to the nearest allowed one (down if equal)."""
    free = np.flatnonzero(allowed) + FIRST_NOTE
    if not len(free):
        return tokens
    nearest = free[np.abs(tokens[..., None] - free).argmin(axis=-1)]
    return np.where(tokens >= FIRST_NOTE, nearest, tokens)


def _constrain_drums(bias: Floats, constraints: Constraints, source: npt.NDArray[np.int64] | None) -> None:
    """Write the bias `[T, 512]` of drums whose source has bit masks `[T]`."""
    masks = np.arange(DRUM_VOCABULARY)
    hits = np.array([int(mask).bit_count() for mask in masks], np.float32)
    bias += np.float32(DENSITY_NATS / 2 * constraints.density) * hits
    if source is None:
        return
    if constraints.keep_pitches:
        used = int(np.bitwise_or.reduce(source))
        bias[:, masks & ~used != 0] = FORBIDDEN
    if constraints.keep_rhythm:
        bias[source == 0, 1:] = FORBIDDEN
        bias[source != 0, 0] = FORBIDDEN


def _constrain_bits(bias: Floats, constraints: Constraints, source: npt.NDArray[Any] | None) -> None:
    """Write the bias `[T, V]` of hits or keys; 88 columns are the keys of a piano."""
    bias += np.float32(DENSITY_NATS * constraints.density)
    if bias.shape[1] == VOCABULARY - FIRST_NOTE:
        bias[:, ~allowed_pitches(constraints)] = FORBIDDEN
    if source is None:
        return
    sounding = source > 0.5
    if constraints.keep_pitches:
        bias[:, ~sounding.any(axis=0)] = FORBIDDEN
    if constraints.keep_rhythm:
        bias[~sounding.any(axis=1), :] = FORBIDDEN
