"""How well free draws fit the chords of real songs, beside the melodies that stand over them."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from numpy.typing import NDArray

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.harmony import notes_on_chord
from engine.inference.slots import LatentModel, encode_slot
from engine.music.chords import QUALITIES, Chord, Harmony
from engine.music.notes import Phrase
from training.evaluation.musicality.followed_chords import STRENGTHS
from training.evaluation.musicality.played_phrases import play_takes

STEPS_PER_BEAT = 4
CHORD = 1
"""Column of a window of words that has the chord, 12 bits."""
_NAMED = {
    sum(1 << (root + semitones) % 12 for semitones in intervals): Chord(root, quality)
    for quality, intervals in reversed(QUALITIES.items())
    for root in range(12)
}
"""A chord of each set of pitch classes; of several the plainest kind."""


def known_chords(windows: NDArray[Any], column: int = CHORD) -> list[Harmony]:
    """Return the chord of each beat of windows `[N, T, S]`, of words unless another column has it; None where
    none is known or named."""
    return [tuple(_NAMED.get(int(mask)) for mask in window[::STEPS_PER_BEAT, column]) for window in windows]


def chord_fit(
    model: LatentModel, phrases: Sequence[Phrase], harmonies: Sequence[Harmony], seed: int
) -> dict[str, float]:
    """Return the share of notes on the beats that are tones of the song's chord, over all phrases.

    The answers are free draws (variation 1), by how firmly chords are followed. `music` is the share in the
    phrases themselves, `another piece` that of other phrases over these chords; phrases without a chord are
    left out, and `phrases` is how many are not.
    """
    pairs = [(phrase, harmony) for phrase, harmony in zip(phrases, harmonies, strict=True) if any(harmony)]
    counts = {row: [0, 0] for row in ("music", "another piece", *(f"follow {s:g}" for s in STRENGTHS))}
    slots = [{"heard": replace(encode_slot(model, phrase), harmony=harmony)} for phrase, harmony in pairs]
    takes = [
        [
            Controls(variation=1.0, seed=seed + index, constraints=Constraints(follow_chords=strength))
            for strength in STRENGTHS
        ]
        for index in range(len(pairs))
    ]
    answers = play_takes(model, slots, takes)
    for index, (phrase, harmony) in enumerate(pairs):
        other = pairs[(index + len(pairs) // 2) % len(pairs)][0]
        for count, written in zip(counts.values(), (phrase, other, *answers[index]), strict=True):
            on, total = notes_on_chord(written.notes, harmony)
            count[0] += on
            count[1] += total
    shares = {row: on / total if total else float("nan") for row, (on, total) in counts.items()}
    return {"phrases": float(len(pairs))} | shares
