"""Decoders: a latent vector to steps, in two parts.

A *conductor* turns z into what each bar and step should be (no feedback, so it runs once), and an
LSTM *core* writes the steps one after the other, fed with its own previous output. Bars are rows of
the core: it starts afresh at every bar line, so sixteen bars decode as a batch of sixteen in sixteen
steps. The flat decoder of MusicVAE is the same core on one row with z itself as the condition.

Shape legend: B batch, R rows (bars, or 1 if flat), N steps of a row, T = R·N steps in all,
C channels of the condition, H core units, V classes or width of a stream.
"""

import torch
from torch import Tensor, nn

from training.config import DecoderConfig
from training.models.mixer import mixer_stack, recurrent

States = tuple[Tensor, Tensor]
"""h and c of every layer, each `[layers, rows, H]`."""


class Conductor(nn.Module):
    """What all conductors are: a module from z to the condition of every step."""

    rows: int
    steps: int
    channels: int


class RepeatConductor(Conductor):
    """The flat decoder's condition: z itself at every step of a single row."""

    def __init__(self, bars: int, steps_per_bar: int, z_size: int):
        super().__init__()
        self.rows, self.steps, self.channels = 1, bars * steps_per_bar, z_size

    def forward(self, z: Tensor) -> Tensor:
        """Return the condition `[B, 1, T, Z]` for `z` `[B, Z]`."""
        return z[:, None, None, :].expand(-1, 1, self.steps, -1)


class LSTMConductor(Conductor):
    """MusicVAE's conductor: an LSTM without input over the bars; each bar's output holds for its steps."""

    def __init__(self, bars: int, steps_per_bar: int, z_size: int, config: DecoderConfig):
        super().__init__()
        self.rows, self.steps, self.channels = bars, steps_per_bar, config.bar_channels
        self.start = nn.Linear(z_size, 2 * config.conductor_layers * config.bar_channels)
        self.lstm = recurrent(
            nn.LSTM, 1, config.bar_channels, config.conductor_layers, config.dropout
        )  # no dropout on its input, which is zeros

    def forward(self, z: Tensor) -> Tensor:
        """Return the condition `[B, R, N, C]` for `z` `[B, Z]`."""
        start = torch.tanh(self.start(z)).reshape(z.shape[0], 2, self.lstm.num_layers, -1)
        h, c = start.permute(1, 2, 0, 3).contiguous()
        out, _ = self.lstm(z.new_zeros(z.shape[0], self.rows, 1), (h, c))
        return out[:, :, None, :].expand(-1, -1, self.steps, -1)


class MixerConductor(Conductor):
    """z to bars by a mixer over bars, then each bar to its steps by a mixer over steps."""

    def __init__(self, bars: int, steps_per_bar: int, z_size: int, config: DecoderConfig):
        super().__init__()
        self.rows, self.steps, self.channels = bars, steps_per_bar, config.channels
        self.to_bars = nn.Linear(z_size, bars * config.bar_channels)
        self.over_bars = mixer_stack(
            config.bar_depth, bars, config.bar_channels, config.expansion, config.dropout
        )
        self.norm = nn.LayerNorm(config.bar_channels)
        self.to_steps = nn.Linear(config.bar_channels, steps_per_bar * config.channels)
        self.in_bar = mixer_stack(
            config.step_depth, steps_per_bar, config.channels, config.expansion, config.dropout
        )
        self.norm_out = nn.LayerNorm(config.channels)

    def forward(self, z: Tensor) -> Tensor:
        """Return the condition `[B, R, N, C]` for `z` `[B, Z]`."""
        batch = z.shape[0]
        bars = self.over_bars(self.to_bars(z).reshape(batch, self.rows, -1))
        steps = self.to_steps(self.norm(bars)).reshape(batch * self.rows, self.steps, -1)
        return self.norm_out(self.in_bar(steps)).reshape(batch, self.rows, self.steps, -1)


class Core(nn.Module):
    """The LSTM that writes one stream: previous output and condition in, logits out.

    `width` is the size of what is fed back: the vocabulary (one-hot by table) or a frame's width. `choices`
    is how many of a frame's values are chosen; 0 for tokens. `groups` are the sizes of the streams that a
    joint core writes: its frame has one choice in each, and is those tokens one-hot, side by side.
    The condition also reaches the logits directly, so the recurrent part only has to learn what the
    steps owe each other.
    """

    def __init__(
        self,
        width: int,
        channels: int,
        config: DecoderConfig,
        choices: int = 0,
        groups: tuple[int, ...] = (),
    ):
        super().__init__()
        self.width, self.choices, self.categorical = width, choices, choices == 0
        self.groups = groups
        feed = nn.Embedding(width, channels) if choices == 0 else nn.Linear(width, channels, bias=False)
        self.feed: nn.Embedding | nn.Linear = feed
        nn.init.normal_(self.feed.weight, std=channels**-0.5 if config.fed_back else 0.0)
        self.feed.requires_grad_(config.fed_back)
        self.start = nn.Linear(channels, 2 * config.layers * config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = recurrent(nn.LSTM, channels, config.hidden, config.layers, config.dropout)
        self.head = nn.Linear(config.hidden, width)
        self.skip = nn.Linear(channels, width, bias=False)

    def states(self, condition: Tensor) -> States:
        """Return the start states h and c, each `[layers, rows, H]`, from the first step's condition."""
        first = torch.tanh(self.start(condition[:, 0]))
        h, c = first.reshape(first.shape[0], 2, self.lstm.num_layers, -1).permute(1, 2, 0, 3).contiguous()
        return h, c

    def forward(self, condition: Tensor, previous: Tensor) -> Tensor:
        """Run all steps at once.

        Args:
            condition: `[rows, N, C]`.
            previous: what came one step before, int64 `[rows, N]` with -1 for nothing, or float32
                `[rows, N, width]` with zeros for nothing.

        Returns:
            Logits `[rows, N, width]`.
        """
        if self.categorical:
            fed = self.feed(previous.clamp_min(0)) * (previous >= 0).unsqueeze(-1)
        else:
            fed = self.feed(previous)
        out, _ = self.lstm(self.dropout(condition + fed), self.states(condition))
        return self.head(out) + self.skip(condition)

    def step(self, condition: Tensor, fed: Tensor, state: States) -> tuple[Tensor, States]:
        """Run one step for free running: `condition` `[rows, C]`, `fed` `[rows, C]` or zero."""
        out, state = self.lstm((condition + fed).unsqueeze(1), state)
        return self.head(out[:, 0]) + self.skip(condition), state


def build_conductor(bars: int, steps_per_bar: int, z_size: int, config: DecoderConfig) -> Conductor:
    """Return the conductor that `config.kind` names."""
    if config.kind == "mixer":
        return MixerConductor(bars, steps_per_bar, z_size, config)
    if config.kind == "lstm":
        return LSTMConductor(bars, steps_per_bar, z_size, config)
    return RepeatConductor(bars, steps_per_bar, z_size)
