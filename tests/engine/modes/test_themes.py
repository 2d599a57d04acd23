"""Continuations in which what was heard comes back, and that stay as dense as it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.bundle.latents import Latents
from engine.modes.stretches import Density
from engine.modes.themes import BLOCK_BARS, MOST_KEYS, Recall, Start, form, write_themes
from engine.music.representation import representation

SILENCE = np.zeros(88)


class Restless:
    """Strikes any key at any time, at `rate` nats; a key sounds for one step."""

    def __init__(self, rate: float) -> None:
        class Manifest:
            conditions = ("heard",)

        class Bundle:
            manifest, latents = Manifest(), Latents.standard_normal(1)

        self.bundle, self.rate, self.representation = Bundle(), rate, representation("pianoroll", 4)

    def encode(self, x):
        assert x.shape[1] <= 64
        return np.zeros((len(x), 1), np.float32), np.zeros((len(x), 1), np.float32)

    def decode(self, z, perturbation, chords=None, *, heard=None, ringing=None):
        assert ringing is None  # it has no such input
        assert heard.shape[:2] in {(len(z), steps) for steps in (0, 32, 64)}
        frames = perturbation + np.float32(self.rate) > 0
        frames[1:] &= ~frames[:-1]
        return frames.astype(np.float32)


def tune(share: float = 0.02) -> np.ndarray:
    frames = np.random.default_rng(3).random((64, 88)) < share
    frames[1:] &= ~frames[:-1]
    return frames.astype(np.float32)


def start(heard: np.ndarray | None) -> Start:
    if heard is None:
        return Start(np.zeros(1, np.float32), np.zeros((0, 88), np.float32), None)
    return Start(np.zeros(1, np.float32), heard, Density.of(heard, SILENCE))


def written(model: Restless, begin: Start, bars: int, seed: int, bias: float = 0.0) -> np.ndarray:
    noise = np.random.default_rng(seed).logistic(size=(16 * bars, 88)).astype(np.float32)
    return write_themes(model, begin, np.full_like(noise, bias), noise, 1.0, seed)


@given(st.integers(0, 20), st.integers(1, 40), st.integers(0, 2**31))
def test_a_unit_recalls_only_what_is_there_already(heard: int, count: int, seed: int) -> None:
    plan = form(heard, count, seed)
    assert plan == form(heard, count, seed)
    assert len(plan) == count
    assert all(recall is None or 0 <= recall.unit < heard + at for at, recall in enumerate(plan))
    for before, recall in pairwise(plan):
        if before is not None and recall is not None:  # a recall goes on with what followed
            assert recall == Recall(before.unit + 1, before.firmness_nats)


def test_as_many_units_recall_as_in_music() -> None:
    plans = [recall for seed in range(200) for recall in form(2, 32, seed)]
    assert np.mean([recall is not None for recall in plans]) == pytest.approx(0.36, abs=0.06)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([-5.5, -4.0, -2.5]))
def test_every_four_bars_are_as_busy_as_what_was_heard(seed: int, rate: float) -> None:
    """Whether the model left alone would write a third of it or four times as much."""
    heard = tune()
    frames = written(Restless(rate), start(heard), 16, seed)
    assert frames.shape == (256, 88)
    whole = np.concatenate([heard, frames])
    for first in range(64, len(whole), 16 * BLOCK_BARS):
        density = Density.of(whole[first : first + 16 * BLOCK_BARS], whole[first - 1])
        assert density.onsets == pytest.approx(Density.of(heard, SILENCE).onsets, rel=0.35)
        assert density.most <= MOST_KEYS


def test_a_recalled_unit_is_mostly_the_other_one() -> None:
    heard = tune()
    seed = next(seed for seed in range(100) if form(2, 1, seed)[0] is not None)
    recall = form(2, 1, seed)[0]
    assert recall is not None
    frames = written(Restless(-4.0), start(heard), 2, seed)
    there = heard[32 * recall.unit :][:32]
    other = heard[32 * (1 - recall.unit) :][:32]
    assert (frames * there).sum() > 4 * (frames * other).sum()


def test_from_nothing_the_first_bars_say_how_busy_the_others_are() -> None:
    frames = written(Restless(-3.5), start(None), 12, 5)
    first = Density.of(frames[:64], SILENCE)
    assert Density.of(frames[64:128], frames[63]).onsets == pytest.approx(first.onsets, rel=0.35)


def test_keys_far_from_all_that_were_heard_are_rare() -> None:
    heard = tune()
    heard[:, :40] = heard[:, 50:] = 0
    frames = written(Restless(-4.0), start(heard), 12, 4)
    assert frames[:, 31:59].sum() > 10 * (frames[:, :31].sum() + frames[:, 59:].sum())


class Ringing(Restless):
    """Strikes nothing by itself; a key that sounds is held at 0 nats and more."""

    def __init__(self) -> None:
        super().__init__(-3.0)
        self.bundle.manifest.conditions = ("heard", "ringing")

    def decode(self, z, perturbation, chords=None, *, heard=None, ringing=None):
        frames = np.zeros_like(perturbation)
        for step, shift in enumerate(perturbation):
            before = frames[step - 1] if step else heard[:, -1]
            held = (before > 0) & (shift + ringing[:, step] >= -2000)
            frames[step] = held | ((before == 0) & (shift + np.float32(self.rate) > 0))
        return frames


def test_what_may_not_begin_rings_on_with_a_model_that_keeps_the_two_apart() -> None:
    heard = np.zeros((64, 88), np.float32)
    heard[60:, 40] = 1  # one key sounds at the end of what was heard
    begin = Start(np.zeros(1, np.float32), heard, None)
    nothing, forbidden = np.zeros((32, 88), np.float32), np.full((32, 88), -1e9, np.float32)
    frames = write_themes(Ringing(), begin, nothing, nothing, 1.0, 1, forbidden)
    assert frames[:, 40].all()
    assert frames.sum() == 32
    assert not write_themes(Ringing(), begin, forbidden, nothing, 1.0, 1).any()  # a limit ends it
    assert not write_themes(Restless(-3.0), begin, nothing, nothing, 1.0, 1, forbidden).any()


def test_limits_hold_and_other_seeds_write_otherwise() -> None:
    assert not written(Restless(-4.0), start(tune()), 3, 1, bias=-1e9).any()
    one, other = (written(Restless(-4.0), start(tune()), 3, seed) for seed in (1, 2))
    assert one.shape == (48, 88)
    assert not np.array_equal(one, other)
