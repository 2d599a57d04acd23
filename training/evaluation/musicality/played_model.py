"""A trained model as the player's engine uses one, so that what is measured is what is heard."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import (
    Attribute,
    BundleManifest,
    GraphSpec,
    LatentLayout,
    RepresentationRef,
    TrainingRecord,
)
from engine.inference.bundle.store import Bundle
from engine.music.representation import Representation
from training.evaluation.loaded_model import Prior, Sliders, Subject
from training.models.drum_words import DrumWords
from training.models.piano_words import PianoWords
from training.models.vae import Autoencoder

Floats = NDArray[np.float32]
BATCH = 256


class PlayedModel:
    """The weights of a subject behind `engine.inference.slots.LatentModel`.

    A bundle brings its curves, its fitted prior and its sliders; a run is played with the common curves from
    N(0, I), with those sliders that the subject was given.
    """

    def __init__(self, subject: Subject) -> None:
        if not isinstance(subject.model, Autoencoder):
            raise TypeError(f"{subject.path}: has no latent space to play in")
        self._model = subject.model
        self.representation: Representation = subject.representation
        self.bundle: Bundle = bundle_of(subject, subject.model.z_size)
        if isinstance(subject.model, DrumWords | PianoWords):
            layout = LatentLayout(**subject.model.layout._asdict())
            manifest = msgspec.structs.replace(self.bundle.manifest, latent_layout=layout)
            self.bundle = replace(self.bundle, manifest=manifest)

    @torch.no_grad()
    def encode(self, x: NDArray[Any]) -> tuple[Floats, Floats]:
        """Encode `[B, T, S]` to mu and sigma, `[B, Z]` each; what it is given is what it hears."""
        device = next(self._model.parameters()).device
        posteriors = [
            self._model.encode(torch.as_tensor(x[start : start + BATCH], device=device))
            for start in range(0, len(x), BATCH)
        ]
        mu = torch.cat([posterior.mu for posterior in posteriors])
        sigma = torch.cat([posterior.sigma for posterior in posteriors])
        return mu.float().cpu().numpy(), sigma.float().cpu().numpy()

    @torch.no_grad()
    def decode(self, z: Floats, perturbation: Floats, *given: Any, **further: Any) -> NDArray[Any]:
        """Decode `[B, Z]` under `[T, B, V]` to `[T, B, S]`; no model here hears chords or a bar before.

        A piano's `ringing` `[B, T, K]` is what is added where a key may be held.
        """
        device = next(self._model.parameters()).device
        ringing = further.get("ringing") if isinstance(self._model, PianoWords) else None
        parts = []
        for start in range(0, len(z), BATCH):
            some = slice(start, start + BATCH)
            inputs = [torch.as_tensor(part, device=device) for part in (z[some], perturbation[:, some])]
            if ringing is not None:
                inputs.append(torch.as_tensor(ringing[some], device=device).transpose(0, 1))
            parts.append(self._model.generate(*inputs))
        return torch.cat(parts).transpose(0, 1).cpu().numpy()

    def next_word(self, words: Floats) -> Mapping[str, Floats]:
        """Refuse: no model here knows sentences."""
        raise TypeError(f"{self.bundle.path}: knows no sentences")


def bundle_of(subject: Subject, z_size: int) -> Bundle:
    """Return what a bundle of the subject says, as far as rendering asks; without graphs."""
    representation, model = subject.representation, subject.config.model
    manifest = BundleManifest(
        name=subject.config.name,
        task=model.task,
        representation=RepresentationRef(
            name=representation.name, bars=representation.bars, hash=representation.hash
        ),
        bars=representation.bars,
        steps=representation.steps,
        streams=representation.streams,
        width=representation.width,
        z_size=z_size,
        voices=(),
        attributes=_attributes(subject.sliders),
        encoder=GraphSpec(inputs=(), outputs=()),
        decoder=GraphSpec(inputs=(), outputs=()),
        training=TrainingRecord(data=(), data_hash="", config={}, seed=subject.config.seed, steps=0),
        metrics={},
        variation_curve=subject.variation_curve,
        morph_curve=subject.morph_curve,
        density_curve=subject.density_curve,
        temperature_scale=subject.temperature_scale,
    )
    return Bundle(subject.path, manifest, representation, _latents(subject, z_size), {}, "")


def _attributes(sliders: Sliders | None) -> tuple[Attribute, ...]:
    if sliders is None:
        return ()
    percents = sliders.percents or ({},) * len(sliders.names)
    return tuple(
        Attribute(name=name, unit="", effects={}, effects_percent=percent)
        for name, percent in zip(sliders.names, percents, strict=True)
    )


def _latents(subject: Subject, z_size: int) -> Latents:
    mixture, sliders = subject.mixture or Prior.standard_normal(z_size), subject.sliders
    directions = np.zeros((0, z_size)) if sliders is None else sliders.directions
    return Latents(
        prior_weights=np.asarray(mixture.weights, np.float32),
        prior_means=np.asarray(mixture.means, np.float32),
        prior_deviations=np.asarray(mixture.deviations, np.float32),
        directions=np.asarray(directions, np.float32),
    )
