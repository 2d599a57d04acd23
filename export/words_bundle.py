"""What a model of words brings to its bundle: graphs, prior of the coarse part, proof."""

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import (
    GRAPHS,
    INT8_GRAPHS,
    BundleManifest,
    Condition,
    LatentLayout,
    graph_specs,
)
from engine.inference.model import Model
from engine.music.melody import VOCABULARY
from engine.music.representation import Representation
from export.errors import ExportError
from export.parity import (
    BATCHES,
    LATENT_TOLERANCE,
    NEAR_TIE,
    TEMPERATURES,
    Agreement,
    check_agreement,
    together,
)
from export.prior import best_mixture, standard_normal_nats
from export.quantise import int8_product
from export.words_graph import conditions_graph, words_decoder, words_encoder
from training.corpus.dataset import Corpus
from training.corpus.metres import METRES
from training.evaluation.reconstruction import spread
from training.models.words import BEAT_STEPS, Surroundings, Words
from training.models.words_loss import coarse_mask, tokens_and_surroundings

CONDITIONS: tuple[Condition, ...] = ("chords", "before")
TRAIN_WINDOWS = 20_000
VALID_WINDOWS = 4_000
BATCH = 256
TEMPERATURE_SCALE = 1.4
"""At .5 times this the notes of draws cost the critic what those of music do: 3.8 nats."""


def words_manifest(
    manifest: BundleManifest, model: Words, representation: Representation, metre: str
) -> BundleManifest:
    """Return a manifest with what is particular to words filled in."""
    sizes = model.layout(representation.bars * representation.grid.beats_per_bar)
    layout = LatentLayout(**sizes._asdict())
    encoder, decoder = graph_specs(representation, layout.size, "autoencode", CONDITIONS)
    return msgspec.structs.replace(
        manifest,
        z_size=layout.size,
        encoder=encoder,
        decoder=decoder,
        key_normalised=True,
        conditions=CONDITIONS,
        metres=(metre,),
        temperature_scale=TEMPERATURE_SCALE,
        latent_layout=layout,
    )


def words_graphs(model: Words, manifest: BundleManifest, *, int8: bool) -> dict[str, bytes]:
    """Return the graphs by file name, the decoder also in 8 bits if wanted."""
    conditions = conditions_graph(model, manifest.metres[0])
    graphs = {
        GRAPHS[0]: words_encoder(model, manifest.encoder),
        GRAPHS[1]: words_decoder(model, manifest.decoder, conditions),
    }
    if int8:
        graphs[INT8_GRAPHS[1]] = words_decoder(model, manifest.decoder, conditions, int8_product)
    return graphs


def coarse_prior(model: Words, corpus: Corpus) -> tuple[Latents, dict[str, float]]:
    """Fit a mixture to the coarse parts of training phrases; fine parts are left at 0 by whoever draws.

    Raises:
        ExportError: the corpus has no windows in a split.
    """
    train = _coarse(model, corpus, "train", TRAIN_WINDOWS)
    held_out = _coarse(model, corpus, "valid", VALID_WINDOWS)
    mixture, nats = best_mixture(train, held_out)
    layout = model.layout(corpus.steps // BEAT_STEPS)
    mask = coarse_mask(layout, torch.zeros(1, layout.size))[0].bool().numpy()
    means = np.zeros((len(mixture.weights), layout.size), np.float32)
    deviations = np.ones_like(means)
    means[:, mask], deviations[:, mask] = mixture.means, np.sqrt(mixture.variances)
    latents = Latents(
        prior_weights=mixture.weights.astype(np.float32),
        prior_means=means,
        prior_deviations=deviations,
        directions=np.zeros((0, layout.size), np.float32),
    )
    return latents, {"prior_mixture_nats": nats, "prior_normal_nats": standard_normal_nats(held_out)}


@torch.no_grad()
def _coarse(model: Words, corpus: Corpus, split: str, windows: int) -> npt.NDArray[np.float64]:
    """Return samples of the coarse posteriors of up to so many windows, `[N, Zc]`."""
    ids = spread(corpus.window_ids(split), windows)
    if not len(ids):
        raise ExportError(
            f"{corpus.path}: no {split} windows of {corpus.bars} bars; build it from more files"
        )
    generator, parts = torch.Generator().manual_seed(1), []
    for start in range(0, len(ids), BATCH):
        tokens, _ = tokens_and_surroundings(torch.as_tensor(corpus.batch(ids[start : start + BATCH])))
        posterior = model.encode(tokens)
        drawn = posterior.sample(torch.randn(posterior.mu.shape, generator=generator))
        parts.append(model.layout(tokens.shape[1] // BEAT_STEPS).coarse(drawn))
    return torch.cat(parts).double().numpy()


# Proof --------------------------------------------------------------------------------------


def prove_words(model: Words, graphs: Model, heard: Tensor | None = None) -> dict[str, float]:
    """Prove both float graphs against torch at several batch sizes and temperatures.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        heard: held-out windows `[N, T, 4]`; None for random ones.

    Raises:
        ExportError: they differ by more than near ties.
    """
    error, parts = 0.0, []
    for batch in BATCHES:
        tokens, around = _examples(graphs, batch, heard)
        posterior = model.encode(tokens)
        mu, sigma = graphs.encode(tokens.unsqueeze(-1).contiguous().numpy())
        error = max(error, float(np.abs(posterior.mu.numpy() - mu).max()))
        error = max(error, float(np.abs(posterior.sigma.numpy() - sigma).max()))
        parts += [
            compare_words(model, graphs, z, temperature, around)
            for z in _kept_differently(model, posterior.mu, around.chords.shape[1])
            for temperature in TEMPERATURES
        ]
    if error > LATENT_TOLERANCE:
        raise ExportError(f"encoder: differs by {error:.1e} between torch and ONNX Runtime; report it")
    total = check_agreement(together(parts))
    return {
        "float_latent_error": error,
        "float_choices": total.choices,
        "float_same_choices": total.same / total.choices,
        "float_near_ties": total.near_ties,
    }


def measure_int8_words(model: Words, graphs: Model, heard: Tensor | None = None) -> dict[str, float]:
    """Return the share of the int8 decoder's choices that are torch's, with whole and with coarse latents."""
    tokens, around = _examples(graphs, BATCHES[-1], heard)
    whole, _, coarse = _kept_differently(model, model.encode(tokens).mu, around.chords.shape[1])
    found = {"whole": compare_words(model, graphs, whole, 0.0, around)}
    found["coarse"] = compare_words(model, graphs, coarse, 0.0, around)
    return {f"int8_same_choices_{name}": each.same / each.choices for name, each in found.items()}


def _kept_differently(model: Words, mu: Tensor, beats: int) -> list[Tensor]:
    """Return latents `[B, Z]` whole, with their first beats free, and coarse alone."""
    layout = model.layout(beats)
    mask = coarse_mask(layout, mu)
    some = mask.clone()
    some[:, layout.coarse_rhythm + layout.fine_rhythm : layout.rhythm] = 1
    return [mu, mu * some, mu * mask]


def _examples(graphs: Model, batch: int, heard: Tensor | None) -> tuple[Tensor, Surroundings]:
    """Return phrases with their surroundings: half of them with chords and a bar before."""
    manifest, generator = graphs.bundle.manifest, torch.Generator().manual_seed(batch)
    metre, bar = manifest.metres[0], graphs.representation.grid.steps_per_bar
    if heard is None:
        shape = (batch, manifest.steps)
        tokens = torch.randint(0, VOCABULARY, shape, generator=generator)
        tokens = torch.where(torch.rand(shape, generator=generator) < 0.6, 0, tokens)
        chords = (torch.rand(batch, manifest.steps // BEAT_STEPS, 12, generator=generator) < 0.3).float()
        around = Surroundings(chords, tokens[:, -bar:], list(METRES).index(metre))
    else:
        chosen = heard[torch.randint(len(heard), (batch,), generator=generator)]
        tokens, around = tokens_and_surroundings(chosen)
    bare = torch.arange(batch) % 2 == 1
    around = around._replace(
        chords=around.chords * ~bare[:, None, None], before=torch.where(bare[:, None], -1, around.before)
    )
    return tokens, around


def compare_words(
    model: Words, graphs: Model, z: Tensor, temperature: float, around: Surroundings
) -> Agreement:
    """Decode latents on both sides; a choice that differs first must be a near tie of torch's logits."""
    generator = torch.Generator().manual_seed(len(z))
    steps = graphs.bundle.manifest.steps
    uniform = torch.rand(steps, len(z), VOCABULARY, generator=generator).clamp(1e-6, 1 - 1e-6)
    shift = temperature * -(-uniform.log()).log()
    ours = model.generate(z, shift, around)
    decoded = graphs.decode(z.numpy(), shift.numpy(), around.chords.numpy(), around.before.numpy())
    differs = ours != torch.from_numpy(decoded)[..., 0].T
    best = (model.logits(z, ours, around) + shift.transpose(0, 1)).topk(2, dim=-1).values
    first = differs & (differs.cumsum(1) == 1)
    tie = best[..., 0] - best[..., 1] < NEAR_TIE
    return Agreement(
        choices=differs.numel(),
        same=int((~differs).sum()),
        same_phrases=float((~differs).all(1).float().mean()),
        near_ties=int((first & tie).sum()),
        faults=int((first & ~tie).sum()),
        frame_error=0.0,
    )
