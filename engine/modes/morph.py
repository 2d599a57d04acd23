"""Morph: between the phrases of two slots."""

from collections.abc import Mapping

from engine.inference.controls import (
    DIRECTIONS,
    LIMITS,
    NOTES_TO_KEEP,
    RHYTHM_TO_KEEP,
    STYLE,
    TWO_SLOTS,
    Controls,
)
from engine.inference.latent_space import MORPH_CURVE, along, attribute_distance, attribute_shift, slerp
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Tool, perturb, with_feel
from engine.modes.words import plan_morph


class Morph(Tool):
    """Walks from one slot's latent to another's on the sphere; anchors hold each end to its own tokens."""

    id = "morph"
    label = "Morph"
    key = "2"
    help = "Blend the phrases stored in A and B."
    task = "autoencode"
    offers = frozenset({TWO_SLOTS, LIMITS, RHYTHM_TO_KEEP, NOTES_TO_KEEP, DIRECTIONS, STYLE})

    def slots(self, controls: Controls) -> tuple[str, ...]:
        """Return the slots at the two ends."""
        return (controls.morph_from, controls.morph_to)

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a blend of two slots."""
        first, second = slots[controls.morph_from], slots[controls.morph_to]
        if model.bundle.manifest.latent_layout is not None:
            return plan_morph(model, first, second, controls)
        share = along(model.bundle.manifest.morph_curve or MORPH_CURVE, controls.morph)
        reach = attribute_distance(controls)
        from_first, from_second = max(share, reach), max(1 - share, reach)
        near, distance = (first, from_first) if share < 0.5 else (second, from_second)
        return Plan(
            slerp(first.mu, second.mu, share) + attribute_shift(model.bundle, controls),
            perturb(model, controls, near, ((first, from_first), (second, from_second))),
            with_feel(model.representation, near, distance, controls),
        )
