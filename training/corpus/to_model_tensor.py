"""From stored blocks to what a model is given, transposed. `[n, T, W]` and shifts `[n]` in."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.music.melody import FIRST_NOTE, VOCABULARY
from training.corpus.extract import accompaniments as ac
from training.corpus.extract.drum_tracks import restored_groove
from training.corpus.extract.words import BEFORE, CHORD, TOKEN, TONIC

Block = NDArray[Any]
Shifts = NDArray[np.int64]


def present_tokens(heads: int) -> Callable[[Block, Shifts], NDArray[np.int64]]:
    """Return the function to `int64 [n, T, W]` that shifts notes in the first `heads` columns."""

    def present(block: Block, shifts: Shifts) -> NDArray[np.int64]:
        tokens = block.astype(np.int64)
        notes = tokens[:, :, :heads]
        if heads and shifts.any():
            notes += np.where(notes >= FIRST_NOTE, shifts[:, None, None], 0)
        return tokens

    return present


def present_groove(block: Block, shifts: Shifts) -> NDArray[np.float32]:
    """Return `float32 [n, T, 27]`; drums are not transposed."""
    return restored_groove(block)


def present_words(block: Block, shifts: Shifts) -> NDArray[np.int64]:
    """Return windows in C major or A minor, `int64 [n, T, 3]`: token, chord bits, token a bar before.

    The key is the one in the middle of the window; -1 stands for no bar before. `shifts` are added to
    the move into the key.
    """
    stored = block.astype(np.int64)
    tonic = stored[:, stored.shape[1] // 2, TONIC]
    move = ((6 - tonic) % 12 - 6 + shifts)[:, None]  # -6 to 5 without a shift
    tokens, before = _moved(stored[..., TOKEN], move), _moved(stored[..., BEFORE] - 1, move)
    return np.stack([tokens, _turned(stored[..., CHORD], move % 12), before], axis=-1)


def present_accompaniment(block: Block, shifts: Shifts) -> NDArray[np.int64]:
    """Return windows in C major or A minor, `int64 [n, T, 9]`.

    The columns: melody, chords, bass, drums, -1 throughout where the file has not got that voice; the chord's
    12 bits and the pitch class plus 1 of its bass (0: not known); chords, bass and drums one bar before, -1
    where there is none. The key is the one in the middle of the window.
    """
    stored = block.astype(np.int64)
    tonic = stored[:, stored.shape[1] // 2, ac.TONIC]
    move = ((6 - tonic) % 12 - 6 + shifts)[:, None]  # -6 to 5 without a shift
    voices, before = stored[..., : ac.HARMONY].copy(), stored[..., ac.BEFORE : ac.HELD] - 1
    voices[:, 0, : ac.DRUMS] = _begun(voices[:, 0, : ac.DRUMS], stored[:, 0, ac.HELD :])
    pitched, earlier = voices[..., : ac.DRUMS], before[..., : ac.DRUMS - ac.CHORDS]
    pitched[:], earlier[:] = _moved(pitched, move[..., None]), _moved(earlier, move[..., None])
    bits = np.array([ac.HAS_MELODY, ac.HAS_CHORDS, ac.HAS_BASS, ac.HAS_DRUMS])
    present = (stored[:, :1, ac.PRESENT, None] & bits) > 0  # [n, 1, 4]
    voices, before = np.where(present, voices, -1), np.where(present[..., 1:], before, -1)
    chord, root = stored[..., ac.HARMONY], stored[..., ac.ROOT]
    turned = np.where(root > 0, (root - 1 + move) % 12 + 1, 0)
    surroundings = np.stack([_turned(chord, move % 12), turned], axis=-1)
    return np.concatenate([voices, surroundings, before], axis=-1)


def _begun(first: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tokens `[n, voices]` that windows begin with: held notes begin, ends of earlier notes go."""
    return np.where(first >= FIRST_NOTE, first, np.where(first == 0, held, 0))


def _moved(tokens: NDArray[np.int64], move: NDArray[np.int64]) -> NDArray[np.int64]:
    """Transpose note tokens; one that leaves the piano comes back an octave nearer."""
    moved = tokens + move
    moved += np.where(moved < FIRST_NOTE, 12, np.where(moved >= VOCABULARY, -12, 0))
    return np.where(tokens >= FIRST_NOTE, moved, tokens)


def _turned(bits: NDArray[np.int64], up: NDArray[np.int64]) -> NDArray[np.int64]:
    """Transpose chords of 12 bits by 0 to 11 semitones."""
    return (bits << up | bits >> (12 - up)) & 0xFFF
