"""What window and update need to know of a model, once it is loaded."""

from engine.inference.bundle.manifest import decides_keys_alone
from engine.inference.language import language_of
from engine.inference.latent_space import offered
from engine.inference.model import Model
from engine.inference.perturbation import pitched
from engine.session.snapshot import ModelFacts


def facts_of(model: Model, reference: str = "") -> ModelFacts:
    """Return what window and update need to know of a model that was loaded by a name or path."""
    manifest, representation = model.bundle.manifest, model.representation
    return ModelFacts(
        name=model.name,
        reference=reference or model.name,
        hash=model.bundle.hash,
        task=manifest.task,
        sentences=manifest.sentence is not None,
        bars=model.bars,
        metres=model.metres,
        representation=representation.name,
        pitched=pitched(representation),
        halves=language_of(model) == "words",
        keys_alone=decides_keys_alone(manifest),
        drummer_choice="drummer" in manifest.conditions,
        attributes=offered(manifest),
        voices=manifest.voices,
        precision=model.choice.used.precision,
        provider=model.choice.used.provider,
    )
