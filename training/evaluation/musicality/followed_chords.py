"""How well a model follows chords: strong beats on chord tones, and how soon it is there after a change."""

import numpy as np
from msgspec.structs import replace

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.harmony import share_on_chord
from engine.inference.render import render_batch
from engine.inference.slots import LatentModel, encode_slot
from engine.music.chords import Chord, Harmony
from engine.music.key import Key
from engine.music.notes import Note
from training.evaluation.musicality.held_out import HeldOut

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
    found = {f"follow {strength:g}": 0.0 for strength in STRENGTHS} | {"after a jump": 0.0}
    phrases = played.phrases[:MOST_PHRASES]
    for index, phrase in enumerate(phrases):
        slot = encode_slot(model, phrase)
        bars = slot.phrase.bars
        tonic = -(slot.key or Key(0)).semitones_to_reference % 12
        plain, jumping = (_harmony(tonic, bars, jump) for jump in (0, FAR))
        controls = Controls(variation=1.0, seed=seed + index)
        takes = [replace(controls, constraints=Constraints(follow_chords=s)) for s in STRENGTHS]
        answers = render_batch(model, {"heard": replace(slot, harmony=plain)}, takes)
        for strength, answer in zip(STRENGTHS, answers, strict=True):
            found[f"follow {strength:g}"] += share_on_chord(answer.notes, plain)
        jumped = render_batch(model, {"heard": replace(slot, harmony=jumping)}, takes[-1:])[0]
        found["after a jump"] += share_on_chord(_bar(jumped.notes, bars // 2), jumping)
    return {name: total / max(len(phrases), 1) for name, total in found.items()}


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
