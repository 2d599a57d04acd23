"""The loss on held-out windows: what a run is stopped by, the same quantity that training minimises."""

import msgspec
import torch
from torch import Tensor

from training.config import RunConfig
from training.corpus.dataset import Corpus
from training.corpus.labels import conditions_of
from training.encoder_input import heard_and_target
from training.models.build import Trainable, build_objective, latent_size
from training.models.losses import Noise, Terms

SEED = 0
BATCH = 256


@torch.no_grad()
def validation_terms(model: Trainable, config: RunConfig, corpus: Corpus, split: str) -> Terms:
    """Return the loss on up to `evaluate_windows` windows of a split, a mean over them, each term a scalar.

    Teacher-forced, with nothing withheld and nothing of the model's own fed back, at the final beta. The
    latent is drawn, with the same noise at every call, so two calls compare weights and not luck.
    """
    loss = msgspec.structs.replace(
        config.loss, withhold=0.0, own_share=0.0, from_nothing=0.0, told_left_out=0.0
    )
    objective = build_objective(model, loss).eval()
    device = next(model.parameters()).device
    ids = corpus.spread_ids(split, config.evaluate_windows)
    generator = torch.Generator().manual_seed(SEED)
    sums: list[Tensor] = []
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        window = torch.as_tensor(corpus.batch(some))
        conditioning = (torch.as_tensor(conditions_of(corpus, some)).to(device),) if config.model.told else ()
        heard, target = heard_and_target(window, config.model)
        z_size = latent_size(model, config.model, target.shape[1])
        noise = Noise.draw(generator, len(window), z_size, target.shape[1])
        noise = Noise(*(part.to(device) for part in noise))
        terms = objective(heard.to(device), target.to(device), noise, loss.beta, 0.0, *conditioning)
        sums.append(torch.stack([term.detach().float() for term in terms]) * len(window))
    return Terms(*(torch.stack(sums).sum(0) / len(ids)))
