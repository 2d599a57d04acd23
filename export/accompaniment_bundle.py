"""What a model of accompaniments brings to its bundle: graphs, styles to draw from, proof."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import GRAPHS, BundleManifest, Condition, VoiceLatent
from engine.inference.model import Model
from engine.music.representation import Representation
from export.accompaniment_graph import accompaniment_decoder, accompaniment_encoder, conditions_graph
from export.errors import ExportError
from export.parity import BATCHES, NEAR_TIE, TEMPERATURES, Agreement, LatentError, gumbel, proven
from training.corpus.dataset import Corpus, spread
from training.models.accompaniment import VOCABULARIES, VOICES, Accompaniment, Surroundings
from training.models.accompaniment_loss import style_mask, voices_and_surroundings
from training.models.words import BEAT_STEPS

CONDITIONS: tuple[Condition, ...] = ("melody", "harmony", "accents", "fills", "before")
STYLES = 256
"""Styles of training windows that a bundle's prior is made of."""
CANDIDATES = 8 * STYLES


def accompaniment_manifest(
    manifest: BundleManifest, model: Accompaniment, representation: Representation
) -> BundleManifest:
    """Return a manifest with what is particular to accompaniments filled in."""
    size = sum(model.sizes(representation.steps // BEAT_STEPS))
    encoder, decoder = graph_specs(representation, size, "accompany", CONDITIONS)
    configs = [model.writer(voice).config for voice in range(len(VOICES))]
    return msgspec.structs.replace(
        manifest,
        z_size=size,
        encoder=encoder,
        decoder=decoder,
        key_normalised=True,
        conditions=CONDITIONS,
        metres=("4/4",),
        voice_latents=tuple(
            VoiceLatent(name=name, coarse=config.coarse, fine=config.fine)
            for name, config in zip(VOICES, configs, strict=True)
        ),
    )


def accompaniment_graphs(model: Accompaniment, manifest: BundleManifest) -> dict[str, bytes]:
    """Return the graphs by file name; they are small enough without an 8-bit form."""
    conditions = conditions_graph(model, manifest)
    return {
        GRAPHS[0]: accompaniment_encoder(model, manifest),
        GRAPHS[1]: accompaniment_decoder(model, manifest, conditions),
    }


@torch.no_grad()
def styles(model: Accompaniment, corpora: Sequence[Corpus]) -> Latents:
    """Return a prior of the styles that training windows have: a narrow component for each of `STYLES`.

    Each voice's styles come from windows that have it: drums from the last of the corpora that has any, all
    others from the first, so that each is in the manner of those who played it and not of a library of
    patterns; no drums of a window with a fill. Fine parts are left at 0 by whoever draws.

    Raises:
        ExportError: a voice is in no training window.
    """
    beats = corpora[0].steps // BEAT_STEPS
    mask = style_mask(model, beats).bool().numpy()
    means, deviations = np.zeros((STYLES, len(mask)), np.float32), np.ones((STYLES, len(mask)), np.float32)
    sizes = model.sizes(beats)
    for voice, end in enumerate(np.cumsum(sizes)):
        coarse = model.writer(voice).config.coarse
        columns = slice(int(end) - sizes[voice], int(end) - sizes[voice] + coarse)
        means[:, columns], deviations[:, columns] = _styles_of(model, voice, corpora, coarse)
    weights = np.full(STYLES, 1 / STYLES, np.float32)
    return Latents(weights, means, deviations, np.zeros((0, len(mask)), np.float32))


def _styles_of(
    model: Accompaniment, voice: int, corpora: Sequence[Corpus], coarse: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return means and deviations of one voice's style in `STYLES` training windows, in random order."""
    found = [part for corpus in corpora if (part := _windows_with(voice, corpus)) is not None]
    if not found:
        raise ExportError(f"no training window has {VOICES[voice]}; build the corpus from more files")
    tokens = found[-1 if VOICES[voice] == "drums" else 0]
    order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(voice))[:STYLES]
    chosen = tokens[order.repeat(-(-STYLES // len(order)))[:STYLES]]
    posterior = model.writer(voice).posterior(chosen)
    return posterior.mu[:, :coarse].numpy(), posterior.sigma[:, :coarse].numpy()


def _windows_with(voice: int, corpus: Corpus) -> Tensor | None:
    """Return tokens `[N, T]` of a voice in training windows spread over a corpus; None if it has none."""
    ids = spread(corpus.window_ids("train"), CANDIDATES)
    tokens, around = voices_and_surroundings(torch.as_tensor(corpus.batch(ids)))
    has = (tokens[:, 0, voice] >= 0) & (tokens[..., voice] > 0).any(1)
    if VOICES[voice] == "drums":
        has &= ~(around.fills > 0).any(1)
    return tokens[has][..., voice] if has.any() else None


# Proof --------------------------------------------------------------------------------------


@torch.no_grad()
def prove_accompaniment(model: Accompaniment, graphs: Model, heard: Tensor | None = None) -> dict[str, float]:
    """Prove both graphs against torch at several batch sizes and temperatures.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        heard: held-out windows `[N, T, 9]`; None for random ones.

    Raises:
        ExportError: they differ by more than near ties.
    """
    errors, parts = [], []
    for batch in BATCHES:
        tokens, around = _examples(graphs, batch, heard)
        posterior = model.encode(tokens)
        errors.append(LatentError.of(posterior, graphs.encode(tokens.numpy())))
        mask = style_mask(model, around.harmony.shape[1])
        parts += [
            compare_accompaniment(model, graphs, z, temperature, around)
            for z in (posterior.mu, posterior.mu * mask)
            for temperature in TEMPERATURES
        ]
    return proven(errors, parts)


def _examples(graphs: Model, batch: int, heard: Tensor | None) -> tuple[Tensor, Surroundings]:
    """Return voices with their surroundings, half of them with nothing known; no voice is missing."""
    steps, generator = graphs.bundle.manifest.steps, torch.Generator().manual_seed(batch)
    if heard is None:
        tokens = torch.stack(
            [torch.randint(0, v, (batch, steps), generator=generator) for v in VOCABULARIES], -1
        )
        window = torch.cat([tokens[..., :1], tokens, torch.zeros(batch, steps, 5, dtype=torch.int64)], dim=-1)
        window[..., 4] = torch.randint(1, 4096, (batch, steps), generator=generator)
        window[..., 5] = torch.randint(1, 13, (batch, steps), generator=generator)
    else:
        window = heard[torch.randint(len(heard), (batch,), generator=generator)]
    tokens, around = voices_and_surroundings(window)
    bare = torch.arange(batch) % 2 == 1
    around = Surroundings(
        torch.where(bare[:, None], -1, around.melody),
        around.harmony * ~bare[:, None, None],
        torch.where(bare[:, None], -1, around.accents),
        torch.where(bare[:, None], -1, around.fills),
        torch.where(bare[:, None, None], -1, around.before),
    )
    return tokens.clamp_min(0), around


def compare_accompaniment(
    model: Accompaniment, graphs: Model, z: Tensor, temperature: float, around: Surroundings
) -> Agreement:
    """Decode latents on both sides; a choice that differs first must be a near tie of torch's logits.

    What the bass writes is not compared where the drums it was given differ.
    """
    manifest, generator = graphs.bundle.manifest, torch.Generator().manual_seed(len(z))
    shift = temperature * gumbel((manifest.steps, len(z), manifest.width), generator)
    ours = model.generate(z, around, shift)
    given = {name: part.contiguous().numpy() for name, part in around._asdict().items()}
    decoded = graphs.decode(z.numpy(), shift.numpy(), **given)
    differs = ours != torch.from_numpy(decoded).transpose(0, 1)
    first = differs & (differs.cumsum(1) == 1)
    first[..., VOICES.index("bass")] &= ~differs[..., VOICES.index("drums")].any(1, keepdim=True)
    return Agreement.of(differs, first, _margins(model, z, ours, around, shift) < NEAR_TIE)


def _margins(model: Accompaniment, z: Tensor, written: Tensor, around: Surroundings, shift: Tensor) -> Tensor:
    """Return by how much torch preferred what it wrote, `[B, T, 3]`."""
    parts = torch.split(z, model.sizes(around.harmony.shape[1]), dim=1)
    shifts = torch.split(shift, list(VOCABULARIES), dim=-1)
    found = []
    for voice, part in enumerate(parts):
        condition = model.conditions(voice, part, around, written[..., VOICES.index("drums")])
        logits = model.writer(voice).logits(condition, written[..., voice], around.before[..., voice])
        best = (logits + shifts[voice].transpose(0, 1)).topk(2, dim=-1).values
        found.append(best[..., 0] - best[..., 1])
    return torch.stack(found, dim=-1)
