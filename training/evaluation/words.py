"""How well a model of words gives back phrases, and how well it writes from their coarse part alone."""

import math
from typing import Any

import torch
from torch.nn import functional

from engine.music.melody import FIRST_NOTE
from training.corpus.dataset import Corpus
from training.evaluation.reconstruction import spread
from training.models.words import Surroundings, Words
from training.models.words_loss import coarse_mask, tokens_and_surroundings

SETS = [sorted((k + d) % 12 for d in shape) for k in range(12) for shape in ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))]
"""Major scales and harmonic minor ones."""


@torch.no_grad()
def evaluate_words(model: Words, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256) -> dict[str, Any]:
    """Measure on up to `windows` windows of `split`, chords and the bar before left out."""
    model.eval()
    device = next(model.parameters()).device
    ids = spread(corpus.window_ids(split), windows)
    sums: dict[str, float] = dict.fromkeys(("right", "steps", "both", "all", "exact", "nats", "notes", "bits", "fine", "forced"), 0.0)
    own, count = 0.0, 0
    generator = torch.Generator(device="cpu").manual_seed(1)
    for start in range(0, len(ids), batch):
        window = torch.as_tensor(corpus.batch(ids[start : start + batch]), device=device)
        tokens, around = tokens_and_surroundings(window)
        alone = Surroundings(torch.zeros_like(around.chords), torch.full_like(around.before, -1), around.metre)
        posterior = model.encode(tokens)
        layout = model.layout(tokens.shape[1] // 4)
        mask = coarse_mask(layout, posterior.mu)
        free = model.generate(posterior.mu, None, alone)
        forced = model.logits(posterior.mu, tokens, alone).argmax(-1)
        logits = model.logits(posterior.sample(torch.randn(posterior.mu.shape, generator=generator)) * mask, tokens, alone)
        sums["nats"] += float(functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="sum"))
        kl = posterior.kl_nats()
        sums["bits"] += float((kl * mask).sum()) / math.log(2)
        sums["fine"] += float((kl * (1 - mask)).sum()) / math.log(2)
        sums["right"] += float((free == tokens).sum())
        sums["forced"] += float((forced == tokens).sum())
        sums["steps"] += tokens.numel()
        note, other = tokens >= FIRST_NOTE, free >= FIRST_NOTE
        sums["both"] += float((note & other & (tokens == free)).sum())
        sums["all"] += float(note.sum() + other.sum())
        sums["notes"] += float(note.sum())
        sums["exact"] += float((free == tokens).all(1).sum())
        z = torch.randn(posterior.mu.shape, generator=generator) * mask
        gumbel = -torch.empty(tokens.shape[1], len(tokens), 90).exponential_(generator=generator).log()
        for row in model.generate(z, 0.7 * gumbel, alone):
            pitches = (row[row >= FIRST_NOTE] + 19) % 12
            if len(pitches):
                own += max(sum(int(p) in s for p in pitches) for s in SETS) / len(pitches)
                count += 1
    return {
        "windows": len(ids),
        "teacher_forced": sums["forced"] / sums["steps"],
        "free_running": sums["right"] / sums["steps"],
        "note_f1": 2 * sums["both"] / sums["all"],
        "exact": sums["exact"] / len(ids),
        "coarse_nats_a_note": sums["nats"] / sums["notes"],
        "coarse_bits": sums["bits"] / len(ids),
        "kl_bits": (sums["bits"] + sums["fine"]) / len(ids),
        "own_key_sampled": own / max(count, 1),
    }
