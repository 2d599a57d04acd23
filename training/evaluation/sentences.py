"""How well a model of sentences foresees the next word of held-out melodies."""

from collections import defaultdict
from typing import Any

import numpy as np
import torch

from training.corpus.dataset import Corpus, spread
from training.models.sentences import CHOICES, WORD_BEATS, WORD_STEPS, Sentences, relate, word_nats


@torch.no_grad()
def evaluate_sentences(
    model: Sentences, corpus: Corpus, split: str, windows: int = 2048, batch: int = 128
) -> dict[str, Any]:
    """Measure on up to `windows` windows of `split`.

    Returns:
        `back_nats`, nats a word of how far back it is related, beside `back_nats_by_place` of what the place
        in the phrase alone says; `kept_nats` a related word; `coarse_nats` a new word; `nats_a_word` of
        all; `related_share`, the share of words that are related to one before; and `windows`.
    """
    model.eval()
    ids = spread(corpus.window_ids(split), windows)
    generator, sums = torch.Generator().manual_seed(1), defaultdict[str, float](float)
    seen = np.zeros((corpus.steps // WORD_STEPS, CHOICES))
    size = model.words.layout(WORD_BEATS).size
    for start in range(0, len(ids), batch):
        tokens = torch.as_tensor(corpus.batch(ids[start : start + batch]))[..., 0]
        count = tokens.shape[1] // WORD_STEPS
        nats = word_nats(model, tokens, torch.randn(len(tokens), count * size, generator=generator))
        back = relate(tokens.reshape(len(tokens), count, WORD_STEPS)).back
        for place in range(count):
            seen[place] += np.bincount(back[:, place].numpy(), minlength=CHOICES)
        for name, part in nats._asdict().items():
            sums[name] += float(part.sum())
        sums["words"] += back.numel()
        sums["related"] += float((back > 0).sum())
    shares = seen / seen.sum(axis=1, keepdims=True)
    by_place = -(seen * np.log(np.maximum(shares, 1e-12))).sum()
    new = sums["words"] - sums["related"]
    return {
        "windows": len(ids),
        "back_nats": sums["back"] / sums["words"],
        "back_nats_by_place": float(by_place) / sums["words"],
        "kept_nats": sums["kept"] / max(1, sums["related"]),
        "coarse_nats": sums["coarse"] / max(1, new),
        "nats_a_word": (sums["back"] + sums["kept"] + sums["coarse"]) / sums["words"],
        "related_share": sums["related"] / sums["words"],
    }
