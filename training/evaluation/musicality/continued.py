"""What follows held-out bars, beside what really followed and what another piece has there."""

from collections.abc import Sequence

import numpy as np

from engine.music.notes import Phrase
from training.evaluation.musicality.form import returning_motifs
from training.evaluation.musicality.lines import Line

WITHIN = 0.35
"""Share of the prompt's notes by which an answer may differ to count as equally dense."""


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
