"""How well a model of words gives back phrases, and how well it writes from their coarse part alone."""

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.inference.bundle.manifest import LatentLayout
from engine.inference.fine_choice import with_chosen_fine
from engine.music.key import Key
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH, VOCABULARY
from training.corpus.dataset import Corpus, spread
from training.evaluation.continuation import logistic_noise
from training.models.drum_words import DrumWords
from training.models.key_chain import struck
from training.models.piano_words import PianoWords
from training.models.vae import DRUM_CLASSES, Posterior
from training.models.words import Surroundings, Words
from training.models.words_loss import coarse_mask, tokens_and_surroundings

SAMPLING_TEMPERATURE = 0.7
_SETS = [Key(tonic, scale).pitch_classes for scale in ("major", "harmonic minor") for tonic in range(12)]


@torch.no_grad()
def evaluate_words(
    model: Words, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256
) -> dict[str, Any]:
    """Measure on up to `windows` windows of `split`, written without chords and without the bar before.

    Returns:
        `teacher_forced` and `free_running` step accuracy, `note_f1` (onset and pitch) and `exact` (whole
        windows) from the whole latent, the last three as the engine chooses it, greedily;
        `coarse_nats_a_note`, teacher-forced from a sample of the coarse part alone; `coarse_bits` and
        `kl_bits` (all of it); `own_key_sampled`, the share of notes in the best-fitting major or harmonic
        minor scale of windows drawn from the normal prior at temperature 0.7; and `windows`.
    """
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split), windows)
    sums: defaultdict[str, float] = defaultdict(float)
    generator = torch.Generator().manual_seed(1)
    for start in range(0, len(ids), batch):
        window = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        _add(sums, model, window, generator)
    return {
        "windows": len(ids),
        "teacher_forced": sums["forced"] / sums["steps"],
        "free_running": sums["right"] / sums["steps"],
        "note_f1": 2 * sums["shared"] / max(1, sums["both"]),
        "exact": sums["exact"] / len(ids),
        "coarse_nats_a_note": sums["nats"] / max(1, sums["notes"]),
        "coarse_bits": sums["coarse"] / len(ids) / math.log(2),
        "kl_bits": sums["kl"] / len(ids) / math.log(2),
        "own_key_sampled": sums["in_key"] / max(1, sums["drawn"]),
    }


def _add(sums: defaultdict[str, float], model: Words, window: Tensor, generator: torch.Generator) -> None:
    """Count one batch `[B, T, 4]`."""
    tokens, around = tokens_and_surroundings(window)
    alone = Surroundings(torch.zeros_like(around.chords), torch.full_like(around.before, -1), around.metre)
    posterior = model.encode(tokens)
    mask = coarse_mask(model.layout(around.chords.shape[1]), posterior.mu)
    normal = torch.randn(2, *posterior.mu.shape, generator=generator).to(tokens.device)
    free = model.generate(_chosen(model, tokens, posterior, alone), None, alone)
    coarse = model.logits(posterior.sample(normal[0]) * mask, tokens, alone)
    nats = functional.cross_entropy(coarse.flatten(0, 1), tokens.flatten(), reduction="sum")
    note, other = tokens >= FIRST_NOTE, free >= FIRST_NOTE
    kl = posterior.kl_nats()
    drawn = model.generate(normal[1] * mask, _noise(tokens, generator), alone)
    in_key, notes = _notes_in_key(drawn)
    parts: dict[str, Tensor | float] = {
        "forced": (model.logits(posterior.mu, tokens, alone).argmax(-1) == tokens).sum(),
        "right": (free == tokens).sum(),
        "steps": tokens.numel(),
        "shared": (note & other & (tokens == free)).sum(),
        "both": note.sum() + other.sum(),
        "notes": note.sum(),
        "exact": (free == tokens).all(1).sum(),
        "nats": nats,
        "kl": kl.sum(),
        "coarse": (kl * mask).sum(),
        "in_key": in_key,
        "drawn": notes,
    }
    for name, value in parts.items():
        sums[name] += float(value)


@torch.no_grad()
def coarse_nats_a_hit(
    model: DrumWords, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256
) -> dict[str, float]:
    """Measure what hits cost, teacher-forced from a sample of the coarse part alone, in up to `windows`
    windows.

    Returns:
        `coarse_nats_a_hit`, and `coarse_bits`, the KL of the coarse part.
    """
    ids, generator = spread(corpus.window_ids(split), windows), torch.Generator().manual_seed(1)
    device, nats, hits, bits = next(model.parameters()).device, 0.0, 0.0, 0.0
    for start in range(0, len(ids), batch):
        target = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        posterior = model.encode(target)
        mask = coarse_mask(model.layout, posterior.mu)
        noise = torch.randn(posterior.mu.shape, generator=generator).to(device)
        logits = model.logits(model.condition(posterior.sample(noise) * mask), target)[0]
        nats += float(functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum"))
        hits += float(((target >> torch.arange(DRUM_CLASSES, device=device)) & 1).sum())
        bits += float((posterior.kl_nats() * mask).sum()) / math.log(2)
    return {"coarse_nats_a_hit": nats / max(1.0, hits), "coarse_bits": bits / max(1, len(ids))}


@torch.no_grad()
def coarse_nats_a_stroke(
    model: PianoWords, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256
) -> dict[str, float]:
    """Measure what strokes of keys cost, teacher-forced from a sample of the coarse part alone, in up to
    `windows` windows.

    Returns:
        `coarse_nats_a_stroke`, releases included, `coarse_bits`, the KL of the coarse part; and of what is
        written freely from that sample at temperature 1 the `coarse_strokes_a_bar` and
        `coarse_sounding_keys` a step, beside the music's `strokes_a_bar` and `sounding_keys`.
    """
    ids, generator = spread(corpus.window_ids(split), windows), torch.Generator().manual_seed(1)
    device, sums = next(model.parameters()).device, torch.zeros(6, dtype=torch.float64)
    for start in range(0, len(ids), batch):
        target = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        posterior = model.encode(target)
        mask = coarse_mask(model.layout, posterior.mu)
        noise = torch.randn(posterior.mu.shape, generator=generator).to(device)
        z = posterior.sample(noise) * mask
        logits = model.logits(model.condition(z), target)[0]
        written = model.generate(z, logistic_noise(target, generator))
        parts = (
            functional.binary_cross_entropy_with_logits(logits, target, reduction="sum"),
            (posterior.kl_nats() * mask).sum() / math.log(2),
            *(count for frames in (target, written) for count in (struck(frames).sum(), frames.sum())),
        )
        sums += torch.stack([part.double().cpu() for part in parts])
    nats, bits, strokes, sounding, written_strokes, written_sounding = sums.tolist()
    windows_seen, steps = max(1, len(ids)), max(1, len(ids)) * model.steps
    return {
        "coarse_nats_a_stroke": nats / max(1.0, strokes),
        "coarse_bits": bits / windows_seen,
        "strokes_a_bar": strokes / windows_seen / model.config.bars,
        "coarse_strokes_a_bar": written_strokes / windows_seen / model.config.bars,
        "sounding_keys": sounding / steps,
        "coarse_sounding_keys": written_sounding / steps,
    }


def _chosen(model: Words, tokens: Tensor, posterior: Posterior, around: Surroundings) -> Tensor:
    """Return latents `[B, Z]` of words with the fine parts that the engine chooses."""

    def decode(z: NDArray[np.float32], of: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = torch.as_tensor(of, device=tokens.device)
        own = Surroundings(around.chords[rows], around.before[rows], around.metre)
        return model.generate(torch.as_tensor(z, device=tokens.device), None, own).cpu().numpy()

    layout = LatentLayout(**model.layout(around.chords.shape[1])._asdict())
    heard, mu, sigma = (part.cpu().numpy() for part in (tokens, posterior.mu, posterior.sigma))
    return torch.as_tensor(with_chosen_fine(layout, heard, mu, sigma, decode), device=tokens.device)


def _noise(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Return Gumbel noise `[T, B, V]` for sampling."""
    uniform = torch.rand(tokens.shape[1], tokens.shape[0], VOCABULARY, generator=generator)
    return SAMPLING_TEMPERATURE * -(-uniform.clamp(1e-9, 1 - 1e-6).log()).log().to(tokens.device)


def _notes_in_key(tokens: Tensor) -> tuple[int, int]:
    """Return how many notes are in the scale that fits their row `[B, T]` best, and how many there are."""
    inside, total = 0, 0
    for row in tokens.tolist():
        counts = Counter((token - FIRST_NOTE + LOWEST_PITCH) % 12 for token in row if token >= FIRST_NOTE)
        inside += max(sum(counts[pitch_class] for pitch_class in scale) for scale in _SETS)
        total += sum(counts.values())
    return inside, total
