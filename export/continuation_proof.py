"""Proof of the graphs of continuations, of both kinds: the same states, and the same keys after them.

Shape legend: B batch, T steps heard, U steps written, K keys, Z state size.
"""

import torch
from torch import Tensor, nn

from engine.inference.model import Model
from export.parity import BATCHES, NEAR_TIE, TEMPERATURES, Agreement, LatentError, logistic, proven
from training.models.key_chain import MOST_STROKES, KeyChain, past_of
from training.models.seq2seq import Continuer

LENGTHS = ((1, 1), (16, 16), (64, 64))
"""Steps heard and written to prove both halves on."""
KEY_CHAIN_LENGTHS = ((16, 16), (64, 40))
"""Those of a model that hears whole bars, and whose steps take long."""
PROVEN_BATCHES = BATCHES[:2]
CHORD_STEPS = 4
"""Steps that random chords sound for."""


@torch.no_grad()
def prove_continuation(
    model: Continuer | KeyChain, graphs: Model, given: Tensor | None = None
) -> dict[str, float]:
    """Prove both graphs against torch at several batch sizes and lengths; returns what was measured.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        given: `[M, T, K]` held-out bars; None for random chords.

    Raises:
        ExportError: they differ by more than near ties.
    """
    errors, parts = [], []
    for heard_steps, steps in KEY_CHAIN_LENGTHS if isinstance(model, KeyChain) else LENGTHS:
        for batch in PROVEN_BATCHES:
            heard = _chords(batch, heard_steps, model.keys) if given is None else given[:batch, :heard_steps]
            z, bars = model.encode(heard), heard.contiguous().numpy()
            errors.append(LatentError.of((z, torch.zeros_like(z)), graphs.encode(bars)))
            generator = torch.Generator().manual_seed(steps)
            shape = (steps, len(heard), model.keys)
            noise, ringing = logistic(shape, generator), logistic(shape, generator)
            ringing = ringing.transpose(0, 1)
            parts += [_compared(model, graphs, heard, heat * noise, heat * ringing) for heat in TEMPERATURES]
    return proven(errors, parts)


def _chords(batch: int, steps: int, keys: int) -> Tensor:
    """Return `[B, T, K]` of seeded random keys, four sounding on average."""
    generator = torch.Generator().manual_seed(batch + steps)
    chords = torch.rand(batch, -(-steps // CHORD_STEPS), keys, generator=generator) < 4 / keys
    return chords.float().repeat_interleave(CHORD_STEPS, dim=1)[:, :steps]


def _compared(
    model: Continuer | KeyChain, graphs: Model, heard: Tensor, shift: Tensor, ringing: Tensor
) -> Agreement:
    """Decode on both sides; where they part, a key must be a near tie of torch's logits.

    Where a chain takes them, keys that ring have noise `[B, U, K]` of their own.
    """
    z = model.encode(heard)
    if isinstance(model, KeyChain):
        if "ringing" not in graphs.bundle.manifest.conditions:  # a bundle made before there was such an input
            ringing = torch.zeros_like(ringing)
        pinned = ringing, torch.zeros_like(ringing)
        ours = model.generate(z, shift, heard, pinned=pinned)  # [B, U, K]
        decoded = graphs.decode(
            z.numpy(), shift.numpy(), heard=heard.contiguous().numpy(), ringing=ringing.contiguous().numpy()
        )
        frames = torch.cat([heard, ours], dim=1)
        margin = _key_chain_margins(model, frames, heard.shape[1], shift, ringing)
    else:
        ours = model.generate(z, shift)
        decoded = graphs.decode(z.numpy(), shift.numpy())
        before = nn.functional.pad(ours[:, :-1], (0, 0, 1, 0))
        margin = (model.logits(z, before) + shift.transpose(0, 1)).abs()
    differs = ours != torch.from_numpy(decoded).transpose(0, 1)
    frames = differs.any(-1, keepdim=True)
    first = frames & (frames.cumsum(1) == 1)  # [B, U, 1]
    if isinstance(model, Continuer):  # its keys are decided apart, so each that flips must be near
        first = first & differs
    return Agreement.of(differs, first, margin < NEAR_TIE)


def _key_chain_margins(model: KeyChain, frames: Tensor, heard: int, shift: Tensor, ringing: Tensor) -> Tensor:
    """Return `[B, U, 1]` how near the nearest decision of each written step was to the other way."""
    past = past_of(frames)
    states = model.states(past)
    hold, strike = model.bases(states, past)
    wanted = slice(heard, None)
    before = past.before[:, wanted]
    moved = shift.transpose(0, 1)
    margin = torch.where(before > 0, (hold[:, wanted] + moved + ringing).abs(), torch.inf).amin(-1)
    now = before * frames[:, wanted]
    onsets = frames[:, wanted] * (1 - before)
    chain = model.chain_state(states[:, wanted])
    for _ in range(MOST_STROKES):
        logits = model.struck_given(strike[:, wanted], chain, now) + moved
        margin = torch.minimum(margin, torch.where(before > 0, torch.inf, logits.abs()).amin(-1))
        left = onsets * (1 - now)
        above = left.flip(-1).cumsum(-1).flip(-1) - left
        now = now + left * (above == 0)
    return margin.unsqueeze(-1)
