"""A bundle of words seen in another of the metres it was trained in: the same graphs, other lengths.

Its graphs leave steps, beats and the bar before open, and are given the metre as its place in the manifest.
What has a size in bars or beats, the layout of a latent and the prior over it, is what changes.
"""

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.latent_places import coarse_places
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import BundleManifest, LatentLayout
from engine.inference.bundle.store import Bundle
from engine.music import representation as representations
from engine.music.grid import Grid
from engine.music.metre import Metre
from engine.music.representation import Representation

Floats = npt.NDArray[np.float32]


def bundle_in(bundle: Bundle, metre: Metre) -> Bundle:
    """Return a bundle in one of its further metres."""
    manifest, own = bundle.manifest, bundle.representation
    layout = manifest.latent_layout
    assert layout is not None  # bundles without parts know one metre
    grid = Grid.of(metre, own.grid.steps_per_beat)
    representation = representations.representation(own.name, own.bars, grid)
    beats = representation.bars * grid.beats_per_bar // layout.words
    there = msgspec.structs.replace(layout, beats=beats)
    return replace(
        bundle,
        manifest=_manifest_in(manifest, representation, there),
        representation=representation,
        latents=_latents_in(bundle.latents, layout, there),
    )


def _manifest_in(
    manifest: BundleManifest, representation: Representation, layout: LatentLayout
) -> BundleManifest:
    word = representations.representation(
        representation.name, representation.bars // layout.words, representation.grid
    )
    encoder, decoder = graph_specs(word, layout.word_size, manifest.task, manifest.conditions)
    return msgspec.structs.replace(
        manifest,
        steps=representation.steps,
        z_size=layout.size,
        latent_layout=layout,
        encoder=encoder,
        decoder=decoder,
    )


def _latents_in(latents: Latents, layout: LatentLayout, there: LatentLayout) -> Latents:
    """Return a prior with the coarse parts of another; fine parts, which nobody draws, are normal."""
    at, to = coarse_places(layout), coarse_places(there)

    def moved(rows: Floats, rest: float) -> Floats:
        found = np.full((len(rows), there.size), rest, np.float32)
        found[:, to.reshape(-1)] = rows[:, at.reshape(-1)]
        return found

    return Latents(
        prior_weights=latents.prior_weights,
        prior_means=moved(latents.prior_means, 0.0),
        prior_deviations=moved(latents.prior_deviations, 1.0),
        directions=moved(latents.directions, 0.0),
    )
