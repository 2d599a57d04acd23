"""How far the sliders of a bundle must walk for the music to change evenly."""

from engine.inference.calibration import morph_curve, variation_curve
from engine.inference.model import Model
from export.latents import LatentSpace, Progress

CURVE_PHRASES = 48
"""Held-out phrases to measure curves on."""
LIVELY_SHARE = 0.25
"""Phrases that change at fewer of their steps say little about how soon music changes."""


def slider_curves(model: Model, space: LatentSpace, progress: Progress) -> dict[str, tuple[float, ...]]:
    """Measure how far the sliders must walk for the music to change evenly, on held-out phrases."""
    if space.heard is None:
        return {}
    phrases = space.heard.numpy()
    lively = (phrases[:, 1:] != phrases[:, :-1]).any(axis=-1).mean(axis=1) > LIVELY_SHARE
    chosen = phrases[lively][:CURVE_PHRASES]
    if len(chosen) < CURVE_PHRASES:
        return {}
    progress("measuring how evenly the variation slider moves")
    variation = variation_curve(model, chosen)
    progress("measuring how evenly the morph slider moves")
    return {"variation_curve": variation, "morph_curve": morph_curve(model, chosen)}
