"""Polyphonic music written step by step, the keys of a step decided one after the other.

A recurrent network over the steps, which at each of them is shown what stood a beat, half a bar, one,
two and four bars ago at this place and how well the last bar agreed with each of these, so that what was
heard can come back. Keys that sound are released or held first; then, from the highest key down, each
key that is silent is struck or not given all keys that were decided before it (the factorisation of
RNN-NADE, Boulanger-Lewandowski et al. 2012, arXiv 1206.6392), so that a chord is one decision and not 88.
Only a struck key changes what follows, so a step takes as many passes as it has strokes, and one more.

Everything but the state of the network is computed from the frames of the last `MEMORY` steps. Bars have 16
steps; those of a shorter metre end in a rest (`laid_in_sixteens`), as the engine lays them.

Shape legend: B batch, T steps, U steps written, K 88 keys, L lags, F features of a key, C channels, H units,
D units of the chain, M passes over the steps of a batch.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import KeyChainConfig

BAR = 16
"""Steps of a bar."""
LAGS = (4, 8, 16, 32, 64)
"""Steps back that the network is shown."""
HELD = (2, 4, 8, 16)
"""A key is told apart by whether it sounds for at least so many steps."""
AGREEMENT = 16
"""Steps over which the agreement with each lag is counted."""
FADE = 0.96
"""Of what sounded, what counts of it a step later."""
MEMORY = LAGS[-1] + AGREEMENT + 1
"""Frames that are looked back on."""
MOST_STROKES = 8
"""Keys struck in one step at most."""
FEATURES = 2 + 2 * len(LAGS) + len(HELD) + 2


class Past(NamedTuple):
    """What the steps of a phrase look back on, for all its steps at once."""

    before: Tensor
    """`[B, T, K]` what sounded one step before."""
    keys: Tensor
    """`[B, T, K, F]`: sounded and was struck one step before; the same at each lag; sounds for at least so
    many steps; how present the key was of late, and its pitch class."""
    lags: Tensor
    """`[B, T, 2L]`: whether each lag is within the phrase; how well the last bar agreed with it."""


def earlier(frames: Tensor, steps: int) -> Tensor:
    """Return for each step of `[B, T, K]` the frame so many steps before it; silence before the first."""
    return functional.pad(frames, (0, 0, steps, 0))[:, : frames.shape[1]]


def struck(frames: Tensor) -> Tensor:
    """Return where keys of `[B, T, K]` begin to sound."""
    return frames * (1 - earlier(frames, 1))


def past_of(frames: Tensor) -> Past:
    """Return what each step of frames `[B, T, K]` looks back on; before the phrase all is silent."""
    onsets, before = struck(frames), earlier(frames, 1)
    parts = [before, earlier(onsets, 1)]
    known, agreed = [], []
    sums = _window_sums(frames, AGREEMENT)
    steps = torch.arange(frames.shape[1], device=frames.device)
    for lag in LAGS:
        then = earlier(onsets, lag)
        parts += [earlier(frames, lag), then]
        inside = (steps >= lag).to(frames.dtype)
        both = sums @ ((onsets * then).sum(-1) * inside).unsqueeze(-1)
        either = sums @ (torch.maximum(onsets, then).sum(-1) * inside).unsqueeze(-1)
        known.append(inside.expand(len(frames), -1).unsqueeze(-1))
        agreed.append(both / (either + 1))
    for length in HELD:
        parts.append(torch.stack([earlier(frames, back) for back in range(1, length + 1)]).amin(0))
    present = _fading(frames) @ frames
    parts += [present, present @ same_pitch_class(frames.shape[2]).to(frames)]
    return Past(before, torch.stack(parts, dim=-1), torch.cat([*known, *agreed], dim=-1))


def _window_sums(frames: Tensor, length: int) -> Tensor:
    """Return `[T, T]` that sums the `length` steps before each step."""
    step = torch.arange(frames.shape[1], device=frames.device)
    back = step[:, None] - step[None]
    return ((back >= 1) & (back <= length)).to(frames.dtype)


def fading_weights() -> Tensor:
    """Return `[LAGS[-1]]` what the frames 1, 2, ... steps back count for how present a key was."""
    return (1 - FADE) * FADE ** torch.arange(LAGS[-1], dtype=torch.float32)


def _fading(frames: Tensor) -> Tensor:
    """Return `[T, T]` that sums what was before each step by `fading_weights`."""
    weights = fading_weights().to(frames)
    step = torch.arange(frames.shape[1], device=frames.device)
    back = step[:, None] - step[None]
    return torch.where(
        (back >= 1) & (back <= len(weights)), weights[(back - 1).clamp(0, len(weights) - 1)], 0
    )


def same_pitch_class(keys: int) -> Tensor:
    """Return `[K, K]`, 1 between keys that are octaves apart."""
    key = torch.arange(keys)
    return ((key[:, None] - key[None]) % 12 == 0).float()


class KeyChain(nn.Module):
    """The model."""

    def __init__(self, config: KeyChainConfig, keys: int, bars: int):
        super().__init__()
        self.config, self.keys, self.bars = config, keys, bars
        self.most_strokes = MOST_STROKES
        """Keys struck in one step at most when music is written; they may be fewer than were learned."""
        c, h, d = config.channels, config.hidden, config.chain
        self.feed = nn.Linear(2 * keys, c)
        self.recall = nn.Linear(len(LAGS) * keys, c, bias=False)
        self.look_back = nn.Linear(2 * len(LAGS), c, bias=False)
        self.place = nn.Embedding(BAR, c)
        self.gru = nn.GRU(c, h, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.of_key = nn.Linear(FEATURES, config.key_channels, bias=False)
        self.to_key = nn.Linear(h, config.key_channels)
        self.key_head = nn.Linear(config.key_channels, 2, bias=False)
        self.head = nn.Linear(h, 2 * keys)
        self.chain_state = nn.Linear(h, d)
        self.chain_keys = nn.Linear(keys, d, bias=False)
        self.chain_head = nn.Linear(d, keys, bias=False)
        self.interval = nn.Parameter(torch.zeros(2 * keys - 1))
        """What a sounding key adds to another's logit, by the semitones from one to the other."""
        # A silent key stays silent most of the time: start there instead of spending steps on it.
        nn.init.constant_(self.head.bias[:keys], 1.0)
        nn.init.constant_(self.head.bias[keys:], -4.0)

    def states(self, past: Past, start: Tensor | None = None, conditioning: Tensor | None = None) -> Tensor:
        """Return the network's state at each step, `[B, T, H]`.

        Args:
            past: what the steps look back on.
            start: state before the first step, `[B, H]`; zero where there is none.
            conditioning: `[B, T, C]`, added to what the steps know of their past.
        """
        fed = self.fed(past) if conditioning is None else self.fed(past) + conditioning
        out, _ = self.gru(fed, None if start is None else start[None].contiguous())
        return out

    def fed(self, past: Past, first_step: int = 0) -> Tensor:
        """Return what the network is given, `[B, T, C]`; the first step is the `first_step`-th of its bar."""
        place = (first_step + torch.arange(past.before.shape[1], device=past.before.device)) % BAR
        strokes = past.keys[..., 3 : 2 + 2 * len(LAGS) : 2].flatten(2)
        now = self.feed(past.keys[..., :2].flatten(2))
        return self.dropout(now + self.recall(strokes)) + self.look_back(past.lags) + self.place(place)

    def bases(self, states: Tensor, past: Past) -> tuple[Tensor, Tensor]:
        """Return the logits `[B, T, K]` of holding a key, and of striking one before others are decided."""
        of_keys = functional.relu(self.of_key(past.keys) + self.to_key(states).unsqueeze(-2))
        hold, strike = self.key_head(of_keys).unbind(-1)
        general = self.head(states)
        return hold + general[..., : self.keys], strike + general[..., self.keys :]

    def struck_given(self, base: Tensor, chain: Tensor, sounding: Tensor) -> Tensor:
        """Return logits `[M, K]` of striking keys, given those that sound or were struck so far.

        Args:
            base: `[M, K]` of `bases`.
            chain: `[M, D]` of `chain_state`.
            sounding: `[M, K]`.
        """
        seen = functional.relu(chain + self.chain_keys(sounding))
        return base + self.chain_head(seen) + sounding @ self.intervals()

    def intervals(self) -> Tensor:
        """Return `[K, K]` what each sounding key adds to each other key."""
        key = torch.arange(self.keys, device=self.interval.device)
        return self.interval[key[None] - key[:, None] + self.keys - 1]

    def encode(self, given: Tensor) -> Tensor:
        """Return the state z `[B, H]`, within -1 to 1, after hearing `given` float32 `[B, T, K]`."""
        return self.states(past_of(given))[:, -1]

    def logits(
        self, frames: Tensor, states: Tensor, past: Past, pinned: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return the logit of each key of frames `[B, T, K]`, given those that are decided before it.

        Args:
            frames: what is written.
            states: `[B, T, H]` of the steps.
            past: what the steps look back on.
            pinned: what is added to the logits of holding and of striking, `[B, T, K]` each.
        """
        hold, strike = (logits.float() for logits in shifted(self.bases(states, past), pinned))
        onsets = frames * (1 - past.before)
        above = onsets.flip(-1).cumsum(-1).flip(-1) - onsets  # struck keys above each key
        above = above.clamp_max(MOST_STROKES - 1).flatten(0, 1)
        count = onsets.sum(-1).flatten().clamp_max(MOST_STROKES - 1)
        step, number = torch.nonzero(
            torch.arange(MOST_STROKES, device=frames.device) <= count[:, None], as_tuple=True
        )
        truth, first = onsets.flatten(0, 1)[step], above[step]
        sounding = (frames * past.before).flatten(0, 1)[step] + truth * (first < number[:, None])
        chain = self.chain_state(states).flatten(0, 1)[step]
        given = self.struck_given(torch.zeros_like(truth), chain, sounding).float()
        given = given * (first == number[:, None])
        strike = strike.flatten(0, 1).index_add(0, step, given).reshape(strike.shape)
        return torch.where(past.before > 0, hold, strike)

    def log_loss(self, frames: Tensor, states: Tensor, past: Past) -> Tensor:
        """Return the nats `[B, T]` of frames `[B, T, K]`, each step given those before it."""
        logits = self.logits(frames, states, past)
        return functional.binary_cross_entropy_with_logits(logits, frames, reduction="none").sum(-1)

    @torch.no_grad()
    def generate(
        self,
        z: Tensor,
        perturbation: Tensor,
        heard: Tensor,
        conditioning: Tensor | None = None,
        pinned: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Write frames free-running: a key is held or struck where its logit + perturbation is above 0.

        Args:
            z: `[B, H]` state after `heard`.
            perturbation: `[U, B, K]`; logistic noise samples at temperature 1, zeros are the likeliest.
            heard: `[B, T, K]` what was heard before; T may be 0, or any number of whole bars.
            conditioning: `[B, U, C]`, added to what the steps know of their past.
            pinned: what is added to the logits of holding and of striking, `[B, U, K]` each.

        Returns:
            float32 `[B, U, K]` of 0 and 1.
        """
        frames, state = heard, z
        for step, shift in enumerate(perturbation):
            first = max(frames.shape[1] - MEMORY, 0)
            recent = functional.pad(frames[:, first:], (0, 0, 0, 1))
            past = Past(*(part[:, -1:] for part in past_of(recent)))
            place = (heard.shape[1] + step) % BAR
            fed = self.fed(past, place)
            if conditioning is not None:
                fed = fed + conditioning[:, step : step + 1]
            out, hidden = self.gru(fed, state[None].contiguous())
            state = hidden[0]
            now = None if pinned is None else (pinned[0][:, step : step + 1], pinned[1][:, step : step + 1])
            frame = self._decided(out, past, shift, now)
            frames = torch.cat([frames, frame[:, None]], dim=1)
        return frames[:, heard.shape[1] :]

    def _decided(
        self, state: Tensor, past: Past, shift: Tensor, pinned: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return one frame `[B, K]` from a state `[B, 1, H]` and a perturbation `[B, K]`."""
        hold, strike = (logits[:, 0] for logits in shifted(self.bases(state, past), pinned))
        sounded, chain = past.before[:, 0], self.chain_state(state[:, 0])
        frame = sounded * (hold + shift > 0).to(shift.dtype)
        free = 1 - sounded
        for _ in range(self.most_strokes):
            logits = self.struck_given(strike, chain, frame) + shift
            chosen = free * (logits > 0).to(shift.dtype)
            above = chosen.flip(-1).cumsum(-1).flip(-1) - chosen
            highest = chosen * (above == 0).to(shift.dtype)
            frame = frame + highest
            below = highest.flip(-1).cumsum(-1).flip(-1) - highest  # 1 below the one just struck
            free = free * below
        return frame


def shifted(bases: tuple[Tensor, Tensor], by: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Return the logits of holding and of striking, with what is added to each of them, if anything is."""
    return bases if by is None else (bases[0] + by[0], bases[1] + by[1])


def laid_in_sixteens(frames: Tensor, bars: int) -> Tensor:
    """Lay bars of up to 16 steps into bars of 16, `[B, bars·S, K]` to `[B, bars·16, K]`.

    Keys sound through the rest at a bar's end where they sound before and after it.
    """
    steps = frames.shape[1] // bars
    if steps == BAR:
        return frames
    parts = frames.reshape(len(frames), bars, steps, -1)
    following = functional.pad(parts[:, 1:, :1], (0, 0, 0, 0, 0, 1))
    rest = (parts[:, :, -1:] * following).expand(-1, -1, BAR - steps, -1)
    return torch.cat([parts, rest], dim=2).flatten(1, 2)
