"""What follows held-out bars, beside what really followed and what another piece has there."""

from collections.abc import Sequence

import numpy as np

from engine.inference.controls import Controls
from engine.inference.slots import LatentModel, encode_slot
from engine.music.notes import Phrase
from training.evaluation.musicality.form import returning_motifs
from training.evaluation.musicality.lines import Line
from training.evaluation.musicality.played_phrases import play_each

MOST_PHRASES = 200
WITHIN = 0.35
"""Share of the prompt's notes by which an answer may differ to count as equally dense."""


def played_on(model: LatentModel, phrases: Sequence[Phrase], seed: int) -> dict[str, dict[str, float]]:
    """Let a model go on from the first half of phrases, and measure it beside the second."""
    half = model.representation.bars // 2
    halves = [
        tuple(phrase.window(first, half, early_beats=0.0) for first in (0, half))
        for phrase in phrases[:MOST_PHRASES]
    ]
    halves = [(prompt, real) for prompt, real in halves if prompt.notes]
    prompts, real = [prompt for prompt, _ in halves], [real for _, real in halves]
    return continuation_measures(prompts, real, go_on(model, prompts, seed))


def go_on(model: LatentModel, prompts: Sequence[Phrase], seed: int) -> list[Phrase]:
    """Return what a model writes after phrases, as many bars again, with every setting at its default."""
    asked = [
        (
            {"heard": encode_slot(model, prompt)},
            Controls(mode="continue", bars=prompt.bars, seed=seed + index),
        )
        for index, prompt in enumerate(prompts)
    ]
    return play_each(model, asked)


def continuation_measures(
    prompts: Sequence[Phrase], real: Sequence[Phrase], written: Sequence[Phrase]
) -> dict[str, dict[str, float]]:
    """Return for the real, the written and another piece's continuations: motifs that return, and density.

    `motifs`: share of the prompt's three-note motifs that come back at any pitch. `notes`: notes of the
    continuation for one of the prompt. `as dense`: share of continuations within 35 % of the prompt's notes.
    """
    others = [*real[len(real) // 2 :], *real[: len(real) // 2]]
    rows = {"what really followed": real, "written": written, "another piece": others}
    heard = [Line.of(phrase.notes) for phrase in prompts]
    found = {}
    for name, answers in rows.items():
        ratios = np.array(
            [
                len(answer.notes) / max(len(prompt.notes), 1)
                for prompt, answer in zip(prompts, answers, strict=True)
            ]
        )
        found[name] = {
            "motifs": returning_motifs(heard, [Line.of(answer.notes) for answer in answers]),
            "notes": float(np.median(ratios)),
            "as dense": float((np.abs(ratios - 1) <= WITHIN).mean()),
        }
    return found
