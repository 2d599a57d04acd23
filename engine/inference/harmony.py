"""Key and chords as a bias of the decoder, and the notes of a scale that follows the chords.

Shape legend: T steps, V width of the perturbation, S streams.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine.inference.latent_space import Floats
from engine.inference.perturbation import FORBIDDEN, pitch_columns
from engine.music.chords import Chord, Harmony
from engine.music.chroma import chroma
from engine.music.grid import Grid
from engine.music.key import Key
from engine.music.key_finding import find_key
from engine.music.melody import HIGHEST_PITCH, LOWEST_PITCH
from engine.music.notes import DRUM_CHANNEL, Note
from engine.music.representation import Representation

Bools = npt.NDArray[np.bool_]

PITCH_CLASSES = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1) % 12
"""`[88]` pitch class of each of the piano's keys."""
CHORD_NATS = 8.0
"""How much a chord that is followed altogether is favoured on strong beats, before it is held there."""
WEAK_SHARE = 0.25
"""Share of that between the strong beats."""

_SETS = tuple(Key(tonic, scale).pitch_classes for scale in ("major", "harmonic minor") for tonic in range(12))


def own_pitch_classes(notes: Iterable[Note]) -> frozenset[int]:
    """Return the pitch classes that pitched notes use."""
    return frozenset(note.pitch % 12 for note in notes if note.channel != DRUM_CHANNEL)


def chord_scale(key: Key | None, chord: Chord | None) -> frozenset[int] | None:
    """Return the scale that goes with a chord in a key: E7 in A minor has G sharp and no G.

    Of the major and harmonic minor scales that hold the chord it is the one nearest to the key. A chord
    that no scale holds adds its notes to the key's. None where neither is known.
    """
    if chord is None:
        return None if key is None else key.pitch_classes
    tones = chord.pitch_classes
    if key is not None and tones <= key.pitch_classes:
        return key.pitch_classes
    holding = [scale for scale in _SETS if tones <= scale]
    if not holding:
        return tones if key is None else tones | key.pitch_classes
    home = key.pitch_classes if key is not None else tones
    return max(holding, key=lambda scale: len(scale & home))


def key_of_chords(harmony: Harmony) -> Key | None:
    """Return the key of a line of chords; None if there are none."""
    return find_key(chroma(harmony).sum(axis=0))


def allowed_by_step(
    grid: Grid, steps: int, key: Key | None, harmony: Harmony, own: frozenset[int]
) -> Bools | None:
    """Return which pitch classes are in key at each step, `[T, 12]`; None where no key is known.

    Args:
        grid: of the steps.
        steps: T.
        key: of the source.
        harmony: a chord a pulse, as far as they are known; the scale follows them.
        own: pitch classes that are always allowed.
    """
    if key is None and not any(harmony):
        return None
    home = key or key_of_chords(harmony)
    scales = [chord_scale(home, chord) for chord in harmony] or [chord_scale(home, None)]
    allowed = np.zeros((len(scales), 12), bool)
    for place, scale in enumerate(scales):
        allowed[place, sorted((scale or frozenset(range(12))) | own)] = True
    return allowed[_pulse_of_step(grid, steps, len(scales))]


def _pulse_of_step(grid: Grid, steps: int, pulses: int) -> npt.NDArray[np.int64]:
    """Return the pulse each step lies in, the last of `pulses` beyond their end."""
    return np.minimum(np.arange(steps) // grid.pulse_steps, pulses - 1)


@lru_cache(maxsize=64)
def key_and_chord_bias(
    representation: Representation, key: Key | None, harmony: Harmony, strength: float, own: frozenset[int]
) -> Floats:
    """Return `[T, V]` that keeps to the key, whose scale follows the chords, and favours chord tones.

    Args:
        representation: of the model.
        key: of the source; None where it is not known.
        harmony: a chord a pulse, as far as they are known.
        strength: of the chords, 0 to 1, see `chord_bias`; at 0 the scale does not follow them.
        own: pitch classes that are always in key.

    Returns:
        An array that is remembered, read-only: a slider that moves asks for the same one again.
    """
    bias, followed = chord_bias(representation, harmony, strength), harmony if strength else ()
    allowed = allowed_by_step(representation.grid, representation.steps, key, followed, own)
    if allowed is not None:
        bias = bias + in_key_bias(representation, allowed)
    bias.flags.writeable = False
    return bias


def in_key_bias(representation: Representation, allowed: Bools) -> Floats:
    """Return `[T, V]` that forbids the pitches whose pitch class is not allowed `[T, 12]` at a step."""
    bias = np.zeros((representation.steps, representation.width), np.float32)
    for columns in pitch_columns(representation):
        bias[:, columns] = np.where(allowed[:, PITCH_CLASSES], np.float32(0), FORBIDDEN)
    return bias


def chord_bias(representation: Representation, harmony: Harmony, strength: float) -> Floats:
    """Return `[T, V]` that favours chord tones: on every pulse, and less between.

    Args:
        representation: of the model.
        harmony: a chord a pulse; those without one are free.
        strength: 0 (none) to 1 (nothing but chord tones begins on a pulse).
    """
    bias = np.zeros((representation.steps, representation.width), np.float32)
    if strength <= 0 or not any(harmony):
        return bias
    grid, steps = representation.grid, representation.steps
    tones = chroma(harmony)[_pulse_of_step(grid, steps, len(harmony))]  # [T, 12]
    known = tones.sum(axis=1) > 0
    strong = np.arange(steps) % grid.pulse_steps == 0
    nats = np.where(strong, np.float32(CHORD_NATS * strength), np.float32(WEAK_SHARE * CHORD_NATS * strength))
    foreign = (known[:, None] & (tones == 0))[:, PITCH_CLASSES]  # [T, 88]
    against = np.where(foreign, -nats[:, None], np.float32(0))
    if strength >= 1:
        against = np.where(foreign & strong[:, None], FORBIDDEN, against)
    for columns in pitch_columns(representation):
        bias[:, columns] = against
    return bias


def share_on_chord(notes: Sequence[Note], harmony: Harmony, pulse_beats: float = 1.0) -> float:
    """Return the share of notes that begin on a pulse and are tones of its chord; 1 if none begins on one."""
    found, total = notes_on_chord(notes, harmony, pulse_beats)
    return found / total if total else 1.0


def notes_on_chord(notes: Sequence[Note], harmony: Harmony, pulse_beats: float = 1.0) -> tuple[int, int]:
    """Count pitched notes that begin on a pulse with a chord: those that are tones of it, and all of them.

    Args:
        notes: of a phrase.
        harmony: a chord a pulse.
        pulse_beats: quarter notes from pulse to pulse.
    """
    found = total = 0
    for note in notes:
        pulse = round(note.start_beats / pulse_beats)
        on_pulse = abs(note.start_beats - pulse * pulse_beats) < 0.125 and 0 <= pulse < len(harmony)
        chord = harmony[pulse] if on_pulse else None
        if chord is not None and note.channel != DRUM_CHANNEL:
            total += 1
            found += chord.has(note.pitch)
    return found, total
