"""What a model is let write for its evaluation: latents decoded, draws from the prior, continuations."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.encoder_input import heard_of
from training.evaluation.continuation import logistic_noise
from training.evaluation.loaded_model import Prior, Subject
from training.models.key_chain import KeyChain
from training.models.seq2seq import Continuer
from training.models.vae import VAE, Autoencoder

BATCH = 256


@torch.no_grad()
def encode(model: Autoencoder, heard: NDArray[Any], seed: int, *, drawn: bool = False) -> NDArray[np.float64]:
    """Return `[N, Z]` for windows: mu, or a seeded draw from each posterior."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, len(heard), BATCH):
        target = torch.as_tensor(heard[start : start + BATCH], device=next(model.parameters()).device)
        posterior = model.encode(heard_of(target, model.config, generator))
        noise = torch.randn(posterior.mu.shape, generator=generator).to(target.device) if drawn else 0
        parts.append((posterior.mu + posterior.sigma * noise).double().cpu().numpy())
    return np.concatenate(parts)


def decode(model: Autoencoder, latents: NDArray[np.floating[Any]] | torch.Tensor) -> NDArray[Any]:
    """Decode `[N, Z]` greedily to the representation's tensors."""
    z = torch.as_tensor(latents, dtype=torch.float32, device=next(model.parameters()).device)
    return np.concatenate(
        [model.generate(z[start : start + BATCH]).cpu().numpy() for start in range(0, len(z), BATCH)]
    )


def generated_sets(subject: Subject, held: NDArray[Any], seed: int) -> dict[str, NDArray[Any]]:
    """Return what the model writes, by where it came from, as tensors of a whole window.

    A variational autoencoder decodes draws from N(0, I), and from its bundle's fitted mixture; one that
    listens (humanise, drumify) decodes its inputs instead, since nobody plays it from nothing; a
    continuation is sampled at temperature 1 after the first half of `held`.
    """
    model, rng = subject.model, np.random.default_rng(seed)
    if isinstance(model, Continuer | KeyChain):
        return {"sampled continuations": continuations(model, held, seed)}
    if not isinstance(model, VAE):
        return {}
    if model.config.task != "autoencode":
        return {"written from its input": decode(model, encode(model, held, seed))}
    priors = {"draws from N(0, I)": Prior.standard_normal(model.config.z_size)}
    if subject.mixture is not None:
        priors["draws from the mixture"] = subject.mixture
    return {name: decode(model, prior.draw(len(held), rng)) for name, prior in priors.items()}


@torch.no_grad()
def continuations(model: Continuer | KeyChain, held: NDArray[Any], seed: int) -> NDArray[Any]:
    """Return windows whose second half is sampled at temperature 1 after the first."""
    window = torch.as_tensor(held, device=next(model.parameters()).device)
    given, following = window.chunk(2, dim=1)
    noise = logistic_noise(following, torch.Generator().manual_seed(seed))
    z = model.encode(given)
    written = model.generate(z, noise, given) if isinstance(model, KeyChain) else model.generate(z, noise)
    return torch.cat([given, written], dim=1).cpu().numpy()
