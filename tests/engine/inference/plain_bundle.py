"""What a model in numpy says of itself: the fields of a manifest that rendering asks for."""

from types import SimpleNamespace

from engine.inference.bundle.latents import Latents


def plain_bundle(name: str, task: str, z_size: int) -> SimpleNamespace:
    """Return a bundle without conditions, sentences, attributes and curves, its prior the standard normal."""
    manifest = SimpleNamespace(
        key_normalised=False,
        conditions=(),
        latent_layout=None,
        sentence=None,
        name=name,
        task=task,
        attributes=(),
        voices=(),
        z_size=z_size,
        variation_curve=(),
        morph_curve=(),
        density_curve=(),
    )
    return SimpleNamespace(manifest=manifest, hash=name, latents=Latents.standard_normal(z_size))
