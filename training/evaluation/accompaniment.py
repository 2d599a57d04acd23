"""How well an accompaniment gives back parts, and how its draws fit the chords they are given.

Shape legend: B batch, T steps, K beats.
"""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from training.corpus.dataset import Corpus, spread
from training.evaluation.reconstruction import notes_in_common
from training.models.accompaniment import VOCABULARIES, VOICES, Accompaniment
from training.models.accompaniment_loss import style_mask, voices_and_surroundings
from training.models.words import BEAT_STEPS

BASS = VOICES.index("bass")
SEED_WINDOWS = 256
"""Windows that are drawn twice, to be compared."""


@torch.no_grad()
def evaluate_accompaniment(
    model: Accompaniment, corpus: Corpus, split: str, windows: int = 2048, batch: int = 256
) -> dict[str, Any]:
    """Measure on up to `windows` windows of `split`, as a codec and as an accompaniment.

    Returns:
        for each voice that windows have: `free_running_V` step accuracy and `note_f1_V` from the whole
        latent, greedily, in its surroundings but without the bar before; `note_f1` of all; and of draws from
        the normal prior, greedily, `chord_fit` and `root_fit`: shares of the bass notes on beats that are
        tones of the chord, and its lowest note, with `music_chord_fit` and `music_root_fit` of the real
        bass; and `windows`.
    """
    model.eval()
    ids = spread(corpus.window_ids(split), windows)
    sums: defaultdict[str, float] = defaultdict(float)
    generator = torch.Generator().manual_seed(1)
    for start in range(0, len(ids), batch):
        window = torch.as_tensor(corpus.batch(ids[start : start + batch])).to(next(model.parameters()).device)
        _add(sums, model, window, generator)
    return {"windows": len(ids)} | _shares(sums)


@torch.no_grad()
def accompaniment_seeds(
    model: Accompaniment, corpus: Corpus, split: str, windows: int, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Draw every voice twice from the normal prior, greedily in the same surroundings, and compare the two.

    Returns:
        By voice `differing`, the share of the notes of both that the other does not have; beside each the
        real voice against another window's. A voice that no window has is left out.
    """
    ids = spread(corpus.window_ids(split), min(windows, SEED_WINDOWS))
    device = next(model.parameters()).device
    tokens, around = voices_and_surroundings(torch.as_tensor(corpus.batch(ids), device=device))
    around = around._replace(before=torch.full_like(around.before, -1))
    mask = style_mask(model, around.harmony.shape[1]).to(device)
    noise = torch.randn(2, len(tokens), len(mask), generator=torch.Generator().manual_seed(seed)).to(device)
    first, second = (model.generate(drawn * mask, around) for drawn in noise)
    found = {}
    for voice, name in enumerate(VOICES):
        here = tokens[:, 0, voice] >= 0
        if here.any():
            real = tokens[here][..., voice]
            takes = first[here][..., voice], second[here][..., voice]
            found[name] = {"differing": _differing(*takes, voice)}
            found[f"{name}, another piece"] = {"differing": _differing(real, real.roll(1, 0), voice)}
    return found


def _differing(one: Tensor, other: Tensor, voice: int) -> float:
    shared, both = notes_in_common(one, other, VOCABULARIES[voice])
    return 1 - 2 * float(shared) / max(float(both), 1.0)


def _add(
    sums: defaultdict[str, float], model: Accompaniment, window: Tensor, generator: torch.Generator
) -> None:
    """Count one batch `[B, T, 9]`."""
    tokens, around = voices_and_surroundings(window)
    around = around._replace(before=torch.full_like(around.before, -1))
    posterior = model.encode(tokens)
    free = model.generate(posterior.mu, around)
    for voice, name in enumerate(VOICES):
        here = tokens[:, 0, voice] >= 0
        truth, output = tokens[here][..., voice], free[here][..., voice]
        shared, both = notes_in_common(truth, output, VOCABULARIES[voice])
        for key, value in (("right", (truth == output).sum()), ("steps", truth.numel()), ("shared", shared)):
            sums[f"{key}_{name}"] += float(value)
        sums[f"both_{name}"] += float(both)
    mask = style_mask(model, around.harmony.shape[1]).to(posterior.mu.device)
    drawn = model.generate(
        torch.randn(posterior.mu.shape, generator=generator).to(mask.device) * mask, around
    )
    has_bass = tokens[:, 0, BASS] >= 0
    for name, output in (("", drawn), ("music_", tokens)):
        fits = fit_of_bass(output[has_bass][..., BASS], around.harmony[has_bass])
        for part, value in zip(("tones", "roots", "beats"), fits, strict=True):
            sums[f"{name}{part}"] += value


def _shares(sums: defaultdict[str, float]) -> dict[str, float]:
    found = {}
    names = [name for name in VOICES if sums[f"steps_{name}"]]
    for name in names:
        found[f"free_running_{name}"] = sums[f"right_{name}"] / sums[f"steps_{name}"]
        found[f"note_f1_{name}"] = 2 * sums[f"shared_{name}"] / max(1, sums[f"both_{name}"])
    whole = sum(sums[f"both_{name}"] for name in names)
    found["note_f1"] = 2 * sum(sums[f"shared_{name}"] for name in names) / max(1, whole)
    for name in ("", "music_"):
        found[f"{name}chord_fit"] = sums[f"{name}tones"] / max(1, sums[f"{name}beats"])
        found[f"{name}root_fit"] = sums[f"{name}roots"] / max(1, sums[f"{name}beats"])
    return found


def fit_of_bass(tokens: Tensor, harmony: Tensor) -> tuple[int, int, int]:
    """Count bass notes that begin on beats with a known chord: tones of it, its lowest note, and all of them.

    Args:
        tokens: `[B, T]`.
        harmony: `[B, K, 24]`, see `Surroundings`.
    """
    on_beat = tokens[:, ::BEAT_STEPS]
    counted = (on_beat >= FIRST_NOTE) & (harmony.amax(-1) > 0)
    pitch_class = ((on_beat + (LOWEST_PITCH - FIRST_NOTE)) % 12).clamp_min(0).unsqueeze(-1)
    tone, root = (part.gather(-1, pitch_class)[..., 0] > 0 for part in harmony.split(12, dim=-1))
    return int((counted & tone).sum()), int((counted & root).sum()), int(counted.sum())
