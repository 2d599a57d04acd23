"""How well a model follows chords: strong beats on chord tones, and how soon it is there after a change."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.harmony import share_on_chord
from engine.inference.slots import LatentModel, Slot, encode_slot
from engine.music.chords import Chord, Harmony
from engine.music.key import Key
from engine.music.notes import Note
from training.evaluation.musicality.held_out import HeldOut
from training.evaluation.musicality.played_phrases import play_each

STRENGTHS = (0.0, 0.5, 1.0)
DEGREES = ((0, ""), (9, "m"), (5, ""), (7, ""))
"""Roots above a major tonic, and kinds, of the chords that are asked for, two a bar."""
FAR = 6
"""Semitones by which the second half jumps where recovery is measured."""
MOST_PHRASES = 200


def chord_measures(model: LatentModel, played: HeldOut, seed: int) -> dict[str, float]:
    """Return the share of notes on the beats that are chord tones, by how firmly chords are followed.

    The answers are free draws (variation 1), so that nothing but the chords leads them. `after a jump` is the
    share in the first bar after all chords have jumped by a tritone, followed altogether.
    """
    slots = [encode_slot(model, phrase) for phrase in played.phrases[:MOST_PHRASES]]
    asked = {f"follow {strength:g}": (strength, 0) for strength in STRENGTHS}
    asked["after a jump"] = STRENGTHS[-1], FAR
    return {name: _followed(model, slots, *how, seed) for name, how in asked.items()}


def _followed(model: LatentModel, slots: Sequence[Slot], strength: float, jump: int, seed: int) -> float:
    """Return the mean share of notes on the beats that are chord tones; after a jump, in its first bar."""
    bars, limits = model.representation.bars, Constraints(follow_chords=strength)
    harmonies = [_harmony(-(slot.key or Key(0)).semitones_to_reference % 12, bars, jump) for slot in slots]
    asked = [
        (
            {"heard": replace(slot, harmony=harmony)},
            Controls(variation=1.0, seed=seed + index, constraints=limits),
        )
        for index, (slot, harmony) in enumerate(zip(slots, harmonies, strict=True))
    ]
    total = 0.0
    for answer, harmony in zip(play_each(model, asked), harmonies, strict=True):
        total += share_on_chord(_bar(answer.notes, bars // 2) if jump else answer.notes, harmony)
    return total / max(len(slots), 1)


def _harmony(tonic: int, bars: int, jump: int) -> Harmony:
    """Return two chords a bar over a major tonic, the second half `jump` semitones higher."""
    rows: list[Chord] = []
    for half in range(2 * bars):
        root, quality = DEGREES[half % len(DEGREES)]
        moved = jump if half >= bars else 0
        rows += [Chord((tonic + root + moved) % 12, quality)] * 2
    return tuple(rows)


def _bar(notes: tuple[Note, ...], bar: int) -> list[Note]:
    return [note for note in notes if np.floor((note.start_beats + 0.1) / 4) == bar]
