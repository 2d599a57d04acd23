"""Drumify: drums to a tapped rhythm.

Shape legend: T steps, D 27 values of a groove's step (9 hits, 9 velocities, 9 offsets).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference.controls import Controls
from engine.inference.latent_space import VARIATION_CURVE, along, attribute_shift, great_circle, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Planner, perturb
from engine.music.groove import HITS, OFFSETS
from engine.music.notes import Phrase


class DrumifyPlanner(Planner):
    """Walks from what the taps mean to any drums; tapped steps keep the taps' timing until it is let go."""

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare drums to the source's rhythm."""
        source, representation = slots[controls.source], model.representation
        share = along(model.bundle.manifest.variation_curve or VARIATION_CURVE, controls.variation)
        z = great_circle(source.mu, prior_draw(model.bundle.latents, controls.seed), share)
        # A kit to keep is not in a tap.
        free = replace(controls, constraints=replace(controls.constraints, keep_pitches=False))

        def finish(decoded: npt.NDArray[Any]) -> Phrase:
            return representation.decode(on_the_taps(decoded, source.tensor, controls.variation))

        return Plan(z + attribute_shift(model.bundle, controls), perturb(model, free, source, ()), finish)


def on_the_taps(
    frames: npt.NDArray[np.float32], taps: npt.NDArray[np.float32], share: float
) -> npt.NDArray[np.float32]:
    """Put the drums of every tapped step where the tap was, as far as `share` has not let go.

    Args:
        frames: `float32 [T, 27]` of the drums.
        taps: `float32 [T, 27]`, one hit at most in each step.
        share: 0 (exactly on the taps) to 1 (where the drummer has them).
    """
    tapped = taps[:, HITS].max(axis=1, keepdims=True)
    offset = taps[:, OFFSETS].sum(axis=1, keepdims=True)  # of the only hit there may be
    result = frames.copy()
    kept = share + (1 - share) * (1 - tapped)
    result[:, OFFSETS] = frames[:, HITS] * (kept * frames[:, OFFSETS] + (1 - kept) * offset)
    return result
