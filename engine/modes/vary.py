"""Vary: from what was played, as far as the slider says."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from engine.inference.controls import Controls
from engine.inference.language import language_of
from engine.inference.latent_space import (
    VARIATION_CURVE,
    along,
    attribute_distance,
    attribute_shift,
    great_circle,
)
from engine.inference.moved_draws import draws_near
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import pull_of
from engine.modes import drums, piano
from engine.modes.base import Plan, Planner, perturb, plans_of_seeds, with_feel
from engine.modes.words import Variation


class VaryPlanner(Planner):
    """Walks the great circle from the source's latent to the draw from the prior that belongs to the seed.

    The draw is moved into the source's key and register first. An anchor holds the decoder to the source's
    own tokens at the start of the walk and lets go smoothly, so that variation 0 is the source itself and no
    step of the slider is a jump.
    """

    def plans(self, model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]) -> list[Plan]:
        """Prepare variations; the draws of all seeds are decoded and moved together."""
        language = language_of(model)
        if language is None and len(takes) > 1:
            for source, pull in dict.fromkeys((take.source, pull_of(take)) for take in takes):
                seeds = [take.seed for take in takes if (take.source, pull_of(take)) == (source, pull)]
                draws_near(model, slots[source], seeds, pull)
        elif language == "words":
            return plans_of_seeds(takes, lambda same: Variation(model, slots[same.source], same).for_seed)
        elif language == "piano":
            return [
                plan
                for source, same in groupby(takes, key=lambda take: take.source)
                for plan in piano.plan_variations(model, slots[source], list(same))
            ]
        return super().plans(model, slots, takes)

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a variation of the source."""
        source = slots[controls.source]
        language = language_of(model)
        if language == "words":
            return Variation(model, source, controls).for_seed(controls.seed)
        if language == "piano":
            return piano.plan_variations(model, source, (controls,))[0]
        if language == "drums":
            return drums.plan_variation(model, source, controls)
        share = along(model.bundle.manifest.variation_curve or VARIATION_CURVE, controls.variation)
        z = great_circle(source.mu, draws_near(model, source, (controls.seed,), pull_of(controls))[0], share)
        distance = max(share, attribute_distance(controls))
        return Plan(
            z + attribute_shift(model.bundle, controls),
            perturb(model, controls, source, ((source, distance),)),
            with_feel(model.representation, source, distance, controls),
        )
