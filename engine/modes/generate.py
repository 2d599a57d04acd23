"""Generate: something new from the model alone."""

from collections.abc import Mapping

from engine.inference.controls import DIRECTIONS, LIMITS, Controls
from engine.inference.latent_space import attribute_shift, prior_draw
from engine.inference.slots import LatentModel, Slot
from engine.modes.base import Plan, Tool, perturb


class Generate(Tool):
    """Decodes the draw from the prior that belongs to the seed."""

    id = "generate"
    label = "Generate"
    key = "3"
    help = "Play something new from the model alone."
    task = "autoencode"
    offers = frozenset({LIMITS, DIRECTIONS})

    def slots(self, controls: Controls) -> tuple[str, ...]:
        """Return no slot."""
        return ()

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a draw from the prior."""
        z = prior_draw(model.bundle.latents, controls.seed) + attribute_shift(model.bundle, controls)
        return Plan(z, perturb(model, controls, None, ()), model.representation.decode)
