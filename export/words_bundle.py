"""What a model of words brings to its bundle: graphs, prior of the coarse part, proof."""

from itertools import product

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.inference.bundle.graph_specs import graph_specs, sentence_spec
from engine.inference.bundle.latents import Latents
from engine.inference.bundle.manifest import GRAPHS, INT8_GRAPHS, BundleManifest, Condition, LatentLayout
from engine.inference.model import Model
from engine.music.melody import VOCABULARY, MelodyRepresentation
from engine.music.representation import Representation
from export.errors import ExportError
from export.parity import BATCHES, NEAR_TIE, TEMPERATURES, Agreement, LatentError, gumbel, proven
from export.prior import best_mixture, standard_normal_nats
from export.quantise import int8_product
from export.words_graph import conditions_graph, words_decoder, words_encoder, words_of
from training.corpus.dataset import Corpus, spread
from training.corpus.metres import METRES
from training.models import sentences
from training.models.sentences import Sentences
from training.models.vae import Posterior
from training.models.words import (
    BEAT_STEPS,
    TEMPERATURE_SCALE,
    WORD_BARS,
    Surroundings,
    Words,
    logits_of_words,
    write_words,
)
from training.models.words_loss import coarse_mask, tokens_and_surroundings

CONDITIONS: tuple[Condition, ...] = ("chords", "before", "metre")
TRAIN_WORDS = 20_000
VALID_WORDS = 4_000
BATCH = 256
SENTENCE_TOLERANCE = 1e-3
"""Largest difference of a logit, mean or deviation."""


def words_manifest(
    manifest: BundleManifest, model: Words, representation: Representation, metres: tuple[str, ...]
) -> BundleManifest:
    """Return a manifest with what is particular to words filled in; its graphs are of one word.

    Args:
        manifest: what all models have.
        model: the model.
        representation: in the first of the metres.
        metres: those of the bundle.
    """
    words = max(1, representation.bars // WORD_BARS)
    sizes = model.layout(representation.bars * representation.grid.beats_per_bar // words)
    layout = LatentLayout(**sizes._asdict(), words=words)
    word = MelodyRepresentation(representation.bars // words, representation.grid)
    encoder, decoder = graph_specs(word, layout.word_size, "autoencode", CONDITIONS)
    return msgspec.structs.replace(
        manifest,
        z_size=layout.size,
        encoder=encoder,
        decoder=decoder,
        key_normalised=True,
        conditions=CONDITIONS,
        metres=metres,
        temperature_scale=TEMPERATURE_SCALE,
        latent_layout=layout,
    )


def sentence_manifest(manifest: BundleManifest, model: Sentences) -> BundleManifest:
    """Return the manifest of words with the graph of sentences in it."""
    assert manifest.latent_layout is not None
    spec = sentence_spec(manifest.latent_layout, model.components)
    return msgspec.structs.replace(manifest, sentence=spec, temperature_scale=sentences.TEMPERATURE_SCALE)


def words_graphs(model: Words, manifest: BundleManifest, *, int8: bool) -> dict[str, bytes]:
    """Return the graphs by file name, the decoder also in 8 bits if wanted."""
    conditions = conditions_graph(model, manifest)
    graphs = {
        GRAPHS[0]: words_encoder(model, manifest),
        GRAPHS[1]: words_decoder(model, manifest, conditions),
    }
    if int8:
        graphs[INT8_GRAPHS[1]] = words_decoder(model, manifest, conditions, int8_product)
    return graphs


def coarse_prior(model: Words, corpus: Corpus) -> tuple[Latents, dict[str, float]]:
    """Fit a mixture to the coarse parts of training phrases; fine parts are left at 0 by whoever draws."""
    train = _coarse(model, corpus, "train", TRAIN_WORDS)
    held_out = _coarse(model, corpus, "valid", VALID_WORDS)
    mixture, nats = best_mixture(train, held_out)
    words = max(1, corpus.bars // WORD_BARS)
    layout = model.layout(corpus.steps // words // BEAT_STEPS)
    mask = coarse_mask(layout, torch.zeros(1, layout.size))[0].bool().numpy()
    means = np.zeros((len(mixture.weights), layout.size), np.float32)
    deviations = np.ones_like(means)
    means[:, mask], deviations[:, mask] = mixture.means, np.sqrt(mixture.variances)
    latents = Latents(
        prior_weights=mixture.weights.astype(np.float32),
        prior_means=np.tile(means, (1, words)),
        prior_deviations=np.tile(deviations, (1, words)),
        directions=np.zeros((0, words * layout.size), np.float32),
    )
    return latents, {"prior_mixture_nats": nats, "prior_normal_nats": standard_normal_nats(held_out)}


@torch.no_grad()
def _coarse(model: Words, corpus: Corpus, split: str, count: int) -> npt.NDArray[np.float64]:
    """Return samples of the coarse posteriors of up to so many words, `[N, Zc]`."""
    words = max(1, corpus.bars // WORD_BARS)
    ids = spread(corpus.window_ids(split), count // words)
    generator, parts = torch.Generator().manual_seed(1), []
    for start in range(0, len(ids), BATCH):
        tokens, _ = tokens_and_surroundings(torch.as_tensor(corpus.batch(ids[start : start + BATCH])))
        tokens = tokens.reshape(len(tokens) * words, -1)
        posterior = model.encode(tokens)
        drawn = posterior.sample(torch.randn(posterior.mu.shape, generator=generator))
        parts.append(model.layout(tokens.shape[1] // BEAT_STEPS).coarse(drawn))
    return torch.cat(parts).double().numpy()


# Proof --------------------------------------------------------------------------------------


def prove_words(model: Words, graphs: Model, heard: Tensor | None = None) -> dict[str, float]:
    """Prove both float graphs against torch in each metre, at several batch sizes and temperatures.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        heard: held-out windows `[N, T, 4]` of the first metre; None for random ones, as in further metres.

    Raises:
        ExportError: they differ by more than near ties.
    """
    errors, parts = [], []
    for seen, batch in product(map(graphs.in_metre, graphs.metres), BATCHES):
        layout = _layout(seen)
        tokens, around = _examples(seen, batch, heard if seen is graphs else None)
        posterior = _encoded(model, tokens, layout.words)
        errors.append(LatentError.of(posterior, seen.encode(tokens.unsqueeze(-1).contiguous().numpy())))
        parts += [
            compare_words(model, seen, z, temperature, around)
            for z in _kept_differently(model, posterior.mu, layout)
            for temperature in TEMPERATURES
        ]
    return proven(errors, parts)


def measure_int8_words(model: Words, graphs: Model, heard: Tensor | None = None) -> dict[str, float]:
    """Return the share of the int8 decoder's choices that are torch's, with whole and with coarse latents."""
    tokens, around = _examples(graphs, BATCHES[-1], heard)
    layout = _layout(graphs)
    whole, _, coarse = _kept_differently(model, _encoded(model, tokens, layout.words).mu, layout)
    found = {"whole": compare_words(model, graphs, whole, 0.0, around)}
    found["coarse"] = compare_words(model, graphs, coarse, 0.0, around)
    return {f"int8_same_choices_{name}": each.same / each.choices for name, each in found.items()}


def _layout(graphs: Model) -> LatentLayout:
    layout = graphs.bundle.manifest.latent_layout
    assert layout is not None  # `words_manifest` put it there
    return layout


def _encoded(model: Words, tokens: Tensor, words: int) -> Posterior:
    """Encode phrases `[B, T]` word by word to posteriors `[B, Z]`."""
    posterior = model.encode(tokens.reshape(len(tokens) * words, -1))
    return Posterior(*(part.reshape(len(tokens), -1) for part in posterior))


def _kept_differently(model: Words, mu: Tensor, layout: LatentLayout) -> list[Tensor]:
    """Return latents `[B, Z]` whole, with the pitches of all beats free, and coarse alone."""
    own = model.layout(layout.beats)
    mask = coarse_mask(own, mu)
    rhythm = mask.clone()
    rhythm[:, own.coarse_rhythm : own.rhythm] = 1
    return [mu, mu * rhythm.repeat(1, layout.words), mu * mask.repeat(1, layout.words)]


def _examples(graphs: Model, batch: int, heard: Tensor | None) -> tuple[Tensor, Surroundings]:
    """Return phrases with their surroundings: half of them with chords and a bar before."""
    manifest, generator = graphs.bundle.manifest, torch.Generator().manual_seed(batch)
    metre, bar = str(graphs.representation.grid.metre), graphs.representation.grid.steps_per_bar
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
    manifest, generator = graphs.bundle.manifest, torch.Generator().manual_seed(len(z))
    shift = temperature * gumbel((manifest.steps, len(z), VOCABULARY), generator)
    ours = write_words(model, z, shift, around, words_of(manifest))
    logits = logits_of_words(model, z, ours, around, words_of(manifest))
    decoded = graphs.decode(z.numpy(), shift.numpy(), around.chords.numpy(), around.before.numpy())
    differs = ours != torch.from_numpy(decoded)[..., 0].T
    best = (logits + shift.transpose(0, 1)).topk(2, dim=-1).values
    first = differs & (differs.cumsum(1) == 1)
    return Agreement.of(differs, first, best[..., 0] - best[..., 1] < NEAR_TIE)


def prove_sentences(model: Sentences, graphs: Model) -> dict[str, float]:
    """Compare the graph of sentences with torch on random words of several numbers.

    Raises:
        ExportError: they differ.
    """
    spec, error = graphs.bundle.manifest.sentence, 0.0
    assert spec is not None
    for count in (0, 1, 2, 7, 12):
        generator = torch.Generator().manual_seed(count)
        words = torch.randn(1, 1 + count, int(spec.inputs[0].shape[2]), generator=generator)
        words[:, 0] = 0
        ours = model.after_the_last(words)
        theirs = graphs.next_word(words[0, 1:].numpy())
        pairs = zip(ours, theirs.values(), strict=True)
        error = max(error, *(float(np.abs(a[0, 0].numpy() - b).max()) for a, b in pairs))
    if error > SENTENCE_TOLERANCE:
        raise ExportError(f"sentence: differs by {error:.1e} between torch and ONNX Runtime; report it")
    return {"sentence_error": error}
