"""What a model of a piano with a coarse and fine latents brings to its bundle: graphs, manifest, proof.

Shape legend: B batch, T steps, K keys, Z latent size, C channels, H units.
"""

from itertools import product

import torch
from torch import Tensor, nn

from engine.inference.bundle.manifest import GRAPHS, BundleManifest, Condition
from engine.inference.model import Model
from engine.music.representation import Representation
from export.encoder_graph import encoder_graph
from export.graph import finished, traced
from export.key_chain_graph import Conditioning, write_keys
from export.parity import BATCHES, NEAR_TIE, TEMPERATURES, Agreement, LatentError, logistic, proven
from training.models.piano_words import PianoWords
from training.models.words_loss import coarse_mask

CONDITIONS: tuple[Condition, ...] = ("ringing",)
"""What its decoder takes beside a latent and a perturbation."""
PROVEN_BATCHES = (*BATCHES[:2], 16)
CHORD_SHARE = 0.04
"""Keys of random phrases that sound."""


def piano_words_graphs(
    model: PianoWords, manifest: BundleManifest, representation: Representation
) -> dict[str, bytes]:
    """Return the graphs by file name; they are small enough without an 8-bit form."""
    return {GRAPHS[0]: encoder_graph(model, representation), GRAPHS[1]: _decoder(model, manifest)}


class _Conditions(nn.Module):
    """What a latent conditions the chain with, steps in front."""

    def __init__(self, model: PianoWords) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return conditioning of steps `[T, B, C]`, shifts of both logits `[T, B, K]`, a state `[B, H]`."""
        conditioning, pinned, start = self.model.conditions(z)
        hold, strike = pinned.transpose(0, 1).chunk(2, dim=-1)
        return conditioning.transpose(0, 1), hold, strike, start


def _decoder(model: PianoWords, manifest: BundleManifest) -> bytes:
    """Return `decoder.onnx` of a model in evaluation mode."""
    names = ["conditioning", "hold", "strike", "start"]
    builder = traced(_Conditions(model), torch.zeros(3, manifest.z_size), ("z", names))
    ringing = builder.node("Transpose", "ringing", perm=[1, 0, 2])
    strike = builder.node("Add", "strike", "perturbation")
    hold = builder.node("Add", builder.node("Add", "perturbation", ringing), "hold")
    write_keys(builder, model.writer, Conditioning("start", "conditioning", hold, strike))
    return finished("decoder", builder, manifest.decoder)


# Proof --------------------------------------------------------------------------------------


@torch.no_grad()
def prove_piano_words(
    model: PianoWords, graphs: Model, heard: Tensor | None = None, drawn: Tensor | None = None
) -> dict[str, float]:
    """Prove both graphs against torch, with whole latents, one hand alone and coarse ones.

    Args:
        model: torch's side.
        graphs: the loaded graphs.
        heard: held-out phrases `[N, T, K]`; None for random ones.
        drawn: `[N, Z]` samples of posteriors, of which the coarse parts are decoded too; None for none.

    Raises:
        ExportError: they differ by more than near ties.
    """
    errors, parts = [], []
    for batch in PROVEN_BATCHES:
        x = _phrases(model, batch) if heard is None else heard[:batch]
        ours = model.encode(x)
        errors.append(LatentError.of(ours, graphs.encode(x.contiguous().numpy())))
        latents = _kept_differently(model, ours.mu)
        if drawn is not None:
            latents.append(drawn[:batch] * coarse_mask(model.layout, drawn))
        parts += [_compared(model, graphs, *each) for each in product(latents, TEMPERATURES)]
    return proven(errors, parts)


def _phrases(model: PianoWords, batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    return (torch.rand(batch, model.steps, model.choices, generator=generator) < CHORD_SHARE).float()


def _kept_differently(model: PianoWords, mu: Tensor) -> list[Tensor]:
    """Return latents `[B, Z]` whole, with the right hand of all beats free, and coarse alone."""
    coarse = coarse_mask(model.layout, mu)
    left = coarse.clone()
    left[:, : model.layout.rhythm] = 1
    return [mu, mu * left, mu * coarse]


def _compared(model: PianoWords, graphs: Model, z: Tensor, temperature: float) -> Agreement:
    """Decode on both sides; where they part first, a key must be a near tie of torch's logits.

    Keys that ring have noise of their own, so that both inputs are known to arrive where they count.
    """
    generator = torch.Generator().manual_seed(len(z))
    shift, ringing = (
        temperature * logistic((model.steps, len(z), model.choices), generator) for _ in range(2)
    )
    ours = model.generate(z, shift, ringing)
    theirs = graphs.decode(z.numpy(), shift.numpy(), ringing=ringing.transpose(0, 1).contiguous().numpy())
    differs = ours != torch.from_numpy(theirs).transpose(0, 1)
    frames = differs.any(-1, keepdim=True)
    first = frames & (frames.cumsum(1) == 1)  # [B, T, 1]
    margin = model.logits(model.condition(z), ours)[0] + shift.transpose(0, 1)
    sounded = nn.functional.pad(ours[:, :-1], (0, 0, 1, 0))
    margin = (margin + sounded * ringing.transpose(0, 1)).abs().amin(-1, keepdim=True)
    return Agreement.of(differs, first, margin < NEAR_TIE)
