"""What a model with fine latents of every beat writes."""

from typing import TYPE_CHECKING, Literal

from engine.music.melody import VOCABULARY

if TYPE_CHECKING:  # it brings what encodes phrases, which a model's facts do not need
    from engine.inference.slots import LatentModel

Language = Literal["words", "drums", "piano"]
"""What is written beat by beat: a melody, drums, or keys in two hands."""


def language_of(model: "LatentModel") -> Language | None:
    """Return what a model with fine latents of every beat writes; None for a latent without parts."""
    if model.bundle.manifest.latent_layout is None:
        return None
    if VOCABULARY in model.representation.streams:
        return "words"
    return "drums" if model.representation.streams else "piano"
