"""The encoder as an ONNX graph: phrase tensors in, mu and sigma out."""

import torch
from torch import Tensor, nn

from engine.inference.bundle.graph_specs import graph_specs
from engine.music.representation import Representation
from export.graph import finished, traced
from training.models.vae import Autoencoder


class _Encoder(nn.Module):
    """The encoder alone, with plain tensors out."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma `[B, Z]`."""
        posterior = self.model.encode(x)
        return posterior.mu, posterior.sigma


def encoder_graph(model: Autoencoder, representation: Representation) -> bytes:
    """Return `encoder.onnx` of a model in evaluation mode."""
    spec, _ = graph_specs(representation, model.z_size)
    shape = [int(size) for size in spec.inputs[0].shape[1:]]
    example = torch.zeros(3, *shape, dtype=torch.int64 if representation.streams else torch.float32)
    return finished("encoder", traced(_Encoder(model), example, ("x", ["mu", "sigma"])), spec)
