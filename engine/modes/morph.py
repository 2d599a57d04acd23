"""Morph: between the phrases of two slots, or of all those at the corners of the pad."""

from collections.abc import Mapping, Sequence

from engine.inference.controls import Controls
from engine.inference.language import language_of
from engine.inference.latent_space import (
    MORPH_CURVE,
    along,
    attribute_distance,
    attribute_shift,
    spherical_mean,
)
from engine.inference.slots import LatentModel, Slot
from engine.modes import drums, piano, words
from engine.modes.base import Mix, Plan, Planner, nearest, perturb, plans_of_seeds, with_feel
from engine.modes.pad import pad_weights


class MorphPlanner(Planner):
    """Walks on the sphere between the latents of slots; anchors hold each slot's own place to its tokens."""

    def plans(self, model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]) -> list[Plan]:
        """Prepare blends; those of one model of words share what no seed changes."""
        if language_of(model) != "words":
            return super().plans(model, slots, takes)
        return plans_of_seeds(takes, lambda same: words.morph(model, self._mix(slots, same), same))

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a blend of slots."""
        if (language := language_of(model)) is not None:
            mix = self._mix(slots, controls)
            if language == "words":
                return words.morph(model, mix, controls)(controls.seed)
            plan_of = piano.plan_morph if language == "piano" else drums.plan_morph
            return plan_of(model, mix, controls)
        mix = self._mix(slots, controls, model.bundle.manifest.morph_curve or MORPH_CURVE)
        reach = attribute_distance(controls)
        near, share = nearest(mix)
        anchors = [(slot, max(1 - weight, reach)) for slot, weight in mix if weight]
        return Plan(
            spherical_mean([(slot.mu, weight) for slot, weight in mix])
            + attribute_shift(model.bundle, controls),
            perturb(model, controls, near, anchors),
            with_feel(model.representation, near, max(1 - share, reach), controls),
        )

    def _mix(
        self, slots: Mapping[str, Slot], controls: Controls, curve: tuple[float, ...] = (0.0, 1.0)
    ) -> Mix:
        """Return the slots with their shares, evened by a curve from each slot on."""
        if controls.morph_by == "line":
            share = along(curve, controls.morph)
            return [(slots[controls.morph_from], 1 - share), (slots[controls.morph_to], share)]
        weights = pad_weights(controls.pad_x, controls.pad_y, slots)
        evened = {name: along(curve, weight) for name, weight in weights.items()}
        total = sum(evened.values())
        return [(slots[name], weight / total) for name, weight in evened.items()]
