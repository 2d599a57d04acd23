"""The variational autoencoder: encoder, latent, conductor and one core per stream.

Shape legend: B batch, T steps, S categorical streams, W width of a frame, Z latent size,
R rows (bars), N steps of a row, V classes of a stream.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music.drum_styles import PLAYING_CONDITIONS
from engine.music.pianoroll import KEYS
from training.config import ModelConfig
from training.models.conditioning import DRUMMER, STYLE, TEMPO, Conditioning
from training.models.decoders import Core, build_conductor
from training.models.encoders import StepEmbedding, build_encoder

DRUM_CLASSES = 9
CHOICES: Mapping[str, int] = {"groove": DRUM_CLASSES, "pianoroll": KEYS}
"""Of a step, where it is a frame and no token: which drums hit, which keys sound."""
FEATURES: Mapping[str, int] = {"groove": 3, "pianoroll": 1}
"""Values of a choice in a frame: of a drum its hit, velocity and offset; of a key whether it sounds."""
RARE_LOGIT = -3.0
"""Where the logits of piano keys start: they are silent most of the time."""
MIN_SIGMA = 1e-4
"""Keeps KL finite in fp32; far below any sigma that training reaches."""


class Posterior(NamedTuple):
    """A diagonal Gaussian over the latent space; sigma is the standard deviation itself."""

    mu: Tensor
    sigma: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Return z `[B, Z]` for standard normal `noise` `[B, Z]` (reparameterisation)."""
        return self.mu + self.sigma * noise

    def kl_nats(self) -> Tensor:
        """Return KL to N(0, I) per dimension, `[B, Z]`, in nats."""
        return 0.5 * (self.mu.square() + self.sigma.square() - 1) - self.sigma.log()


class Autoencoder(nn.Module, ABC):
    """A phrase in, a latent, a phrase out: what training, evaluation and export ask of such a model."""

    def __init__(self, config: ModelConfig, streams: tuple[int, ...], steps: int, z_size: int) -> None:
        super().__init__()
        self.config, self.streams, self.steps, self.z_size = config, streams, steps, z_size
        self.choices = 0
        """Of a step of frames; 0 for tokens."""

    @abstractmethod
    def encode(self, x: Tensor) -> Posterior:
        """Return the posterior of `x`, int64 `[B, T, S]` or float32 `[B, T, W]`."""

    @abstractmethod
    def condition(self, z: Tensor) -> Tensor:
        """Return the rows' conditions `[B·R, N, C]` for `z` `[B, Z]`."""

    @abstractmethod
    def rows(self, x: Tensor) -> Tensor:
        """Fold `[B, T, ...]` into the rows that are decoded, `[B·R, N, ...]`."""

    @abstractmethod
    def logits(self, condition: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return each stream's logits `[B·R, N, V]`, teacher-forced on `inputs` `[B·R, N, S or W]`."""

    @abstractmethod
    def generate(self, z: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Decode `[B, Z]` free-running, under `[T, B, V]`, to `[B, T, S or W]`."""


class VAE(Autoencoder):
    """An encoder, a conductor and one core a stream.

    Categorical representations (melody, drums, trio) have one core per stream, or a joint one; groove and
    piano roll have a single core whose fed-back step is the whole frame.
    """

    def __init__(self, config: ModelConfig, streams: tuple[int, ...], steps_per_bar: int = 16):
        bars, steps = config.bars, config.bars * steps_per_bar
        super().__init__(config, streams, steps, config.z_size)
        self.choices = 0 if streams else CHOICES[config.representation]
        frame = 0 if streams else self.choices * FEATURES[config.representation]
        self.embed = StepEmbedding(steps, streams, frame, config.encoder.channels)
        self.encoder = build_encoder(bars, steps_per_bar, config.encoder)
        self.to_mu = nn.Linear(self.encoder.size, config.z_size)
        self.to_sigma = nn.Linear(self.encoder.size, config.z_size)
        self.told = None if config.told is None else Conditioning(config.told.channels)
        given = config.z_size + (0 if self.told is None else self.told.size)
        self.conductor = build_conductor(bars, steps_per_bar, given, config.decoder)
        channels = self.conductor.channels
        self.joint, whole = config.decoder.joint, sum(streams)
        self.cores = nn.ModuleList()
        if self.joint:
            self.cores.append(Core(whole, channels, config.decoder, whole, streams))
        elif streams:
            self.cores.extend(Core(v, channels, config.decoder) for v in streams)
        else:
            self.cores.append(Core(frame, channels, config.decoder, self.choices))
        if config.representation == "pianoroll":
            for core in self.each_core():
                nn.init.constant_(core.head.bias, RARE_LOGIT)

    def encode(self, x: Tensor) -> Posterior:
        """Return the posterior of `x`, int64 `[B, T, S]` or float32 `[B, T, W]`."""
        e = self.encoder(self.embed(x))
        return Posterior(self.to_mu(e), functional.softplus(self.to_sigma(e)) + MIN_SIGMA)

    def condition(self, z: Tensor, conditioning: Tensor | None = None) -> Tensor:
        """Return the rows' conditions `[B·R, N, C]` for `z` `[B, Z]` and `[B, 3]` of the playing, or None."""
        return self.conductor(self.conditioned(z, conditioning)).flatten(0, 1)

    def conditioned(self, z: Tensor, conditioning: Tensor | None) -> Tensor:
        """Return `z` `[B, Z]`, beside it what the decoder is conditioned on; see `PLAYING_CONDITIONS`."""
        if self.told is None:
            return z
        conditioning = z.new_zeros(len(z), len(PLAYING_CONDITIONS)) if conditioning is None else conditioning
        numbers = conditioning[:, STYLE].long(), conditioning[:, DRUMMER].long()
        return torch.cat([z, self.told(conditioning[:, TEMPO], *numbers)], dim=-1)

    def rows(self, x: Tensor) -> Tensor:
        """Fold `[B, T, ...]` into rows `[B·R, N, ...]`."""
        return x.reshape(-1, self.conductor.steps, *x.shape[2:])

    def logits(self, condition: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return the logits of each stream, or of the frame, `[B·R, N, V]`, teacher-forced on `inputs`.

        `inputs` is `[B·R, N, S]` (-1 for a token withheld) or frames `[B·R, N, W]`. What precedes a
        row is nothing, so rows do not depend on each other.
        """
        if not self.streams:
            return [self.cores[0](condition, functional.pad(inputs[:, :-1], (0, 0, 1, 0)))]
        previous = functional.pad(inputs[:, :-1], (0, 0, 1, 0), value=-1)
        if self.joint:
            whole: Tensor = self.cores[0](condition, one_hot(previous, self.streams))
            return list(whole.split(self.streams, dim=-1))
        return [core(condition, previous[..., s]) for s, core in enumerate(self.each_core())]

    def each_core(self) -> Iterator[Core]:
        """Yield the core of each stream."""
        for core in self.cores:
            assert isinstance(core, Core)
            yield core

    @torch.no_grad()
    def generate(
        self, z: Tensor, perturbation: Tensor | None = None, conditioning: Tensor | None = None
    ) -> Tensor:
        """Decode free-running: the best of logits + perturbation, fed back step by step.

        Args:
            z: `[B, Z]`.
            perturbation: `[T, B, width]`, width being all streams side by side or the choices of a frame;
                None for none.
            conditioning: `[B, 3]` for a model that takes them, see `PLAYING_CONDITIONS`; None for nothing.

        Returns:
            int64 `[B, T, S]`, or float32 frames `[B, T, W]`.
        """
        condition, outputs, offset = self.condition(z, conditioning), [], 0
        for core in self.each_core():
            width = core.choices or core.width
            shift = None
            if perturbation is not None:
                shift = self.rows(perturbation[..., offset : offset + width].transpose(0, 1))
            outputs.append(_free_run(core, condition, shift))
            offset += width
        out = torch.cat(outputs, dim=-1)
        return out.reshape(z.shape[0], -1, out.shape[-1])


def one_hot(tokens: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Return tokens `[..., S]` of streams of these sizes one-hot, side by side; -1 is nothing: zeros."""
    parts = [
        functional.one_hot(tokens[..., s].clamp_min(0), size) * (tokens[..., s : s + 1] >= 0)
        for s, size in enumerate(sizes)
    ]
    return torch.cat(parts, dim=-1).float()


def frame_of(logits: Tensor, choices: int, shift: Tensor | None = None) -> Tensor:
    """Turn a core's logits into a frame: of `[..., 88]` the keys, of `[..., 27]` hits, velocities, offsets.

    One of the `choices` is made where logit + shift is above 0; velocity and offset of a drum that does not
    hit are 0, as in the data, so what is fed back looks like what was learned from.
    """
    chosen = logits[..., :choices]
    hits = ((chosen if shift is None else chosen + shift) > 0).to(logits.dtype)
    if logits.shape[-1] == choices:
        return hits
    _, velocity, offset = logits.split(choices, dim=-1)
    return torch.cat([hits, hits * velocity.sigmoid(), hits * offset.tanh()], dim=-1)


def _free_run(core: Core, condition: Tensor, shift: Tensor | None) -> Tensor:
    """Write row by row what a core writes: tokens int64 `[rows, N, 1]`, or of all streams `[rows, N, S]`, or
    frames `[rows, N, W]`."""
    state, fed = core.states(condition), torch.zeros_like(condition[:, 0])
    written = []
    for n in range(condition.shape[1]):
        logits, state = core.step(condition[:, n], fed, state)
        step_shift = None if shift is None else shift[:, n]
        if step_shift is not None and (core.categorical or core.groups):
            logits = logits + step_shift
        if core.groups:
            out = torch.stack([part.argmax(-1) for part in logits.split(core.groups, dim=-1)], dim=-1)
            fed = core.feed(one_hot(out, core.groups))
        elif core.categorical:
            out = logits.argmax(-1, keepdim=True)
            fed = core.feed(out[:, 0])
        else:
            out = frame_of(logits, core.choices, step_shift)
            fed = core.feed(out)
        written.append(out)
    return torch.stack(written, dim=1)
