"""Generate: something new from the model alone."""

from collections.abc import Mapping, Sequence

from engine.inference import perturbation
from engine.inference.controls import Controls
from engine.inference.language import language_of
from engine.inference.latent_space import attribute_shift
from engine.inference.moved_draws import draws
from engine.inference.register import in_register
from engine.inference.slots import LatentModel, Slot
from engine.inference.style import pull_of
from engine.modes import drums, piano, words
from engine.modes.base import Plan, Planner, perturb, plans_of_seeds
from engine.modes.sentence import plan_sentences
from engine.music.key_finding import key_of


class GeneratePlanner(Planner):
    """Decodes the draw from the prior that belongs to the seed, in the key that most of it is in anyway."""

    def plans(self, model: LatentModel, slots: Mapping[str, Slot], takes: Sequence[Controls]) -> list[Plan]:
        """Prepare draws from the prior; those of all seeds are decoded together."""
        language = language_of(model)
        if model.bundle.manifest.sentence is not None:
            return plan_sentences(model, takes)
        if language is None:
            for pull in dict.fromkeys(pull_of(take) for take in takes):
                draws(model, [take.seed for take in takes if pull_of(take) == pull], pull)
        elif language == "words":
            return plans_of_seeds(takes, lambda same: words.draw(model, same))
        elif language == "piano":
            return piano.plan_draws(model, takes)
        return super().plans(model, slots, takes)

    def plan(self, model: LatentModel, slots: Mapping[str, Slot], controls: Controls) -> Plan:
        """Prepare a draw from the prior."""
        if model.bundle.manifest.sentence is not None:
            return plan_sentences(model, (controls,))[0]
        language = language_of(model)
        if language == "words":
            return words.draw(model, controls)(controls.seed)
        if language == "piano":
            return piano.plan_draws(model, (controls,))[0]
        if language == "drums":
            return drums.plan_draw(model, controls)
        draw = draws(model, (controls.seed,), pull_of(controls))[0]
        z = draw.z + attribute_shift(model.bundle, controls)
        key = key_of(draw.phrase) if perturbation.pitched(model.representation) else None
        decode = model.representation.decode
        return Plan(
            z,
            perturb(model, controls, None, (), key=key),
            lambda decoded: in_register(decode(decoded), controls, key),
        )
