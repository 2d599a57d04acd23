"""Two bars of melody with a language: a coarse latent for the phrase, a fine one for each beat.

The decoder is an LSTM over all steps of the phrase that writes music on its own: what it is given
beside its past is what kind of phrase to write (coarse), the chords, the bar before, and, for each beat
where it is not left out, the notes (fine). In training the fine part is left out of whole
phrases or of single beats, so that a phrase can be rewritten beat by beat without leaving the language.
Rhythm and pitch have encoders and halves of the latent of their own: the rhythm encoder is
given no pitches, the pitch encoder only the pitch that last sounded at each step.

Shape legend: B batch, T steps, M steps a bar, K beats, Q = 4 steps a beat, Z latent size,
C channels, H units of the LSTM, V = 90 tokens.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.music.melody import FIRST_NOTE, VOCABULARY
from training.config import WordsConfig
from training.corpus.metres import FOUR_FOUR, METRES
from training.models.vae import MIN_SIGMA, Posterior

BEAT_STEPS = 4
TEMPERATURE_SCALE = 1.5
"""At .5 times this the notes of draws cost an n-gram critic what those of music do: 3.8 nats."""
WORD_BARS = 2
"""Bars of a word; other lengths can be encoded, but none is trained on."""
PITCHES = VOCABULARY - FIRST_NOTE + 1
"""88 pitches, and 0 for none yet."""
LONGEST_BAR = FOUR_FOUR.grid.steps_per_bar
"""Steps."""


class Layout(NamedTuple):
    """Where the parts of z are: rhythm half first, then pitch half, each coarse first, then by beat."""

    coarse_rhythm: int
    fine_rhythm: int
    coarse_pitch: int
    fine_pitch: int
    beats: int

    @property
    def rhythm(self) -> int:
        """Size of the rhythm half."""
        return self.coarse_rhythm + self.beats * self.fine_rhythm

    @property
    def size(self) -> int:
        """Z."""
        return self.rhythm + self.coarse_pitch + self.beats * self.fine_pitch

    def coarse(self, z: Tensor) -> Tensor:
        """Return the coarse part `[B, coarse_rhythm + coarse_pitch]`."""
        r = self.rhythm
        return torch.cat([z[:, : self.coarse_rhythm], z[:, r : r + self.coarse_pitch]], dim=-1)

    def fine(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fine parts, `[B, K, fine_rhythm]` and `[B, K, fine_pitch]`."""
        rhythm = z[:, self.coarse_rhythm : self.rhythm].reshape(z.shape[0], self.beats, self.fine_rhythm)
        pitch = z[:, self.rhythm + self.coarse_pitch :].reshape(z.shape[0], self.beats, self.fine_pitch)
        return rhythm, pitch

    def join(self, coarse_r: Tensor, fine_r: Tensor, coarse_p: Tensor, fine_p: Tensor) -> Tensor:
        """Put the parts together to `[B, Z]`."""
        return torch.cat([coarse_r, fine_r.flatten(1), coarse_p, fine_p.flatten(1)], dim=-1)

    def posterior(self, *parts: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of the parts that `join` takes, each beside its deviation's."""
        split = [part.float().chunk(2, dim=-1) for part in parts]
        mu, raw = (self.join(*(part[which] for part in split)) for which in (0, 1))
        return Posterior(mu, functional.softplus(raw) + MIN_SIGMA)


def last_pitches(tokens: Tensor) -> Tensor:
    """Return for each step of `[B, T]` the pitch that sounds or sounded last, 1 to 88; 0 before the first."""
    steps = torch.arange(tokens.shape[1], device=tokens.device)
    last = torch.where(tokens >= FIRST_NOTE, steps, -1).cummax(dim=1).values
    pitch = tokens.gather(1, last.clamp_min(0)) - (FIRST_NOTE - 1)
    return torch.where(last >= 0, pitch, 0)


class HalfEncoder(nn.Module):
    """Symbols `[B, T]` to a posterior of the coarse part and one of each beat's fine part."""

    def __init__(self, symbols: int, channels: int, hidden: int, coarse: int, fine: int):
        super().__init__()
        self.table = nn.Embedding(symbols, channels)
        self.beat = nn.Sequential(
            nn.Linear(BEAT_STEPS * channels, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.over_beats = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.to_coarse = nn.Linear(2 * hidden, 2 * coarse)
        self.to_fine = nn.Linear(hidden, 2 * fine)

    def forward(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Return `[B, 2·coarse]` and `[B, K, 2·fine]`: means, then what sigma is the softplus of."""
        batch, steps = symbols.shape
        beats = self.beat(self.table(symbols).reshape(batch, steps // BEAT_STEPS, -1))
        _, last = self.over_beats(beats)
        return self.to_coarse(torch.cat([last[0], last[1]], dim=-1)), self.to_fine(beats)


class Surroundings(NamedTuple):
    """What a phrase is written into."""

    chords: Tensor
    """`[B, K, 12]` of 0 and 1; all zero where the chord is not known."""
    before: Tensor
    """`[B, M]` tokens of the bar before, -1 where there is none."""
    metre: int | Tensor
    """Place in `METRES`; `[B]` where each phrase has its own."""


class Words(nn.Module):
    """The model."""

    streams = (VOCABULARY,)

    def __init__(self, config: WordsConfig):
        super().__init__()
        self.config = w = config
        self.sizes = (w.coarse_rhythm, w.fine_rhythm, w.coarse_pitch, w.fine_pitch)
        self.rhythm_encoder = HalfEncoder(3, 16, w.rhythm_hidden, w.coarse_rhythm, w.fine_rhythm)
        self.pitch_encoder = HalfEncoder(PITCHES, 48, w.pitch_hidden, w.coarse_pitch, w.fine_pitch)
        c = w.channels
        self.metre = nn.Embedding(len(METRES), c)
        self.from_coarse = nn.Linear(w.coarse_rhythm + w.coarse_pitch, c)
        self.from_beat = nn.Linear(w.fine_rhythm + w.fine_pitch + 2 + 12 + 1, c)
        self.ahead = nn.GRU(c, c, batch_first=True)
        self.to_steps = nn.Sequential(nn.Linear(2 * c, 2 * c), nn.GELU(), nn.Linear(2 * c, BEAT_STEPS * c))
        self.place = nn.Embedding(2 * LONGEST_BAR, c)
        self.token = nn.Embedding(VOCABULARY, c)
        self.pitch = nn.Embedding(PITCHES, c)
        self.token_bar_ago = nn.Embedding(VOCABULARY + 1, c)
        self.pitch_bar_ago = nn.Embedding(PITCHES, c)
        fed = (self.token, self.pitch, self.token_bar_ago, self.pitch_bar_ago)
        for table in (self.metre, self.place, *fed):
            nn.init.normal_(table.weight, std=0.5 * c**-0.5)
        self.start = nn.Linear(c, 2 * w.hidden)
        self.lstm = nn.LSTM(c, w.hidden, batch_first=True)
        self.head = nn.Linear(w.hidden, VOCABULARY)
        self.skip = nn.Linear(c, VOCABULARY, bias=False)

    def layout(self, beats: int) -> Layout:
        """Return where the parts of a phrase of `beats` beats are in z."""
        return Layout(*self.sizes, beats)

    def encode(self, tokens: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of tokens `[B, T]`."""
        return self.posterior(tokens, last_pitches(tokens))

    def posterior(self, tokens: Tensor, pitches: Tensor) -> Posterior:
        """Return the posterior `[B, Z]` of tokens and what `last_pitches` says of them, both `[B, T]`."""
        layout = self.layout(tokens.shape[1] // BEAT_STEPS)
        coarse_r, fine_r = self.rhythm_encoder(tokens.clamp_max(FIRST_NOTE))
        coarse_p, fine_p = self.pitch_encoder(pitches)
        return layout.posterior(coarse_r, fine_r, coarse_p, fine_p)

    def conditions(self, z: Tensor, around: Surroundings) -> Tensor:
        """Return what each step is given beside its past, `[B, T, C]`.

        A beat whose fine values of a half are all zero is not pinned in that half.
        """
        layout = self.layout(around.chords.shape[1])
        rhythm, pitch = layout.fine(z)
        given = (rhythm, pitch, around.chords)
        marks = [(part.abs().sum(-1, keepdim=True) > 0).to(z.dtype) for part in given]
        general = self.from_coarse(layout.coarse(z)) + self.metre.weight[around.metre]
        beats = self.from_beat(torch.cat([*given, *marks], dim=-1)) + general[:, None]
        ahead, _ = self.ahead(beats.flip(1))
        steps = self.to_steps(torch.cat([beats, ahead.flip(1)], dim=-1))
        steps = steps.reshape(z.shape[0], layout.beats * BEAT_STEPS, -1)
        return steps + self.place.weight[self.places(steps, around)]

    def places(self, steps: Tensor, around: Surroundings) -> Tensor:
        """Return the row of `place` of each step of `[B, T, C]`: its place in its bar, the first apart."""
        bar = around.before.shape[1]
        step = torch.ones_like(steps[0, :, 0], dtype=torch.int64).cumsum(0) - 1
        whole_bars = torch.div(step, bar, rounding_mode="trunc")
        return step - bar * whole_bars + LONGEST_BAR * (step >= bar)

    def inputs(self, tokens: Tensor, around: Surroundings) -> Tensor:
        """Return what the past gives each step, `[B, T, C]`, for teacher forcing on `tokens` `[B, T]`."""
        bar = around.before.shape[1]
        whole = torch.cat([around.before.clamp_min(0), tokens], dim=1)
        pitches = last_pitches(whole)
        ago = torch.cat([around.before + 1, tokens + 1], dim=1)[:, : tokens.shape[1]]
        return (
            self.token(whole[:, bar - 1 : -1])
            + self.pitch(pitches[:, bar - 1 : -1])
            + self.token_bar_ago(ago)
            + self.pitch_bar_ago(pitches[:, : tokens.shape[1]])
        )

    def states(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the LSTM's start states `[1, B, H]` from the first step's condition."""
        h, c = torch.tanh(self.start(condition[:, 0])).chunk(2, dim=-1)
        return h[None].contiguous(), c[None].contiguous()

    def logits(self, z: Tensor, tokens: Tensor, around: Surroundings) -> Tensor:
        """Return the logits `[B, T, V]`, teacher-forced on `tokens`."""
        condition = self.conditions(z, around)
        out, _ = self.lstm(condition + self.inputs(tokens, around), self.states(condition))
        return self.head(out) + self.skip(condition)

    @torch.no_grad()
    def generate(self, z: Tensor, perturbation: Tensor | None, around: Surroundings) -> Tensor:
        """Write tokens `[B, T]`: at each step the best of logits + perturbation `[T, B, V]`."""
        condition = self.conditions(z, around)
        state, bar = self.states(condition), around.before.shape[1]
        start = around.before.clamp_min(0)
        pitches = list(last_pitches(start).unbind(1))
        written = list(start.unbind(1))
        ago = list((around.before + 1).unbind(1))
        for t in range(condition.shape[1]):
            past = (
                self.token(written[-1])
                + self.pitch(pitches[-1])
                + self.token_bar_ago(ago[t])
                + self.pitch_bar_ago(pitches[t])
            )
            out, state = self.lstm((condition[:, t] + past).unsqueeze(1), state)
            logits = self.head(out[:, 0]) + self.skip(condition[:, t])
            token = (logits if perturbation is None else logits + perturbation[t]).argmax(-1)
            written.append(token)
            ago.append(token + 1)
            pitches.append(torch.where(token >= FIRST_NOTE, token - (FIRST_NOTE - 1), pitches[-1]))
        return torch.stack(written[bar:], dim=1)


def write_words(model: Words, z: Tensor, shift: Tensor, around: Surroundings, words: int) -> Tensor:
    """Write a phrase of several words one after the other, `[B, T]`."""
    tokens, before = [], around.before
    parts = zip(z.chunk(words, 1), shift.chunk(words, 0), around.chords.chunk(words, 1), strict=True)
    for latent, noise, chords in parts:
        tokens.append(model.generate(latent, noise, Surroundings(chords, before, around.metre)))
        before = tokens[-1][:, -before.shape[1] :]
    return torch.cat(tokens, dim=1)


def logits_of_words(model: Words, z: Tensor, tokens: Tensor, around: Surroundings, words: int) -> Tensor:
    """Return the logits `[B, T, V]` of a phrase of several words, teacher-forced on its tokens `[B, T]`."""
    logits, before = [], around.before
    parts = zip(z.chunk(words, 1), tokens.chunk(words, 1), around.chords.chunk(words, 1), strict=True)
    for latent, own, chords in parts:
        logits.append(model.logits(latent, own, Surroundings(chords, before, around.metre)))
        before = own[:, -before.shape[1] :]
    return torch.cat(logits, dim=1)
