"""What a player's hand does to a model: sliders, another seed, chords of real songs."""

import csv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.inference.slots import LatentModel
from training.corpus.dataset import Corpus, spread
from training.evaluation.musicality import seed_differences as seeds
from training.evaluation.musicality import slider_effects as sliders
from training.evaluation.musicality.held_out import held_out
from training.evaluation.musicality.real_chords import chord_fit, known_chords

STEPS_PER_BEAT = 4


def control_measures(
    model: LatentModel, corpus: Corpus, split: str, windows: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Measure on up to `windows` held-out phrases, as far as the model and the corpus have it.

    Returns:
        `sliders` of a model that has them, `seeds`, and `real_chords` where the corpus knows chords.
    """
    task, count = model.bundle.manifest.task, min(windows, max(sliders.MOST_PHRASES, seeds.MOST_PHRASES))
    played = held_out(corpus, model.representation, split, count)
    ids = spread(corpus.window_ids(split), count)
    found: dict[str, dict[str, Any]] = {
        "seeds": seeds.seed_differences(model, played.phrases, step_ms(corpus, ids), seed)
    }
    effects = sliders.slider_effects(model, played, seed) if task == "autoencode" else {}
    if effects:
        found["sliders"] = effects
    if task == "autoencode" and corpus.kind.name == "words":
        found["real_chords"] = chord_fit(model, played.phrases, known_chords(corpus.batch(ids)), seed)
    return found


def step_ms(corpus: Corpus, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the length of a 16th of windows by their files' tempo, `[N]`; nan for what is no groove."""
    if corpus.kind.name != "groove":
        return np.full(len(ids), np.nan)
    with (corpus.path / "files.csv").open(encoding="utf-8", newline="") as stream:
        bpm = {int(row["file"]): float(row["bpm"]) for row in csv.DictReader(stream)}
    files = corpus.segments["file"][corpus.table["segment"][ids]]
    return np.array([60_000 / bpm[int(file)] / STEPS_PER_BEAT for file in files])
