"""How much two seeds differ to the ear: notes or hits that differ, and of grooves timing and velocities."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.inference.controls import Controls
from engine.inference.slots import LatentModel, encode_slot
from engine.music.groove import HITS, OFFSETS, VELOCITIES
from engine.music.notes import Phrase
from engine.music.representation import Representation
from training.evaluation.musicality.measure import note_f1
from training.evaluation.musicality.played_phrases import play_takes

MOST_PHRASES = 150
NO_TEMPO = np.zeros(0)
"""Of music whose timing is not compared."""
TAKES: Mapping[str, Mapping[str, Controls]] = {
    "autoencode": {
        "vary 0.3": Controls(variation=0.3),
        "vary 0.6": Controls(variation=0.6),
        "prior": Controls(mode="generate"),
    },
    "humanize": {
        "groove 0.3": Controls(mode="groove", variation=0.3),
        "groove 1.0": Controls(mode="groove", variation=1.0),
    },
    "drumify": {"drumify": Controls(mode="drumify")},
}
"""What is played twice by a model of each task, as the player hears it at the default temperature."""


def seed_differences(
    model: LatentModel, phrases: Sequence[Phrase], step_ms: NDArray[np.float64], seed: int
) -> dict[str, dict[str, float]]:
    """Play every phrase with two seeds and compare the two; beside them `another piece`, as music differs.

    Args:
        model: a model with a latent space.
        phrases: of its length.
        step_ms: length of a 16th of each; only grooves ask for it.
        seed: decides the two.

    Returns:
        The measures of `differences`, by what was played.
    """
    played, takes = list(phrases[:MOST_PHRASES]), TAKES.get(model.bundle.manifest.task, {})
    slots = [{"heard": encode_slot(model, phrase)} for phrase in played]
    first: dict[str, list[Phrase]] = {}
    second: dict[str, list[Phrase]] = {}
    for row, controls in takes.items():
        seeds = [(seed + 2 * index, seed + 2 * index + 1) for index in range(len(played))]
        both = [[replace(controls, seed=number) for number in pair] for pair in seeds]
        pairs = play_takes(model, slots, both)
        first[row], second[row] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    first["another piece"], half = played, len(played) // 2
    second["another piece"] = [*played[half:], *played[:half]]
    return {
        row: differences(first[row], second[row], model.representation, step_ms[:MOST_PHRASES])
        for row in first
    }


def differences(
    first: Sequence[Phrase],
    second: Sequence[Phrase],
    representation: Representation,
    step_ms: NDArray[np.float64] = NO_TEMPO,
) -> dict[str, float]:
    """Compare phrases in pairs.

    Returns:
        `differing`, the share of the notes (or hits) of both that the other does not have, by 16th and pitch
        (or drum); of grooves also `ms` and `velocities` (of 127), mean absolute differences over the hits
        that both have, and `shared_hits`, their number.
    """
    if representation.name != "groove":
        return {"differing": 1 - note_f1(first, second)}
    frames = [np.stack([representation.encode(phrase) for phrase in each]) for each in (first, second)]
    hits = [each[..., HITS] > 0.5 for each in frames]
    shared = hits[0] & hits[1]
    sounding = int(hits[0].sum() + hits[1].sum())
    # Offsets run from -1 to 1 over a whole step: half of one is a fraction of a 16th.
    later = np.abs(frames[0][..., OFFSETS] - frames[1][..., OFFSETS]) / 2
    louder = np.abs(frames[0][..., VELOCITIES] - frames[1][..., VELOCITIES]) * 127
    return {
        "differing": 1 - 2 * float(shared.sum()) / max(sounding, 1),
        "ms": _mean((later * step_ms[:, None, None])[shared]),
        "velocities": _mean(louder[shared]),
        "shared_hits": float(shared.sum()),
    }


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else float("nan")
